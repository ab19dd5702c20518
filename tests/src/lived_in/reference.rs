//! What the reference knows: whose each place is, and which directories the agent made.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::holder::{Holder, Touch, touch};
use super::node::Snapshot;
use super::places::Places;

/// What the reference knows.
#[derive(Debug, Default)]
pub(super) struct Reference {
    /// Whose each place is, as far as it can be told; nobody's if nothing is said.
    pub(super) holders: BTreeMap<String, Vec<Holder>>,
    /// Directories that the agent made, and their inodes.
    pub(super) directories: BTreeMap<String, u64>,
    /// Places where a file of the agent's first appeared, or disappeared, in work that was cut off: what somebody makes there
    /// before the agent has seen it again may be taken for their own, or for a change of the agent's.
    pub(super) unconfirmed: BTreeSet<String>,
    /// Places of the agent's files that it may have been about to remove when it was cut off: what was done to them since, it
    /// cannot know by whom.
    pub(super) perhaps_leaving: BTreeSet<String>,
    /// Places of which something was wrong already: nothing is certain of them until the enrolment ends.
    pub(super) doubtful: BTreeSet<String>,
}

impl Reference {
    /// People and tools were at work: this is what is there now.
    pub(super) fn people_worked(&mut self, now: &Snapshot, places: &Places) {
        self.directories.retain(|path, inode| now.get(path).is_some_and(|node| node.inode == *inode));
        let filled = now.iter().filter(|(path, node)| places.have(path) && !node.is_directory());
        for (path, _) in filled {
            self.holders.entry(path.clone()).or_insert_with(|| vec![Holder::Nobody]);
        }
        for (path, holders) in &mut self.holders {
            let node = now.get(path);
            for holder in holders.iter_mut().filter(|holder| !matches!(holder, Holder::Agent { .. })) {
                *holder = node.map_or(Holder::Nobody, |node| Holder::Person(node.clone()));
            }
        }
        self.holders.retain(|_, holders| *holders != [Holder::Nobody]);
    }

    /// The files of the agent's that are there.
    pub(super) fn agents_files(&self, now: &Snapshot) -> Vec<String> {
        let is_agents = |holders: &[Holder]| matches!(holders.first(), Some(Holder::Agent { .. }));
        let held = self.holders.iter().filter(|(path, holders)| is_agents(holders) && now.contains_key(*path));
        held.map(|(path, _)| path.clone()).collect()
    }

    /// The files of the agent's that somebody has changed: for certain, and perhaps.
    pub(super) fn touched(&self, now: &Snapshot) -> (BTreeSet<String>, BTreeSet<String>) {
        let is_touched = |path: &str, holder: &Holder| match holder {
            Holder::Agent { node, .. } => touch(node, now.get(path)) != Touch::None,
            Holder::Nobody | Holder::Person(_) => false,
        };
        let pick = |is_picked: &dyn Fn(&str, &[Holder]) -> bool| {
            let picked = self.holders.iter().filter(|(path, holders)| is_picked(path, holders));
            picked.map(|(path, _)| path.clone()).collect::<BTreeSet<String>>()
        };
        let uncertain = [&self.doubtful, &self.unconfirmed, &self.perhaps_leaving];
        let is_certain = |path: &str| !uncertain.iter().any(|paths| paths.contains(path));
        let certain = pick(&|path, holders| is_certain(path) && holders.iter().all(|holder| is_touched(path, holder)));
        let perhaps = pick(&|path, holders| !is_certain(path) || holders.iter().any(|holder| is_touched(path, holder)));
        (certain, perhaps.union(&self.unconfirmed).cloned().collect())
    }
}

/// What is kept in quarantine, and what is wrong with the way it is kept.
pub(super) fn quarantine(state: &Path) -> (BTreeSet<Vec<u8>>, Vec<String>) {
    let directory = state.join("quarantined-files");
    let (mut kept, mut wrong) = (BTreeSet::new(), Vec::new());
    let mode = |path: &Path| path.symlink_metadata().map_or(0, |facts| facts.permissions().mode() & 0o7777);
    let Ok(entries) = std::fs::read_dir(&directory) else { return (kept, wrong) };
    if mode(&directory) != 0o700 {
        wrong.push(format!("the quarantine is open: {:04o}", mode(&directory)));
    }
    for path in entries.flatten().map(|entry| entry.path()) {
        if mode(&path) != 0o600 || !path.symlink_metadata().is_ok_and(|facts| facts.is_file()) {
            wrong.push(format!("what is in quarantine is open: {} {:04o}", path.display(), mode(&path)));
        }
        kept.extend(std::fs::read(&path));
    }
    (kept, wrong)
}
