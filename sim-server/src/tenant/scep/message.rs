//! The outer layer of a client's SCEP message (RFC 8894 sections 3.1 and 3.2): who sends what in which transaction, and
//! whether the signature holds. What is sealed inside is opened elsewhere, with a key that the tenant has not.

use cms::content_info::ContentInfo;
use cms::signed_data::{SignedAttributes, SignedData};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_SIGNED_DATA, ID_SIGNING_TIME};
use der::asn1::Any;
use der::{Decode as _, Encode as _};
use x509_cert::time::Time;

use super::ScepRefusal;
use crate::tenant::renewal::signed_request::{self, SignedRequestError};

const MESSAGE_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");
const SENDER_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.5");
const TRANSACTION_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");
const MAX_NONCE: usize = 64;
const MAX_TRANSACTION: usize = 256;
/// How far a client's clock may be off, in seconds.
const MAX_SKEW: i64 = 86_400;

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepReplyTo {
    /// The number of the transaction.
    pub transaction: String,
    /// The client's nonce, which the answer repeats.
    pub nonce: Vec<u8>,
}

/// A message whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScepMessage {
    /// What the answer is about.
    pub reply_to: ScepReplyTo,
    /// Whether it asks about an earlier request (CertPoll) instead of making one (PKCSReq).
    pub is_poll: bool,
    /// The certificate of the key that signed it, in DER: in general one that the key signed for itself.
    pub signer: Vec<u8>,
    /// The CMS EnvelopedData inside.
    pub envelope: Vec<u8>,
}

/// A message that is not acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScepReadError {
    /// Nothing in it tells what an answer would be about.
    Unreadable,
    /// It is refused.
    Refuse(ScepReplyTo, ScepRefusal),
}

impl ScepMessage {
    /// Reads a message.
    pub fn read(der: &[u8], now: i64) -> Result<Self, ScepReadError> {
        let attributes = attributes(der).ok_or(ScepReadError::Unreadable)?;
        let value = |oid| value(&attributes, oid).map(Any::value);
        let transaction = value(TRANSACTION_ID).filter(|text| text.is_ascii() && text.len() <= MAX_TRANSACTION);
        let nonce = value(SENDER_NONCE).filter(|nonce| nonce.len() <= MAX_NONCE);
        let (transaction, nonce) = transaction.zip(nonce).ok_or(ScepReadError::Unreadable)?;
        let reply_to =
            ScepReplyTo { transaction: String::from_utf8_lossy(transaction).into_owned(), nonce: nonce.to_vec() };
        let refuse = |refusal| ScepReadError::Refuse(reply_to.clone(), refusal);
        let verified = signed_request::verified(der).map_err(|error| {
            refuse(match error {
                SignedRequestError::Algorithm => ScepRefusal::Algorithm,
                _ => ScepRefusal::MessageCheck,
            })
        })?;
        if !is_near(&attributes, now) {
            return Err(refuse(ScepRefusal::Time));
        }
        let is_poll = match value(MESSAGE_TYPE) {
            Some(b"19") => false,
            Some(b"20") => true,
            _ => return Err(refuse(ScepRefusal::Request)),
        };
        Ok(Self { reply_to, is_poll, signer: verified.signer, envelope: verified.content })
    }
}

/// What the first signer signed beside the content, not verified.
fn attributes(der: &[u8]) -> Option<SignedAttributes> {
    let info = ContentInfo::from_der(der).ok().filter(|info| info.content_type == ID_SIGNED_DATA)?;
    let data: SignedData = info.content.decode_as().ok()?;
    data.signer_infos.0.get(0)?.signed_attrs.clone()
}

fn value(attributes: &SignedAttributes, oid: ObjectIdentifier) -> Option<&Any> {
    attributes.iter().find(|attribute| attribute.oid == oid)?.values.get(0)
}

/// A message need not say when it was made.
fn is_near(attributes: &SignedAttributes, now: i64) -> bool {
    let Some(time) = value(attributes, ID_SIGNING_TIME) else { return true };
    let seconds = time
        .to_der()
        .ok()
        .and_then(|time| Time::from_der(&time).ok())
        .and_then(|time| i64::try_from(time.to_unix_duration().as_secs()).ok());
    seconds.is_some_and(|seconds| seconds.abs_diff(now) <= MAX_SKEW.unsigned_abs())
}
