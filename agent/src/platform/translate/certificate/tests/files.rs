//! PKCS#12 files as administrators have them.

use mdm_protocol::syncml::StatusCode;
use mdm_protocol::{Thumbprint, base64};
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKeyChain};
use rcgen::KeyPair;

use super::text;
use crate::platform::desired::{Desired, Untranslatable};
use crate::platform::testing::{desired_on, everything, profile, refusal};
use crate::platform::translate::certificate::client::chain_of;
use crate::platform::translate::certificate::testing::{PFX, case, install, installed, leaf, made, pfx};

/// The subjects of the certificates that are written, with whether the key is that of the first one.
fn written(desired: &Desired) -> Vec<String> {
    assert!(desired.without.is_empty(), "{:?}", desired.without);
    let chain = chain_of(text(desired, "-certificate.pem").0.as_bytes());
    let parsed: Vec<_> = chain.iter().map(|der| x509_parser::parse_x509_certificate(der).unwrap().1).collect();
    let key = KeyPair::from_pem(text(desired, "-key.pem").0).unwrap();
    assert_eq!(*parsed[0].public_key().subject_public_key.data, *key.public_key_raw());
    parsed.iter().map(|certificate| certificate.subject().to_string()).collect()
}

const WHOLE_CHAIN: [&str; 3] = ["CN=laptop-18", "O=Example, CN=Example Issuing CA", "O=Example, CN=Example Root One"];

#[test]
fn files_of_every_writer_are_opened_with_their_whole_chain() {
    for name in [
        "40/c-sha512mac.xml",
        "40/c2-sha384mac.xml",
        "40/f-python-noenc-empty.xml",
        "40/f-python-noenc.xml",
        "40/m-ber-indefinite.xml",
        "40/m2-ber-noenc.xml",
        "40/q-rc2-128.xml",
        "41/no-localkeyid.xml",
        "41/pbmac1.xml",
    ] {
        let desired = desired_on(&everything(), &[installed(&case(name))]);
        assert_eq!(written(&desired), WHOLE_CHAIN, "{name}");
        assert!(desired.without_effect.is_empty(), "{name}: {:?}", desired.without_effect);
    }
}

#[test]
fn of_two_keys_the_first_with_a_certificate_is_taken_and_named() {
    for (name, owner) in [("41/two-keys.xml", "CN=laptop-17"), ("41/two-keys-other-order.xml", "CN=laptop-18")] {
        let desired = desired_on(&everything(), &[installed(&case(name))]);
        assert_eq!(written(&desired)[0], owner, "{name}");
        let said: Vec<&String> = desired.without_effect.values().flatten().collect();
        assert!(said.contains(&&format!("PFXCertBlob: the file has 2 keys; that of {owner} is used")), "{said:?}");
    }
}

#[test]
fn a_key_without_a_certificate_is_passed_over_and_identifiers_decide_nothing() {
    let (ada, eve) = (made("ada"), made("eve"));
    // The certificate of ada, tied to the key of eve.
    let chain = |key: &[u8]| PrivateKeyChain::new(key, [1], [Certificate::from_der(&ada.own).unwrap()]);
    let file = |keys: &[&[u8]]| {
        let mut store = KeyStore::new();
        for (place, key) in keys.iter().enumerate() {
            store.add_entry(&format!("key {place}"), KeyStoreEntry::PrivateKeyChain(chain(key)));
        }
        base64::encode(store.writer("x").write().unwrap())
    };
    let desired = desired_on(&everything(), &[install(&file(&[&eve.key, &ada.key]), "x")]);
    assert_eq!(written(&desired), ["CN=ada"]);
    let said: Vec<&String> = desired.without_effect.values().flatten().collect();
    assert_eq!(said, ["PFXCertBlob: the file has 2 keys; that of CN=ada is used"]);
    let (status, reason) = refusal(&everything(), &install(&file(&[&eve.key]), "x"));
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
    assert!(reason.contains("no certificate in it belongs to a private key in it"), "{reason}");
}

#[test]
fn certificates_that_nobody_asked_for_are_named() {
    let (ada, eve) = (made("ada"), made("eve"));
    let chain = [&ada.own, &ada.root].map(|der| Certificate::from_der(der).unwrap());
    let mut store = KeyStore::new();
    store.add_entry("own", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(&ada.key, [1], chain)));
    store.add_entry("other", KeyStoreEntry::Certificate(Certificate::from_der(&eve.root).unwrap()));
    let blob = base64::encode(store.writer("x").write().unwrap());
    let desired = desired_on(&everything(), &[install(&blob, "x")]);
    assert_eq!(written(&desired), ["CN=ada", "CN=Root of ada"]);
    let said: Vec<&String> = desired.without_effect.values().flatten().collect();
    assert_eq!(said, ["PFXCertBlob: 1 of its certificates are not of the key's chain and are not used"]);
}

#[test]
fn the_password_is_blamed_only_where_the_mac_proves_it() {
    let with = |name: &str, password: &str| {
        let blob = leaf(&case(name), "PFXCertBlob").unwrap();
        refusal(&everything(), &install(&blob, password))
    };
    for name in ["40/c-sha512mac.xml", "40/q-rc2-128.xml", "41/pbmac1.xml", "40/f-python-noenc.xml"] {
        let (status, reason) = with(name, "another");
        assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT, "{name}");
        assert!(reason.contains("the password is not that of the file"), "{name}: {reason}");
    }
    let (status, reason) = with("41/two-keys.xml", "another");
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
    assert!(reason.contains("has no MAC that tells which"), "{reason}");
    let (_, reason) = refusal(&everything(), &install(&base64::encode(b"MZ\x90\x00 a program"), "pw1"));
    assert!(reason.contains("not a PKCS#12 file") && !reason.contains("password"), "{reason}");
}

#[test]
fn a_file_waits_for_its_password_unless_it_is_none_at_all() {
    let made = made("ada");
    let blob = pfx(&made, "hunter2");
    let without_password = |blob: &str| profile(PFX, &[("PFXCertBlob", blob)]);
    let waiting = |profile| {
        let desired = desired_on(&everything(), &[profile]);
        match desired.without.into_values().next() {
            Some(Untranslatable::Waiting(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert!(waiting(without_password(&blob)).starts_with("PFXCertPassword: "));
    for name in ["40/c-sha512mac.xml", "41/pbmac1.xml", "41/two-keys.xml", "40/m-ber-indefinite.xml"] {
        let blob = leaf(&case(name), "PFXCertBlob").unwrap();
        assert!(waiting(without_password(&blob)).starts_with("PFXCertPassword: "), "{name}");
    }
    let (status, _) = refusal(&everything(), &without_password(&base64::encode(b"nonsense")));
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
    // Once it is there, it is judged; an empty one is one.
    let (status, _) = refusal(&everything(), &install(&blob, ""));
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
    let own = Thumbprint::of(&made.own).to_string();
    let desired = desired_on(&everything(), &[install(&blob, "hunter2")]);
    assert!(desired.nodes.iter().any(|(_, _, value)| *value == own));
}

#[test]
fn a_sealed_password_waits_for_the_node_that_says_that_it_is_sealed() {
    let made = made("ada");
    let blob = pfx(&made, "hunter2");
    // ContentInfo with id-envelopedData and nothing in it.
    let sealed = base64::encode([
        0x30, 0x0f, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03, 0xa0, 0x02, 0x30, 0x00,
    ]);
    let leaves = [("PFXCertBlob", blob.as_str()), ("PFXCertPassword", sealed.as_str())];
    let desired = desired_on(&everything(), &[profile(PFX, &leaves)]);
    match desired.without.into_values().next() {
        Some(Untranslatable::Waiting(reason)) => {
            assert!(reason.starts_with("PFXCertPasswordEncryptionType: "), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let plain = [leaves[0], leaves[1], ("PFXCertPasswordEncryptionType", "0")];
    let (status, _) = refusal(&everything(), &profile(PFX, &plain));
    assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn passwords_in_other_alphabets_are_taken() {
    let made = made("ada");
    for password in ["pässwörd", "пароль"] {
        let desired = desired_on(&everything(), &[install(&pfx(&made, password), password)]);
        assert_eq!(written(&desired), ["CN=ada", "CN=Root of ada"], "{password}");
    }
}
