//! The outer layer of a client's SCEP message (RFC 8894 sections 3.1 and 3.2): who sends what in which transaction, and
//! whether the signature holds. What is sealed inside is opened elsewhere, with a key that the tenant has not.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNING_TIME;
use der::asn1::Any;
use der::{Decode as _, Encode as _};
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

use super::ScepRefusal;
use crate::tenant::signed_message::{SignedMessage, SignedMessageError, value};

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
    /// Whether it asks about an earlier request (CertPoll) instead of making one (PKCSReq, RenewalReq).
    pub is_poll: bool,
    /// The certificate of the key that signed it, in DER: in general one that the key signed for itself, or the one that is
    /// to be followed by another.
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
    /// Reads a message in BER or DER.
    pub fn read(message: &[u8], now: i64) -> Result<Self, ScepReadError> {
        let message = SignedMessage::read(message).map_err(|_| ScepReadError::Unreadable)?;
        let attributes = message.attributes().ok_or(ScepReadError::Unreadable)?;
        let value = |oid| value(&attributes, oid).map(Any::value);
        let transaction = value(TRANSACTION_ID).filter(|text| text.is_ascii() && text.len() <= MAX_TRANSACTION);
        let nonce = value(SENDER_NONCE).filter(|nonce| nonce.len() <= MAX_NONCE);
        let (transaction, nonce) = transaction.zip(nonce).ok_or(ScepReadError::Unreadable)?;
        let reply_to =
            ScepReplyTo { transaction: String::from_utf8_lossy(transaction).into_owned(), nonce: nonce.to_vec() };
        let refuse = |refusal| ScepReadError::Refuse(reply_to.clone(), refusal);
        let verified = message.verify().map_err(|error| {
            refuse(match error {
                SignedMessageError::Algorithm => ScepRefusal::Algorithm,
                _ => ScepRefusal::MessageCheck,
            })
        })?;
        if !is_near(&attributes, now) {
            return Err(refuse(ScepRefusal::Time));
        }
        let is_poll = match value(MESSAGE_TYPE) {
            // Some renew by RenewalReq although it is not among the capabilities.
            Some(b"19" | b"17") => false,
            Some(b"20") => true,
            _ => return Err(refuse(ScepRefusal::Request)),
        };
        Ok(Self { reply_to, is_poll, signer: verified.signer, envelope: verified.content })
    }
}

/// A message need not say when it was made.
fn is_near(attributes: &[Attribute], now: i64) -> bool {
    let Some(time) = value(attributes, ID_SIGNING_TIME) else { return true };
    let seconds = time
        .to_der()
        .ok()
        .and_then(|time| Time::from_der(&time).ok())
        .and_then(|time| i64::try_from(time.to_unix_duration().as_secs()).ok());
    seconds.is_some_and(|seconds| seconds.abs_diff(now) <= MAX_SKEW.unsigned_abs())
}
