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

pub(super) use self::chain::Authorities;
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
        Some(["ClientCertificateInstall", "PFXCertInstall", _]) => {
            pfx::translate(profile, address, context).map(|share| completed(share, context))
        }
        Some(["ClientCertificateInstall", "SCEP", _]) => {
            scep::translate(profile, address, context).map(|share| completed(share, context))
        }
        Some(["RootCATrustedCertificates", store, _] | ["CertificateStore", store, _]) => {
            trusted::translate(profile, address, store, context)
        }
        _ => Err(Untranslatable::unsupported("this store of certificates has no meaning on Linux")),
    }
}

/// The same share of a certificate of the device's own, with the intermediate authorities that other profiles have
/// brought in the file of its chain: a server that knows the root alone cannot verify it without them.
pub(in crate::platform) fn completed(mut share: Share, context: &Context<'_>) -> Share {
    let Some(client) = share.client.as_ref().filter(|client| !client.reaches_root()) else { return share };
    let chain = client.chain_with(&Authorities::of(roots::all(context).into_iter()));
    let place = client.certificate.clone();
    for (_, file) in share.files.iter_mut().filter(|(path, _)| *path == place) {
        *file = client::chain_file(&chain);
    }
    share
}
