//! Certificates of the device's own, and profiles that install them and ask for them.

use mdm_protocol::{Thumbprint, base64};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
};

use crate::engine::Profile;
use crate::platform::testing::profile;

pub(crate) const PFX: &str = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/office";

/// A certificate of a client's and its issuer, in DER, and its key.
pub(crate) struct Made {
    pub(crate) root: Vec<u8>,
    pub(crate) own: Vec<u8>,
    pub(crate) key: Vec<u8>,
    root_key: Vec<u8>,
    root_name: String,
}

/// A root and a certificate for a client below it.
pub(crate) fn made(name: &str) -> Made {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    issued(name, &format!("Root of {name}"), &key)
}

/// A certificate of another client's by the same issuer.
pub(crate) fn issued_by(other: &Made, name: &str) -> Made {
    let key = KeyPair::try_from(other.root_key.as_slice()).unwrap();
    Made { root: other.root.clone(), ..issued(name, &other.root_name, &key) }
}

fn issued(name: &str, root_name: &str, root_key: &KeyPair) -> Made {
    let mut root = CertificateParams::default();
    root.distinguished_name.push(DnType::CommonName, root_name);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(root_key).unwrap();
    let issuer = Issuer::from_params(&root, root_key);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut own = CertificateParams::default();
    own.distinguished_name.push(DnType::CommonName, name);
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let own = own.signed_by(&key, &issuer).unwrap();
    Made {
        root: root_certificate.der().to_vec(),
        own: own.der().to_vec(),
        key: key.serialize_der(),
        root_key: root_key.serialize_der(),
        root_name: root_name.to_owned(),
    }
}

/// A PKCS#12 file in base64.
pub(crate) fn pfx(made: &Made, password: &str) -> String {
    pfx_of(made, &[&made.own, &made.root], password)
}

/// The same without the issuer.
pub(crate) fn pfx_without_root(made: &Made, password: &str) -> String {
    pfx_of(made, &[&made.own], password)
}

fn pfx_of(made: &Made, chain: &[&Vec<u8>], password: &str) -> String {
    let chain: Vec<Certificate> = chain.iter().map(|der| Certificate::from_der(der).unwrap()).collect();
    let mut store = KeyStore::new();
    store.add_entry("own", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(&made.key, [1], chain)));
    base64::encode(store.writer(password).write().unwrap())
}

/// The profile that installs it.
pub(crate) fn install(blob: &str, password: &str) -> Profile {
    profile(PFX, &[("PFXCertBlob", blob), ("PFXCertPassword", password)])
}

/// A network that asks for a certificate of this issuer.
pub(crate) fn network(issuer: &[u8]) -> Profile {
    let document = format!(
        "<WLANProfile><name>Corp</name><SSIDConfig><SSID><name>Corp</name></SSID></SSIDConfig><MSM><security>\
         <authEncryption><authentication>WPA2</authentication><encryption>AES</encryption></authEncryption><OneX><EAPConfig>\
         <EapHostConfig><EapMethod><Type>13</Type></EapMethod><Config><Eap><Type>13</Type><EapType>\
         <TLSExtensions><FilteringInfo><CAHashList><IssuerHash>{}</IssuerHash></CAHashList></FilteringInfo></TLSExtensions>\
         </EapType></Eap></Config></EapHostConfig>\
         </EAPConfig></OneX></security></MSM></WLANProfile>",
        Thumbprint::of(issuer)
    );
    profile("./Device/Vendor/MSFT/WiFi/Profile/Corp", &[("WlanXml", &document)])
}

/// A case from the field, as it arrives: commands of SyncML.
pub(crate) fn case(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The value of one of its nodes.
pub(crate) fn leaf(commands: &str, node: &str) -> Option<String> {
    let (_, rest) = commands.split_once(&format!("/{node}</LocURI>"))?;
    let command = rest.split_once("</Replace>")?.0;
    let data = command.split_once("<Data>").and_then(|(_, data)| data.split_once("</Data>"));
    Some(data.map(|(data, _)| data.to_owned()).unwrap_or_default())
}

/// The profile that such commands make.
pub(crate) fn installed(commands: &str) -> Profile {
    let nodes = ["PFXCertBlob", "PFXCertPassword", "KeyLocation"];
    let leaves: Vec<(&str, String)> = nodes.iter().filter_map(|node| Some((*node, leaf(commands, node)?))).collect();
    let leaves: Vec<(&str, &str)> = leaves.iter().map(|(node, value)| (*node, value.as_str())).collect();
    profile(PFX, &leaves)
}
