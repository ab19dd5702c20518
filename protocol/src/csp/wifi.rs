//! WiFi: a wireless network as a WLAN profile (`WiFi/Profile/<SSID>/WlanXml`, schema WLAN_profile v1).

use super::PayloadError;
pub use super::eap::Eap;
use crate::secret::Secret;
use crate::xml::{Document, Element, Limits, XmlWriter, without_declaration};

const NODE: &str = "WlanXml";
const PROFILE_V1: &str = "http://www.microsoft.com/networking/WLAN/profile/v1";
const PROFILE_V4: &str = "http://www.microsoft.com/networking/WLAN/profile/v4";

/// A wireless network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WlanProfile {
    /// The profile's name.
    pub name: String,
    /// The network's name: up to 32 bytes of any value.
    pub ssid: Vec<u8>,
    /// Whether the network does not announce itself.
    pub hidden: bool,
    /// Whether the machine connects by itself.
    pub auto_connect: bool,
    /// How the machine and the network prove who they are.
    pub authentication: Authentication,
    /// Whether stations of the authentication's predecessor may join (WPA3-SAE beside WPA2-PSK).
    pub transition: bool,
    /// The cipher, as the schema names it: `none`, `WEP`, `TKIP`, `AES`, `GCMP256`.
    pub encryption: String,
    /// The shared key, for the kinds of authentication that have one.
    pub key: Option<SharedKey>,
    /// The enterprise method, for the kinds of authentication that use one.
    pub eap: Option<Eap>,
}

/// How stations prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    Open,
    /// Not at all, but encrypted.
    Owe,
    /// The shared key of WEP.
    SharedWep,
    /// WPA with a shared key.
    WpaPersonal,
    /// WPA2 with a shared key.
    Wpa2Personal,
    /// WPA3 with a shared key.
    Wpa3Personal,
    /// WPA with an enterprise method.
    WpaEnterprise,
    /// WPA2 with an enterprise method.
    Wpa2Enterprise,
    /// WPA3 with an enterprise method.
    Wpa3Enterprise,
    /// WPA3 with an enterprise method, 192-bit mode.
    Wpa3Enterprise192,
}

const AUTHENTICATION_NAMES: &[(&str, Authentication)] = &[
    ("open", Authentication::Open),
    ("OWE", Authentication::Owe),
    ("shared", Authentication::SharedWep),
    ("WPAPSK", Authentication::WpaPersonal),
    ("WPA2PSK", Authentication::Wpa2Personal),
    ("WPA3SAE", Authentication::Wpa3Personal),
    ("WPA", Authentication::WpaEnterprise),
    ("WPA2", Authentication::Wpa2Enterprise),
    ("WPA3ENT", Authentication::Wpa3Enterprise),
    ("WPA3ENT192", Authentication::Wpa3Enterprise192),
    ("WPA3", Authentication::Wpa3Enterprise192),
];

impl Authentication {
    /// The name in the schema.
    pub fn as_str(self) -> &'static str {
        AUTHENTICATION_NAMES.iter().find(|(_, kind)| *kind == self).map_or("open", |(name, _)| name)
    }

    /// Whether every station uses one shared key.
    pub fn is_personal(self) -> bool {
        matches!(self, Self::WpaPersonal | Self::Wpa2Personal | Self::Wpa3Personal)
    }

    /// Whether each station proves itself by an enterprise method.
    pub fn is_enterprise(self) -> bool {
        matches!(self, Self::WpaEnterprise | Self::Wpa2Enterprise | Self::Wpa3Enterprise | Self::Wpa3Enterprise192)
    }
}

/// A key that all stations share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedKey {
    /// Whether the material is a passphrase; otherwise it is the key itself in hexadecimal digits.
    pub is_passphrase: bool,
    /// The material.
    pub material: Secret,
}

impl WlanProfile {
    /// Reads a profile within [`Limits::PAYLOAD`].
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        let wrong = |error: crate::XmlError| PayloadError::xml(NODE, &error);
        let document = Document::parse(without_declaration(text).as_bytes(), &Limits::PAYLOAD).map_err(wrong)?;
        let root = document.root_named("WLANProfile").map_err(wrong)?;
        let name = root.child_text("name").unwrap_or_default().to_owned();
        let security = root
            .path(&["MSM", "security"])
            .ok_or_else(|| PayloadError::format(NODE, "there is no MSM/security in it"))?;
        let suite = security
            .child("authEncryption")
            .ok_or_else(|| PayloadError::format(NODE, "there is no authEncryption in it"))?;
        let authentication = authentication(suite.child_text("authentication").unwrap_or("open"))?;
        let ssid = ssid(root, &name)?;
        let key = security.child("sharedKey").map(|element| shared_key(element, authentication)).transpose()?;
        if authentication.is_personal() && key.is_none() {
            return Err(PayloadError::format(NODE, "the network needs a shared key and none is given"));
        }
        let eap = security.child("OneX").map(|one_x| Eap::within(one_x, NODE)).transpose()?;
        if authentication.is_enterprise() && eap.is_none() {
            return Err(PayloadError::format(NODE, "the network needs an enterprise method (OneX) and none is given"));
        }
        Ok(Self {
            name,
            ssid,
            hidden: flag(root.path(&["SSIDConfig", "nonBroadcast"])),
            auto_connect: !root.child_text("connectionMode").is_some_and(|mode| mode.eq_ignore_ascii_case("manual")),
            authentication,
            transition: flag(suite.child("transitionMode")),
            encryption: suite.child_text("encryption").unwrap_or("none").to_owned(),
            key,
            eap,
        })
    }

    /// Writes the profile. The enterprise method is not written: it is read from what an administrator exports.
    pub fn to_xml(&self) -> String {
        let mut xml = XmlWriter::new();
        xml.element("WLANProfile", &[("xmlns", PROFILE_V1)], |xml| {
            xml.text_leaf("name", &self.name);
            xml.element("SSIDConfig", &[], |xml| {
                xml.element("SSID", &[], |xml| {
                    xml.text_leaf("hex", &self.ssid.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
                    if let Ok(name) = std::str::from_utf8(&self.ssid) {
                        xml.text_leaf("name", name);
                    }
                });
                xml.leaf("nonBroadcast", &[], self.hidden);
            });
            xml.text_leaf("connectionType", "ESS");
            xml.text_leaf("connectionMode", if self.auto_connect { "auto" } else { "manual" });
            xml.element("MSM", &[], |xml| xml.element("security", &[], |xml| self.write_security(xml)));
        });
        xml.finish()
    }

    fn write_security(&self, xml: &mut XmlWriter) {
        xml.element("authEncryption", &[], |xml| {
            xml.text_leaf("authentication", self.authentication.as_str());
            xml.text_leaf("encryption", &self.encryption);
            xml.leaf("useOneX", &[], self.authentication.is_enterprise());
            if self.transition {
                xml.leaf("transitionMode", &[("xmlns", PROFILE_V4)], true);
            }
        });
        if let Some(key) = &self.key {
            xml.element("sharedKey", &[], |xml| {
                xml.text_leaf("keyType", if key.is_passphrase { "passPhrase" } else { "networkKey" });
                xml.text_leaf("protected", "false");
                xml.text_leaf("keyMaterial", key.material.expose());
            });
        }
    }
}

fn authentication(name: &str) -> Result<Authentication, PayloadError> {
    let known = AUTHENTICATION_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known
        .map(|(_, kind)| *kind)
        .ok_or_else(|| PayloadError::unsupported(NODE, "the kind of authentication is not known"))
}

fn ssid(root: Element<'_>, profile_name: &str) -> Result<Vec<u8>, PayloadError> {
    let element = root.path(&["SSIDConfig", "SSID"]);
    let text = |name| element.and_then(|ssid| ssid.child_text(name)).filter(|text| !text.is_empty());
    let ssid = match text("hex") {
        Some(hex) => from_hex(hex).ok_or_else(|| PayloadError::format(NODE, "the SSID is not hexadecimal"))?,
        None => text("name").unwrap_or(profile_name).as_bytes().to_vec(),
    };
    if (1..=32).contains(&ssid.len()) {
        Ok(ssid)
    } else {
        Err(PayloadError::format(NODE, format!("the SSID has {} bytes; it may have 1 to 32", ssid.len())))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

fn shared_key(element: Element<'_>, authentication: Authentication) -> Result<SharedKey, PayloadError> {
    if flag(element.child("protected")) {
        return Err(PayloadError::format(
            NODE,
            "the key is encrypted for one Windows machine (protected=true); export it in the clear",
        ));
    }
    let is_passphrase = !element.child_text("keyType").is_some_and(|kind| kind.eq_ignore_ascii_case("networkKey"));
    let material = element.child("keyMaterial").map_or("", Element::text);
    let fits = if is_passphrase {
        let printable = material.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (8..=63).contains(&material.len()) && printable || is_hex_key(material)
    } else if authentication.is_personal() {
        is_hex_key(material)
    } else {
        material.chars().all(|digit| digit.is_ascii_hexdigit()) && !material.is_empty()
    };
    if fits {
        Ok(SharedKey { is_passphrase: is_passphrase && !is_hex_key(material), material: Secret::new(material) })
    } else {
        Err(PayloadError::format(NODE, "the key is neither a passphrase of 8 to 63 characters nor hexadecimal digits"))
    }
}

fn is_hex_key(material: &str) -> bool {
    material.len() == 64 && material.chars().all(|digit| digit.is_ascii_hexdigit())
}

fn flag(element: Option<Element<'_>>) -> bool {
    element.and_then(|element| super::boolean(element.text())).unwrap_or(false)
}
