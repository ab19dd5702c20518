//! The document that ends a renewal: what it must have, and what it may leave out or bring along.

mod common;

use common::{CLIENT_DER, ROOT_DER, certificate};
use mdm_protocol::provisioning::{
    CertificateEntry, Characteristic, ProvisioningError, RenewedCertificate, StoreName, StorePlace, WapDocument,
};

fn own() -> CertificateEntry {
    CertificateEntry { store: StoreName::My, der: CLIENT_DER.to_vec() }
}

#[test]
fn a_renewal_document_is_read_as_it_was_written() {
    for place in [StorePlace::User, StorePlace::System] {
        let renewed = RenewedCertificate { certificates: vec![own()], provider_id: Some("LinuxMDM".to_owned()) };
        let text = renewed.encode(place);
        assert!(text.contains(place.as_str()));
        assert_eq!(RenewedCertificate::decode(text.as_bytes()).unwrap(), renewed);
    }
}

#[test]
fn a_new_root_may_come_along_and_the_provider_may_be_left_out() {
    let root = CertificateEntry { store: StoreName::Root, der: ROOT_DER.to_vec() };
    let renewed = RenewedCertificate { certificates: vec![root, own()], provider_id: None };
    assert_eq!(RenewedCertificate::decode(renewed.encode(StorePlace::User).as_bytes()).unwrap(), renewed);
}

#[test]
fn sections_that_a_renewal_does_not_need_are_passed_over() {
    let my = Characteristic::new("My").with_child(Characteristic::new("System").with_child(certificate(CLIENT_DER)));
    let document = WapDocument {
        characteristics: vec![
            Characteristic::new("CertificateStore").with_child(my),
            Characteristic::new("APPLICATION").with("APPID", "w4").with("PROVIDER-ID", "Other"),
            Characteristic::new("APPLICATION").with("PROVIDER-ID", "Example").with("ADDR", "https://x/"),
            Characteristic::new("DMClient"),
        ],
    };
    let renewed = RenewedCertificate::decode(document.encode().as_bytes()).unwrap();
    assert_eq!((renewed.certificates, renewed.provider_id.as_deref()), (vec![own()], Some("Example")));
}

#[test]
fn a_renewal_document_without_the_devices_own_certificate_is_refused() {
    let root = CertificateEntry { store: StoreName::Root, der: ROOT_DER.to_vec() };
    let renewed = RenewedCertificate { certificates: vec![root], provider_id: None };
    for text in [renewed.encode(StorePlace::User), "<wap-provisioningdoc version='1.1'/>".to_owned()] {
        assert!(matches!(RenewedCertificate::decode(text.as_bytes()), Err(ProvisioningError::Missing(_))));
    }
    assert!(matches!(RenewedCertificate::decode(b"<html/>"), Err(ProvisioningError::Xml(_))));
}
