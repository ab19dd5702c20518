//! What a machine should have because of its profiles: files of one profile each, and documents to which many
//! profiles contribute. Data only; who makes it is [`super::translate`], who compares it with the machine is
//! [`super::plan`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mdm_protocol::syncml::Format;
use zeroize::Zeroizing;

use super::consumer::Consumer;
use super::document::Document;
use super::path::MachinePath;
use super::translate::certificate::client::ClientCertificate;
use crate::engine::tree::Refusal;

/// What one profile asks of the machine.
#[derive(Debug, Clone, Default)]
pub struct Share {
    /// Files that are this profile's alone.
    pub files: Vec<(MachinePath, DesiredFile)>,
    /// What it contributes to documents that it shares with other profiles.
    pub fragments: Vec<Fragment>,
    /// What it contributes to documents where it can be had, but does without where it cannot.
    pub courtesies: Vec<Fragment>,
    /// The device's own certificate that it brings.
    pub client: Option<ClientCertificate>,
    /// Files of other profiles that it refers to; they stay as long as it does.
    pub uses: Vec<MachinePath>,
    /// What the server may read about it: a path below the profile's own node or, beginning with `./`, an address.
    pub nodes: Vec<(String, Format, String)>,
    /// Parts of the profile that have no effect on this machine, each with the reason.
    pub without_effect: Vec<String>,
}

/// A file as it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredFile {
    /// What it is.
    pub content: Content,
    /// Its permission bits.
    pub mode: u32,
    /// Who has to be told when it changes.
    pub consumer: Consumer,
    /// What is done where something was there first.
    pub where_taken: WhereTaken,
}

/// What a file is.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// A regular file with this content, which may be secret.
    Bytes(Zeroizing<Vec<u8>>),
    /// A symbolic link to this target.
    Link(String),
}

/// What is done where something was there first, which the agent did not make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhereTaken {
    /// It stays, and the profile is refused (rule R6).
    Refuse,
    /// A distribution's default that sets nothing (only comments and blank lines) is put aside and comes back byte for
    /// byte; anything else stays, and the profile is refused.
    PutAsideInert,
    /// It is a value that a machine always has, such as its time zone: it is put aside and comes back.
    PutAside,
}

/// One entry of a document that many profiles share.
#[derive(Clone, PartialEq)]
pub struct Fragment {
    /// The document.
    pub document: Document,
    /// The entry's name; several parts where the document is nested.
    pub key: Vec<String>,
    /// Its value; text for documents that are not JSON.
    pub value: serde_json::Value,
}

/// Why a profile asks nothing of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untranslatable {
    /// Something is missing that may still come; in words.
    Waiting(String),
    /// It cannot be had on this machine.
    Refused(Refusal),
}

/// What the machine should have because of all of its profiles.
#[derive(Debug, Default)]
pub struct Desired {
    /// The files.
    pub files: BTreeMap<MachinePath, (DesiredFile, BTreeSet<String>)>,
    /// Files that are no longer anybody's own but are referred to.
    pub used: BTreeSet<MachinePath>,
    /// Profiles that ask nothing of the machine, by the address of their own node.
    pub without: BTreeMap<String, Untranslatable>,
    /// What the server may read: address, format, value.
    pub nodes: Vec<(String, Format, String)>,
    /// Parts of profiles that have no effect, each with the reason, by the address of the profile's own node.
    pub without_effect: BTreeMap<String, Vec<String>>,
}

impl DesiredFile {
    /// A text that anybody at the machine may read.
    pub fn public(text: impl Into<String>, consumer: Consumer) -> Self {
        Self::bytes(text.into().into_bytes(), 0o644, consumer)
    }

    /// A text for root alone.
    pub fn private(text: impl Into<String>, consumer: Consumer) -> Self {
        Self::bytes(text.into().into_bytes(), 0o600, consumer)
    }

    /// A file of any content.
    pub fn bytes(bytes: Vec<u8>, mode: u32, consumer: Consumer) -> Self {
        let content = Content::Bytes(Zeroizing::new(bytes));
        Self { content, mode, consumer, where_taken: WhereTaken::Refuse }
    }

    /// A symbolic link.
    pub fn link(target: impl Into<String>, consumer: Consumer) -> Self {
        Self { content: Content::Link(target.into()), mode: 0o777, consumer, where_taken: WhereTaken::Refuse }
    }
}

impl Fragment {
    /// An entry of a document of plain names and values.
    pub fn text(document: Document, key: &str, value: impl Into<String>) -> Self {
        Self { document, key: vec![key.to_owned()], value: serde_json::Value::String(value.into()) }
    }
}

impl Untranslatable {
    /// A refusal with a reason.
    pub fn refused(status: mdm_protocol::syncml::StatusCode, reason: impl Into<String>) -> Self {
        Self::Refused(Refusal { status, reason: reason.into() })
    }

    /// A feature that this machine does not have (status 406), and what would bring it.
    pub fn unsupported(reason: impl Into<String>) -> Self {
        Self::refused(mdm_protocol::syncml::StatusCode::NOT_SUPPORTED, reason)
    }
}

impl From<mdm_protocol::csp::PayloadError> for Untranslatable {
    /// A missing node may still come with the next command; anything else is wrong for good.
    fn from(error: mdm_protocol::csp::PayloadError) -> Self {
        match error.status {
            mdm_protocol::syncml::StatusCode::INCOMPLETE => Self::Waiting(error.to_string()),
            _ => Self::Refused(error.into()),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "{} bytes", bytes.len()),
            Self::Link(target) => write!(formatter, "-> {target}"),
        }
    }
}

impl fmt::Debug for DesiredFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}, mode {:o}, for {:?}", self.content, self.mode, self.consumer)
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {}", self.document, self.key.join("/"))
    }
}
