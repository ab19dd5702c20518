//! A client that writes its messages as real ones do: by hand, because no library would write them so.

use const_oid::ObjectIdentifier;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, PKCS_RSA_SHA512, RsaKeySize,
    SigningKey as _,
};
use sha2::{Digest as _, Sha256, Sha512};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::super::envelope;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
pub(super) const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
const PRINTABLE: u8 = 0x13;
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut der = match digits[..] {
        [] => vec![tag, 0],
        [short @ 0..0x80] => vec![tag, short],
        _ => [&[tag, 0x80 | u8::try_from(digits.len()).unwrap()][..], &digits].concat(),
    };
    der.extend(content);
    der
}

fn oid(text: &str) -> Vec<u8> {
    tlv(6, &[ObjectIdentifier::new_unwrap(text).as_bytes()])
}

/// The same in BER: every length indefinite, every long string in pieces.
fn indefinite(der: &[u8]) -> Vec<u8> {
    let mut ber = Vec::new();
    let mut rest = der;
    while let [tag, first, ..] = rest {
        let digits = if *first < 0x80 { 0 } else { usize::from(first & 0x7F) };
        let length = match digits {
            0 => usize::from(*first),
            _ => rest[2..2 + digits].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        };
        let content = &rest[2 + digits..2 + digits + length];
        let pieces = || content.chunks(100).flat_map(|piece| tlv(OCTETS, &[piece])).collect::<Vec<_>>();
        match *tag {
            constructed if constructed & 0x20 != 0 => {
                ber.extend([&[constructed, 0x80][..], &indefinite(content), &[0, 0]].concat());
            }
            string @ (OCTETS | 0x80) if length > 100 => {
                ber.extend([&[string | 0x20, 0x80][..], &pieces(), &[0, 0]].concat())
            }
            _ => ber.extend(&rest[..2 + digits + length]),
        }
        rest = &rest[2 + digits + length..];
    }
    ber
}

fn name(common_name: &str) -> Vec<u8> {
    let value = tlv(SEQUENCE, &[&oid("2.5.4.3"), &tlv(0x0C, &[common_name.as_bytes()])]);
    tlv(SEQUENCE, &[&tlv(SET, &[&value])])
}

pub(super) fn rsa_key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

/// A certificate of version 1 by its own key, with GeneralizedTime and a serial number of so many octets.
pub(super) fn old_fashioned(key: &KeyPair, subject: &str, serial: usize) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.1.11"), &[5, 0]]);
    let times = [&tlv(0x18, &[b"20200101000000Z"])[..], &tlv(0x18, &[b"21200101000000Z"])];
    let public_key = rcgen::PublicKeyData::subject_public_key_info(key);
    let serial = tlv(INTEGER, &[&vec![0x55; serial]]);
    let subject = name(subject);
    let body = tlv(SEQUENCE, &[&serial, &algorithm, &subject, &tlv(SEQUENCE, &times), &subject, &public_key]);
    let signature = key.sign(&body).unwrap();
    tlv(SEQUENCE, &[&body, &algorithm, &tlv(3, &[&[0], &signature])])
}

pub(super) fn request(key: &KeyPair, subject: &str, challenge: Option<&str>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    let challenge = challenge.map(|challenge| rcgen::Attribute {
        oid: &[1, 2, 840, 113_549, 1, 9, 7],
        values: tlv(SET, &[&tlv(PRINTABLE, &[challenge.as_bytes()])]),
    });
    params.serialize_request_with_attributes(key, challenge.into_iter().collect()).unwrap().der().to_vec()
}

/// How a client signs its messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// SHA-512, and indefinite lengths in both layers.
    Ber,
}

pub(super) struct Client<'k> {
    pub(super) key: &'k KeyPair,
    pub(super) certificate: Vec<u8>,
    pub(super) style: Style,
}

impl Client<'_> {
    pub(super) fn message(&self, kind: &str, transaction: &str, content: &[u8], registration: &[u8]) -> Vec<u8> {
        let mut sealed = envelope::seal(content, registration).unwrap();
        if self.style == Style::Ber {
            sealed = indefinite(&sealed);
        }
        let (digest, digest_oid) = match self.style {
            Style::Plain => (Sha256::digest(&sealed).to_vec(), "2.16.840.1.101.3.4.2.1"),
            Style::Ber => (Sha512::digest(&sealed).to_vec(), "2.16.840.1.101.3.4.2.3"),
        };
        let attribute = |id: &str, value: Vec<u8>| tlv(SEQUENCE, &[&oid(id), &tlv(SET, &[&value])]);
        let text = |text: &str| tlv(PRINTABLE, &[text.as_bytes()]);
        let mut attributes = [
            attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.7.1")),
            attribute("1.2.840.113549.1.9.4", tlv(OCTETS, &[&digest])),
            attribute("2.16.840.1.113733.1.9.2", text(kind)),
            attribute("2.16.840.1.113733.1.9.5", tlv(OCTETS, &[b"0123456789abcdef"])),
            attribute("2.16.840.1.113733.1.9.7", text(transaction)),
        ];
        attributes.sort();
        let attributes = attributes.concat();
        let signed = tlv(SET, &[&attributes]);
        let signature = match self.style {
            Style::Plain => self.key.sign(&signed).unwrap(),
            Style::Ber => {
                let key = KeyPair::from_pem_and_sign_algo(&self.key.serialize_pem(), &PKCS_RSA_SHA512).unwrap();
                key.sign(&signed).unwrap()
            }
        };
        let (_, certificate) = X509Certificate::from_der(&self.certificate).unwrap();
        let identifier = tlv(SEQUENCE, &[certificate.issuer().as_raw(), &tlv(INTEGER, &[certificate.raw_serial()])]);
        let digest_algorithm = tlv(SEQUENCE, &[&oid(digest_oid)]);
        let signer = tlv(
            SEQUENCE,
            &[
                &tlv(INTEGER, &[&[1]]),
                &identifier,
                &digest_algorithm,
                &tlv(0xA0, &[&attributes]),
                &tlv(SEQUENCE, &[&oid("1.2.840.113549.1.1.1"), &[5, 0]]),
                &tlv(OCTETS, &[&signature]),
            ],
        );
        let content = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.7.1"), &tlv(0xA0, &[&tlv(OCTETS, &[&sealed])])]);
        let data = tlv(
            SEQUENCE,
            &[
                &tlv(INTEGER, &[&[1]]),
                &tlv(SET, &[&digest_algorithm]),
                &content,
                &tlv(0xA0, &[&self.certificate]),
                &tlv(SET, &[&signer]),
            ],
        );
        let message = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.7.2"), &tlv(0xA0, &[&data])]);
        if self.style == Style::Ber { indefinite(&message) } else { message }
    }
}
