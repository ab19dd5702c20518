//! Looking at the machine: what is at the paths that matter, and whether anything changed since the last time.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::desired::{Desired, WhereTaken};
use super::issued;
use super::ledger::Ledger;
use super::machine::Machine;
use super::path::MachinePath;
use super::plan::{Holder, Seen, holder};
use super::root::{Found, Root, RootError};
use super::translate::certificate::client::{self, ClientCertificate};
use crate::engine::profile::Profile;

/// Looks at everything that is desired or that the agent made.
pub(super) fn see(root: &Root, ledger: &Ledger, desired: &Desired) -> Result<BTreeMap<MachinePath, Seen>, RootError> {
    let mut seen = BTreeMap::new();
    for path in desired.files.keys().chain(ledger.files.keys()) {
        if !seen.contains_key(path) {
            let wanted = desired.files.get(path);
            let may_be_put_aside = wanted.is_some_and(|(file, _)| file.where_taken != WhereTaken::Refuse);
            seen.insert(path.clone(), see_one(root, ledger, path, may_be_put_aside)?);
        }
    }
    Ok(seen)
}

/// Looks at one path. A foreign file is read whole if it may be backed up.
pub(super) fn see_one(
    root: &Root,
    ledger: &Ledger,
    path: &MachinePath,
    may_be_put_aside: bool,
) -> Result<Seen, RootError> {
    let entry = ledger.files.get(path);
    let known = entry.and_then(|entry| Some((entry.digest.as_str(), entry.stamp?)));
    let found = root.look(path, known)?;
    let is_agents = entry.is_some_and(|entry| holder(entry, &found) == Holder::Agent);
    let is_foreign = !is_agents && matches!(found, Found::Content { .. });
    let former = if may_be_put_aside && is_foreign { root.former(path)? } else { None };
    Ok(Seen { found, former })
}

/// The device's own certificates that are on the machine, whether or not their profiles are still here.
pub(super) fn retained(root: &Root, ledger: &Ledger) -> Vec<ClientCertificate> {
    let places = ledger.files.keys().filter_map(|certificate| Some((certificate, client::key_beside(certificate)?)));
    places
        .filter(|(_, key)| ledger.files.contains_key(key))
        // One that somebody changed or removed is of no use.
        .filter(|(certificate, key)| [*certificate, key].into_iter().all(|path| is_whole(root, ledger, path)))
        .filter_map(|(certificate, key)| {
            let chain = client::chain_of(&root.read(certificate)?);
            ClientCertificate::describe(&chain, certificate.clone(), key)
        })
        .collect()
}

fn is_whole(root: &Root, ledger: &Ledger, path: &MachinePath) -> bool {
    let Some(entry) = ledger.files.get(path) else { return false };
    let known = entry.stamp.map(|stamp| (entry.digest.as_str(), stamp));
    entry.before.is_some() || root.look(path, known).is_ok_and(|found| found.has(&entry.digest))
}

/// Whether every file is as the agent left it, by its looks alone.
pub(super) fn is_untouched(root: &Root, ledger: &Ledger) -> bool {
    root.are_untouched(ledger.files.iter().map(|(path, entry)| (path, entry.stamp, entry.mode)))
        && ledger.blocked.iter().all(|(path, stamp)| root.stamp(path) == *stamp)
}

/// A digest of profiles, whatever order they come in.
pub(super) fn stored_digest<'a>(profiles: impl Iterator<Item = &'a Profile>) -> String {
    let mut hasher = Sha256::new();
    add_profiles(&mut hasher, profiles);
    hex(hasher)
}

fn add_profiles<'a>(hasher: &mut Sha256, profiles: impl Iterator<Item = &'a Profile>) {
    let mut known: Vec<(String, &str)> =
        profiles.map(|profile| (profile.root.to_string(), profile.content_hash.as_str())).collect();
    known.sort();
    for (root, content) in known {
        hasher.update((root.len() as u64).to_le_bytes());
        hasher.update(root);
        hasher.update(content);
    }
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What tells without translating anything that nothing would be different.
pub(super) fn fingerprint<'a>(
    machine: &Machine,
    profiles: impl Iterator<Item = &'a Profile> + Clone,
    state: &Path,
) -> String {
    let mut hasher = Sha256::new();
    hasher.update(env!("CARGO_PKG_VERSION"));
    hasher.update(serde_json::to_vec(machine).expect("facts are text, numbers and lists"));
    add_profiles(&mut hasher, profiles.clone());
    for (root, issued) in issued::read(state, profiles) {
        hasher.update(root);
        issued.chain.iter().for_each(|der| hasher.update(der));
    }
    hex(hasher)
}
