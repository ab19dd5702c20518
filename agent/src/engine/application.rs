//! What a session asks of the machine, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::syncml::Format;

use super::profile::Profile;
use super::tree::Refusal;

/// Changes that a session wants in force before it acknowledges them (rule C4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Profiles by the address of their own node; `None` removes.
    pub profiles: BTreeMap<String, Option<Profile>>,
    /// Profiles that stand or fall together, because one Atomic set them. A profile is in at most one of these.
    pub units: Vec<BTreeSet<String>>,
    /// The time, by which what arrives is judged, seconds since 1970.
    pub now: i64,
}

/// What came of it. What is in neither list is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationOutcome {
    /// Profiles that are not in force, and why; the machine has what it had before.
    pub refused: BTreeMap<String, Refusal>,
    /// Profiles that need something that may still come; in words.
    pub waiting: BTreeMap<String, String>,
    /// What the server may read of the profiles in force: address, format, value.
    pub nodes: Vec<(String, Format, String)>,
}

impl Application {
    /// The changes that are left when these profiles and whatever stands or falls with them are left out.
    pub fn without(&self, refused: &BTreeMap<String, Refusal>) -> BTreeMap<String, Option<Profile>> {
        let fallen = self.fallen(refused);
        self.profiles
            .iter()
            .filter(|(root, _)| !fallen.contains(*root))
            .map(|(root, profile)| (root.clone(), profile.clone()))
            .collect()
    }

    /// The refused profiles and whatever stands or falls with them.
    pub fn fallen(&self, refused: &BTreeMap<String, Refusal>) -> BTreeSet<String> {
        let mut fallen: BTreeSet<String> = refused.keys().cloned().collect();
        for unit in &self.units {
            if unit.iter().any(|root| refused.contains_key(root)) {
                fallen.extend(unit.iter().cloned());
            }
        }
        fallen
    }
}

/// How the machine was found when the store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineReport {
    /// Files that somebody else had changed: path and what was done to it. They are put back.
    pub drift: Vec<(String, String)>,
    /// Profiles that are not in force, by the address of their own node, and why.
    pub refused: BTreeMap<String, Refusal>,
    /// What the server may read of the profiles in force: address, format, value.
    pub nodes: Vec<(String, Format, String)>,
}
