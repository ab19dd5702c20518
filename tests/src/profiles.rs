//! One real profile of each kind, as an administrator writes it: plain SyncML fragments.

use mdm_protocol::{Thumbprint, base64};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

/// A network with WPA3.
pub const WIFI: &str = include_str!("../profiles/wifi.xml");
/// An IKEv2 tunnel.
pub const VPN: &str = include_str!("../profiles/vpn.xml");
/// An IMAP mailbox.
pub const EMAIL: &str = include_str!("../profiles/email.xml");
/// The shortest password that is accepted.
pub const CONFIGURATION: &str = include_str!("../profiles/configuration.xml");
const CERTIFICATE: &str = include_str!("../profiles/certificate.xml");

/// A root certificate to trust, made anew.
pub fn certificate() -> anyhow::Result<String> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, "Contoso Root CA");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&KeyPair::generate()?)?;
    let der = certificate.der();
    let fragment = CERTIFICATE.replace("@THUMBPRINT@", &Thumbprint::of(der).to_string());
    Ok(fragment.replace("@CERTIFICATE@", &base64::encode(der)))
}

/// All five: the name under which the administrator keeps it, and the fragment.
pub fn all() -> anyhow::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("wifi", WIFI.to_owned()),
        ("vpn", VPN.to_owned()),
        ("email", EMAIL.to_owned()),
        ("certificate", certificate()?),
        ("configuration", CONFIGURATION.to_owned()),
    ])
}
