//! Authorities to trust, and intermediates to build chains with, in the distribution's own store.

use mdm_protocol::csp::certificate::TrustedCertificate;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::syncml::{Format, StatusCode};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::roots;
use crate::engine::nodes::oma_time;
use crate::engine::profile::Profile;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Fragment, Share, Untranslatable};
use crate::platform::document::{Document, ITEM};
use crate::platform::machine::TrustStore;
use crate::platform::path::MachinePath;
use crate::platform::translate::Context;

/// What a certificate to trust asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    store: &str,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let TrustedCertificate { der } = TrustedCertificate::from_leaves(address.root.name(), &profile.leaves())?;
    let place = context.machine.trust_store.ok_or_else(|| {
        Untranslatable::unsupported("this machine has neither update-ca-certificates nor update-ca-trust")
    })?;
    let is_root = store.eq_ignore_ascii_case("Root");
    let (directory, ending) = match (store.to_ascii_lowercase().as_str(), place) {
        ("root", TrustStore::Debian) | ("ca", TrustStore::Debian) => ("/usr/local/share/ca-certificates", ".crt"),
        ("root", TrustStore::RedHat) => ("/etc/pki/ca-trust/source/anchors", ".pem"),
        // Beside the anchors is what is neither trusted nor distrusted, but helps to build chains.
        ("ca", TrustStore::RedHat) => ("/etc/pki/ca-trust/source", ".pem"),
        ("root", TrustStore::Suse) => ("/etc/pki/trust/anchors", ".pem"),
        ("ca", TrustStore::Suse) => ("/etc/pki/trust", ".pem"),
        ("untrustedcertificates", TrustStore::RedHat) => ("/etc/pki/ca-trust/source/blocklist", ".pem"),
        ("untrustedcertificates", TrustStore::Suse) => ("/etc/pki/trust/blocklist", ".pem"),
        _ => return Err(Untranslatable::unsupported(format!("the store {store} has no meaning on this machine"))),
    };
    let nodes = describe(&der, store, context)?;
    let path = MachinePath::named(directory, address, ending);
    let file = DesiredFile::public(roots::pem(&der), Consumer::TrustStore);
    let mut share = Share { files: vec![(path.clone(), file)], nodes, ..Share::default() };
    if is_root {
        // Both have a store of their own and leave the machine's alone.
        for (document, present) in [
            (Document::Firefox, context.machine.firefox),
            (Document::Thunderbird, context.machine.thunderbird.is_some()),
        ] {
            let key = ["Certificates", "Install", ITEM, path.as_str()].map(str::to_owned).to_vec();
            let value = serde_json::Value::from(path.as_str());
            share.courtesies.extend(present.then_some(Fragment { document, key, value }));
        }
    }
    Ok(share)
}

/// Checks what was sent, and says what the server may read of it.
fn describe(der: &[u8], store: &str, context: &Context<'_>) -> Result<Vec<(String, Format, String)>, Untranslatable> {
    let wrong = |reason: &str| Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason);
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| wrong("EncodedCertificate: it is not an X.509 certificate"))?;
    if !rest.is_empty() {
        return Err(wrong("EncodedCertificate: something follows the certificate"));
    }
    let is_authority = certificate.basic_constraints().ok().flatten().is_some_and(|basic| basic.value.ca);
    if !is_authority && !store.eq_ignore_ascii_case("UntrustedCertificates") {
        return Err(wrong("EncodedCertificate: it is not the certificate of an authority (basicConstraints CA)"));
    }
    let validity = certificate.validity();
    let (begins, ends) = (validity.not_before.timestamp(), validity.not_after.timestamp());
    // What is in force already stays until its owner takes it away; only what arrives is judged by the clock.
    if let Some(now) = context.arrival.filter(|now| ends < *now) {
        let reason = format!(
            "EncodedCertificate: the certificate is over since {}, it is {} now",
            oma_time(ends),
            oma_time(now)
        );
        return Err(Untranslatable::refused(StatusCode::FAILED, reason));
    }
    let text = |name: &str, value: String| (name.to_owned(), Format::Chr, value);
    Ok(vec![
        text("IssuedBy", certificate.issuer().to_string()),
        text("IssuedTo", certificate.subject().to_string()),
        text("ValidFrom", oma_time(begins)),
        text("ValidTo", oma_time(ends)),
    ])
}
