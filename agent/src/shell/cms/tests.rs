//! Renewal requests, verified by other code than made them.

use std::process::Command;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use x509_cert::request::CertReq;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509CertificationRequest};
use zeroize::Zeroizing;

use super::*;
use crate::engine::enrolment::{KeyKind, KeyOrder};
use crate::shell::identity::pem;
use crate::shell::keys::{self, RenewalRequest};

const RENEWAL_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.13.1");
const TIME: i64 = 1_790_000_000;

#[test]
fn a_renewal_carries_a_request_for_a_new_key_signed_by_the_old_one() {
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let slot = slot(kind);
        let renewal = renewal(kind, &slot);
        let content = verified(&renewal.message, &slot);
        assert_eq!(content, renewal.key.certificate_request);
        let (_, request) = X509CertificationRequest::from_der(&content).unwrap();
        assert_eq!(request.certification_request_info.subject_pki.raw, renewal.key.public_key);
        assert_ne!(renewal.key.public_key, slot.public_key().unwrap());
        let request = CertReq::from_der(&content).unwrap();
        let attribute = request.info.attributes.iter().find(|found| found.oid == RENEWAL_CERTIFICATE).unwrap();
        assert_eq!(attribute.values.get(0).unwrap().to_der().unwrap(), slot.certificate().unwrap().as_ref());
    }
}

#[test]
fn the_signed_attributes_say_when_and_are_in_the_order_of_their_encodings() {
    let slot = slot(KeyKind::P256);
    let message = sign(b"content", &slot, TIME).unwrap();
    let attributes = signer_of(&message).signed_attrs.unwrap();
    let encodings: Vec<Vec<u8>> = attributes.iter().map(|attribute| attribute.to_der().unwrap()).collect();
    assert!(encodings.is_sorted() && encodings.len() == 3);
    let time = attributes.iter().find(|attribute| attribute.oid == ID_SIGNING_TIME).unwrap();
    let time = Time::from_der(&time.values.get(0).unwrap().to_der().unwrap()).unwrap();
    assert_eq!(time.to_unix_duration().as_secs(), u64::try_from(TIME).unwrap());
}

#[test]
fn a_time_after_2049_is_written_with_four_digits_for_the_year() {
    assert!(matches!(signing_time(2_524_607_999).unwrap(), Time::UtcTime(_)));
    assert!(matches!(signing_time(2_524_608_000).unwrap(), Time::GeneralTime(_)));
    assert!(signing_time(i64::MAX).is_err());
    assert!(signing_time(-1).is_ok());
}

#[test]
fn an_entity_id_is_signed_by_the_present_key() {
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let slot = slot(kind);
        let signature = mdm_protocol::base64::decode(&keys::sign_entity_id(&slot, "entity-7").unwrap()).unwrap();
        assert!(holds(&slot, b"entity-7", &signature));
        assert!(!holds(&slot, b"entity-8", &signature));
    }
}

#[test]
fn a_damaged_slot_is_an_error_that_shows_no_key() {
    let mut slot = slot(KeyKind::P256);
    slot.private_key = Zeroizing::new(b"a secret".to_vec());
    let error = sign(b"content", &slot, TIME).unwrap_err().to_string();
    assert!(error.contains("private key") && !error.contains("a secret"), "{error}");
    slot.certificates = pem("CERTIFICATE", &[0x30, 0]).into_bytes();
    assert!(sign(b"content", &slot, TIME).unwrap_err().to_string().contains("certificate"));
}

#[test]
#[ignore = "needs openssl"]
fn openssl_verifies_a_renewal() {
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let folder = tempfile::tempdir().unwrap();
        let slot = slot(kind);
        let renewal = renewal(kind, &slot);
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(file("message"), &renewal.message).unwrap();
        std::fs::write(file("certificate"), &slot.certificates).unwrap();
        openssl(&[
            "cms",
            "-verify",
            "-inform",
            "DER",
            "-purpose",
            "any",
            "-in",
            &file("message"),
            "-CAfile",
            &file("certificate"),
            "-out",
            &file("request"),
            "-binary",
        ]);
        assert_eq!(std::fs::read(file("request")).unwrap(), renewal.key.certificate_request);
        let text = openssl(&["req", "-inform", "DER", "-in", &file("request"), "-verify", "-noout", "-text"]);
        assert!(text.contains("1.3.6.1.4.1.311.13.1"), "{text}");
    }
}

#[test]
fn a_detached_signature_holds_for_the_message_beside_it_alone() {
    let slot = slot(KeyKind::P256);
    let signed = sign_detached(b"<SyncML/>", &slot, TIME).unwrap();
    assert!(data_of(&signed).encap_content_info.econtent.is_none());
    let attributes = signer_of(&signed).signed_attrs.unwrap();
    let digest = attributes.iter().find(|attribute| attribute.oid == ID_MESSAGE_DIGEST).unwrap();
    assert_eq!(digest.values.get(0).unwrap().value(), Sha256::digest(b"<SyncML/>").as_slice());
    assert!(holds(&slot, &attributes.to_der().unwrap(), signer_of(&signed).signature.as_bytes()));
}

#[test]
#[ignore = "needs openssl"]
fn openssl_verifies_a_message_by_the_signature_beside_it() {
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let folder = tempfile::tempdir().unwrap();
        let slot = slot(kind);
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(file("message"), b"<SyncML/>").unwrap();
        std::fs::write(file("signature"), sign_detached(b"<SyncML/>", &slot, TIME).unwrap()).unwrap();
        std::fs::write(file("certificate"), &slot.certificates).unwrap();
        let (signature, message, certificate) = (file("signature"), file("message"), file("certificate"));
        let verify = ["cms", "-verify", "-inform", "DER", "-purpose", "any", "-binary"];
        let files = ["-in", &signature, "-content", &message, "-CAfile", &certificate];
        openssl(&[&verify[..], &files].concat());
    }
}

fn renewal(kind: KeyKind, slot: &Slot) -> RenewalRequest {
    let order = KeyOrder { kind, common_name: "device".to_owned() };
    keys::renewal_request(&order, slot, TIME).unwrap()
}

fn slot(kind: KeyKind) -> Slot {
    let key = keys::make(&KeyOrder { kind, common_name: "device".to_owned() }).unwrap();
    let pair = KeyPair::from_pem(&key.private_key).unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&pair).unwrap();
    Slot {
        private_key: Zeroizing::new(key.private_key.as_bytes().to_vec()),
        certificates: pem("CERTIFICATE", certificate.der()).into_bytes(),
    }
}

fn data_of(message: &[u8]) -> SignedData {
    let info = ContentInfo::from_der(message).unwrap();
    assert_eq!(info.content_type, ID_SIGNED_DATA);
    info.content.decode_as().unwrap()
}

fn signer_of(message: &[u8]) -> SignerInfo {
    data_of(message).signer_infos.0.get(0).unwrap().clone()
}

/// The content, if digest and signature hold and the signer is this slot's certificate, which is in the message.
fn verified(message: &[u8], slot: &Slot) -> Vec<u8> {
    let data = data_of(message);
    let signer = signer_of(message);
    let certificate = slot.certificate().unwrap();
    let inside = data.certificates.unwrap().0.get(0).unwrap().to_der().unwrap();
    assert_eq!(inside, certificate.as_ref());
    let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
    let SignerIdentifier::IssuerAndSerialNumber(id) = &signer.sid else { panic!("{:?}", signer.sid) };
    assert_eq!(id.serial_number.as_bytes(), parsed.raw_serial());
    assert_eq!(id.issuer.to_der().unwrap(), parsed.issuer().as_raw());
    let content = data.encap_content_info.econtent.unwrap().decode_as::<OctetString>().unwrap().into_bytes();
    let attributes = signer.signed_attrs.unwrap();
    let digest = attributes.iter().find(|attribute| attribute.oid == ID_MESSAGE_DIGEST).unwrap();
    assert_eq!(digest.values.get(0).unwrap().value(), Sha256::digest(&content).as_slice());
    assert!(holds(slot, &attributes.to_der().unwrap(), signer.signature.as_bytes()));
    content
}

fn holds(slot: &Slot, content: &[u8], signature: &[u8]) -> bool {
    let certificate = slot.certificate().unwrap();
    let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
    let key = parsed.public_key().subject_public_key.data.to_vec();
    if slot.key_pair().unwrap().is_compatible(&PKCS_RSA_SHA256) {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(content, signature).is_ok()
    } else {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(content, signature).is_ok()
    }
}

fn openssl(arguments: &[&str]) -> String {
    let done = Command::new("openssl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}
