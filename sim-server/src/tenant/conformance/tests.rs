//! For every rule: what conforms passes, and one change of it is refused for the reason that it breaks.

mod course;

use mdm_protocol::Limits;
use mdm_protocol::enrolment::{AuthPolicy, GetPolicies, RequestType};
use mdm_protocol::soap::{RequestHeader, Security};
use mdm_protocol::xml::Document;

use super::*;
use crate::tenant::Reply;
use crate::tenant::test_support::*;

fn header(security: Option<Security>) -> RequestHeader {
    RequestHeader { message_id: "urn:uuid:1".to_owned(), to: "https://mdm/".to_owned(), security }
}

/// Checks that a request conforms, and that it no longer does with `from` replaced.
fn refused(check: impl Fn(&[u8]) -> Result<(), Violation>, text: &str, table: &[(&str, &str, &str)]) {
    assert_eq!(check(text.as_bytes()), Ok(()));
    for (from, to, expected) in table {
        assert!(text.contains(from), "{from} in {text}");
        let violation = check(text.replacen(from, to, 1).as_bytes()).expect_err(to).to_string();
        assert!(violation.contains(expected), "{from} -> {to}: {violation}");
    }
}

#[test]
fn what_is_wrong_with_a_discover_message_is_said_with_its_rule() {
    let text = question(&[AuthPolicy::OnPremise, AuthPolicy::Federated]).encode(&header(None));
    let check = |body: &[u8]| discover(body, Some(AuthPolicy::OnPremise));
    refused(
        check,
        &text,
        &[
            (
                "<RequestVersion>4.0<",
                "<RequestVersion>four<",
                "RequestVersion is \"four\": it must be a decimal number",
            ),
            ("<RequestVersion>4.0</RequestVersion>", "", "<request> has no <RequestVersion>"),
            ("<EmailAddress>alice@contoso.example<", "<EmailAddress><", "EmailAddress is empty"),
            ("<EmailAddress>", "<EmailAddress>x</EmailAddress><EmailAddress>", "more than one <EmailAddress>"),
            ("<AuthPolicy>OnPremise</AuthPolicy>", "", "offers no OnPremise, which this tenant needs"),
            (">Federated<", ">Telepathy<", "offers \"Telepathy\""),
            (">Federated<", ">federated<", "offers \"federated\""),
            ("<AuthPolicy>Federated</AuthPolicy>", "<Policy>Federated</Policy>", "one to three AuthPolicy"),
            ("IDiscoveryService/Discover<", "IDiscoveryService/Find<", "3.1.4.1.1.1"),
            (">10.0.26100.0<", ">10.0<", "ApplicationVersion is \"10.0\""),
            (">4</OSEdition>", ">Enterprise</OSEdition>", "OSEdition is \"Enterprise\""),
            (">CIMClient_Windows<", "><", "DeviceType is empty"),
            (">urn:uuid:1<", "><", "MessageID is empty"),
            (
                "http://www.w3.org/2003/05/soap-envelope",
                "http://schemas.xmlsoap.org/soap/envelope/",
                "<s:Envelope> is in",
            ),
            (
                "<Discover xmlns=\"http://schemas.microsoft.com/windows/management/2012/01/enrollment\">",
                "<Discover>",
                "<Discover> is in no namespace",
            ),
            ("xmlns:a=", "xmlns:b=", "the prefix \"a\" of <a:Action> stands for nothing"),
        ],
    );
    assert_eq!(discover(text.replace("<AuthPolicy>OnPremise</AuthPolicy>", "").as_bytes(), None), Ok(()));
    let slash = text.replace("2012/01/enrollment\">", "2012/01/enrollment/\">");
    assert_eq!(check(slash.as_bytes()), Ok(()), "as Microsoft's samples write it");
}

#[test]
fn what_is_wrong_with_a_policy_message_is_said_with_its_rule() {
    let text = GetPolicies::encode(&header(Some(password())));
    refused(
        get_policies,
        &text,
        &[
            ("IPolicy/GetPolicies<", "IPolicy/Get<", "Action is"),
            ("<requestFilter xsi:nil=\"true\"/>", "", "<GetPolicies> has no <requestFilter>"),
            ("#PasswordText", "#PasswordDigest", "3.4.4.1.1.1.3"),
            ("xmlns:xsi=", "xmlns:i=", "the prefix \"xsi\""),
        ],
    );
    assert_eq!(get_policies(GetPolicies::encode(&header(None)).as_bytes()), Ok(()));
}

#[test]
fn what_is_wrong_with_a_request_for_a_certificate_is_said_with_its_rule() {
    let request = request(context("device-1"));
    let text = request.encode(&header(Some(password())));
    refused(
        request_security_token,
        &text,
        &[
            ("Enrollment/DeviceEnrollmentToken<", "Enrollment/AnotherToken<", "TokenType is"),
            ("#PasswordText", "#PasswordDigest", "the Type of <Password> is"),
            (" wsse:Type=\"http://docs", " Kind=\"http://docs", "the Type of <Password> is missing"),
            ("u:Id=\"uuid-cc1ccc1f", "u:Id=\"uuid-dd1ccc1f", "the Id of <UsernameToken>"),
            (">alice@contoso.example<", "><", "Username is empty"),
            ("200512/Issue", "200512/Validate", "RequestType is"),
            ("200512/Issue", "200412/Issue", "RequestType is"),
            ("enrollment#PKCS10", "enrollment#PKCS7", "the ValueType of <BinarySecurityToken>"),
            ("#base64binary", "#Base64Binary", "the EncodingType of <BinarySecurityToken>"),
            ("RST/wstep", "RST/other", "Action is"),
            ("<ac:ContextItem Name=\"DeviceType\">", "<ac:ContextItem>", "<ContextItem> without a name or a value"),
            ("<ac:Value>Full</ac:Value>", "", "<ContextItem> without a name or a value"),
        ],
    );
    let violation = request_security_token(request.encode(&header(None)).as_bytes()).unwrap_err();
    assert_eq!(Fault::from(violation).kind, FaultKind::InvalidSecurity);
    let by_token = request.encode(&header(Some(token("secret"))));
    let user = "Enrollment/DeviceEnrollmentUserToken";
    refused(request_security_token, &by_token, &[(user, "Enrollment/Other", "the ValueType of <BinarySecurityToken>")]);
    let renewal = mdm_protocol::enrolment::RequestSecurityToken { request_type: RequestType::Renew, ..request };
    assert_eq!(request_security_token(renewal.encode(&header(None)).as_bytes()), Ok(()));
}

/// What the checks find in package 1 with something replaced: about the message, about commands.
fn found(from: &str, to: &str) -> (Option<String>, Vec<(usize, String)>) {
    let mut talker = Talker::new();
    (talker.session, talker.message) = (1, 1);
    let mut commands = talker.package_one();
    commands.push(signed_in("user"));
    commands.iter_mut().zip(1_u32..).for_each(|(command, number)| command.set_id(number.into()));
    let text = String::from_utf8(talker.bytes(commands)).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    let text = text.replacen(from, to, 1);
    let found = Conformance::of(&Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap());
    let commands = found.commands.into_iter().map(|(place, violation)| (place, violation.to_string()));
    (found.message.map(|violation| violation.to_string()), commands.collect())
}

#[test]
fn what_is_wrong_with_a_message_is_said_with_its_rule() {
    assert_eq!(found("<SyncML", "<SyncML"), (None, Vec::new()));
    for (from, to, expected) in [
        ("SYNCML:SYNCML1.2", "SYNCML:SYNCML1.1", "<SyncML> is in \"SYNCML:SYNCML1.1\""),
        (" xmlns=\"SYNCML:SYNCML1.2\"", "", "<SyncML> is in no namespace"),
        ("<VerDTD>1.2</VerDTD>", "", "<SyncHdr> has 0 <VerDTD>"),
        ("<VerDTD>1.2<", "<VerDTD>1.1<", "VerDTD is \"1.1\" instead of 1.2"),
        ("<VerProto>DM/1.2</VerProto>", "", "<SyncHdr> has 0 <VerProto>"),
        ("<SessionID>1<", "<SessionID><", "SessionID is empty"),
        ("<MsgID>1<", "<MsgID>0<", "MsgID is 0"),
        ("<MsgID>1</MsgID>", "", "<SyncHdr> has 0 <MsgID>"),
        (
            "<SessionID>1</SessionID><MsgID>1</MsgID>",
            "<MsgID>1</MsgID><SessionID>1</SessionID>",
            "<SessionID> stands too late",
        ),
        ("<Target>", "<Target>x</Target><Target>", "<SyncHdr> has 2 <Target>"),
        ("<Final/>", "<Final/><Alert/>", "<Alert> stands behind <Final>"),
        ("<Alert>", "<Status><CmdID>9</CmdID></Status><Alert>", "<Status> has 0 <MsgRef>"),
        ("<Alert>", "<Results><CmdID>9</CmdID></Results><Alert>", "<Results> has 0 <CmdRef>"),
        (
            "<Alert>",
            "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Cmd>Get</Cmd><Data>2</Data></Status><Alert>",
            "a Status has the code \"2\"",
        ),
    ] {
        let (message, _) = found(from, to);
        assert!(message.as_ref().is_some_and(|found| found.contains(expected)), "{from} -> {to}: {message:?}");
    }
}

#[test]
fn what_is_wrong_with_a_command_is_said_of_it_alone() {
    for (from, to, place, expected) in [
        ("<CmdID>2<", "<CmdID>0<", 1, "the CmdID of <Replace> is \"0\""),
        ("<CmdID>2<", "<CmdID>1<", 1, "the CmdID \"1\" of <Replace> was used before"),
        ("<CmdID>2</CmdID>", "", 1, "<Replace> has 0 <CmdID>"),
        ("<CmdID>2<", "<CmdID><", 1, "the CmdID of <Replace> is \"\""),
        ("<Data>1201<", "<Data>1299<", 0, "the alert's code is \"1299\""),
        ("<Data>1201<", "<Data>soon<", 0, "the alert's code is \"soon\""),
        ("<Data>1201</Data>", "", 0, "<Alert> has 0 <Data>"),
        ("<Replace>", "<Copy><CmdID>9</CmdID></Copy><Replace>", 1, "<Copy> is no command"),
        ("<Item><Source>", "<Item><MoreData/><Source>", 1, "<Source> stands too late in <Item>"),
        ("<LocURI>./DevInfo/DevId</LocURI>", "", 1, "<Source> has 0 <LocURI>"),
        ("<Type xmlns=\"syncml:metinf\">", "<Type>", 2, "<Type> is in \"SYNCML:SYNCML1.2\""),
        ("<Alert>", "<Alert><NoResp/>", 0, "<CmdID> stands too late"),
    ] {
        let (message, commands) = found(from, to);
        let [(at, violation)] = &commands[..] else { panic!("{from} -> {to}: {message:?} {commands:?}") };
        assert_eq!((message, *at), (None, place), "{from} -> {to}");
        assert!(violation.contains(expected), "{from} -> {to}: {violation}");
    }
}

#[test]
fn a_strict_tenant_refuses_a_wrong_command_in_words_and_does_the_others() {
    let mut talker = Talker::new();
    (talker.session, talker.message) = (1, 1);
    let mut commands = talker.package_one();
    commands.push(alert(mdm_protocol::syncml::AlertCode(1299), Vec::new()));
    commands.iter_mut().zip(1_u32..).for_each(|(command, number)| command.set_id(number.into()));
    let Reply::Message(text) = talker.raw(&talker.bytes(commands.clone())).unwrap() else { panic!("no message") };
    let reply = mdm_protocol::syncml::Message::decode(text.as_bytes()).unwrap();
    assert_eq!(statuses(&reply)[1..], [("Alert", "1", 200), ("Replace", "2", 200), ("Alert", "3", 400)]);
    let mdm_protocol::syncml::Command::Status(status) = reply.commands.last().unwrap() else { panic!("no status") };
    let reason = status.items[0].data.as_deref().unwrap();
    assert!(reason.contains("1299") && reason.contains("section 8.7"), "{reason}");

    let mut lenient = Talker::lenient();
    (lenient.session, lenient.message) = (1, 1);
    let Reply::Message(text) = lenient.raw(&lenient.bytes(commands)).unwrap() else { panic!("no message") };
    let reply = mdm_protocol::syncml::Message::decode(text.as_bytes()).unwrap();
    assert_eq!(statuses(&reply).last(), Some(&("Alert", "3", 406)), "nothing was done, so nothing is said to be done");
}

#[test]
fn what_is_wrong_with_a_request_in_http_is_said_with_its_rule() {
    let wbxml = Some("application/vnd.syncml.dm+wbxml");
    assert!(Endpoint::Management.is_wbxml(wbxml) && !Endpoint::Enrolment.is_wbxml(wbxml));
    assert!(begins_as_wbxml(b"\x03\x01\x6a\x00") && !begins_as_wbxml(b"<SyncML/>"));
    for (endpoint, good) in [
        (Endpoint::Management, "application/vnd.syncml.dm+xml"),
        (Endpoint::Management, "Application/vnd.syncml.dm+XML; charset=\"utf-8\""),
        (Endpoint::Enrolment, "application/soap+xml; charset=utf-8"),
    ] {
        assert_eq!(endpoint.check_media_type(Some(good)), Ok(()), "{good}");
        for bad in [None, wbxml, Some("text/xml"), Some("")] {
            let violation = endpoint.check_media_type(bad).unwrap_err().to_string();
            assert!(violation.contains("section 2.1"), "{violation}");
        }
    }
    for good in [None, Some(""), Some("mode=Maintenance"), Some("mode=Machine&Platform=WoA"), Some("modes=x&y")] {
        assert_eq!(Endpoint::Management.check_query(good), Ok(()), "{good:?}");
    }
    for bad in ["mode=", "mode=machine", "Platform=WoA&mode=Magic"] {
        assert!(Endpoint::Management.check_query(Some(bad)).is_err(), "{bad}");
        assert_eq!(Endpoint::Enrolment.check_query(Some(bad)), Ok(()), "{bad}");
    }
}
