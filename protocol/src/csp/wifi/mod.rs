//! WiFi: a wireless network as a WLAN profile (`WiFi/Profile/<SSID>/WlanXml`, schema WLAN_profile v1).

mod authentication;

pub use self::authentication::Authentication;
use super::PayloadError;
pub use super::eap::Eap;
use crate::secret::Secret;
use crate::xml::{Document, Element, Limits, XmlWriter, without_declaration};

const NODE: &str = "WlanXml";
const PROFILE_V1: &str = "http://www.microsoft.com/networking/WLAN/profile/v1";
const PROFILE_V3: &str = "http://www.microsoft.com/networking/WLAN/profile/v3";
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
    /// How the user is authenticated, for the kinds of authentication that do it.
    pub one_x: Option<OneX>,
    /// The address that the machine shows, where the profile says which.
    pub hardware_address: Option<HardwareAddress>,
}

/// Authentication by 802.1X (schema OneX v1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneX {
    /// The enterprise method.
    pub eap: Eap,
    /// Who proves who he is.
    pub subject: Subject,
    /// Whether a password may be kept.
    pub keep_password: bool,
    /// Whether signing in at the machine and at the network is one.
    pub single_sign_on: bool,
}

/// Who proves who he is to the network (`authMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Whoever of both is there.
    MachineOrUser,
    /// The machine, whoever uses it.
    Machine,
    /// The user.
    User,
    /// Nobody.
    Guest,
}

/// The address that a machine shows to a network (`MacRandomization`, schema v3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardwareAddress {
    /// A random one.
    Random,
    /// Its own.
    Permanent,
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
        let one_x = security.child("OneX").map(one_x).transpose()?;
        if authentication.is_enterprise() && one_x.is_none() {
            return Err(PayloadError::format(NODE, "the network needs an enterprise method (OneX) and none is given"));
        }
        let uses_one_x = switch(suite, "useOneX")?.unwrap_or(authentication.is_enterprise());
        if uses_one_x != authentication.is_enterprise() || one_x.is_some() != authentication.is_enterprise() {
            return Err(PayloadError::unsupported(NODE, "useOneX or OneX contradicts the kind of authentication"));
        }
        Ok(Self {
            name,
            ssid,
            hidden: root
                .child("SSIDConfig")
                .map(|ssid| switch(ssid, "nonBroadcast"))
                .transpose()?
                .flatten()
                .unwrap_or(false),
            auto_connect: auto_connect(root)?,
            authentication,
            transition: switch(suite, "transitionMode")?.unwrap_or(false),
            encryption: suite.child_text("encryption").unwrap_or("none").to_owned(),
            key,
            one_x,
            hardware_address: hardware_address(root)?,
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
            if let Some(address) = self.hardware_address {
                let is_random = address == HardwareAddress::Random;
                xml.element("MacRandomization", &[("xmlns", PROFILE_V3)], |xml| {
                    xml.leaf("enableRandomization", &[], is_random);
                });
            }
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
    Authentication::parse(name)
        .ok_or_else(|| PayloadError::unsupported(NODE, "the kind of authentication is not known"))
}

fn one_x(element: Element<'_>) -> Result<OneX, PayloadError> {
    let mode = element.child_text("authMode").unwrap_or("machineOrUser");
    let known = [
        ("machineOrUser", Subject::MachineOrUser),
        ("machine", Subject::Machine),
        ("user", Subject::User),
        ("guest", Subject::Guest),
    ];
    let subject = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(mode));
    Ok(OneX {
        eap: Eap::within(element, NODE)?,
        subject: subject.ok_or_else(|| PayloadError::format(NODE, "authMode is not known"))?.1,
        keep_password: switch(element, "cacheUserData")?.unwrap_or(true),
        single_sign_on: element.child("singleSignOn").is_some(),
    })
}

fn auto_connect(root: Element<'_>) -> Result<bool, PayloadError> {
    match root.child_text("connectionMode").unwrap_or("auto").to_ascii_lowercase().as_str() {
        "auto" => Ok(true),
        "manual" => Ok(false),
        _ => Err(PayloadError::format(NODE, "connectionMode is neither auto nor manual")),
    }
}

fn hardware_address(root: Element<'_>) -> Result<Option<HardwareAddress>, PayloadError> {
    let Some(element) = root.child("MacRandomization") else { return Ok(None) };
    let is_random = switch(element, "enableRandomization")?;
    Ok(is_random.map(|random| if random { HardwareAddress::Random } else { HardwareAddress::Permanent }))
}

/// A direct child that is `true` or `false`, if it is there.
fn switch(element: Element<'_>, name: &str) -> Result<Option<bool>, PayloadError> {
    let value = element.child(name).map(|child| super::boolean(child.text()));
    value
        .map(|value| value.ok_or_else(|| PayloadError::format(NODE, format!("{name} is neither true nor false"))))
        .transpose()
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
    if switch(element, "protected")?.unwrap_or(false) {
        return Err(PayloadError::format(
            NODE,
            "the key is encrypted for one Windows machine (protected=true); export it in the clear",
        ));
    }
    let kind = element.child_text("keyType").unwrap_or("passPhrase").to_ascii_lowercase();
    let is_passphrase = match kind.as_str() {
        "passphrase" => true,
        "networkkey" => false,
        _ => return Err(PayloadError::format(NODE, "keyType is neither passPhrase nor networkKey")),
    };
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
