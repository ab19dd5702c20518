//! An enterprise method (EAP), as wireless networks and tunnels name it: `EapHostConfig` with the connection properties
//! of EAP-TLS, PEAP, EAP-MSCHAPv2 and EAP-TTLS. Elements are found by their names, whatever version of the schema they
//! are from.

use super::PayloadError;
use crate::thumbprint::Thumbprint;
use crate::xml::{Document, Element, Limits, without_declaration};

/// EAP-TLS: both sides have certificates.
pub const EAP_TLS: u32 = 13;
/// EAP-TTLS: the server has a certificate, inside its tunnel another method runs.
pub const EAP_TTLS: u32 = 21;
/// PEAP: the server has a certificate, inside its tunnel another EAP method runs.
pub const PEAP: u32 = 25;
/// A password, proven by challenge and response.
pub const MSCHAPV2: u32 = 26;

/// An enterprise method, as far as a client needs to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Eap {
    /// The method's number: 13 for EAP-TLS, 21 for EAP-TTLS, 25 for PEAP, 26 for EAP-MSCHAPv2.
    pub method: u32,
    /// Which servers are trusted.
    pub server: ServerValidation,
    /// By what the client's own certificate is chosen.
    pub selection: CertificateSelection,
    /// The method inside the tunnel.
    pub inner: Option<Inner>,
    /// The name shown outside the tunnel.
    pub anonymous_name: Option<String>,
}

/// Which servers are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerValidation {
    /// The names that the server's certificate may have; regular expressions are among them.
    pub names: Vec<String>,
    /// The roots that the server's certificate may chain to.
    pub roots: Vec<Thumbprint>,
}

/// By what the client's own certificate is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateSelection {
    /// Its issuers.
    pub issuers: Vec<Thumbprint>,
    /// Its purposes, as object identifiers.
    pub purposes: Vec<String>,
}

/// A method inside of the tunnel that another one has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inner {
    /// An EAP method.
    Eap(Box<Eap>),
    /// A password in the clear, inside of EAP-TTLS (RFC 5281 section 11.2.5).
    Pap,
    /// CHAP (RFC 5281 section 11.2.2).
    Chap,
    /// MS-CHAP (RFC 5281 section 11.2.3).
    MsChap,
    /// MS-CHAPv2 without EAP (RFC 5281 section 11.2.4).
    MsChapV2,
}

impl Eap {
    /// A method of which only the number is known. PEAP has EAP-MSCHAPv2 inside.
    pub fn of_method(method: u32) -> Self {
        let inside = || Inner::Eap(Box::new(Self { method: MSCHAPV2, ..Self::default() }));
        Self { method, inner: (method == PEAP).then(inside), ..Self::default() }
    }

    /// Reads the method from a text that is an `EapHostConfig`, within [`Limits::PAYLOAD`].
    pub fn parse(text: &str, node: &str) -> Result<Self, PayloadError> {
        let wrong = |error: crate::XmlError| PayloadError::xml(node, &error);
        let document = Document::parse(without_declaration(text).as_bytes(), &Limits::PAYLOAD).map_err(wrong)?;
        Self::within(document.root(), node)
    }

    /// Reads the method from the `EapHostConfig` at or below an element.
    pub fn within(element: Element<'_>, node: &str) -> Result<Self, PayloadError> {
        let mut elements = std::iter::once(element).chain(element.descendants());
        let host = elements.find(|element| element.is("EapHostConfig"));
        Self::of_host(host.ok_or_else(|| Reader(node).without_type())?, Reader(node))
    }

    fn of_host(host: Element<'_>, reader: Reader<'_>) -> Result<Self, PayloadError> {
        let method = host.path(&["EapMethod", "Type"]).and_then(|kind| kind.trimmed().parse().ok());
        let method: u32 = method.ok_or_else(|| reader.without_type())?;
        let Some(configuration) = host.child("Config") else { return Ok(Self::of_method(method)) };
        if let Some(properties) = configuration.child("EapTtls") {
            return Self::of_ttls(method, properties, reader);
        }
        let Some(base) = configuration.child("Eap") else { return Ok(Self::of_method(method)) };
        let eap = Self::of_base(base, reader)?;
        if eap.method == method { Ok(eap) } else { Err(reader.wrong("the EAP type is not that of the configuration")) }
    }

    /// `BaseEapConnectionProperties`: EAP-TLS, PEAP or EAP-MSCHAPv2, alone or inside of PEAP.
    fn of_base(base: Element<'_>, reader: Reader<'_>) -> Result<Self, PayloadError> {
        let method: u32 =
            base.child_text("Type").and_then(|kind| kind.parse().ok()).ok_or_else(|| reader.without_type())?;
        let Some(properties) = base.child("EapType") else { return Ok(Self::of_method(method)) };
        let extensions = reader.once(properties, "PeapExtensions")?;
        let inside = reader.once(properties, "Eap")?.map(|inner| Self::of_base(inner, reader)).transpose()?;
        let privacy = extensions.and_then(|extensions| extensions.child("IdentityPrivacy"));
        let is_private = reader.switch(privacy, "EnableIdentityPrivacy")? != Some(false);
        let anonymous_name =
            privacy.filter(|_| is_private).and_then(|privacy| non_empty(privacy.child_text("AnonymousUserName")));
        Ok(Self {
            method,
            server: ServerValidation {
                names: names(properties),
                roots: reader.thumbprints(reader.once(properties, "ServerValidation")?, "TrustedRootCA")?,
            },
            selection: reader.selection(properties)?,
            inner: inside.map(|inside| Inner::Eap(Box::new(inside))),
            anonymous_name,
        })
    }

    /// `EapTtlsConnectionProperties`.
    fn of_ttls(method: u32, properties: Element<'_>, reader: Reader<'_>) -> Result<Self, PayloadError> {
        let identity = properties.child("Phase1Identity");
        let is_private = reader.switch(identity, "IdentityPrivacy")? != Some(false);
        let identity = identity.filter(|_| is_private);
        let mut inside = properties.children_named("Phase2Authentication").flat_map(Element::children);
        let (Some(inside), None) = (inside.next(), inside.next()) else {
            return Err(reader.wrong("EAP-TTLS has no Phase2Authentication, or more than one"));
        };
        let inner = match inside.name() {
            "PAPAuthentication" => Inner::Pap,
            "CHAPAuthentication" => Inner::Chap,
            "MSCHAPAuthentication" => Inner::MsChap,
            "MSCHAPv2Authentication" => Inner::MsChapV2,
            "EapHostConfig" => Inner::Eap(Box::new(Self::of_host(inside, reader)?)),
            _ => return Err(PayloadError::unsupported(reader.0, "the method inside of EAP-TTLS is not known")),
        };
        Ok(Self {
            method,
            server: ServerValidation {
                names: names(properties),
                roots: reader.thumbprints(reader.once(properties, "ServerValidation")?, "TrustedRootCAHash")?,
            },
            selection: CertificateSelection::default(),
            inner: Some(inner),
            anonymous_name: identity.and_then(|identity| non_empty(identity.child_text("AnonymousIdentity"))),
        })
    }
}

/// Reads the configuration that one node has; the node is for messages.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn wrong(self, reason: impl Into<String>) -> PayloadError {
        PayloadError::format(self.0, reason)
    }

    fn without_type(self) -> PayloadError {
        self.wrong("the enterprise method names no EAP type")
    }

    /// A child of an element that is `true` or `false`, if it is there.
    fn switch(self, element: Option<Element<'_>>, name: &str) -> Result<Option<bool>, PayloadError> {
        let Some(child) = element.and_then(|element| element.child(name)) else { return Ok(None) };
        let value = super::boolean(child.text());
        value.map(Some).ok_or_else(|| self.wrong(format!("{name} is neither true nor false")))
    }

    /// A child of which there may be one: of two, one would be lost.
    fn once<'d>(self, element: Element<'d>, name: &str) -> Result<Option<Element<'d>>, PayloadError> {
        let mut children = element.children_named(name);
        match (children.next(), children.next()) {
            (first, None) => Ok(first),
            _ => Err(self.wrong(format!("{name} is given more than once"))),
        }
    }

    /// The thumbprints directly in an element. One that is left out would have the client trust more than the
    /// administrator does.
    fn thumbprints(self, list: Option<Element<'_>>, name: &str) -> Result<Vec<Thumbprint>, PayloadError> {
        let each = list.into_iter().flat_map(|list| list.children_named(name));
        each.filter(|element| element.has_children() || !element.trimmed().is_empty())
            .map(|element| Thumbprint::parse(element.trimmed()))
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong(format!("a {name} is not a thumbprint")))
    }

    /// `FilteringInfo`. Purposes are named in `EKUMapping` and asked for by those names in `ClientAuthEKUList`; a mapping
    /// without such a list asks for all that it names.
    fn selection(self, properties: Element<'_>) -> Result<CertificateSelection, PayloadError> {
        let Some(extensions) = self.once(properties, "TLSExtensions")? else {
            return Ok(CertificateSelection::default());
        };
        let Some(filter) = self.once(extensions, "FilteringInfo")? else { return Ok(CertificateSelection::default()) };
        let is_on = |list: &Element<'_>| list.attribute("Enabled").and_then(super::boolean) != Some(false);
        let mapping: Vec<(&str, &str)> = filter
            .child("EKUMapping")
            .into_iter()
            .flat_map(|mapping| mapping.children_named("EKUMap"))
            .map(|map| (map.child_text("EKUName").unwrap_or_default(), map.child_text("EKUOID").unwrap_or_default()))
            .filter(|(_, oid)| !oid.is_empty())
            .collect();
        let named = |list: Element<'_>| {
            let maps = list.children_named("EKUMapInList");
            let names = maps.flat_map(|map| map.children_named("EKUName")).map(Element::trimmed);
            let oids = names.map(|name| mapping.iter().find(|(known, _)| *known == name).map(|(_, oid)| *oid));
            oids.collect::<Option<Vec<_>>>().ok_or_else(|| self.wrong("a purpose is named that EKUMapping has not"))
        };
        let purposes = match self.once(filter, "ClientAuthEKUList")? {
            Some(list) if is_on(&list) => named(list)?,
            Some(_) => Vec::new(),
            None => mapping.iter().map(|(_, oid)| *oid).collect(),
        };
        Ok(CertificateSelection {
            issuers: self.thumbprints(self.once(filter, "CAHashList")?.filter(is_on), "IssuerHash")?,
            purposes: purposes.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// `ServerValidation/ServerNames`, separated by semicolons.
fn names(properties: Element<'_>) -> Vec<String> {
    let list = properties.path(&["ServerValidation", "ServerNames"]).map_or("", Element::trimmed);
    list.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn non_empty(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
