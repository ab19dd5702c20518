//! The envelope round every enrolment message.

use time::OffsetDateTime;
use time::macros::format_description;

use super::{Fault, ns};
use crate::secret::Secret;
use crate::xml::{Document, Element, XmlError, XmlWriter};

/// An enrolment message that is not a usable answer or request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoapError {
    /// The XML itself was refused.
    #[error("the message was refused: {0}")]
    Xml(#[from] XmlError),
    /// The other side answered with a fault.
    #[error("the server refused: {0}")]
    Fault(Box<Fault>),
    /// An element that this message needs is missing.
    #[error("the message has no <{0}>")]
    Missing(&'static str),
    /// An element does not contain what it should.
    #[error("<{element}> is not usable: {reason}")]
    Invalid {
        /// The element.
        element: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The caller's proof in the header of a request (MS-MDE2 section 3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// `OnPremise`: a user name and a password.
    UsernameToken {
        /// The user's name, mail-like or `DOMAIN\user`.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// `Federated` or programmatic: an opaque token.
    BinaryToken {
        /// Whether the token is a JSON Web Token and must be announced as one.
        is_jwt: bool,
        /// The content of the element: the token in base64.
        content: Secret,
    },
}

/// The header of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// `urn:uuid:` and a unique number.
    pub message_id: String,
    /// The address the request goes to.
    pub to: String,
    /// The caller's proof, where the message carries one.
    pub security: Option<Security>,
}

/// The header of a response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// The request's message id.
    pub relates_to: String,
    /// A number for the server's log.
    pub activity_id: String,
    /// The moment round which the response is valid, in seconds since 1970; only the certificate response states it.
    pub valid_around: Option<i64>,
}

pub(crate) fn request(
    action: &str,
    header: &RequestHeader,
    body_attributes: &[(&str, &str)],
    body: impl FnOnce(&mut XmlWriter),
) -> String {
    let mut xml = XmlWriter::new();
    let namespaces = [
        ("xmlns:s", ns::ENVELOPE),
        ("xmlns:a", ns::ADDRESSING),
        ("xmlns:u", ns::UTILITY),
        ("xmlns:wsse", ns::SECURITY),
        ("xmlns:wst", ns::TRUST),
        ("xmlns:ac", ns::AUTHORIZATION),
    ];
    xml.element("s:Envelope", &namespaces, |xml| {
        xml.element("s:Header", &[], |xml| {
            xml.leaf("a:Action", MUST_UNDERSTAND, action);
            xml.text_leaf("a:MessageID", &header.message_id);
            xml.element("a:ReplyTo", &[], |xml| xml.text_leaf("a:Address", ns::ANONYMOUS));
            xml.leaf("a:To", MUST_UNDERSTAND, &header.to);
            if let Some(proof) = &header.security {
                xml.element("wsse:Security", MUST_UNDERSTAND, |xml| security(xml, proof));
            }
        });
        xml.element("s:Body", body_attributes, body);
    });
    xml.finish()
}

const MUST_UNDERSTAND: &[(&str, &str)] = &[("s:mustUnderstand", "1")];

fn security(xml: &mut XmlWriter, security: &Security) {
    match security {
        Security::UsernameToken { username, password } => {
            let id = [("u:Id", ns::USERNAME_TOKEN_ID)];
            xml.element("wsse:UsernameToken", &id, |xml| {
                xml.text_leaf("wsse:Username", username);
                xml.leaf("wsse:Password", &[("wsse:Type", ns::PASSWORD_TEXT)], password.expose());
            });
        }
        Security::BinaryToken { is_jwt, content } => {
            let value_type = if *is_jwt { ns::JWT } else { ns::USER_TOKEN };
            let attributes = [("ValueType", value_type), ("EncodingType", ns::BASE64_BINARY)];
            xml.leaf("wsse:BinarySecurityToken", &attributes, content.expose());
        }
    }
}

pub(crate) fn response(action: &str, header: &ResponseHeader, body: impl FnOnce(&mut XmlWriter)) -> String {
    let mut xml = XmlWriter::new();
    let namespaces = [("xmlns:s", ns::ENVELOPE), ("xmlns:a", ns::ADDRESSING), ("xmlns:u", ns::UTILITY)];
    xml.element("s:Envelope", &namespaces, |xml| {
        xml.element("s:Header", &[], |xml| {
            xml.leaf("a:Action", MUST_UNDERSTAND, action);
            if !header.activity_id.is_empty() {
                let attributes = [("CorrelationId", header.activity_id.as_str()), ("xmlns", ns::DIAGNOSTICS)];
                xml.leaf("ActivityId", &attributes, &header.activity_id);
            }
            xml.text_leaf("a:RelatesTo", &header.relates_to);
            if let Some(moment) = header.valid_around {
                let attributes = [("xmlns:o", ns::SECURITY), ("s:mustUnderstand", "1")];
                xml.element("o:Security", &attributes, |xml| timestamp(xml, moment));
            }
        });
        xml.element("s:Body", &[("xmlns:xsi", ns::SCHEMA_INSTANCE), ("xmlns:xsd", ns::SCHEMA)], body);
    });
    xml.finish()
}

fn timestamp(xml: &mut XmlWriter, moment: i64) {
    const TOLERANCE_SECONDS: i64 = 300;
    xml.element("u:Timestamp", &[("u:Id", "_0")], |xml| {
        xml.text_leaf("u:Created", &instant(moment.saturating_sub(TOLERANCE_SECONDS)));
        xml.text_leaf("u:Expires", &instant(moment.saturating_add(TOLERANCE_SECONDS)));
    });
}

fn instant(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&format).expect("every moment can be written in this format")
}

/// Finds the body's element with this name; a fault in its place is an error of its own.
pub(crate) fn body<'d>(document: &'d Document<'_>, expected: &'static str) -> Result<Element<'d>, SoapError> {
    let root = document.root();
    let envelope = if root.name().eq_ignore_ascii_case("Envelope") { root } else { document.root_named("Envelope")? };
    let body = envelope.child_any_case("Body").ok_or(SoapError::Missing("Body"))?;
    if let Some(fault) = body.child_any_case("Fault") {
        return Err(SoapError::Fault(Box::new(Fault::read(fault))));
    }
    body.child(expected).ok_or(SoapError::Missing(expected))
}

impl RequestHeader {
    pub(crate) fn read(document: &Document<'_>) -> Self {
        let Some(header) = document.root().child("Header") else { return Self::default() };
        let text = |name| header.child_text(name).unwrap_or_default().to_owned();
        Self {
            message_id: text("MessageID"),
            to: text("To"),
            security: header.child("Security").and_then(Security::read),
        }
    }
}

impl Security {
    fn read(element: Element<'_>) -> Option<Self> {
        if let Some(token) = element.child("UsernameToken") {
            return Some(Self::UsernameToken {
                username: token.child_text("Username")?.to_owned(),
                password: Secret::new(token.child("Password").map_or("", Element::text)),
            });
        }
        let token = element.child("BinarySecurityToken")?;
        Some(Self::BinaryToken {
            is_jwt: token.attribute("ValueType").is_some_and(|value_type| value_type.eq_ignore_ascii_case(ns::JWT)),
            content: Secret::new(token.trimmed()),
        })
    }
}
