//! How CMS names certificates (RFC 5652 sections 5.3 and 6.2.1): by issuer and serial number or by the identifier of the
//! subject's key. Compares the encodings byte by byte and judges no certificate.

use der::asn1::Any;
use der::{Decode as _, Sequence, Tag, TagNumber, Tagged as _};
use sha1::{Digest as _, Sha1};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::X509Certificate;

const SUBJECT_KEY_IDENTIFIER: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };

/// `IssuerAndSerialNumber`, both as the certificate has them.
#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
pub(in crate::shell) struct IssuerAndSerial {
    pub(in crate::shell) issuer: Any,
    pub(in crate::shell) serial_number: Any,
}

impl IssuerAndSerial {
    /// The name of a certificate.
    pub(in crate::shell) fn of(certificate: &X509Certificate<'_>) -> der::Result<Self> {
        Ok(Self {
            issuer: Any::from_der(certificate.issuer().as_raw())?,
            serial_number: Any::new(Tag::Integer, certificate.raw_serial())?,
        })
    }
}

/// Whether an identifier of a signer or of a recipient stands for this certificate.
pub(super) fn names(identifier: &Any, certificate: &X509Certificate<'_>) -> bool {
    match identifier.tag() {
        Tag::Sequence => {
            let named = identifier.decode_as::<IssuerAndSerial>();
            named.is_ok_and(|named| IssuerAndSerial::of(certificate).is_ok_and(|own| own == named))
        }
        SUBJECT_KEY_IDENTIFIER => identifier.value() == key_identifier(certificate),
        _ => false,
    }
}

/// What the certificate says, or what it would say by the usual method (RFC 5280 section 4.2.1.2).
fn key_identifier(certificate: &X509Certificate<'_>) -> Vec<u8> {
    let said = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    });
    said.unwrap_or_else(|| Sha1::digest(&certificate.public_key().subject_public_key.data).to_vec())
}
