//! What a session asks of the machine once per message, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::syncml::Format;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::tree::Refusal;

/// Changes to apply before they are acknowledged (rule C4). All of them had their verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Profiles by the address of their own node; `None` removes.
    pub profiles: BTreeMap<String, Option<Arc<Profile>>>,
    /// Those whose verdict was that they are applicable, and removals; `None` for all. The others are stored, and applied
    /// if that can be done.
    pub expected: Option<BTreeSet<String>>,
    /// What was applied before the message, where a former attempt may have applied more: profiles by their address, and
    /// the hash of their content.
    pub applied_before: Option<BTreeMap<String, String>>,
    /// The time, by which new certificates are judged, seconds since 1970.
    pub now: i64,
}

/// What came of it. Changes that did not fail are applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationOutcome {
    /// Changes that could not be made, and why; the machine has what it had before.
    pub failed: BTreeMap<String, Refusal>,
    /// Changes that could not be made only because others failed.
    pub consequences: BTreeMap<String, Refusal>,
    /// How the machine is now, if that is known.
    pub machine: Option<MachineReport>,
}

/// Changes by others that are reported to the server in one session; further ones wait for the next.
pub const MAX_DRIFT_REPORTED: usize = 20;

/// A managed file that was changed locally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriftReport {
    /// The file, as the machine names it.
    pub path: String,
    /// What was done to it, by a name that stays the same.
    pub what: String,
    /// What the agent did about it.
    pub outcome: DriftOutcome,
    /// The name in the quarantine of a content that would be lost otherwise.
    pub kept: Option<String>,
    /// What distinguishes this change from the next one of the same file.
    pub found: String,
}

/// What the agent did about a local change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftOutcome {
    /// The file is as its profile says again.
    #[default]
    PutBack,
    /// It is left as it is.
    LeftAlone,
    /// The file was removed all the same, because no profile requires it any more.
    Removed,
}

impl DriftOutcome {
    /// In words, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::PutBack => "it is put back",
            Self::LeftAlone => "it is left as it is",
            Self::Removed => "it is removed",
        }
    }
}

/// How the profiles are on the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineReport {
    /// Managed files that were changed locally, as far as that is not recorded yet.
    pub drift: Vec<DriftReport>,
    /// The same, and what was found before and is not reported to the server yet.
    pub unreported: Vec<DriftReport>,
    /// Profiles that are not applied, by the address of their own node, and why.
    pub refused: BTreeMap<String, Refusal>,
    /// Applied profiles, by the address of their own node, and the hash of the content that is applied.
    pub applied: BTreeMap<String, String>,
    /// Profiles that keep what they had although it could not be applied again, in the same form.
    pub held: BTreeMap<String, String>,
    /// What the server may read of applied profiles: address, format, value.
    pub nodes: Vec<(String, Format, String)>,
}
