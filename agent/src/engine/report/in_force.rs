//! What of the profiles is applied, for those who show it.

use std::collections::BTreeMap;

/// How the reason begins why a profile is not applied that waits for something.
pub const WAITING: &str = "waiting: ";
/// How it begins where a profile keeps what was applied before, because the same could not be applied again.
pub const AS_BEFORE: &str = "applied as before, and could not be applied again: ";

/// What of the profiles is in force on the machine, by the address of a profile's own node.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    /// Profiles that are not, and why.
    pub not: BTreeMap<String, String>,
    /// Files that are there for a profile.
    pub files: BTreeMap<String, Vec<String>>,
    /// Parts of a profile that have no effect on this machine, each with the reason.
    pub without_effect: BTreeMap<String, Vec<String>>,
}
