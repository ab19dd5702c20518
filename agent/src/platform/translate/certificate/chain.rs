//! Chains of issuers: who is above a certificate among the authorities that are at hand.

use std::collections::BTreeMap;

use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Longer than any chain in use.
const MAX_CHAIN: usize = 10;
/// The smallest RSA key that signatures other than those with SHA-1 are verified with, in bits.
const MIN_VERIFIED_RSA: usize = 2048;

/// Certificates that may have issued others, by the names of their subjects.
#[derive(Debug, Default)]
pub struct Authorities(BTreeMap<Vec<u8>, Vec<Vec<u8>>>);

impl Authorities {
    /// These certificates, in DER; what is none, or not an authority's, is left out.
    pub fn of(certificates: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut authorities = Self::default();
        for der in certificates {
            let Ok((_, certificate)) = X509Certificate::from_der(&der) else { continue };
            // The first version of certificates (RFC 5280 section 4.1) does not say who is an authority.
            let may_issue = certificate.basic_constraints().ok().flatten().is_none_or(|basic| basic.value.ca);
            if may_issue {
                let subject = certificate.subject().as_raw().to_vec();
                authorities.0.entry(subject).or_default().push(der);
            }
        }
        authorities
    }

    /// The certificates above one, its issuer first; the same one never twice.
    pub(super) fn above(&self, certificate: &[u8]) -> Vec<Vec<u8>> {
        let mut chain: Vec<Vec<u8>> = Vec::new();
        while chain.len() < MAX_CHAIN {
            let last = chain.last().map_or(certificate, Vec::as_slice);
            match self.issuer(last) {
                Some(issuer) if issuer != certificate && !chain.iter().any(|known| known == issuer) => {
                    chain.push(issuer.to_vec());
                }
                _ => break,
            }
        }
        chain
    }

    fn issuer(&self, certificate: &[u8]) -> Option<&[u8]> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        if is_self_issued(&parsed) {
            return None;
        }
        let candidates = self.0.get(parsed.issuer().as_raw())?;
        candidates.iter().map(Vec::as_slice).find(|candidate| {
            X509Certificate::from_der(candidate).is_ok_and(|(_, issuer)| has_signed(&issuer, &parsed))
        })
    }
}

/// Whether nothing is above a certificate.
pub(super) fn is_root(der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| is_self_issued(&certificate))
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// Whether an authority of the right name has issued a certificate. Where the signature is of a kind that cannot be
/// verified here, the identifiers of the key decide, where both are there.
fn has_signed(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    match certificate.verify_signature(Some(issuer.public_key())) {
        Ok(()) => true,
        Err(X509Error::SignatureUnsupportedAlgorithm) => have_same_key(issuer, certificate),
        Err(_) => is_small_rsa(issuer) && have_same_key(issuer, certificate),
    }
}

fn is_small_rsa(issuer: &X509Certificate<'_>) -> bool {
    matches!(issuer.public_key().parsed(), Ok(PublicKey::RSA(key)) if key.key_size() < MIN_VERIFIED_RSA)
}

fn have_same_key(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    let own = issuer.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    let named = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => Some(id.key_identifier.as_ref()?.0),
        _ => None,
    });
    own.zip(named).is_none_or(|(own, named)| own == named)
}
