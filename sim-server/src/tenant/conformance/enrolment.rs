//! The requests of MS-MDE2: Discover, GetPolicies and RequestSecurityToken.

use mdm_protocol::enrolment::AuthPolicy;
use mdm_protocol::soap::ns;
use mdm_protocol::xml::{Document, Element, Limits};

use super::names::{Scope, misplaced};
use super::{Violation, quote};

const ACTION: &str = "MS-MDE2 sections 3.1.4.1.1.1, 3.3.4.1.1.1 and 3.4.4.1.1.1";
const NAMESPACES: &str = "MS-MDE2 section 2.2.1";
const DISCOVERY: &str = "MS-MDE2 section 3.1.4.1.3.1";
const POLICY: &str = "MS-XCEP section 3.1.4.1.1.1";
const TOKEN: &str = "MS-MDE2 section 3.4.4.1.1.1";
const ON_PREMISE: &str = "MS-MDE2 section 3.4.4.1.1.1.3";
const FEDERATED: &str = "MS-MDE2 section 3.4.4.1.1.1.1";
const MESSAGE_ID: &str = "WS-Addressing 1.0 Core section 3.4";

/// In which namespace each element of a request is.
const ELEMENTS: [(&str, &[&str]); 8] = [
    (ns::ENVELOPE, &["Envelope", "Header", "Body"]),
    (ns::ADDRESSING, &["Action", "MessageID", "ReplyTo", "Address", "To"]),
    (ns::SECURITY, &["Security", "UsernameToken", "Username", "Password", "BinarySecurityToken"]),
    (ns::UTILITY, &["Timestamp", "Created", "Expires"]),
    (ns::TRUST, &["RequestSecurityToken", "TokenType", "RequestType"]),
    (ns::AUTHORIZATION, &["AdditionalContext", "ContextItem", "Value"]),
    (
        ns::DISCOVERY,
        &[
            "Discover",
            "request",
            "EmailAddress",
            "RequestVersion",
            "DeviceType",
            "ApplicationVersion",
            "OSEdition",
            "AuthPolicies",
            "AuthPolicy",
        ],
    ),
    (ns::POLICY, &["GetPolicies", "client", "lastUpdate", "preferredLanguage", "requestFilter"]),
];

type Outcome = Result<(), Violation>;

/// Checks a Discover message for a tenant that may need a certain way of proof.
pub(crate) fn discover(body: &[u8], needs: Option<AuthPolicy>) -> Outcome {
    with_body(body, &format!("{}/IDiscoveryService/Discover", ns::DISCOVERY), "Discover", |_, discover| {
        let request = only(discover, "request", DISCOVERY)?;
        let value = |name| only(request, name, DISCOVERY).map(Element::trimmed);
        filled("EmailAddress", value("EmailAddress")?, "it must name the user who enrolls", DISCOVERY)?;
        let version = value("RequestVersion")?;
        if decimal(version).is_none() {
            let rule = "it must be a decimal number, such as 4.0";
            return Err(Violation::new(format!("RequestVersion is {}", quote(version)), rule, DISCOVERY));
        }
        filled("DeviceType", value("DeviceType")?, "it must name the platform", DISCOVERY)?;
        let version = value("ApplicationVersion")?;
        if !is_dotted_quad(version) {
            let rule = "it must be four numbers with dots between them";
            return Err(Violation::new(format!("ApplicationVersion is {}", quote(version)), rule, DISCOVERY));
        }
        let edition = value("OSEdition")?;
        if edition.parse::<u32>().is_err() {
            let rule = "it must be the number of the edition";
            return Err(Violation::new(format!("OSEdition is {}", quote(edition)), rule, DISCOVERY));
        }
        policies(only(request, "AuthPolicies", DISCOVERY)?, needs)
    })
}

fn policies(list: Element<'_>, needs: Option<AuthPolicy>) -> Outcome {
    let offered: Vec<&str> = list.children().map(Element::trimmed).collect();
    let known = [AuthPolicy::OnPremise, AuthPolicy::Federated, AuthPolicy::Certificate];
    if let Some(other) = offered.iter().find(|offer| !known.iter().any(|policy| policy.as_str() == **offer)) {
        let rule = "each must be OnPremise, Federated or Certificate";
        return Err(Violation::new(format!("AuthPolicies offers {}", quote(other)), rule, DISCOVERY));
    }
    if !(1..=3).contains(&offered.len()) || list.children().any(|child| !child.is("AuthPolicy")) {
        let found = format!("AuthPolicies has {} offers", offered.len());
        return Err(Violation::new(found, "it must have one to three AuthPolicy elements and nothing else", DISCOVERY));
    }
    if let Some(needs) = needs.filter(|needs| !offered.contains(&needs.as_str())) {
        let found = format!("AuthPolicies offers no {}, which this tenant needs", needs.as_str());
        return Err(Violation::new(found, "the client must offer every way in which it can prove itself", DISCOVERY));
    }
    Ok(())
}

/// Checks a GetPolicies message.
pub(crate) fn get_policies(body: &[u8]) -> Outcome {
    with_body(body, &format!("{}/IPolicy/GetPolicies", ns::POLICY), "GetPolicies", |header, request| {
        only(request, "client", POLICY)?;
        only(request, "requestFilter", POLICY)?;
        header.child("Security").map_or(Ok(()), |security| proof(security, false).map_err(Violation::of_proof))
    })
}

/// Checks a RequestSecurityToken message.
pub(crate) fn request_security_token(body: &[u8]) -> Outcome {
    with_body(body, &format!("{}/RST/wstep", ns::ENROLLMENT), "RequestSecurityToken", |header, request| {
        literal(only(request, "TokenType", TOKEN)?, &[ns::DEVICE_TOKEN], TOKEN)?;
        let (issue, renew) = (format!("{}/Issue", ns::TRUST), format!("{}/Renew", ns::TRUST));
        let kind = only(request, "RequestType", TOKEN)?;
        literal(kind, &[&issue, &renew], TOKEN)?;
        let is_renewal = kind.trimmed() == renew;
        // Two forms of the renewal's type are published; see the certificate renewal page of the Windows documentation.
        let types = if is_renewal {
            vec![format!("{}#PKCS7", ns::ENROLLMENT), format!("{}#PKCS7", ns::SECURITY)]
        } else {
            vec![format!("{}#PKCS10", ns::ENROLLMENT)]
        };
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        token(only(request, "BinarySecurityToken", TOKEN)?, &types, TOKEN)?;
        context(only(request, "AdditionalContext", TOKEN)?)?;
        match header.child("Security") {
            // A renewal is proved by the certificate that it replaces.
            None if is_renewal => Ok(()),
            None => Err(Violation::new("the header has no <Security>", "it must prove who asks", TOKEN).of_proof()),
            Some(security) => proof(security, is_renewal).map_err(Violation::of_proof),
        }
    })
}

fn context(context: Element<'_>) -> Outcome {
    let is_item = |item: &Element<'_>| {
        item.is("ContextItem")
            && item.attribute("Name").is_some_and(|name| !name.trim().is_empty())
            && item.children().filter(|value| value.is("Value")).count() == 1
    };
    match context.children().find(|item| !is_item(item)) {
        None => Ok(()),
        Some(item) => {
            let found = format!("<AdditionalContext> has a <{}> without a name or a value", item.name());
            Err(Violation::new(found, "each ContextItem must have a Name and one Value", TOKEN))
        }
    }
}

/// Checks the proof of who asks. That of a renewal is another, so that it need not name a user.
fn proof(security: Element<'_>, is_renewal: bool) -> Outcome {
    let tokens = security.children().filter(|child| matches!(child.name(), "UsernameToken" | "BinarySecurityToken"));
    if tokens.count() != 1 {
        let rule = "it must have one UsernameToken or one BinarySecurityToken";
        return Err(Violation::new("<Security> has none or several proofs", rule, TOKEN));
    }
    if let Some(token) = security.child("BinarySecurityToken") {
        return self::token(token, &[ns::USER_TOKEN, ns::JWT], FEDERATED);
    }
    let user = only(security, "UsernameToken", ON_PREMISE)?;
    attribute(user, "Id", &[ns::USERNAME_TOKEN_ID], ON_PREMISE)?;
    let name = only(user, "Username", ON_PREMISE)?.trimmed();
    if !is_renewal {
        filled("Username", name, "it must name the user", ON_PREMISE)?;
    }
    attribute(only(user, "Password", ON_PREMISE)?, "Type", &[ns::PASSWORD_TEXT], ON_PREMISE)
}

fn token(token: Element<'_>, types: &[&str], section: &'static str) -> Outcome {
    attribute(token, "ValueType", types, section)?;
    attribute(token, "EncodingType", &[ns::BASE64_BINARY], section)
}

/// Reads the envelope and checks what all three messages have in common.
fn with_body(
    bytes: &[u8],
    action: &str,
    name: &'static str,
    check: impl FnOnce(Element<'_>, Element<'_>) -> Outcome,
) -> Outcome {
    // What cannot be read was refused before with a better reason.
    let Ok(document) = Document::parse(bytes, &Limits::ENROLMENT) else { return Ok(()) };
    let root = document.root();
    namespaces(root, &Scope::default())?;
    let header = only(root, "Header", NAMESPACES)?;
    let body = only(root, "Body", NAMESPACES)?;
    literal(only(header, "Action", ACTION)?, &[action], ACTION)?;
    let id = only(header, "MessageID", MESSAGE_ID)?.trimmed();
    filled("MessageID", id, "a request that is answered must have one", MESSAGE_ID)?;
    check(header, only(body, name, ACTION)?)
}

fn namespaces<'d>(element: Element<'d>, outer: &Scope<'d>) -> Outcome {
    let scope = outer.enter(element)?;
    let namespace = scope.of(element);
    let expected = ELEMENTS.iter().find(|(_, names)| names.contains(&element.name())).map(|(expected, _)| *expected);
    // Microsoft's samples write the name of the discovery service with a slash at its end, its clients do not.
    if expected.is_some_and(|expected| expected != namespace.strip_suffix('/').unwrap_or(namespace)) {
        return Err(misplaced(element, namespace, "each element must be in its own namespace", NAMESPACES));
    }
    element.children().try_for_each(|child| namespaces(child, &scope))
}

/// The one child of this name.
fn only<'d>(parent: Element<'d>, name: &'static str, section: &'static str) -> Result<Element<'d>, Violation> {
    let mut children = parent.children_named(name);
    match (children.next(), children.next()) {
        (Some(child), None) => Ok(child),
        (first, _) => {
            let count = if first.is_none() { "no" } else { "more than one" };
            let found = format!("<{}> has {count} <{name}>", parent.name());
            Err(Violation::new(found, "there must be exactly one", section))
        }
    }
}

fn filled(name: &str, value: &str, rule: &'static str, section: &'static str) -> Outcome {
    if value.is_empty() { Err(Violation::new(format!("{name} is empty"), rule, section)) } else { Ok(()) }
}

fn literal(element: Element<'_>, allowed: &[&str], section: &'static str) -> Outcome {
    if allowed.contains(&element.trimmed()) {
        return Ok(());
    }
    let found = format!("{} is {} instead of {}", element.name(), quote(element.trimmed()), allowed.join(" or "));
    Err(Violation::new(found, "the value must be the specification's", section))
}

fn attribute(element: Element<'_>, name: &str, allowed: &[&str], section: &'static str) -> Outcome {
    let value = element.attribute(name);
    if value.is_some_and(|value| allowed.contains(&value)) {
        return Ok(());
    }
    let value = value.map_or("missing".to_owned(), quote);
    let found = format!("the {name} of <{}> is {value} instead of {}", element.name(), allowed.join(" or "));
    Err(Violation::new(found, "the value must be the specification's", section))
}

/// A version as two numbers.
pub(crate) fn decimal(text: &str) -> Option<(u32, u32)> {
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    Some((whole.parse().ok()?, fraction.parse().ok()?))
}

fn is_dotted_quad(text: &str) -> bool {
    text.split('.').count() == 4
        && text.split('.').all(|part| part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u32>().is_ok())
}
