use std::process::Command;

use cms::signed_data::SignedData;
use const_oid::ObjectIdentifier;
use der::asn1::OctetString;

use super::*;
use crate::service::CertificateAuthority;
use crate::tenant::PublicKey;
use crate::tenant::test_support::renewal::{sign, signed_data};
use crate::tenant::test_support::{NOW, certificate_request};

struct Signer {
    certificate: Vec<u8>,
    key: rcgen::KeyPair,
}

fn signer() -> Signer {
    let (authority, _) = CertificateAuthority::create(NOW).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let public_key = PublicKey(rcgen::PublicKeyData::subject_public_key_info(&key));
    let (certificate, _) = authority.issue("device-1", "Contoso", &public_key, 365, NOW).unwrap();
    Signer { certificate, key }
}

#[test]
fn a_signed_request_is_opened_raw_and_as_base64_text() {
    let Signer { certificate, key } = signer();
    let (request, _) = certificate_request("new");
    for content in [request.clone(), base64::encode(&request).into_bytes()] {
        let opened = open(&sign(&content, &certificate, &key)).unwrap();
        assert_eq!((opened.request, opened.signer), (request.clone(), certificate.clone()));
    }
}

#[test]
fn a_request_signed_by_another_key_or_changed_afterwards_is_refused() {
    let Signer { certificate, key } = signer();
    let (request, other) = certificate_request("new");
    assert_eq!(open(&sign(&request, &certificate, &other)), Err(SignedMessageError::Signature));
    let changed = signed_data(&request, &certificate, &key, |signed| {
        let content = OctetString::new(certificate_request("another").0).unwrap();
        signed.encap_content_info.econtent = Some(der::Any::encode_from(&content).unwrap());
    });
    assert_eq!(open(&changed), Err(SignedMessageError::Signature));
}

#[test]
fn what_is_no_signed_request_is_refused_by_name() {
    let Signer { certificate, key } = signer();
    let (request, _) = certificate_request("new");
    for bytes in [&b""[..], b"hello", &request] {
        assert_eq!(open(bytes), Err(SignedMessageError::Malformed));
    }
    let changed = |change: fn(&mut SignedData)| open(&signed_data(&request, &certificate, &key, change)).unwrap_err();
    assert_eq!(changed(|signed| signed.encap_content_info.econtent = None), SignedMessageError::NoContent);
    assert_eq!(changed(|signed| signed.certificates = None), SignedMessageError::NoCertificate);
    let without = |signed: &mut SignedData| signed.signer_infos = Vec::new().try_into().unwrap();
    assert_eq!(changed(without), SignedMessageError::Signers(0));
    let bare = |signed: &mut SignedData| {
        let mut signer = signed.signer_infos.0.as_slice()[0].clone();
        signer.signed_attrs = None;
        signed.signer_infos = vec![signer].try_into().unwrap();
    };
    assert_eq!(changed(bare), SignedMessageError::Attributes);
    let sha1 = |signed: &mut SignedData| {
        let mut signer = signed.signer_infos.0.as_slice()[0].clone();
        signer.digest_alg.oid = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        signed.signer_infos = vec![signer].try_into().unwrap();
    };
    assert_eq!(changed(sha1), SignedMessageError::Algorithm);
    assert_eq!(open(&sign(b"", &certificate, &key)), Err(SignedMessageError::NoContent));
}

#[test]
#[ignore = "needs the openssl command"]
fn what_openssl_signs_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let (request, _) = certificate_request("new");
    std::fs::write(path("request"), &request).unwrap();
    for algorithm in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let (key, certificate, signed) = (path("key"), path("certificate"), path("signed"));
        let subject = ["-subj", "/CN=device-1", "-keyout", &key, "-out", &certificate];
        openssl(&[&["req", "-x509", "-nodes", "-newkey"], algorithm, &subject].concat());
        let content = path("request");
        let sign = ["cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER", "-in", &content];
        openssl(&[&sign[..], &["-signer", &certificate, "-inkey", &key, "-out", &signed]].concat());
        assert_eq!(open(&std::fs::read(&signed).unwrap()).unwrap().request, request);
    }
}
