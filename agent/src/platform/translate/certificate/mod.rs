//! Certificates: authorities to trust go to the distribution's store, the device's own go with their keys where
//! networks and tunnels find them.

mod chain;
pub mod client;
mod pair;
mod parts;
pub mod pfx;
mod pkcs12;
pub mod roots;
pub mod scep;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trusted;

use mdm_protocol::csp::profile::ProfileAddress;

pub use self::parts::{PFX, SCEP};
use super::Context;
use crate::engine::profile::Profile;
use crate::platform::desired::{Share, Untranslatable};

/// Where the device's own certificates and keys are, and the authorities of single networks.
pub const DIRECTORY: &str = "/etc/mdm-agent/certificates";

/// What a certificate asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let segments: Vec<&str> = address.root.segments().iter().map(String::as_str).collect();
    match segments.get(2..5) {
        Some(["ClientCertificateInstall", "PFXCertInstall", _]) => pfx::translate(profile, address, context),
        Some(["ClientCertificateInstall", "SCEP", _]) => scep::translate(profile, address, context),
        Some(["RootCATrustedCertificates", store, _] | ["CertificateStore", store, _]) => {
            trusted::translate(profile, address, store, context)
        }
        _ => Err(Untranslatable::unsupported("this store of certificates has no meaning on Linux")),
    }
}
