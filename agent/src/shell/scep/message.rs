//! The messages of SCEP (RFC 8894 section 3): a request to the authority, sealed and signed, and what its answer proves.
//! Believes an answer only if the authority signed it and it belongs to this very question.

use aws_lc_rs::rand::SecureRandom;
use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetStringRef, PrintableStringRef};
use der::{Decode as _, Encode as _, Sequence};
use rcgen::KeyPair;

use super::authority::Authority;
use super::client::Protection;
use crate::shell::cms::envelope::{self, EnvelopeError};
use crate::shell::cms::signed::{Message, Proved, SignedError};
use crate::shell::cms::{self, CmsError};

const MESSAGE_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");
const PKI_STATUS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.3");
const FAIL_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.4");
const SENDER_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.5");
const RECIPIENT_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.6");
const TRANSACTION_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");
const FAIL_INFO_TEXT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.24.1");
const CERT_REP: &[u8] = b"3";
const MAX_TEXT: usize = 200;

/// What a request is (RFC 8894 section 3.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// PKCSReq: a certificate request.
    Request,
    /// CertPoll, once GetCertInitial: whether an earlier request was decided.
    Poll,
}

impl Kind {
    fn number(self) -> &'static str {
        match self {
            Self::Request => "19",
            Self::Poll => "20",
        }
    }
}

/// A message that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It could not be sealed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// It could not be signed.
    #[error(transparent)]
    Signature(#[from] CmsError),
    /// Something has no encoding.
    #[error("the message to the SCEP server cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    /// There are no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
}

/// An answer that proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is not signed by the authority.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// An attribute is missing, or is not what it should be.
    #[error("the SCEP server's answer has no {0}, or one that is not understood")]
    Attribute(&'static str),
    /// It belongs to another question.
    #[error("the SCEP server's answer belongs to another request: its {0} is another one")]
    Foreign(&'static str),
    /// The certificate does not come out.
    #[error("the certificate in the SCEP server's answer cannot be had: {0}")]
    Envelope(#[from] EnvelopeError),
    /// What comes out is no list of certificates.
    #[error("what is in the SCEP server's answer is no list of certificates: {0}")]
    Content(SignedError),
}

impl AnswerError {
    /// Whether the authority itself has proved to answer in this way: it would again.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Envelope(_) | Self::Content(_) | Self::Signed(SignedError::Weak))
    }
}

/// What the authority says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// These certificates (DER).
    Granted(Vec<Vec<u8>>),
    /// Not decided yet.
    Pending,
    /// No, for the reason with this number, if there is one.
    Refused { fail_info: Option<u8>, text: String },
}

/// A question that was asked.
pub(super) struct Question {
    pub(super) message: Vec<u8>,
    nonce: [u8; 16],
}

/// Who asks: the key, its self-signed certificate and the number of the transaction.
pub(super) struct Asker<'a> {
    pub(super) key: &'a KeyPair,
    pub(super) certificate: &'a [u8],
    pub(super) transaction: &'a str,
    pub(super) protection: Protection,
    /// Whether an answer that is signed with SHA-1 proves anything.
    pub(super) legacy: bool,
}

#[derive(Sequence)]
struct IssuerAndSubject {
    issuer: Any,
    subject: Any,
}

impl Asker<'_> {
    /// Asks with a certificate request (PKCS#10, DER).
    pub(super) fn request(
        &self,
        authority: &Authority,
        request: &[u8],
        random: &(dyn SecureRandom + Sync),
    ) -> Result<Question, MessageError> {
        self.ask(Kind::Request, authority, request, random)
    }

    /// Asks whether a request of this subject (a `Name` in DER) was decided.
    pub(super) fn poll(
        &self,
        authority: &Authority,
        subject: &[u8],
        random: &(dyn SecureRandom + Sync),
    ) -> Result<Question, MessageError> {
        let names = IssuerAndSubject { issuer: Any::from_der(&authority.issuer)?, subject: Any::from_der(subject)? };
        self.ask(Kind::Poll, authority, &names.to_der()?, random)
    }

    fn ask(
        &self,
        kind: Kind,
        authority: &Authority,
        content: &[u8],
        random: &(dyn SecureRandom + Sync),
    ) -> Result<Question, MessageError> {
        let mut nonce = [0; 16];
        random.fill(&mut nonce).map_err(|_| MessageError::Random)?;
        let sealed = envelope::seal_with(content, &authority.recipient, self.protection.cipher, random)?;
        let text = |text: &str| Any::encode_from(&PrintableStringRef::new(text)?);
        let attributes = vec![
            cms::attribute(MESSAGE_TYPE, text(kind.number())?)?,
            cms::attribute(TRANSACTION_ID, text(self.transaction)?)?,
            cms::attribute(SENDER_NONCE, Any::encode_from(&OctetStringRef::new(&nonce)?)?)?,
        ];
        let message = cms::sign_with(&sealed, self.key, self.certificate, attributes, self.protection.digest)?;
        Ok(Question { message, nonce })
    }

    /// What an answer to a question proves.
    pub(super) fn read(
        &self,
        answer: &[u8],
        question: &Question,
        authority: &Authority,
    ) -> Result<Verdict, AnswerError> {
        let message = Message::read(answer)?;
        let proved = match self.legacy {
            true => message.verify_with_sha1(&authority.trusted)?,
            false => message.verify(&authority.trusted)?,
        };
        if value(&proved, MESSAGE_TYPE, "message type")? != CERT_REP {
            return Err(AnswerError::Attribute("message type of an answer"));
        }
        if value(&proved, TRANSACTION_ID, "transaction")? != self.transaction.as_bytes() {
            return Err(AnswerError::Foreign("transaction"));
        }
        if value(&proved, RECIPIENT_NONCE, "recipient nonce")? != question.nonce {
            return Err(AnswerError::Foreign("recipient nonce"));
        }
        match value(&proved, PKI_STATUS, "status")? {
            b"0" => self.certificates(proved.content).map(Verdict::Granted),
            b"2" => Ok(refusal(&proved)),
            b"3" => Ok(Verdict::Pending),
            _ => Err(AnswerError::Attribute("status")),
        }
    }

    fn certificates(&self, sealed: &[u8]) -> Result<Vec<Vec<u8>>, AnswerError> {
        let opened = envelope::open(sealed, self.key, self.certificate)?;
        Ok(Message::read(&opened).map_err(AnswerError::Content)?.certificates())
    }
}

/// The text or the bytes of an attribute, whatever type of string it is.
fn value<'a>(proved: &'a Proved<'_>, attribute: ObjectIdentifier, name: &'static str) -> Result<&'a [u8], AnswerError> {
    proved.attribute(attribute).map(Any::value).ok_or(AnswerError::Attribute(name))
}

fn refusal(proved: &Proved<'_>) -> Verdict {
    let fail_info = value(proved, FAIL_INFO, "reason").ok().and_then(|digits| match digits {
        [digit @ b'0'..=b'4'] => Some(digit - b'0'),
        _ => None,
    });
    let text = value(proved, FAIL_INFO_TEXT, "text").map(String::from_utf8_lossy).unwrap_or_default();
    let text = text.chars().filter(|character| !character.is_control()).take(MAX_TEXT).collect();
    Verdict::Refused { fail_info, text }
}

/// What the number of a reason means (RFC 8894 section 3.2.1.4.1).
pub(super) fn reason(fail_info: Option<u8>) -> &'static str {
    match fail_info {
        Some(0) => "it does not know the algorithm (badAlg)",
        Some(1) => "it found the request's integrity violated (badMessageCheck)",
        Some(2) => "it does not permit or support the request, or the challenge password is wrong (badRequest)",
        Some(3) => "the time in the request is not near its own (badTime)",
        Some(4) => "it knows no certificate or request of this kind (badCertId)",
        _ => "it gave no reason",
    }
}
