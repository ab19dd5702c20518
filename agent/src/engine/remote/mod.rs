//! What the server can have done to the machine once: locking it, unlocking it, restarting it, wiping it.
//!
//! [`RemoteOrders`] is the ledger that makes an order happen once, whatever becomes of answers and processes: an order
//! is kept before it is acknowledged, carried out after its session, and stays known after it is over, so that the
//! same order sent again is answered and not repeated. How it is carried out is the platform's business.

mod attempts;
mod ledger;
mod order;
#[cfg(test)]
mod tests;

pub use attempts::Attempts;
pub use ledger::{Known, RemoteOrders};
pub use order::{LOCK, LockTerms, Received, RemoteKind, UNLOCK, WIPE_CONFIRMATION, read};

use serde::{Deserialize, Serialize};

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteState {
    /// It will be carried out, or is being.
    Accepted,
    /// What it would do was told to the server, which has to confirm it in another session.
    AwaitingConfirmation,
    /// It was carried out.
    Done,
    /// It came to nothing.
    Failed,
}

impl RemoteState {
    /// The state's name on the wire and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AwaitingConfirmation => "awaiting-confirmation",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more comes of it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// An order, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteOrder {
    /// By what the order is known again.
    pub id: String,
    /// Whether the server gave it that id; one that it did not give an id to is only carried out if the server knows
    /// that it was accepted.
    pub is_named: bool,
    /// What is to be done.
    pub kind: RemoteKind,
    /// How it stands.
    pub state: RemoteState,
    /// What came of it, in words.
    pub detail: String,
    /// When it was accepted, steady seconds.
    pub accepted: i64,
    /// In which boot of the machine it was accepted; 0 if that cannot be told.
    pub boot: u64,
    /// Whether the server went on after it was told that the order is accepted. One without a name waits for that.
    #[serde(default)]
    pub heard: bool,
    /// Whether the machine was told to do it: from then on it is not told again.
    #[serde(default)]
    pub begun: bool,
    /// Whether the server was told how it stands now.
    pub reported: bool,
    /// Whether it is being carried out by this process.
    #[serde(skip)]
    pub under_way: bool,
}

/// What came of carrying an order out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteOutcome {
    /// It is done; what exactly, in words.
    Done(String),
    /// It goes on outside this process: the machine goes down, or is being wiped.
    Begun(String),
    /// It would do this; it is not begun before the server confirms it.
    Planned(Vec<String>),
    /// It could not be done, or not wholly; why.
    Failed(String),
}
