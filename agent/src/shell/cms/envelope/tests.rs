//! Envelopes, opened by other code than made them where there is some.

use std::process::Command;

use aws_lc_rs::rand::SystemRandom;
use rcgen::{CertificateParams, PKCS_RSA_SHA256, RsaKeySize};

use super::*;
use crate::shell::identity::pem;

const SECRET: &[u8] = b"a password that only the device may read";

#[test]
fn what_is_sealed_to_a_certificate_opens_with_its_key_only() {
    let ((key, certificate), (other_key, other)) = (holder(), holder());
    for content in [&b""[..], SECRET, &[7; 4096]] {
        let message = seal(content, &certificate, &SystemRandom::new()).unwrap();
        assert!(content.is_empty() || !message.windows(content.len()).any(|part| part == content));
        assert_eq!(open(&message, &key, &certificate).unwrap().as_slice(), content);
        assert!(matches!(open(&message, &other_key, &other), Err(EnvelopeError::OtherRecipient)));
        assert!(matches!(open(&message, &other_key, &certificate), Err(EnvelopeError::Unopenable)));
    }
}

#[test]
fn triple_des_is_written_for_whoever_asks_for_it_and_a_cipher_that_is_not_known_is_named() {
    let (key, certificate) = holder();
    let message = seal_with(SECRET, &certificate, ContentCipher::TripleDes, &SystemRandom::new()).unwrap();
    assert_eq!(open(&message, &key, &certificate).unwrap().as_slice(), SECRET);
    let identifier = DES_EDE3_CBC.to_der().unwrap();
    let place = message.windows(identifier.len()).position(|part| part == identifier).unwrap();
    let mut other = message;
    other[place + identifier.len() - 1] = 6;
    let Err(EnvelopeError::Cipher(named)) = open(&other, &key, &certificate) else { panic!("it was opened") };
    assert_eq!(named.to_string(), "1.2.840.113549.3.6");
}

#[test]
fn no_two_messages_are_alike() {
    let (_, certificate) = holder();
    let seal = || seal(SECRET, &certificate, &SystemRandom::new()).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn a_message_that_was_cut_or_changed_is_an_error() {
    let (key, certificate) = holder();
    let message = seal(SECRET, &certificate, &SystemRandom::new()).unwrap();
    for length in 0..message.len() {
        assert!(open(&message[..length], &key, &certificate).is_err());
    }
    for place in 0..message.len() {
        let mut changed = message.clone();
        changed[place] ^= 1;
        // CBC alone proves nothing: a change of the text may open to another text.
        let _ = open(&changed, &key, &certificate);
    }
    for (bytes, error) in [
        (vec![0; LIMIT + 1], "larger"),
        (b"<html>".to_vec(), "cannot be read"),
        (vec![0x30, 0x00], "no CMS EnvelopedData"),
    ] {
        let text = open(&bytes, &key, &certificate).unwrap_err().to_string();
        assert!(text.contains(error), "{text}");
    }
}

#[test]
fn only_an_rsa_certificate_can_be_sealed_to() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    let sealed = seal(SECRET, certificate.der(), &SystemRandom::new());
    assert!(matches!(sealed, Err(EnvelopeError::Recipient(_))));
    assert!(matches!(seal(SECRET, b"nothing", &SystemRandom::new()), Err(EnvelopeError::Recipient(_))));
}

#[test]
#[ignore = "needs openssl"]
fn openssl_opens_what_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = holder();
    let files = Files::new(&folder, &key, &certificate);
    std::fs::write(files.path("sealed"), seal(SECRET, &certificate, &SystemRandom::new()).unwrap()).unwrap();
    let opened = files.openssl("-decrypt -inform DER -in sealed -recip certificate -inkey key");
    assert_eq!(opened, SECRET);
}

#[test]
#[ignore = "needs openssl"]
fn what_openssl_seals_opens_whatever_cipher_transport_and_encoding_it_uses() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = holder();
    let files = Files::new(&folder, &key, &certificate);
    std::fs::write(files.path("plain"), SECRET).unwrap();
    for cipher in ["-aes128", "-aes192", "-aes256", "-des3"] {
        for how in [
            "",
            "-keyid",
            "-stream",
            "-keyopt rsa_padding_mode:oaep",
            "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
            "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha512 -keyopt rsa_oaep_label:0102",
        ] {
            let message =
                files.openssl(&format!("-encrypt -binary -in plain -outform DER {cipher} -recip certificate {how}"));
            assert_eq!(open(&message, &key, &certificate).unwrap().as_slice(), SECRET, "{cipher} {how}");
        }
    }
    let message =
        files.openssl("-encrypt -binary -in plain -outform DER -rc2 -provider legacy -provider default certificate");
    assert!(matches!(open(&message, &key, &certificate), Err(EnvelopeError::Cipher(_))));
}

struct Files<'a>(&'a tempfile::TempDir);

impl<'a> Files<'a> {
    fn new(folder: &'a tempfile::TempDir, key: &KeyPair, certificate: &[u8]) -> Self {
        let files = Self(folder);
        std::fs::write(files.path("key"), key.serialize_pem()).unwrap();
        std::fs::write(files.path("certificate"), pem("CERTIFICATE", certificate)).unwrap();
        files
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, arguments: &str) -> Vec<u8> {
        let arguments = arguments.split_whitespace();
        let done = Command::new("openssl").arg("cms").args(arguments).current_dir(self.0.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }
}

fn holder() -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut parameters = CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::ExplicitNoCa;
    let certificate = parameters.self_signed(&key).unwrap().der().to_vec();
    (key, certificate)
}
