//! A certificate that a SCEP server has issued for a key of this device.

use mdm_protocol::Secret;
use mdm_protocol::csp::profile::ProfileAddress;

use super::client::{self, ClientCertificate};
use super::pfx;
use crate::engine::profile::Profile;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::translate::Context;

/// A certificate that was issued, with its key.
#[derive(Debug, Clone)]
pub struct IssuedCertificate {
    /// The key, PKCS#8 in PEM.
    pub key: Secret,
    /// The certificate and those above it, in DER.
    pub chain: Vec<Vec<u8>>,
}

/// What a certificate that was ordered asks of the machine: nothing before it is there.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let Some(issued) = context.issued.get(&profile.root.to_string()) else {
        return Err(Untranslatable::Waiting("the certificate was not issued yet".to_owned()));
    };
    let [certificate, key] = pfx::places(address);
    let files = vec![
        (certificate.clone(), client::chain_file(&issued.chain)),
        (key.clone(), DesiredFile::private(issued.key.expose(), Consumer::Nobody)),
    ];
    Ok(Share { files, client: ClientCertificate::describe(&issued.chain, certificate, key), ..Share::default() })
}
