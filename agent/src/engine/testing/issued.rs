//! Certificates and provisioning documents as servers issue them, with real keys.

use mdm_protocol::enrolment::SecurityTokenResponse;
use mdm_protocol::provisioning::{Characteristic, WapDocument};
use mdm_protocol::soap::ResponseHeader;
use mdm_protocol::{Thumbprint, base64};
use rcgen::{CertificateParams, KeyPair};
use time::OffsetDateTime;

use super::{SERVER, ok};
use crate::engine::reply::Reply;

/// A certificate for this key, valid from one moment to another.
pub(crate) fn certificate(key: &KeyPair, from: i64, to: i64) -> Vec<u8> {
    let mut parameters = CertificateParams::default();
    parameters.not_before = OffsetDateTime::from_unix_timestamp(from).unwrap();
    parameters.not_after = OffsetDateTime::from_unix_timestamp(to).unwrap();
    parameters.self_signed(key).unwrap().der().to_vec()
}

/// The answer to a request for a certificate.
pub(crate) fn provisioned(document: &WapDocument) -> Reply {
    let provisioning_document = document.encode().into_bytes();
    ok(SecurityTokenResponse { provisioning_document }.encode(&ResponseHeader::default()))
}

/// A document of the sample account with these certificates: store, place, DER.
pub(crate) fn document(certificates: &[(&str, &str, &[u8])]) -> WapDocument {
    let stores = certificates.iter().map(|(store, place, der)| {
        let entry =
            Characteristic::new(Thumbprint::of(der).to_string()).with("EncodedCertificate", base64::encode(der));
        let store = Characteristic::new(*store).with_child(Characteristic::new(*place).with_child(entry));
        Characteristic::new("CertificateStore").with_child(store)
    });
    let application = Characteristic::new("APPLICATION")
        .with("APPID", "w7")
        .with("PROVIDER-ID", "Contoso")
        .with("NAME", "Contoso Ltd")
        .with("ADDR", SERVER);
    WapDocument { characteristics: stores.chain([application]).collect() }
}
