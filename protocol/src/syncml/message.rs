//! A whole message: header and body.

use super::read;
use super::write;
use super::{Command, Credentials, Meta, SyncMlError};
use crate::xml::{Document, Limits};

/// The media type of messages in XML.
pub const CONTENT_TYPE: &str = "application/vnd.syncml.dm+xml";

/// Reads commands without a message round them: the form in which administrators write profiles, one element after
/// another, with or without a `<SyncBody>` round them.
pub fn decode_fragment(text: &str) -> Result<Vec<Command>, SyncMlError> {
    read::fragment(text)
}

/// Who speaks to whom, in which session and message (SyncHdr).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The session, as its client named it.
    pub session_id: String,
    /// The message's number within the session, from 1.
    pub message_id: u32,
    /// The receiver: the management server's address or the device's id.
    pub target: String,
    /// The sender.
    pub source: String,
    /// The sender's user name, where it proves itself by a digest.
    pub source_name: Option<String>,
    /// The sender's proof.
    pub credentials: Option<Credentials>,
    /// The sender's limits.
    pub meta: Meta,
}

/// One message of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Who speaks to whom.
    pub header: Header,
    /// The commands, in order.
    pub commands: Vec<Command>,
    /// Whether the sender says that its package ends here. Servers exist that never say it.
    pub is_final: bool,
}

impl Message {
    /// Reads a message within [`Limits::MESSAGE`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SyncMlError> {
        Self::decode_within(bytes, &Limits::MESSAGE)
    }

    /// Reads a message within other limits.
    pub fn decode_within(bytes: &[u8], limits: &Limits) -> Result<Self, SyncMlError> {
        Self::read(&Document::parse(bytes, limits)?)
    }

    /// Reads a message from a document that was parsed already.
    pub fn read(document: &Document<'_>) -> Result<Self, SyncMlError> {
        read::message(document)
    }

    /// Writes the message, compact, in the element order of the DTD.
    pub fn encode(&self) -> String {
        write::message(self)
    }
}
