//! How stations and network prove who they are, in NetworkManager's words.

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::wifi::{Authentication, WlanProfile};

use crate::platform::desired::Untranslatable;
use crate::platform::keyfile::Keyfile;

/// Protection of management frames: required.
const FRAMES_PROTECTED: &str = "3";

/// Writes the section on security; an open network has none.
pub(super) fn write(network: &WlanProfile, keyfile: &mut Keyfile) -> Result<(), Untranslatable> {
    let (management, frames) = match network.authentication {
        Authentication::Open if network.encryption.eq_ignore_ascii_case("none") && !network.transition => return Ok(()),
        Authentication::Open | Authentication::SharedWep => return Err(insecure("WEP")),
        Authentication::WpaPersonal | Authentication::WpaEnterprise => {
            return Err(insecure("WPA of the first version"));
        }
        Authentication::Owe => ("owe", None),
        // Joins WPA3 networks with the same passphrase, too, where the hardware can.
        Authentication::Wpa2Personal => ("wpa-psk", None),
        Authentication::Wpa3Personal if network.transition => ("wpa-psk", None),
        Authentication::Wpa3Personal => ("sae", Some(FRAMES_PROTECTED)),
        Authentication::Wpa2Enterprise => ("wpa-eap", None),
        Authentication::Wpa3Enterprise if network.transition => ("wpa-eap", None),
        Authentication::Wpa3Enterprise => ("wpa-eap", Some(FRAMES_PROTECTED)),
        Authentication::Wpa3Enterprise192 => ("wpa-eap-suite-b-192", Some(FRAMES_PROTECTED)),
    };
    let has_predecessor =
        [Authentication::Wpa3Personal, Authentication::Wpa3Enterprise].contains(&network.authentication);
    if network.transition && !has_predecessor {
        let reason = "transitionMode is for WPA3 networks that let WPA2 stations in";
        return Err(PayloadError::unsupported("WlanXml", reason).into());
    }
    if network.encryption.eq_ignore_ascii_case("TKIP") {
        return Err(insecure("TKIP"));
    }
    // NetworkManager chooses the cipher with the kind of authentication.
    let cipher = if network.authentication == Authentication::Wpa3Enterprise192 { "GCMP256" } else { "AES" };
    if !network.encryption.eq_ignore_ascii_case(cipher) {
        let reason = format!("another encryption than {cipher} is not supported with this kind of authentication");
        return Err(PayloadError::unsupported("WlanXml", reason).into());
    }
    keyfile.section("wifi-security");
    keyfile.set("key-mgmt", management);
    keyfile.set_some("pmf", frames);
    if let Some(key) = network.key.as_ref().filter(|_| network.authentication.is_personal()) {
        if management == "sae" && !key.is_passphrase {
            let reason = "WPA3 needs the passphrase itself, not a key made from it";
            return Err(PayloadError::format("WlanXml", reason).into());
        }
        keyfile.set("psk", key.material.expose());
    }
    Ok(())
}

fn insecure(what: &str) -> Untranslatable {
    Untranslatable::unsupported(format!("{what} is not secure and is not supported"))
}
