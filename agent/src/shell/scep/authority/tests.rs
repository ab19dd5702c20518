//! Whom a device believes: certificates of authorities real and pretended, made on the spot.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize,
};

use super::*;
use crate::shell::cms::{SigningDigest, sign_with};

const NOW: i64 = 1_790_000_000;

/// A certificate with its key and what it takes to sign with it.
struct Holder {
    key: KeyPair,
    params: CertificateParams,
    der: Vec<u8>,
}

#[test]
fn a_lone_authority_is_believed_by_its_thumbprint_and_encrypted_to() {
    let root = root("root", true);
    let authority = Authority::read(&root.der, Some(Thumbprint::of(&root.der)), NOW).unwrap();
    assert_eq!((authority.recipient, authority.trusted), (root.der.clone(), vec![root.der.clone()]));
    assert_eq!(authority.issuer, parsed(&root.der).unwrap().subject().as_raw());
    let other = Thumbprint::of(b"another");
    let error = Authority::read(&root.der, Some(other), NOW).unwrap_err();
    assert!(matches!(&error, AuthorityError::Thumbprint { expected, .. } if *expected == other), "{error}");
    assert!(error.to_string().contains(&Thumbprint::of(&root.der).to_string()));
}

#[test]
fn a_registration_authority_is_believed_only_if_the_authority_signed_it() {
    let (root, stranger) = (root("root", false), root("root", true));
    let [real, pretended] = [&root, &stranger].map(|issuer| issued(issuer, "registration", false));
    let answer = list(&[&pretended, &stranger, &real, &root]);
    let authority = Authority::read(&answer, Some(Thumbprint::of(&root.der)), NOW).unwrap();
    assert_eq!(authority.recipient, real.der);
    assert_eq!(authority.issuer, parsed(&root.der).unwrap().subject().as_raw());
    for believed in [&real, &root] {
        assert!(authority.trusted.contains(&believed.der));
    }
    for doubted in [&pretended, &stranger] {
        assert!(!authority.trusted.contains(&doubted.der));
    }
}

#[test]
fn of_two_certificates_the_one_that_is_for_encrypting_is_encrypted_to() {
    let root = root("root", true);
    let signing = with_usage(&root, "signing", KeyUsagePurpose::DigitalSignature);
    let encrypting = with_usage(&root, "encrypting", KeyUsagePurpose::KeyEncipherment);
    let answer = list(&[&signing, &encrypting, &root]);
    let authority = Authority::read(&answer, None, NOW).unwrap();
    assert_eq!(authority.recipient, encrypting.der);
    assert!(authority.trusted.contains(&signing.der));
}

#[test]
fn what_cannot_be_encrypted_to_is_refused() {
    let root = root("root", false);
    assert_eq!(Authority::read(&root.der, None, NOW).unwrap_err(), AuthorityError::NoRecipient);
    let late = 4_102_444_800 * 2;
    let registration = issued(&root, "registration", false);
    let answer = list(&[&registration, &root]);
    let expired = Authority::read(
        &answer,
        None,
        late.max(parsed(&registration.der).unwrap().validity().not_after.timestamp() + 1),
    );
    assert_eq!(expired.unwrap_err(), AuthorityError::Expired);
    for nothing in [&b""[..], b"<html>", &[0x30, 0]] {
        assert!(matches!(Authority::read(nothing, None, NOW), Err(AuthorityError::Malformed(_))));
    }
}

#[test]
fn an_issued_certificate_comes_with_what_is_between_it_and_the_root() {
    let root = root("root", true);
    let authority = Authority::read(&root.der, Some(Thumbprint::of(&root.der)), NOW).unwrap();
    let middle = issued(&root, "middle", true);
    let leaf = issued(&middle, "leaf", false);
    let stranger = issued(&self::root("root", true), "leaf", false);
    let key = |holder: &Holder| holder.key.subject_public_key_info();
    let answer = [&leaf, &middle, &root, &stranger].map(|holder| holder.der.clone());
    let (certificate, chain) = authority.issued(&answer, &key(&leaf), NOW).unwrap();
    assert_eq!((certificate, chain), (leaf.der.clone(), vec![middle.der.clone()]));
    assert!(authority.issued(&answer, &key(&stranger), NOW).is_none());
    assert!(authority.issued(&answer[..1], &key(&leaf), NOW).is_none(), "nobody knows who signed it");
    assert!(authority.issued(&answer, &key(&leaf), i64::MAX).is_none());
    // A leaf is no authority, whatever it signs.
    let below = issued(&leaf, "below", false);
    assert!(authority.issued(&[below.der.clone(), leaf.der, middle.der], &key(&below), NOW).is_none());
}

fn root(name: &str, rsa: bool) -> Holder {
    let key = if rsa { rsa_key() } else { KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap() };
    let params = params(name, true);
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Holder { key, params, der }
}

fn issued(issuer: &Holder, name: &str, is_authority: bool) -> Holder {
    sign(issuer, params(name, is_authority))
}

fn with_usage(issuer: &Holder, name: &str, usage: KeyUsagePurpose) -> Holder {
    let mut params = params(name, false);
    params.key_usages = vec![usage];
    sign(issuer, params)
}

fn sign(issuer: &Holder, params: CertificateParams) -> Holder {
    let key = rsa_key();
    let der = params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap().der().to_vec();
    Holder { key, params, der }
}

fn params(name: &str, is_authority: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, name);
    params.is_ca = if is_authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params
}

fn rsa_key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

/// A CMS message that carries these certificates.
fn list(holders: &[&Holder]) -> Vec<u8> {
    let message = sign_with(b"", &holders[0].key, &holders[0].der, Vec::new(), SigningDigest::Sha256).unwrap();
    let info: ::cms::content_info::ContentInfo = der::Decode::from_der(&message).unwrap();
    let mut data: ::cms::signed_data::SignedData = info.content.decode_as().unwrap();
    let all: Vec<_> = holders
        .iter()
        .map(|holder| ::cms::cert::CertificateChoices::Certificate(der::Decode::from_der(&holder.der).unwrap()))
        .collect();
    data.certificates = Some(::cms::signed_data::CertificateSet(all.try_into().unwrap()));
    data.signer_infos = ::cms::signed_data::SignerInfos(Default::default());
    let content = der::Any::encode_from(&data).unwrap();
    der::Encode::to_der(&::cms::content_info::ContentInfo { content_type: info.content_type, content }).unwrap()
}
