//! Chains of which other profiles have brought the upper part.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdm_protocol::{Secret, Thumbprint, base64};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P521_SHA512, SignatureAlgorithm,
};

use super::super::chain::Authorities;
use super::{SCEP, text};
use crate::engine::Profile;
use crate::platform::assembly::Assembly;
use crate::platform::desired::Untranslatable;
use crate::platform::site::Surroundings;
use crate::platform::testing::{desired_in, everything, profile};
use crate::platform::translate::certificate::client::chain_of;
use crate::platform::translate::certificate::scep::IssuedCertificate;
use crate::platform::translate::certificate::testing::{install, made, network, pfx_without_root};

/// A root, an authority below it, and a client's certificate below that, in DER.
struct Hierarchy {
    root: Vec<u8>,
    middle: Vec<u8>,
    own: Vec<u8>,
}

fn hierarchy(algorithm: &'static SignatureAlgorithm) -> Hierarchy {
    let named = |name: &str, is_ca: bool| {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
        parameters.use_authority_key_identifier_extension = true;
        parameters.extended_key_usages = if is_ca { Vec::new() } else { vec![ExtendedKeyUsagePurpose::ClientAuth] };
        parameters
    };
    let key = || KeyPair::generate_for(algorithm).unwrap();
    let (root_key, middle_key) = (key(), key());
    let (root, middle) = (named("Root", true), named("Issuing", true));
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let middle_der = middle.signed_by(&middle_key, &Issuer::from_params(&root, &root_key)).unwrap().der().to_vec();
    let own = named("ada", false).signed_by(&key(), &Issuer::from_params(&middle, &middle_key)).unwrap();
    Hierarchy { root: root_der, middle: middle_der, own: own.der().to_vec() }
}

fn authority(der: &[u8], store: &str) -> Profile {
    let address = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/{store}/{}", Thumbprint::of(der));
    profile(&address, &[("EncodedCertificate", &base64::encode(der))])
}

fn ordered() -> Profile {
    profile(SCEP, &[("Install/ServerURL", "https://ca.example"), ("Install/SubjectName", "CN=ada")])
}

/// A machine to which a SCEP server has issued these certificates.
fn issued(chain: &[&Vec<u8>]) -> Surroundings {
    let issued =
        IssuedCertificate { key: Secret::new("key\n"), chain: chain.iter().map(|der| (*der).clone()).collect() };
    Surroundings { issued: Arc::new(BTreeMap::from([(SCEP.to_owned(), issued)])), ..Surroundings::of(everything()) }
}

#[test]
fn a_network_finds_a_certificate_by_an_issuer_that_came_as_a_profile() {
    let ours = hierarchy(&rcgen::PKCS_ECDSA_P256_SHA256);
    // Another authority of the same name did not issue it.
    let foreign = hierarchy(&rcgen::PKCS_ECDSA_P256_SHA256);
    let is_applied = |chain: &[&Vec<u8>], authorities: &[Profile], asked: &[u8]| {
        let profiles = [&[ordered(), network(asked)], authorities].concat();
        match desired_in(issued(chain), &profiles).without.remove("./Device/Vendor/MSFT/WiFi/Profile/Corp") {
            None => true,
            Some(Untranslatable::Waiting(_)) => false,
            Some(other) => panic!("{other:?}"),
        }
    };
    let root = authority(&ours.root, "Root");
    assert!(is_applied(&[&ours.own, &ours.middle], std::slice::from_ref(&root), &ours.root));
    assert!(is_applied(&[&ours.own], &[root.clone(), authority(&ours.middle, "CA")], &ours.root));
    assert!(is_applied(&[&ours.own], &[root.clone(), authority(&ours.middle, "CA")], &ours.middle));
    assert!(!is_applied(&[&ours.own], &[root], &ours.root), "the one between them is missing");
    let forged = [authority(&foreign.root, "Root"), authority(&foreign.middle, "CA")];
    assert!(!is_applied(&[&ours.own], &forged, &foreign.root), "the signature is not that of this authority");
    let distrusted = authority(&ours.root, "UntrustedCertificates");
    assert!(!is_applied(&[&ours.own, &ours.middle], &[distrusted], &ours.root));
}

#[test]
fn where_a_signature_cannot_be_verified_names_and_key_identifiers_decide() {
    let [ours, foreign] = [(); 2].map(|()| hierarchy(&PKCS_ECDSA_P521_SHA512));
    let above = |hierarchy: &Hierarchy| {
        Authorities::of([hierarchy.root.clone(), hierarchy.middle.clone()].into_iter()).above(&ours.own)
    };
    assert_eq!(above(&ours), [ours.middle.clone(), ours.root.clone()]);
    assert!(above(&foreign).is_empty());
}

#[test]
fn authorities_that_issued_each_other_end_the_chain() {
    let keys = [(); 2].map(|()| KeyPair::generate().unwrap());
    let parameters = ["One", "Two"].map(|name| {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters
    });
    let crossed = |place: usize| {
        let issuer = Issuer::from_params(&parameters[1 - place], &keys[1 - place]);
        parameters[place].signed_by(&keys[place], &issuer).unwrap().der().to_vec()
    };
    let (one, two) = (crossed(0), crossed(1));
    assert_eq!(Authorities::of([one.clone(), two.clone()].into_iter()).above(&one), [two]);
}

#[test]
fn the_file_of_a_chain_follows_the_authorities_that_profiles_bring() {
    let Hierarchy { root, middle, own } = hierarchy(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mut assembly = Assembly::of_stored(issued(&[&own]), [ordered(), authority(&root, "Root")].map(Arc::new));
    let written = |assembly: &Assembly| chain_of(text(&assembly.desired(), "-certificate.pem").0.as_bytes());
    assert_eq!(written(&assembly), std::slice::from_ref(&own));
    let between = authority(&middle, "CA");
    let address = between.root.to_string();
    let undo = assembly.change(&[(address.clone(), Some(Arc::new(between.clone())))], None);
    assert_eq!(written(&assembly), [own.clone(), middle.clone()], "the root is the server's own");
    assembly.undo(undo);
    assert_eq!(written(&assembly), std::slice::from_ref(&own));
    assembly.change(&[(address.clone(), Some(Arc::new(between)))], None);
    assembly.change(&[(address, None)], None);
    assert_eq!(written(&assembly), [own]);
}

#[test]
fn a_file_that_is_opened_once_has_its_chain_completed_all_the_same() {
    let Hierarchy { root, middle, .. } = hierarchy(&rcgen::PKCS_ECDSA_P256_SHA256);
    let made = made("ada");
    let [install, issuer] = [install(&pfx_without_root(&made, "x"), "x"), authority(&made.root, "Root")];
    let mut assembly = Assembly::of_stored(Surroundings::of(everything()), [Arc::new(install)]);
    let arriving = |der: &[u8], store: &str| {
        let profile = authority(der, store);
        (profile.root.to_string(), Some(Arc::new(profile)))
    };
    assembly.change(&[arriving(&root, "Root"), arriving(&middle, "CA")], None);
    assembly.change(&[(issuer.root.to_string(), Some(Arc::new(issuer)))], None);
    let network = network(&made.root);
    assembly.change(&[(network.root.to_string(), Some(Arc::new(network)))], None);
    assert!(assembly.desired().without.is_empty(), "{:?}", assembly.desired().without);
}
