//! What the ledger says before anything is changed: what may be at each path from now on, so that a process that finds the
//! change cut off knows whose it is. Changes nothing on the machine.

use std::collections::{BTreeMap, BTreeSet};

use super::Site;
use crate::platform::consumer::Consumer;
use crate::platform::ledger::{Entry, Ledger};
use crate::platform::messenger::News;
use crate::platform::plan::{LEAVING, NOTHING_BEFORE, Plan};

/// Puts into the ledger what may be there from now on; answers with the directories to make.
pub(super) fn intend(
    site: &Site<'_>,
    ledger: &mut Ledger,
    plan: &Plan,
    news: &mut BTreeMap<Consumer, News>,
) -> BTreeSet<String> {
    let mut directories = BTreeSet::new();
    for (path, entry) in &plan.records {
        ledger.files.insert(path.clone(), entry.clone());
    }
    for path in &plan.forgotten {
        ledger.files.remove(path);
    }
    for write in &plan.writes {
        let missing = site.root.missing_directories(&write.path);
        ledger.directory_inodes.retain(|directory, _| !missing.contains(directory));
        directories.extend(missing);
        let intended = match ledger.files.get(&write.path) {
            Some(former) => {
                let before = before(former, write.over.as_deref());
                Entry { noticed: former.noticed.clone(), ..write.entry(Some(before)) }
            }
            None => write.entry(Some(write.over.clone().unwrap_or_else(|| NOTHING_BEFORE.to_owned()))),
        };
        let directory = write.path.directory();
        let real = site.root.real_path(directory).filter(|real| real != directory);
        let intended = Entry { real, ..intended };
        ledger.files.insert(write.path.clone(), intended);
        news.entry(write.file.consumer).or_default().changed.push(write.path.clone());
    }
    for path in &plan.removals {
        if let Some(entry) = ledger.files.get_mut(path) {
            entry.before = Some(LEAVING.to_owned());
            let news = news.entry(entry.consumer).or_default();
            news.removed = true;
        }
    }
    // Written with the intention: a process that finds files of a change that was not kept must not take them for those of the
    // profiles as they were before.
    if let Some(applied) = &plan.applied {
        ledger.applied = Some(applied.clone());
    }
    ledger.directories.extend(directories.iter().cloned());
    ledger.untold.extend(news.keys().filter(|consumer| **consumer != Consumer::Nobody));
    ledger.settled = None;
    directories
}

/// What of the agent's is at a path before it is written again. What somebody made of it meanwhile is no part of that: whoever
/// finds the change cut off has to see it.
fn before(former: &Entry, over: Option<&str>) -> String {
    match (former.before.as_deref(), over) {
        (Some(before), Some(over)) if before == over => before.to_owned(),
        (Some(NOTHING_BEFORE), None) => NOTHING_BEFORE.to_owned(),
        (Some(LEAVING), None) if former.former.is_none() => NOTHING_BEFORE.to_owned(),
        _ => former.digest.clone(),
    }
}
