//! Which changes remove a payload from the store: keys and passphrases may be in it, and they must not stay behind in
//! the store's files (rule R4).

use std::collections::BTreeMap;

use super::database::Database;
use super::record::Damaged;
use crate::engine::Progress;
use crate::engine::profile::{Changes, Profile};
use crate::engine::retries::Retries;
use crate::engine::tree::Node;

/// Whether a value that the store holds is not there any more after these changes: of a profile, of a setting, of a
/// setting that waits for its place, or of a command that is tried again. What else is in the store holds no keys and no passphrases.
pub(super) fn is_removed_by(changes: &Changes, database: &Database) -> sled::Result<bool> {
    for (address, next) in &changes.profiles {
        if database.profile(address)?.is_some_and(|before| profile_loses(before, next.as_ref())) {
            return Ok(true);
        }
    }
    for (address, next) in &changes.settings {
        if database.setting(address)?.is_some_and(|before| before.map_or(true, |before| Some(before) != *next)) {
            return Ok(true);
        }
    }
    match &changes.progress {
        Some(next) => Ok(database.progress()?.is_some_and(|before| progress_loses(before, next))),
        None => Ok(false),
    }
}

fn profile_loses(before: Result<Profile, Damaged>, next: Option<&Profile>) -> bool {
    match (before, next) {
        (Ok(before), Some(next)) => nodes_lose(&before.nodes, &next.nodes),
        _ => true,
    }
}

fn nodes_lose(before: &BTreeMap<String, Node>, next: &BTreeMap<String, Node>) -> bool {
    before.iter().any(|(path, node)| next.get(path) != Some(node))
}

fn progress_loses(before: Result<Progress, Damaged>, next: &Progress) -> bool {
    let Ok(before) = before else { return true };
    let kept = next.claims.as_deref().map(Vec::as_slice).unwrap_or_default();
    let loses_claim = before.claims.is_some_and(|claims| claims.iter().any(|claim| !kept.contains(claim)));
    let kept = next.retries.as_deref().map(|retries| retries.commands.as_slice()).unwrap_or_default();
    let is_lost = |retries: Box<Retries>| retries.commands.iter().any(|command| !kept.contains(command));
    loses_claim || before.retries.is_some_and(is_lost)
}
