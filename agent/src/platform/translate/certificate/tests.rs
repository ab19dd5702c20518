mod chains;
mod files;

use std::collections::BTreeMap;
use std::sync::Arc;

use mdm_protocol::syncml::StatusCode;
use mdm_protocol::{Secret, Thumbprint, base64};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};
use rcgen::KeyPair;

use super::scep::IssuedCertificate;
use super::testing::{PFX, install, made, network, pfx};
use crate::platform::desired::{Content, Desired, Untranslatable};
use crate::platform::machine::{Machine, TrustStore};
use crate::platform::site::Surroundings;
use crate::platform::testing::{desired_in, desired_on, everything, profile, refusal};
use crate::platform::translate::Unsealer;

const SCEP: &str = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/office";

fn text<'a>(desired: &'a Desired, ending: &str) -> (&'a str, u32) {
    let (_, (file, _)) = desired.files.iter().find(|(path, _)| path.name().ends_with(ending)).unwrap();
    let Content::Bytes(bytes) = &file.content else { panic!("a link") };
    (std::str::from_utf8(bytes).unwrap(), file.mode)
}

#[test]
fn a_certificate_with_its_key_goes_into_two_files_of_which_only_one_may_be_read() {
    let made = made("ada");
    let desired = desired_on(&everything(), &[install(&pfx(&made, "hunter2"), "hunter2")]);
    let (chain, mode) = text(&desired, "-certificate.pem");
    assert_eq!((chain.matches("BEGIN CERTIFICATE").count(), mode), (2, 0o644));
    let (key, mode) = text(&desired, "-key.pem");
    assert_eq!(mode, 0o600);
    assert_eq!(KeyPair::from_pem(key).unwrap().serialize_der(), made.key);
    let thumbprint = Thumbprint::of(&made.own).to_string();
    assert!(desired.nodes.iter().any(|(address, _, value)| address.ends_with("/Thumbprint") && *value == thumbprint));
    assert!(desired.nodes.iter().any(|(address, _, value)| address.ends_with("/Status") && value == "0"));
}

#[test]
fn what_is_no_pkcs_12_or_has_another_password_is_refused_without_repeating_either() {
    let made = made("ada");
    let blob = pfx(&made, "hunter2");
    let mut cut = base64::decode(&blob).unwrap();
    cut.truncate(200);
    for profile in [
        install(&blob, "wrong-password"),
        install(&blob, ""),
        install(&base64::encode(b"nonsense"), "hunter2"),
        install(&base64::encode(&cut), "hunter2"),
        install(&base64::encode(vec![0x30; 300 << 10]), "hunter2"),
    ] {
        let (code, reason) = refusal(&everything(), &profile);
        assert_eq!(code, StatusCode::UNSUPPORTED_FORMAT, "{reason}");
        assert!(!reason.contains("hunter2") && !reason.contains("wrong-password"), "{reason}");
    }
}

#[test]
fn work_without_end_is_not_begun() {
    let made = made("ada");
    let chain = [Certificate::from_der(&made.own).unwrap()];
    let mut store = KeyStore::new();
    store.add_entry("own", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(&made.key, [1], chain)));
    let usual = store.writer("hunter2").encryption_iterations(40_001).mac_iterations(40_002).write().unwrap();
    let file = endless(&usual, 40_002);
    let (status, reason) = refusal(&everything(), &install(&base64::encode(&file), "hunter2"));
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
    assert!(reason.contains("five million times"), "{reason}");
    let deep = (0..100).fold(vec![0x05, 0x00], |inner, _| {
        let mut outer =
            vec![0x30, 0x82, u8::try_from(inner.len() / 256).unwrap(), u8::try_from(inner.len() % 256).unwrap()];
        outer.extend(inner);
        outer
    });
    let (_, reason) = refusal(&everything(), &install(&base64::encode(&deep), "hunter2"));
    assert!(reason.contains("not a PKCS#12 file"), "what is nested without end is not looked through: {reason}");
}

/// Writes eight million over a count of a file, in as many bytes.
fn endless(file: &[u8], count: u16) -> Vec<u8> {
    let [high, low] = count.to_be_bytes();
    let place = file.windows(5).position(|window| window == [0x02, 0x03, 0x00, high, low]).unwrap();
    let mut changed = file.to_vec();
    changed[place + 2..place + 5].copy_from_slice(&[0x7f, 0xff, 0xff]);
    changed
}

#[derive(Debug)]
struct Opens(&'static str);

impl Unsealer for Opens {
    fn unseal(&self, sealed: &Secret) -> Result<Secret, String> {
        if sealed.expose() == "sealed" { Ok(Secret::new(self.0)) } else { Err("it is not for this device".to_owned()) }
    }
}

#[test]
fn a_password_that_is_sealed_for_this_device_is_opened_with_its_key() {
    let blob = pfx(&made("ada"), "hunter2");
    let sealed = |password: &str| {
        profile(PFX, &[("PFXCertBlob", &blob), ("PFXCertPassword", password), ("PFXCertPasswordEncryptionType", "1")])
    };
    let machine = everything();
    let without = |password: &str| {
        let surroundings = Surroundings { unsealer: Arc::new(Opens("hunter2")), ..Surroundings::of(machine.clone()) };
        desired_in(surroundings, &[sealed(password)]).without
    };
    assert!(without("sealed").is_empty());
    let Some(Untranslatable::Refused(refusal)) = without("other").into_values().next() else { panic!("taken") };
    assert!(refusal.reason.contains("not for this device"), "{}", refusal.reason);
}

#[test]
fn a_network_finds_the_certificate_by_its_issuer_among_several() {
    let (ada, eve) = (made("ada"), made("eve"));
    let other = profile(&PFX.replace("office", "other"), &[("PFXCertBlob", &pfx(&eve, "x")), ("PFXCertPassword", "x")]);
    let profiles = [install(&pfx(&ada, "hunter2"), "hunter2"), other, network(&eve.root)];
    let desired = desired_on(&everything(), &profiles);
    let (keyfile, _) = text(&desired, ".nmconnection");
    assert!(keyfile.contains("identity=eve\n") && keyfile.contains("-other-"), "{keyfile}");
    let stranger = made("stranger");
    let desired = desired_on(&everything(), &[install(&pfx(&ada, "hunter2"), "hunter2"), network(&stranger.root)]);
    assert!(matches!(desired.without.values().next(), Some(Untranslatable::Waiting(_))), "{desired:?}");
}

#[test]
fn a_certificate_that_was_ordered_is_there_once_it_was_issued() {
    let machine = everything();
    let made = made("ada");
    let profiles = [profile(SCEP, &[("Install/ServerURL", "https://ca.example"), ("Install/SubjectName", "CN=ada")])];
    assert!(matches!(desired_on(&machine, &profiles).without.values().next(), Some(Untranslatable::Waiting(_))));
    let issued = IssuedCertificate { key: Secret::new("key\n"), chain: vec![made.own, made.root] };
    let issued = Arc::new(BTreeMap::from([(SCEP.to_owned(), issued)]));
    let desired = desired_in(Surroundings { issued, ..Surroundings::of(machine) }, &profiles);
    assert_eq!(text(&desired, "-key.pem"), ("key\n", 0o600));
    assert_eq!(text(&desired, "-certificate.pem").0.matches("BEGIN CERTIFICATE").count(), 2);
}

#[test]
fn every_family_of_distributions_has_its_own_place_for_authorities() {
    let made = made("ada");
    let name = Thumbprint::of(&made.root);
    let encoded = base64::encode(&made.root);
    let trusted = |store: &str| {
        let address = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/{store}/{name}");
        profile(&address, &[("EncodedCertificate", &encoded)])
    };
    for (family, store, expected) in [
        (TrustStore::Debian, "Root", "/usr/local/share/ca-certificates"),
        (TrustStore::Debian, "CA", "/usr/local/share/ca-certificates"),
        (TrustStore::RedHat, "Root", "/etc/pki/ca-trust/source/anchors"),
        (TrustStore::RedHat, "CA", "/etc/pki/ca-trust/source"),
        (TrustStore::RedHat, "UntrustedCertificates", "/etc/pki/ca-trust/source/blocklist"),
        (TrustStore::Suse, "Root", "/etc/pki/trust/anchors"),
    ] {
        let machine = Machine { trust_store: Some(family), ..Machine::default() };
        let desired = desired_on(&machine, &[trusted(store)]);
        let directories: Vec<&str> = desired.files.keys().map(|path| path.directory()).collect();
        assert_eq!(directories, [expected], "{family:?} {store}");
    }
    for store in ["TrustedPublisher", "TrustedPeople", "UntrustedCertificates", "OemEsim"] {
        assert_eq!(refusal(&everything(), &trusted(store)).0, StatusCode::NOT_SUPPORTED, "{store}");
    }
}
