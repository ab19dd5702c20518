//! What was said in advance, and what was acknowledged, held against what became of it.

use std::collections::{BTreeMap, BTreeSet};

use mdm_agent::engine::Profile;
use mdm_agent::engine::application::MachineReport;
use mdm_agent::platform::preview::Preview;
use mdm_protocol::syncml::Verb;

use super::machine::LivedInMachine;
use super::node::{Node, Snapshot};
use super::places::{Places, real};
use crate::packages::command::{Package, Top, print, roots};
use crate::packages::{Answers, Device};

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Made,
    Removed,
    Replaced,
}

/// What was said in advance of a session or a start.
pub(super) struct Foreseen {
    /// Files and what would be done with them; nothing where nothing was asked.
    changes: Option<BTreeMap<String, Change>>,
    /// Whether it holds only if every command is accepted.
    with_commands: bool,
}

impl Foreseen {
    /// Asks what would be done. With commands that is said only of one alone, where nobody has changed anything before: what is
    /// put back first and changed afterwards is done in two steps.
    pub(super) fn before(device: &Device<LivedInMachine>, package: Option<&Package>, is_at_rest: bool) -> Self {
        let root = device.machine.root();
        let machine = &device.machine;
        let (preview, with_commands) = match package.map(Vec::as_slice) {
            None | Some([]) => (machine.foresee(&device.stored.profiles), false),
            Some([Top::Single(single)]) if is_at_rest && single.items.len() == 1 => {
                let fragments = package.map(|package| print(package)).into_iter().collect::<Vec<String>>();
                (machine.foresee_fragments(&device.stored, &fragments, device.time()), true)
            }
            Some(_) => (None, false),
        };
        let changes = preview.map(|preview| changes(&preview, root));
        Self { changes, with_commands }
    }

    /// What is different from what was said.
    pub(super) fn after(
        &self,
        device: &Device<LivedInMachine>,
        answers: &Answers,
        (before, after): (&Snapshot, &Snapshot),
        places: &Places,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let is_accepted = answers.statuses.iter().all(|(.., code)| *code == 200);
        if let Some(foreseen) = self.changes.as_ref().filter(|_| !self.with_commands || is_accepted) {
            let found = found(before, after, places);
            let paths: BTreeSet<&String> = foreseen.keys().chain(found.keys()).collect();
            for path in paths {
                let (said, done) = (foreseen.get(path), found.get(path));
                if said != done {
                    wrong.push(format!("{} was foreseen, {} was done: /{path}", spoken(said), spoken(done)));
                }
            }
        }
        let left = device.machine.foresee(&device.stored.profiles);
        let left = left.iter().flat_map(|preview| &preview.steps);
        wrong.extend(left.map(|step| format!("{} is foreseen right after a session: {}", step.action, step.path)));
        wrong
    }
}

fn spoken(change: Option<&Change>) -> String {
    change.map_or_else(|| "nothing".to_owned(), |change| format!("{change:?}").to_lowercase())
}

fn changes(preview: &Preview, root: &std::path::Path) -> BTreeMap<String, Change> {
    let change = |action: &str| match action {
        "create" => Change::Made,
        "remove" => Change::Removed,
        _ => Change::Replaced,
    };
    preview.steps.iter().map(|step| (real(root, &step.path), change(&step.action))).collect()
}

fn found(before: &Snapshot, after: &Snapshot, places: &Places) -> BTreeMap<String, Change> {
    let is_there = |node: Option<&Node>| node.is_some_and(|node| !node.is_directory());
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).filter(|path| places.have(path)).collect();
    let change = |path: &String| match (before.get(path), after.get(path)) {
        (was, is) if was == is || (!is_there(was) && !is_there(is)) => None,
        (was, _) if !is_there(was) => Some(Change::Made),
        (_, is) if !is_there(is) => Some(Change::Removed),
        _ => Some(Change::Replaced),
    };
    paths.into_iter().filter_map(|path| Some((path.clone(), change(path)?))).collect()
}

/// A setting that was acknowledged is in force after its session, or waits for what is still missing.
pub(super) fn accepted(
    package: &Package,
    answers: &Answers,
    stored: &[Profile],
    report: Option<&MachineReport>,
) -> Vec<String> {
    let Some(report) = report else { return Vec::new() };
    let mut number: u32 = 2;
    let mut wrong = Vec::new();
    for top in package {
        let own = number;
        let (size, sets) = match top {
            Top::Single(single) => (1, matches!(single.verb, Verb::Add | Verb::Replace)),
            Top::Atomic(members) => (1 + members.len(), true),
            Top::Sequence(_) => return wrong,
        };
        number += u32::try_from(size).unwrap_or(0);
        let mut codes = answers.statuses.iter().filter(|(id, ..)| *id == own).map(|(.., code)| *code).peekable();
        if !sets || codes.peek().is_none() || !codes.all(|code| code == 200) {
            continue;
        }
        for root in roots(std::slice::from_ref(top)) {
            let Some(profile) = stored.iter().find(|profile| profile.root.to_string() == root) else { continue };
            let applied = report.applied.get(&root).or_else(|| report.held.get(&root));
            if report.refused.contains_key(&root) {
                wrong.push(format!(
                    "a setting was acknowledged and is not in force: /{root} {:?}",
                    report.refused[&root]
                ));
            } else if applied.is_some_and(|content| *content != profile.content_hash) {
                wrong.push(format!("a setting was acknowledged and another content is in force: /{root}"));
            }
        }
    }
    wrong
}
