//! Authorities, and certificates that they issue, as profiles and as files.

use std::path::Path;

use mdm_agent::engine::profile::Profile;
use mdm_protocol::{Thumbprint, base64};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::programs::ask;
use crate::samples::profile;

/// An authority.
pub(crate) struct Authority {
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).unwrap();
        let (der, pem) = (certificate.der().to_vec(), certificate.pem());
        Self { der, pem, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.extended_key_usages = vec![purpose];
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The profile by which the authority is trusted.
    pub(crate) fn trusted(&self) -> Profile {
        let address = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{}", self.thumbprint());
        profile(&address, &[("EncodedCertificate", &base64::encode(&self.der))])
    }

    pub(crate) fn thumbprint(&self) -> Thumbprint {
        Thumbprint::of(&self.der)
    }

    /// The profile by which a device gets a certificate with its key.
    pub(crate) fn client(&self, folder: &Path, name: &str) -> Profile {
        let issued = self.issue(name, ExtendedKeyUsagePurpose::ClientAuth);
        installation(&issued.as_pfx(&self.pem, folder, &[], "secret"), "secret")
    }
}

impl Issued {
    /// Both in one file, as openssl makes it.
    pub(crate) fn as_pfx(&self, authority: &str, folder: &Path, more: &[&str], password: &str) -> Vec<u8> {
        let place = |name: &str, text: &str| {
            let path = folder.join(name).to_str().unwrap().to_owned();
            std::fs::write(&path, text).unwrap();
            path
        };
        let certificate = place("own.pem", &self.certificate);
        let (key, authority) = (place("own-key.pem", &self.key), place("authority.pem", authority));
        let (out, password) = (place("own.pfx", ""), format!("pass:{password}"));
        let fixed = [
            "pkcs12",
            "-export",
            "-in",
            &certificate,
            "-inkey",
            &key,
            "-certfile",
            &authority,
            "-out",
            &out,
            "-passout",
            &password,
        ];
        ask("openssl", &[&fixed, more].concat());
        std::fs::read(out).unwrap()
    }
}

/// A profile with a certificate and its key in one file.
pub(crate) fn installation(pfx: &[u8], password: &str) -> Profile {
    profile(
        "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/Own",
        &[("PFXCertBlob", &base64::encode(pfx)), ("PFXCertPassword", password), ("KeyLocation", "3")],
    )
}
