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
        Authentication::Open if network.encryption.eq_ignore_ascii_case("none") => return Ok(()),
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
    if network.encryption.eq_ignore_ascii_case("TKIP") {
        return Err(insecure("TKIP"));
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
