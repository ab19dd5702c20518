//! A message as it arrives: what is read of it before a tenant is asked, and why it may get no reply.

use mdm_protocol::Limits;
use mdm_protocol::syncml::{Message, SyncMlError};
use mdm_protocol::xml::Document;
use sha2::{Digest as _, Sha256};

use super::super::AccessRefusal;
use super::super::conformance::{Conformance, Violation};

/// How long the words of a header may be that every reply repeats, in bytes.
const HEADER_WORD_LIMIT: usize = 2048;

/// A device's message, read but not yet heeded.
#[derive(Debug)]
pub struct ReceivedMessage {
    pub(super) message: Message,
    pub(super) digest: [u8; 32],
    pub(super) conformance: Conformance,
}

impl ReceivedMessage {
    /// Reads a message. That takes a while for a large one, and needs no tenant.
    pub fn decode(body: &[u8]) -> Result<Self, SessionRefusal> {
        let document = Document::parse(body, &Limits::MESSAGE).map_err(SyncMlError::from)?;
        let message = Message::read(&document)?;
        let header = &message.header;
        for (element, word) in [("SessionID", &header.session_id), ("Target", &header.target)] {
            if word.len() > HEADER_WORD_LIMIT {
                return Err(SessionRefusal::TooLong { element });
            }
        }
        let conformance = Conformance::of(&document);
        Ok(Self { message, digest: Sha256::digest(body).into(), conformance })
    }
}

/// Why a message got no reply.
#[derive(Debug, thiserror::Error)]
pub enum SessionRefusal {
    /// The device may not speak.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The message cannot be read.
    #[error("{0}")]
    Unreadable(#[from] SyncMlError),
    /// The tenant is strict, and a conforming client would not have sent the message.
    #[error("{0}")]
    NotConforming(#[from] Violation),
    /// A part of the message's header is too long to be repeated in every reply.
    #[error("<{element}> in the message's header has more than {HEADER_WORD_LIMIT} bytes")]
    TooLong {
        /// Which part.
        element: &'static str,
    },
}
