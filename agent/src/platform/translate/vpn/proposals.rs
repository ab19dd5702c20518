//! Algorithms: the provider's names (VPNv2 CryptographySuite) in strongSwan's words.

use mdm_protocol::csp::vpn::CryptographySuite;

use crate::platform::desired::Untranslatable;

/// Proposals for the negotiation (IKE) and for what goes through the tunnel (ESP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proposals {
    pub(super) ike: String,
    pub(super) esp: String,
}

/// Translates a suite. What is broken (DES, MD5, groups below 2048 bits) is refused.
pub(super) fn proposals(suite: &CryptographySuite) -> Result<Proposals, Untranslatable> {
    let mut ike = vec![cipher(&suite.encryption)?];
    if ike[0].contains("gcm") {
        ike.push(match integrity(&suite.integrity)? {
            "sha384" => "prfsha384",
            _ => "prfsha256",
        });
    } else {
        ike.push(integrity(&suite.integrity)?);
    }
    ike.push(group(&suite.dh_group)?);
    let mut esp = vec![cipher(&suite.cipher_transform)?];
    if !esp[0].contains("gcm") {
        esp.push(integrity(&suite.authentication_transform)?);
    }
    if !suite.pfs_group.eq_ignore_ascii_case("None") {
        esp.push(if suite.pfs_group.eq_ignore_ascii_case("PFSMM") {
            group(&suite.dh_group)?
        } else {
            group(&suite.pfs_group)?
        });
    }
    Ok(Proposals { ike: ike.join("-"), esp: esp.join("-") })
}

fn cipher(name: &str) -> Result<&'static str, Untranslatable> {
    match name.to_ascii_uppercase().replace('_', "").as_str() {
        "AES128" => Ok("aes128"),
        "AES192" => Ok("aes192"),
        "AES256" => Ok("aes256"),
        "AESGCM128" | "GCMAES128" => Ok("aes128gcm16"),
        "GCMAES192" => Ok("aes192gcm16"),
        "AESGCM256" | "GCMAES256" => Ok("aes256gcm16"),
        _ => Err(weak(name)),
    }
}

fn integrity(name: &str) -> Result<&'static str, Untranslatable> {
    match name.to_ascii_uppercase().as_str() {
        "SHA256" | "SHA256128" => Ok("sha256"),
        "SHA384" => Ok("sha384"),
        // Weak as a signature, but not in this place (RFC 8247 section 2.2), and what Windows servers offer by default.
        "SHA196" => Ok("sha1"),
        // With a cipher that has its own.
        "GCMAES128" | "GCMAES192" | "GCMAES256" => Ok("sha256"),
        _ => Err(weak(name)),
    }
}

fn group(name: &str) -> Result<&'static str, Untranslatable> {
    match name.to_ascii_uppercase().as_str() {
        "GROUP14" | "PFS2048" => Ok("modp2048"),
        "GROUP24" | "PFS24" => Ok("modp2048s256"),
        "ECP256" => Ok("ecp256"),
        "ECP384" => Ok("ecp384"),
        _ => Err(weak(name)),
    }
}

fn weak(name: &str) -> Untranslatable {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    Untranslatable::unsupported(format!("CryptographySuite: {name} is unknown or too weak and is not supported"))
}
