//! Two snapshots of a root, before and after the agent was at work, held against what may become of each path.

use std::collections::BTreeSet;

use super::holder::{Circumstances, Holder};
use super::node::{Node, Snapshot, shown};
use super::places::{Places, is_staged};
use super::reference::Reference;

/// How the agent was at work.
pub(super) struct Work<'a> {
    pub(super) before: &'a Snapshot,
    pub(super) after: &'a Snapshot,
    pub(super) places: &'a Places,
    pub(super) quarantine: &'a BTreeSet<Vec<u8>>,
    /// Whether it was killed, the disk was full, or something could not be touched.
    pub(super) is_disturbed: bool,
    /// Whether it was killed.
    pub(super) is_killed: bool,
    /// Whether commands were carried out after the files had been put back.
    pub(super) has_commands: bool,
    /// Whether something is not in force.
    pub(super) is_unsettled: bool,
    /// Whether everything of the agent's was to go, and went.
    pub(super) is_end: bool,
}

impl Reference {
    /// The agent was at work: what it may not have done, path by path.
    pub(super) fn agent_worked(&mut self, work: &Work<'_>) -> Vec<String> {
        let mut wrong = Vec::new();
        let paths: BTreeSet<&String> = work.before.keys().chain(work.after.keys()).collect();
        for path in paths {
            let (before, after) = (work.before.get(path), work.after.get(path));
            let why = match () {
                () if is_staged(path) => staged(after, work),
                () if self.is_directory_matter(path, before, after) => self.directory(path, before, after),
                () if work.places.have(path) => self.place(path, before, after, work),
                () => untouchable(before, after),
            };
            if let Some(why) = why {
                wrong.push(format!("{why}: /{path} was {}, is {}", shown(before), shown(after)));
            }
        }
        let gone: Vec<String> = self
            .holders
            .keys()
            .filter(|path| !work.before.contains_key(*path) && !work.after.contains_key(*path))
            .cloned()
            .collect();
        for path in gone {
            if let Some(why) = self.place(&path, None, None, work) {
                wrong.push(format!("{why}: /{path} is not there"));
            }
        }
        if work.is_end {
            wrong.extend(self.left_directories(work));
        }
        wrong
    }

    /// Whether it is about a directory that is nobody's replacement of a file of the agent's.
    fn is_directory_matter(&self, path: &str, before: Option<&Node>, after: Option<&Node>) -> bool {
        let is_directory = |node: Option<&Node>| node.is_some_and(Node::is_directory);
        let is_held = self.holders.get(path).is_some_and(|holders| !holders.contains(&Holder::Nobody));
        !is_held && (is_directory(before) || (before.is_none() && is_directory(after)))
    }

    fn directory(&mut self, path: &str, before: Option<&Node>, after: Option<&Node>) -> Option<String> {
        let is_agents = self.directories.contains_key(path);
        match (before, after) {
            (None, Some(after)) => {
                self.directories.insert(path.to_owned(), after.inode);
                (after.owner != (0, 0) || after.mode != 0o755).then(|| "a new directory is not open to all".to_owned())
            }
            (Some(_), None) if is_agents => {
                self.directories.remove(path);
                None
            }
            (Some(_), None) => Some("a person's directory is gone".to_owned()),
            // Removed and made again.
            (Some(_), Some(after)) if is_agents && after.is_directory() => {
                self.directories.insert(path.to_owned(), after.inode);
                None
            }
            (Some(before), Some(after)) => {
                after.differs_from_before(before).map(|what| format!("a directory was changed: {what}"))
            }
            (None, None) => None,
        }
    }

    fn place(&mut self, path: &str, before: Option<&Node>, after: Option<&Node>, work: &Work<'_>) -> Option<String> {
        let at = Circumstances {
            is_unsettled: work.is_disturbed || work.is_unsettled,
            is_end: work.is_end,
            has_commands: work.has_commands,
            is_unconfirmed: self.unconfirmed.contains(path) || self.perhaps_leaving.contains(path),
            may_back_up: work.places.may_back_up(path),
            may_back_up_inert: work.places.may_back_up_inert(path),
            quarantine: work.quarantine,
        };
        let holders = self.holders.remove(path).unwrap_or_else(|| vec![Holder::Nobody]);
        let mut next: Vec<Holder> = Vec::new();
        let mut why = None;
        for holder in &holders {
            match holder.next(before, after, &at) {
                Ok(possible) => next.extend(possible.into_iter().filter(|one| !next.contains(one)).collect::<Vec<_>>()),
                Err(wrong) => why = why.or(Some(wrong)),
            }
        }
        let is_new = |holder: &Holder| matches!(holder, Holder::Agent { .. });
        if work.is_disturbed && next.iter().any(is_new) {
            self.perhaps_leaving.insert(path.to_owned());
        } else {
            self.perhaps_leaving.remove(path);
        }
        if !work.is_disturbed {
            self.unconfirmed.remove(path);
        } else if holders.iter().any(is_new) != next.iter().any(is_new) {
            self.unconfirmed.insert(path.to_owned());
        }
        if next.is_empty() {
            next = supposed(&holders, after);
            // What follows from it is not counted again, until the end.
            why = why.filter(|_| self.doubtful.insert(path.to_owned()));
        } else {
            why = None;
        }
        if work.is_end {
            self.doubtful.remove(path);
            next = vec![after.map_or(Holder::Nobody, |after| Holder::Person(after.clone()))];
        }
        if next != [Holder::Nobody] {
            self.holders.insert(path.to_owned(), next);
        }
        why
    }

    /// Directories that the agent made and that nobody else has put anything into.
    fn left_directories(&mut self, work: &Work<'_>) -> Vec<String> {
        let is_used = |directory: &str| {
            let below = format!("{directory}/");
            let mut inside = work.after.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below));
            inside.any(|(path, node)| !node.is_directory() || !self.directories.contains_key(path))
        };
        let left = self.directories.keys().filter(|path| work.after.contains_key(*path) && !is_used(path));
        let left = left.map(|path| format!("a directory of the agent's is left at the end: /{path}")).collect();
        self.directories.clear();
        left
    }
}

/// After something went wrong, what is there may be anybody's.
fn supposed(holders: &[Holder], after: Option<&Node>) -> Vec<Holder> {
    let Some(after) = after else { return vec![Holder::Nobody] };
    let agents = holders.iter().filter_map(|holder| match holder {
        Holder::Agent { original, .. } => Some(Holder::Agent { node: after.clone(), original: original.clone() }),
        _ => None,
    });
    [Holder::Person(after.clone())].into_iter().chain(agents).collect()
}

fn staged(after: Option<&Node>, work: &Work<'_>) -> Option<String> {
    (after.is_some() && !work.is_killed).then(|| "an unfinished file is left".to_owned())
}

/// What is no place of the agent's is as it was.
fn untouchable(before: Option<&Node>, after: Option<&Node>) -> Option<String> {
    match (before, after) {
        (Some(before), Some(after)) => {
            after.differs_from_before(before).map(|what| format!("somebody else's file was changed: {what}"))
        }
        (Some(_), None) => Some("somebody else's file is gone".to_owned()),
        (None, Some(_)) => Some("a file is where the agent has no place".to_owned()),
        (None, None) => None,
    }
}
