//! Signatures over messages, with one thing wrong at a time.

use std::process::Command;

use const_oid::db::rfc5911::ID_DATA;
use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::shell::cms::{SigningDigest, sign_with};
use crate::shell::identity::pem;

const CONTENT: &[u8] = b"some content";

#[test]
fn a_message_is_believed_if_a_trusted_certificate_signed_it() {
    let (key, certificate) = holder();
    let bytes = sign_with(CONTENT, &key, &certificate, Vec::new(), SigningDigest::Sha256).unwrap();
    let message = Message::read(&bytes).unwrap();
    assert_eq!(message.certificates(), std::slice::from_ref(&certificate));
    let (_, other) = holder();
    let proved = message.verify(&[other.clone(), certificate]).unwrap();
    assert_eq!(proved.content, CONTENT);
    assert_eq!(proved.attribute(ID_CONTENT_TYPE).unwrap().decode_as::<ObjectIdentifier>().unwrap(), ID_DATA);
    assert!(proved.attribute(ID_DATA).is_none());
    assert!(matches!(message.verify(&[other]), Err(SignedError::OtherSigner)));
    assert!(matches!(message.verify(&[]), Err(SignedError::OtherSigner)));
}

#[test]
fn a_signature_over_sha_1_is_made_and_taken_only_by_whoever_asks_for_it() {
    use rcgen::{PKCS_RSA_SHA256, RsaKeySize};
    for size in [RsaKeySize::_2048, RsaKeySize::_3072] {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
        let bytes = sign_with(CONTENT, &key, &certificate, Vec::new(), SigningDigest::Sha1).unwrap();
        let message = Message::read(&bytes).unwrap();
        let trusted = [certificate];
        assert!(matches!(message.verify(&trusted), Err(SignedError::Weak)));
        assert_eq!(message.verify_with_sha1(&trusted).unwrap().content, CONTENT);
        let mut changed = bytes.clone();
        *changed.last_mut().unwrap() ^= 1;
        let changed = Message::read(&changed).unwrap();
        assert!(matches!(changed.verify_with_sha1(&trusted), Err(SignedError::Signature)));
        // What is wrong is not called weak: that would let anybody say it.
        assert!(matches!(changed.verify(&trusted), Err(SignedError::Signature)));
    }
    let (elliptic, certificate) = holder();
    assert!(sign_with(CONTENT, &elliptic, &certificate, Vec::new(), SigningDigest::Sha1).is_err());
}

#[test]
fn a_changed_content_and_a_changed_signature_are_noticed() {
    let (key, certificate) = holder();
    let bytes = sign_with(CONTENT, &key, &certificate, Vec::new(), SigningDigest::Sha256).unwrap();
    let place = bytes.windows(CONTENT.len()).position(|part| part == CONTENT).unwrap();
    let trusted = [certificate];
    for place in [place, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(matches!(Message::read(&changed).unwrap().verify(&trusted), Err(SignedError::Signature)));
    }
    for length in 0..bytes.len() {
        assert!(Message::read(&bytes[..length]).is_err());
    }
    assert!(matches!(Message::read(&vec![0; LIMIT + 1]), Err(SignedError::TooLarge)));
}

#[test]
#[ignore = "needs openssl"]
fn what_openssl_signs_is_verified_and_old_digests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    // RSA, since a signature over SHA-1 is made and taken with no other key.
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let certificate = certificate_of(&key);
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("key", key.serialize_pem().as_bytes());
    write("certificate", pem("CERTIFICATE", &certificate).as_bytes());
    write("plain", CONTENT);
    let sign = |options: &str| {
        let line =
            format!("cms -sign -binary -nodetach -in plain -outform DER -signer certificate -inkey key {options}");
        let done = Command::new("openssl").args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Message::read(&done.stdout).unwrap()
    };
    let trusted = [certificate.clone()];
    for options in ["-md sha256", "-md sha256 -keyid", "-md sha256 -stream", "-md sha256 -nocerts"] {
        assert_eq!(sign(options).verify(&trusted).unwrap().content, CONTENT, "{options}");
    }
    assert!(matches!(sign("-md sha1").verify(&trusted), Err(SignedError::Weak)));
    assert_eq!(sign("-md sha1").verify_with_sha1(&trusted).unwrap().content, CONTENT);
    assert!(matches!(sign("-md sha256 -noattr").verify(&trusted), Err(SignedError::Attributes)));
}

fn holder() -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate_of(&key);
    (key, certificate)
}

/// A certificate with a subject key identifier.
fn certificate_of(key: &KeyPair) -> Vec<u8> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::ExplicitNoCa;
    parameters.self_signed(key).unwrap().der().to_vec()
}
