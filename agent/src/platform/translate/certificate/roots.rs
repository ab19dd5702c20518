//! Authorities that single networks and tunnels are held to, found among the profiles by their thumbprints.

use mdm_protocol::csp::certificate::TrustedCertificate;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::{Thumbprint, base64};

use super::DIRECTORY;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Untranslatable};
use crate::platform::path::MachinePath;
use crate::platform::translate::Context;

/// A file with these authorities, for one profile.
pub fn bundle(
    thumbprints: &[Thumbprint],
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<(MachinePath, DesiredFile), Untranslatable> {
    bundle_named(thumbprints, address, "-authorities.pem", context)
}

/// As [`bundle`], for the method inside of the tunnel that the first one makes.
pub fn inner_bundle(
    thumbprints: &[Thumbprint],
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<(MachinePath, DesiredFile), Untranslatable> {
    bundle_named(thumbprints, address, "-inner-authorities.pem", context)
}

fn bundle_named(
    thumbprints: &[Thumbprint],
    address: &ProfileAddress,
    ending: &str,
    context: &Context<'_>,
) -> Result<(MachinePath, DesiredFile), Untranslatable> {
    let found = authorities(thumbprints, context)?;
    let text: String = found.iter().map(|der| pem(der)).collect();
    Ok((MachinePath::named(DIRECTORY, address, ending), DesiredFile::public(text, Consumer::Nobody)))
}

/// These authorities, in DER.
pub fn authorities(thumbprints: &[Thumbprint], context: &Context<'_>) -> Result<Vec<Vec<u8>>, Untranslatable> {
    let each = thumbprints.iter().map(|thumbprint| {
        find(*thumbprint, context).ok_or_else(|| {
            Untranslatable::Waiting(format!(
                "the authority {thumbprint} that it is held to is not among the profiles yet"
            ))
        })
    });
    each.collect()
}

/// Every authority that the machine trusts because of a profile, in DER.
pub fn trusted(context: &Context<'_>) -> Vec<Vec<u8>> {
    let roots = context.profiles.iter().filter(|profile| {
        let segments = profile.root.segments();
        segments.iter().any(|segment| segment == "RootCATrustedCertificates")
            && segments.iter().any(|segment| segment.eq_ignore_ascii_case("Root"))
    });
    let each = roots.filter_map(|profile| {
        TrustedCertificate::from_leaves(profile.root.name(), &profile.leaves()).ok().map(|trusted| trusted.der)
    });
    each.collect()
}

/// Every authority that a profile has brought, root or not, in DER.
pub fn all(context: &Context<'_>) -> Vec<Vec<u8>> {
    let each = context.profiles.iter().filter_map(|profile| {
        let segments = profile.root.segments();
        let known = ["RootCATrustedCertificates", "CertificateStore"].contains(&segments.get(2)?.as_str());
        let store = segments.get(3)?;
        let issues = ["Root", "CA"].iter().any(|issuing| store.eq_ignore_ascii_case(issuing));
        let trusted = TrustedCertificate::from_leaves(profile.root.name(), &profile.leaves()).ok();
        trusted.filter(|_| known && issues).map(|trusted| trusted.der)
    });
    each.collect()
}

fn find(thumbprint: Thumbprint, context: &Context<'_>) -> Option<Vec<u8>> {
    let name = thumbprint.to_string();
    let mut candidates = context.profiles.iter().filter(|profile| profile.root.name().eq_ignore_ascii_case(&name));
    candidates.find_map(|profile| {
        let store = profile.root.segments().get(2)?;
        let known = ["RootCATrustedCertificates", "CertificateStore"].contains(&store.as_str());
        TrustedCertificate::from_leaves(&name, &profile.leaves()).ok().filter(|_| known).map(|trusted| trusted.der)
    })
}

/// A certificate in PEM.
pub fn pem(der: &[u8]) -> String {
    let encoded = base64::encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!(
        "# Made by mdm-agent from a profile of the MDM server.\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
