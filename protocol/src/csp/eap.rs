//! An enterprise method (EAP), as wireless networks and tunnels name it: `EapHostConfig`, read by the names of its
//! elements whatever version of the schema they are from.

use super::PayloadError;
use crate::thumbprint::Thumbprint;
use crate::xml::{Document, Element, Limits, without_declaration};

/// EAP-TLS: both sides have certificates.
pub const EAP_TLS: u32 = 13;
/// PEAP: the server has a certificate, the user a password.
pub const PEAP: u32 = 25;
/// A password, proven by challenge and response.
pub const MSCHAPV2: u32 = 26;

/// An enterprise method, as far as a client needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eap {
    /// The method's number: 13 for EAP-TLS, 25 for PEAP, 26 for MSCHAPv2.
    pub method: u32,
    /// The number of the method inside the tunnel (26 for MSCHAPv2).
    pub inner_method: Option<u32>,
    /// The names that the server's certificate may have.
    pub server_names: Vec<String>,
    /// The roots that the server's certificate may chain to.
    pub trusted_roots: Vec<Thumbprint>,
    /// The issuers by which the client's own certificate is chosen.
    pub issuers: Vec<Thumbprint>,
    /// The purposes by which the client's own certificate is chosen, as object identifiers.
    pub purposes: Vec<String>,
    /// The name shown outside the tunnel.
    pub anonymous_name: Option<String>,
}

impl Eap {
    /// Reads the method from a text that is an `EapHostConfig`, within [`Limits::PAYLOAD`].
    pub fn parse(text: &str, node: &str) -> Result<Self, PayloadError> {
        let wrong = |error: crate::XmlError| PayloadError::xml(node, &error);
        let document = Document::parse(without_declaration(text).as_bytes(), &Limits::PAYLOAD).map_err(wrong)?;
        Self::within(document.root(), node)
    }

    /// Reads the method from the `EapHostConfig` at or below an element.
    pub fn within(element: Element<'_>, node: &str) -> Result<Self, PayloadError> {
        let incomplete = || PayloadError::format(node, "the enterprise method names no EAP type");
        let mut elements = std::iter::once(element).chain(element.descendants());
        let host = elements.find(|element| element.is("EapHostConfig")).ok_or_else(incomplete)?;
        let method =
            host.path(&["EapMethod", "Type"]).and_then(|kind| kind.trimmed().parse().ok()).ok_or_else(incomplete)?;
        let configuration = host.child("Config");
        let elements = |name: &'static str| {
            configuration.into_iter().flat_map(Element::descendants).filter(move |element| element.is(name))
        };
        let all = |name| elements(name).map(Element::trimmed);
        // One that is left out would have the client trust more than the administrator does.
        let thumbprints = |name| {
            elements(name)
                .filter(|element| element.has_children() || !element.trimmed().is_empty())
                .map(|element| Thumbprint::parse(element.trimmed()))
                .collect::<Option<_>>()
                .ok_or_else(|| PayloadError::format(node, format!("a {name} is not a thumbprint")))
        };
        let inner_method = all("Type").filter_map(|kind| kind.parse().ok()).find(|kind| *kind != method);
        Ok(Self {
            method,
            inner_method,
            server_names: all("ServerNames")
                .flat_map(|names| names.split(';'))
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            trusted_roots: thumbprints("TrustedRootCA")?,
            issuers: thumbprints("IssuerHash")?,
            purposes: all("EKUOID").filter(|oid| !oid.is_empty()).map(str::to_owned).collect(),
            anonymous_name: all("AnonymousUserName").next().filter(|name| !name.is_empty()).map(str::to_owned),
        })
    }
}
