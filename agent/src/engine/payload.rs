//! Whether a node's value is one that its profile can be made of.
//!
//! A value that can be judged alone is refused with the command that brings it, so that the administrator sees which
//! profile is wrong; what only the whole profile can show is judged when the profile is shown or applied.

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::{Leaves, PayloadError, certificate, email, vpn, wifi};

use super::nodes;
use super::profile::Profile;

#[cfg(test)]
mod tests;

/// Judges a value by itself.
pub fn check(uri: &LocUri, value: &str) -> Result<(), PayloadError> {
    let Some(address) = ProfileAddress::locate(uri) else { return nodes::check(uri, value) };
    let provider = address.root.segments().get(2).map(String::as_str);
    match (provider, uri.below(&address.root).and_then(|below| below.first()).map(String::as_str)) {
        (Some("WiFi"), Some("WlanXml")) => wifi::WlanProfile::parse(value).map(drop),
        (Some("VPNv2"), Some("ProfileXML")) => {
            vpn::VpnProfile::from_leaves(&Leaves::default().with("ProfileXML", Some(value))).map(drop)
        }
        (Some("RootCATrustedCertificates" | "CertificateStore"), Some("EncodedCertificate")) => {
            let leaves = Leaves::default().with("EncodedCertificate", Some(value));
            certificate::TrustedCertificate::from_leaves(address.root.name(), &leaves).map(drop)
        }
        (Some("ClientCertificateInstall"), Some("PFXCertBlob")) => {
            certificate::PfxInstall::from_leaves(&Leaves::default().with("PFXCertBlob", Some(value))).map(drop)
        }
        _ => Ok(()),
    }
}

/// Describes a profile in a few words, without anything secret. `Err` says what is missing or wrong.
pub fn summary(profile: &Profile) -> Result<String, PayloadError> {
    let leaves = profile.leaves();
    let segments = profile.root.segments();
    match segments.get(2).map(String::as_str) {
        Some("WiFi") => wifi_summary(&leaves),
        Some("VPNv2") => vpn_summary(&leaves),
        Some("EMAIL2") => email::EmailAccount::from_leaves(&leaves)
            .map(|account| format!("{} <{}> at {}", account.service_name, account.address, account.incoming.address())),
        Some("ActiveSync") => mdm_protocol::csp::active_sync::ExchangeAccount::from_leaves(&leaves)
            .map(|account| format!("Exchange <{}> at {}", account.address, account.server)),
        Some("RootCATrustedCertificates" | "CertificateStore") => {
            let trusted = certificate::TrustedCertificate::from_leaves(profile.root.name(), &leaves)?;
            Ok(format!("{} to trust", certificate_subject(&trusted.der)))
        }
        Some("ClientCertificateInstall") => Ok("client certificate".to_owned()),
        _ => Ok(format!("{} value{}", leaves.0.len(), if leaves.0.len() == 1 { "" } else { "s" })),
    }
}

fn wifi_summary(leaves: &Leaves) -> Result<String, PayloadError> {
    let network = wifi::WlanProfile::parse(leaves.required("WlanXml")?)?;
    let hidden = if network.hidden { ", hidden" } else { "" };
    let connect = if network.auto_connect { "automatic" } else { "by hand" };
    Ok(format!("{} {}, {connect}{hidden}", String::from_utf8_lossy(&network.ssid), network.authentication.as_str()))
}

fn vpn_summary(leaves: &Leaves) -> Result<String, PayloadError> {
    let tunnel = vpn::VpnProfile::from_leaves(leaves)?;
    let always_on = if tunnel.always_on { ", always on" } else { "" };
    Ok(match tunnel.kind {
        Some(vpn::VpnKind::Native { servers, protocol, .. }) => {
            format!("{protocol} to {}{always_on}", servers.join(", "))
        }
        Some(vpn::VpnKind::Plugin { package, servers, .. }) => {
            format!("{package} to {}{always_on}", servers.join(", "))
        }
        None => "no server yet".to_owned(),
    })
}

fn certificate_subject(der: &[u8]) -> String {
    x509_parser::parse_x509_certificate(der)
        .map_or_else(|_| "certificate".to_owned(), |(_, certificate)| certificate.subject().to_string())
}
