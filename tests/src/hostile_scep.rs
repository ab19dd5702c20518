//! A SCEP server that answers as a test wants: everything right but for one thing. It knows no request, only the
//! attributes that an answer must repeat.

use std::sync::Arc;

use anyhow::Context as _;
use aws_lc_rs::rand::SystemRandom;
use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString, PrintableString};
use mdm_agent::shell::cms::envelope::{self, ContentCipher};
use mdm_agent::shell::cms::signed::Message;
use mdm_agent::shell::cms::{self, SigningDigest};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use url::Url;

use crate::hostile::{HostileServer, Request, response};

const NUMBERS: &str = "2.16.840.1.113733.1.9.";

/// An authority that issues nothing, and forges what it is told to.
#[derive(Debug)]
pub struct Forger {
    key: KeyPair,
    /// Its certificate in DER.
    pub der: Vec<u8>,
    /// A certificate that it signed for a key of its own.
    pub other: Vec<u8>,
    other_key: KeyPair,
    /// What it signs its messages with.
    digest: SigningDigest,
    /// What it says to GetCACaps.
    capabilities: &'static str,
}

/// An answer, right unless a test changes it.
#[derive(Debug, Clone)]
pub struct Forgery {
    /// The status: 0, 2 or 3.
    pub status: &'static str,
    /// The reason.
    pub fail_info: Option<&'static str>,
    /// Instead of the transaction of the request.
    pub transaction: Option<&'static str>,
    /// Instead of the nonce of the request.
    pub nonce: Option<&'static [u8]>,
    /// Whether another key signs than the authority's.
    pub is_foreign: bool,
    /// Whether the certificate comes encrypted with a cipher that no device opens.
    pub is_old_cipher: bool,
}

impl Forgery {
    /// An answer with this status.
    pub fn new(status: &'static str) -> Self {
        Self { status, fail_info: None, transaction: None, nonce: None, is_foreign: false, is_old_cipher: false }
    }
}

/// What a server offers that is not old.
pub const MODERN: &str = "AES\nSHA-256\nPOSTPKIOperation\n";

impl Forger {
    /// A new authority.
    pub fn new() -> anyhow::Result<Self> {
        let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let (key, other_key) = (rsa()?, rsa()?);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::OrganizationName, "forger");
        let der = params.clone().self_signed(&key)?.der().to_vec();
        let issuer = Issuer::from_params(&params, &key);
        let other = CertificateParams::default().signed_by(&other_key, &issuer)?.der().to_vec();
        Ok(Self { key, der, other, other_key, digest: SigningDigest::Sha256, capabilities: MODERN })
    }

    /// The same authority behind a server that is older: it signs with SHA-1 and offers this.
    #[must_use]
    pub fn as_old(self, capabilities: &'static str) -> Self {
        Self { digest: SigningDigest::Sha1, capabilities, ..self }
    }

    /// What a message asks for, opened with the authority's key.
    pub fn open(&self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let message = Message::read(request)?;
        let certificates = message.certificates();
        Ok(envelope::open(message.verify_with_sha1(&certificates)?.content, &self.key, &self.der)?.to_vec())
    }

    /// The answer to a message. With status 0 it brings a certificate for another key than the one that asked.
    pub fn answer(&self, request: &[u8], forgery: &Forgery) -> anyhow::Result<Vec<u8>> {
        let message = Message::read(request)?;
        let certificates = message.certificates();
        let proved = message.verify_with_sha1(&certificates)?;
        let said = |number: u8| {
            let oid = ObjectIdentifier::new(&format!("{NUMBERS}{number}")).ok();
            oid.and_then(|oid| proved.attribute(oid)).map(|value| value.value().to_vec()).context("no attribute")
        };
        let transaction = said(7)?;
        let transaction = forgery.transaction.map_or(transaction, |text| text.as_bytes().to_vec());
        let nonce = forgery.nonce.map_or(said(5)?, <[u8]>::to_vec);
        let mut attributes = vec![
            (2, Any::encode_from(&PrintableString::new("3")?)?),
            (3, Any::encode_from(&PrintableString::new(forgery.status)?)?),
            (5, Any::encode_from(&OctetString::new([7; 16])?)?),
            (6, Any::encode_from(&OctetString::new(nonce)?)?),
            (7, Any::encode_from(&PrintableString::new(&transaction)?)?),
        ];
        if let Some(digit) = forgery.fail_info {
            attributes.push((4, Any::encode_from(&PrintableString::new(digit)?)?));
        }
        let attributes = attributes.into_iter().map(|(number, value)| {
            let oid = ObjectIdentifier::new(&format!("{NUMBERS}{number}"));
            Ok(cms::attribute(oid.map_err(|error| anyhow::anyhow!("{error}"))?, value)?)
        });
        let attributes = attributes.collect::<anyhow::Result<_>>()?;
        let content = match forgery.status {
            "0" => {
                let inside = cms::sign_with(b"", &self.other_key, &self.other, Vec::new(), self.digest)?;
                let recipient = certificates.first().context("no certificate")?;
                match forgery.is_old_cipher {
                    true => with_unknown_cipher(&inside, recipient)?,
                    false => envelope::seal(&inside, recipient, &SystemRandom::new())?,
                }
            }
            _ => Vec::new(),
        };
        let (key, der) = if forgery.is_foreign { (&self.other_key, &self.der) } else { (&self.key, &self.der) };
        Ok(cms::sign_with(&content, key, der, attributes, self.digest)?)
    }

    /// What a server says that has this authority: to everything but PKIOperation.
    pub fn introduce(&self, request: &Request) -> Option<Vec<u8>> {
        match operation(request).as_str() {
            "GetCACaps" => Some(response("200 OK", &[], self.capabilities.as_bytes())),
            "GetCACert" => Some(response("200 OK", &[("Content-Type", "application/x-x509-ca-cert")], &self.der)),
            _ => None,
        }
    }
}

/// An envelope whose content says that it is encrypted with DESCDMF, which is as old as single DES and as unknown.
fn with_unknown_cipher(content: &[u8], recipient: &[u8]) -> anyhow::Result<Vec<u8>> {
    const TRIPLE_DES: [u8; 8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x03, 0x07];
    let mut sealed = envelope::seal_with(content, recipient, ContentCipher::TripleDes, &SystemRandom::new())?;
    let place = sealed.windows(TRIPLE_DES.len()).position(|part| part == TRIPLE_DES).context("no cipher")?;
    sealed[place + TRIPLE_DES.len() - 1] = 6;
    Ok(sealed)
}

/// The operation that a request asks for.
pub fn operation(request: &Request) -> String {
    parameter(request, "operation").unwrap_or_default()
}

/// A parameter of a request's query.
pub fn parameter(request: &Request, name: &str) -> Option<String> {
    let url = Url::parse("http://localhost").and_then(|base| base.join(&request.path)).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A server that has this authority and answers messages so.
pub fn serve(
    forger: Arc<Forger>,
    answer: impl Fn(&Forger, &Request) -> Vec<u8> + Send + Sync + 'static,
) -> anyhow::Result<HostileServer> {
    HostileServer::start(Arc::new(move |request: &Request| {
        forger.introduce(request).unwrap_or_else(|| answer(&forger, request))
    }))
}
