//! Clients that real responders have to do with: serial numbers of 40 octets, version 1, BER in both layers, another key than
//! the one that signs.

mod client;

use const_oid::ObjectIdentifier;
use mdm_protocol::Secret;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use self::client::{Client, OCTETS, Style, old_fashioned, request, rsa_key};
use super::*;
use crate::service::{CertificateAuthority, machine_now};
use crate::store::Store;
use crate::tenant::signed_message::{SignedMessage, value};
use crate::tenant::{ScepMode, SettingsPatch, Tenant};

const PKI_STATUS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.3");
const FAIL_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.4");

struct Responder {
    service: Service,
    registration: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Responder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = machine_now();
        let (authority, _) = CertificateAuthority::create(now).unwrap();
        let (registration, ..) = RegistrationAuthority::create(&authority, now).unwrap();
        let der = registration.der().to_vec();
        let store = Store::open(folder.path(), true).unwrap();
        let service = Service::new(Tenant::default(), store, authority, "https://mdm".to_owned()).unwrap();
        Self { service: service.with_scep(registration), registration: der, _folder: folder }
    }

    fn set(&self, mode: ScepMode) {
        let patch = SettingsPatch { scep: Some(mode), ..SettingsPatch::default() };
        self.service.act(|tenant, now| tenant.change_settings(patch, now).map(drop)).unwrap();
    }

    fn challenge(&self, text: &str) {
        self.service
            .act(|tenant, now| {
                tenant.add_scep_challenge(&Secret::new(text), now);
                Ok(())
            })
            .unwrap();
    }

    /// Sends a request; the reply, whose signature holds.
    fn ask(&self, client: &Client<'_>, kind: &str, transaction: &str, content: &[u8]) -> Reply {
        let message = client.message(kind, transaction, content, &self.registration);
        let answer = self.service.scep(&ScepOperation::Message(message));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let read = SignedMessage::read(&answer.body).unwrap();
        let attributes = read.attributes().unwrap();
        let text = |oid| value(&attributes, oid).map(|any| String::from_utf8_lossy(any.value()).into_owned());
        let verified = read.verify().unwrap();
        assert_eq!(verified.signer, self.registration);
        let certificate = (!verified.content.is_empty()).then(|| {
            let opened = envelope::open(&verified.content, client.key, &client.certificate).unwrap();
            certificates(&opened).remove(0)
        });
        Reply { status: text(PKI_STATUS).unwrap(), reason: text(FAIL_INFO), certificate, message: answer.body }
    }
}

struct Reply {
    status: String,
    reason: Option<String>,
    certificate: Option<Vec<u8>>,
    message: Vec<u8>,
}

/// The certificates of a message, in the order in which they stand there.
fn certificates(message: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = message;
    let mut found = Vec::new();
    while !rest.is_empty() {
        match X509Certificate::from_der(rest) {
            Ok((after, certificate)) => {
                found.push(rest[..rest.len() - after.len()].to_vec());
                assert!(!certificate.public_key().raw.is_empty());
                rest = after;
            }
            Err(_) => rest = &rest[1..],
        }
    }
    found
}

fn key_of(certificate: &[u8]) -> Vec<u8> {
    X509Certificate::from_der(certificate).unwrap().1.public_key().raw.to_vec()
}

#[test]
fn serial_numbers_of_40_octets_and_ber_in_both_layers_are_taken() {
    let responder = Responder::new();
    let key = rsa_key();
    for (number, (serial, style)) in
        [(8, Style::Plain), (20, Style::Ber), (32, Style::Plain), (40, Style::Ber)].into_iter().enumerate()
    {
        let client = Client { key: &key, certificate: old_fashioned(&key, "ada", serial), style };
        let challenge = format!("once {number}");
        responder.challenge(&challenge);
        // As one client writes its transactions: 77 digits.
        let transaction = format!("{number}{}", "7".repeat(76));
        let reply = responder.ask(&client, "19", &transaction, &request(&key, "ada", Some(&challenge)));
        assert_eq!((reply.status.as_str(), reply.reason), ("0", None), "{serial} octets");
        assert_eq!(key_of(&reply.certificate.unwrap()), key_of(&client.certificate));
    }
    let client = Client { key: &key, certificate: old_fashioned(&key, "ada", 42), style: Style::Plain };
    let refused = responder.ask(&client, "19", "42", &request(&key, "ada", None));
    assert_eq!((refused.status.as_str(), refused.reason.as_deref()), ("2", Some("1")));
}

#[test]
fn the_first_certificate_of_the_authority_is_one_to_encrypt_to() {
    let responder = Responder::new();
    let answer = responder.service.scep(&ScepOperation::Authority);
    let found = certificates(&answer.body);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0], responder.registration);
    assert!(matches!(
        X509Certificate::from_der(&found[0]).unwrap().1.public_key().parsed(),
        Ok(x509_parser::public_key::PublicKey::RSA(_))
    ));
}

#[test]
fn a_reply_without_a_certificate_has_an_empty_content() {
    let responder = Responder::new();
    let key = rsa_key();
    let client = Client { key: &key, certificate: old_fashioned(&key, "ada", 16), style: Style::Plain };
    let refused = responder.ask(&client, "19", "a", &request(&key, "ada", Some("guessed")));
    assert_eq!((refused.status.as_str(), refused.reason.as_deref()), ("2", Some("2")));
    responder.set(ScepMode::Manual);
    let pending = responder.ask(&client, "19", "b", &request(&key, "ada", None));
    assert_eq!((pending.status.as_str(), pending.certificate), ("3", None));
    // `ask` has verified the signature over the content, which needs one.
    let empty = [0xA0, 2, OCTETS, 0];
    for message in [refused.message, pending.message] {
        assert!(message.windows(4).any(|part| part == empty));
    }
}

#[test]
fn the_holder_of_a_certificate_gets_one_for_a_new_key() {
    let responder = Responder::new();
    let (old, new) = (rsa_key(), rsa_key());
    let first = Client { key: &old, certificate: old_fashioned(&old, "ada", 16), style: Style::Plain };
    responder.challenge("once");
    let issued = responder.ask(&first, "19", "a", &request(&old, "ada", Some("once"))).certificate.unwrap();
    let holder = Client { certificate: issued, ..first };
    for (kind, transaction, style) in [("19", "b", Style::Plain), ("17", "c", Style::Ber)] {
        let holder = Client { certificate: holder.certificate.clone(), key: holder.key, style };
        let content = request(&new, "ada", None);
        let reply = responder.ask(&holder, kind, transaction, &content);
        assert_eq!((reply.status.as_str(), reply.reason), ("0", None), "{kind}");
        let certificate = reply.certificate.unwrap();
        assert_eq!(key_of(&certificate), rcgen::PublicKeyData::subject_public_key_info(&new));
        // Asked again, it is the same; the old key may poll for it too.
        assert_eq!(responder.ask(&holder, kind, transaction, &content).certificate.as_ref(), Some(&certificate));
        assert_eq!(responder.ask(&holder, "20", transaction, &[0x30, 0]).certificate.as_ref(), Some(&certificate));
    }
    let self_signed = Client { certificate: old_fashioned(&old, "ada", 16), key: &old, style: Style::Plain };
    for (client, subject) in [(&holder, "eve"), (&self_signed, "ada")] {
        let refused = responder.ask(client, "19", "d", &request(&new, subject, None));
        assert_eq!((refused.status.as_str(), refused.reason.as_deref()), ("2", Some("1")), "{subject}");
    }
}

#[test]
#[ignore = "needs the openssl command"]
fn openssl_verifies_replies_with_and_without_a_certificate() {
    let responder = Responder::new();
    let key = rsa_key();
    let client = Client { key: &key, certificate: old_fashioned(&key, "ada", 40), style: Style::Ber };
    responder.challenge("once");
    let granted = responder.ask(&client, "19", "a", &request(&key, "ada", Some("once"))).message;
    let refused = responder.ask(&client, "19", "b", &request(&key, "ada", Some("once"))).message;
    responder.set(ScepMode::Manual);
    let pending = responder.ask(&client, "19", "c", &request(&key, "ada", None)).message;
    let folder = tempfile::tempdir().unwrap();
    for (name, message) in [("granted", granted), ("refused", refused), ("pending", pending)] {
        std::fs::write(folder.path().join(name), message).unwrap();
        for program in [&["cms", "-verify", "-binary"][..], &["smime", "-verify", "-binary"]] {
            let output = std::process::Command::new("openssl")
                .args(program)
                .args(["-inform", "DER", "-noverify", "-in", name, "-out", "content"])
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert!(output.status.success(), "{name} {program:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
