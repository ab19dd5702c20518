//! OMA-DM 1.2.1 messages as narrowed by MS-MDM: the SyncML representation in XML.
//!
//! A [`Message`] is a header and a list of [`Command`]s. Identifiers that the other side chose (SessionID, CmdID) are
//! opaque text here; addresses stay in the form they arrived in, because an answer must echo them to the letter.

mod alert;
mod authentication;
mod command;
mod large_object;
mod message;
mod meta;
mod read;
mod status;
mod write;

pub use alert::{AlertCode, alert_type};
pub use authentication::{Challenge, Credentials, CredentialsKind, digest};
pub use command::{
    Alert, Command, CommandId, Group, Item, Operation, Results, Status, Unrecognised, UsedCommandIds, Verb,
};
pub use large_object::{Assembler, LargeObjectError, Piece, same_address, split};
pub use message::{CONTENT_TYPE, Header, Message, decode_fragment};
pub use meta::{Format, Meta};
pub use read::SyncMlError;
pub use status::StatusCode;
