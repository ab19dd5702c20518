//! Verdicts: whether a profile could be applied on this machine, found out without changing anything.
//!
//! The session asks after every command that touches a profile (rule C6), so that a refused command changes nothing and
//! the next one is judged as if it had not been there. The evaluator keeps a picture of the machine as the commands so far
//! would leave it; a [`VerdictRequest`] carries only what is different since the one before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::syncml::{Format, StatusCode};

use super::profile::Profile;
use super::tree::Refusal;

/// Profiles by the address of their own node; `None` for one that is removed.
pub type ProfileChanges = Vec<(String, Option<Arc<Profile>>)>;

/// What a verdict is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerdictRequest {
    /// Whether to start from what is stored and applied, forgetting all that was asked before.
    pub from_store: bool,
    /// Whether what was proposed last was accepted; if not, it has to be taken back.
    pub accepted: bool,
    /// Changes that need no verdict, such as removals; they come before what is proposed.
    pub settled: ProfileChanges,
    /// Changes to be judged together.
    pub proposed: ProfileChanges,
    /// The profiles whose verdict is asked for, changed or not.
    pub named: BTreeSet<String>,
    /// Whether it is asked what can be read of applicable profiles.
    pub wants_nodes: bool,
    /// The time, by which new certificates are judged, seconds since 1970.
    pub now: i64,
}

/// Whether a profile can be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It can be applied.
    Applicable,
    /// It waits for something that may still come; in words.
    Incomplete(String),
    /// It cannot be applied.
    Refused(Refusal),
    /// It cannot be applied as long as another setting holds its place.
    Taken(Refusal),
}

impl Verdict {
    /// Why it cannot be applied, if it cannot.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::Taken(refusal) => Some(refusal),
            Self::Applicable | Self::Incomplete(_) => None,
        }
    }
}

/// The answer to a [`VerdictRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// The verdicts on the profiles that were named.
    pub verdicts: BTreeMap<String, Verdict>,
    /// Whether the picture of the machine was lost, so that the next request has to start from what is stored.
    pub lost: bool,
    /// What the server may read of all applicable profiles, if that was asked: address, format, value.
    pub nodes: Option<Arc<Vec<(String, Format, String)>>>,
}

impl Verdicts {
    /// Everything that was named is applicable: the answer of a machine that takes everything.
    pub fn all_applicable(request: &VerdictRequest) -> Self {
        let verdicts = request.named.iter().map(|root| (root.clone(), Verdict::Applicable)).collect();
        Self { verdicts, ..Self::default() }
    }

    /// The picture of the machine was lost: the same refusal for everything that was named.
    pub fn lost(named: &BTreeSet<String>, status: StatusCode, reason: &str) -> Self {
        let refusal = Refusal { status, reason: reason.to_owned() };
        let verdicts = named.iter().map(|root| (root.clone(), Verdict::Refused(refusal.clone()))).collect();
        Self { verdicts, lost: true, nodes: None }
    }
}
