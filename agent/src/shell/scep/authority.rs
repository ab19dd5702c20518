//! The authority behind a SCEP server (RFC 8894 section 4.2): which of the certificates that the server shows can be
//! believed, whom requests are encrypted to, and whether an issued certificate comes from there.

use mdm_protocol::Thumbprint;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::shell::cms::signed::{Message, SignedError};

/// An authority that cannot be believed or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The answer is no certificate and no list of certificates.
    #[error("the server's answer to GetCACert is neither a certificate nor a CMS message with certificates: {0}")]
    Malformed(String),
    /// The order names another authority.
    #[error("none of the server's certificates has the thumbprint {expected} that the order demands; it shows {shown}")]
    Thumbprint {
        /// The one that the order demands.
        expected: Thumbprint,
        /// Those that the server shows.
        shown: String,
    },
    /// Nothing can be encrypted to any of the certificates.
    #[error("the server shows no RSA certificate of its authority that a request could be encrypted to")]
    NoRecipient,
    /// The certificate to encrypt to is out of date.
    #[error("the certificate of the authority has expired, or this machine's clock is wrong")]
    Expired,
}

/// What is known of an authority, and believed. All certificates are DER.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// The authority's own certificates and those that it signed for its registration authority.
    pub(super) trusted: Vec<Vec<u8>>,
    /// Whom requests are encrypted to.
    pub(super) recipient: Vec<u8>,
    /// The subject of the authority that issues, a `Name` in DER.
    pub(super) issuer: Vec<u8>,
}

impl Authority {
    /// Reads the answer to GetCACert. Without a thumbprint the connection itself must have proved the server.
    pub(super) fn read(answer: &[u8], thumbprint: Option<Thumbprint>, now: i64) -> Result<Self, AuthorityError> {
        let shown = certificates(answer)?;
        let anchors: Vec<Vec<u8>> = match thumbprint {
            Some(expected) => {
                let anchor = shown.iter().find(|der| Thumbprint::of(der) == expected).cloned();
                let names = || shown.iter().map(|der| Thumbprint::of(der).to_string()).collect::<Vec<_>>().join(", ");
                vec![anchor.ok_or_else(|| AuthorityError::Thumbprint { expected, shown: names() })?]
            }
            None => shown.iter().filter(|der| parsed(der).is_some_and(|one| one.is_ca())).cloned().collect(),
        };
        // A server without any CA certificate can only mean the one that it shows.
        let anchors = if anchors.is_empty() { shown.clone() } else { anchors };
        let trusted = extend(anchors, &shown);
        let recipient = recipient(&trusted, now)?;
        let issuer =
            parsed(&recipient).map(|one| if one.is_ca() { one.subject() } else { one.issuer() }.as_raw().to_vec());
        Ok(Self { issuer: issuer.unwrap_or_default(), recipient, trusted })
    }

    /// The certificate among those of an answer that is for this key (SubjectPublicKeyInfo, DER), if the authority
    /// issued it, and the certificates between it and the root.
    pub(super) fn issued(&self, answer: &[Vec<u8>], public_key: &[u8], now: i64) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
        let known = extend(self.trusted.clone(), answer);
        let own = |der: &&Vec<u8>| {
            let is_new = answer.contains(der);
            is_new && parsed(der).is_some_and(|one| one.public_key().raw == public_key && !has_ended(&one, now))
        };
        let leaf = known.iter().find(own)?.clone();
        let mut chain: Vec<Vec<u8>> = Vec::new();
        let mut last = leaf.clone();
        while let Some(issuer) = known.iter().find(|der| *der != &last && signed(&last, der)) {
            let is_root = parsed(issuer).is_none_or(|one| one.subject() == one.issuer());
            if is_root || chain.contains(issuer) {
                break;
            }
            chain.push(issuer.clone());
            last = issuer.clone();
        }
        Some((leaf, chain))
    }
}

/// One certificate, or a CMS message that is there for its certificates only.
fn certificates(answer: &[u8]) -> Result<Vec<Vec<u8>>, AuthorityError> {
    if X509Certificate::from_der(answer).is_ok_and(|(rest, _)| rest.is_empty()) {
        return Ok(vec![answer.to_vec()]);
    }
    let message = Message::read(answer).map_err(|error: SignedError| AuthorityError::Malformed(error.to_string()))?;
    let readable: Vec<_> = message.certificates().into_iter().filter(|der| parsed(der).is_some()).collect();
    if readable.is_empty() { Err(AuthorityError::Malformed("it has no certificate".to_owned())) } else { Ok(readable) }
}

/// Adds whatever a trusted authority signed, until there is nothing more.
fn extend(mut trusted: Vec<Vec<u8>>, candidates: &[Vec<u8>]) -> Vec<Vec<u8>> {
    loop {
        let before = trusted.len();
        for candidate in candidates {
            if !trusted.contains(candidate) && trusted.iter().any(|issuer| signed(candidate, issuer)) {
                trusted.push(candidate.clone());
            }
        }
        if trusted.len() == before {
            return trusted;
        }
    }
}

fn signed(certificate: &[u8], issuer: &[u8]) -> bool {
    parsed(certificate).zip(parsed(issuer)).is_some_and(|(certificate, issuer)| {
        issuer.is_ca()
            && certificate.issuer().as_raw() == issuer.subject().as_raw()
            && certificate.verify_signature(Some(issuer.public_key())).is_ok()
    })
}

/// A registration authority, if there is one for this purpose, else the authority itself.
fn recipient(trusted: &[Vec<u8>], now: i64) -> Result<Vec<u8>, AuthorityError> {
    let usable =
        |der: &&Vec<u8>| parsed(der).is_some_and(|one| matches!(one.public_key().parsed(), Ok(PublicKey::RSA(_))));
    let rank = |der: &&Vec<u8>| {
        let certificate = parsed(der);
        let is_authority = certificate.as_ref().is_some_and(|one| one.is_ca());
        let usage = certificate.as_ref().and_then(|one| one.key_usage().ok().flatten());
        // Many authorities that open requests themselves never say that their key is for that.
        (usage.is_some_and(|usage| !usage.value.key_encipherment()), is_authority)
    };
    let best = trusted.iter().filter(usable).min_by_key(rank).ok_or(AuthorityError::NoRecipient)?;
    if parsed(best).is_some_and(|one| has_ended(&one, now)) {
        return Err(AuthorityError::Expired);
    }
    Ok(best.clone())
}

fn has_ended(certificate: &X509Certificate<'_>, now: i64) -> bool {
    certificate.validity().not_after.timestamp() < now
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, certificate)| certificate)
}

#[cfg(test)]
mod tests;
