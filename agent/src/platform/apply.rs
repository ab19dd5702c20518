//! Carrying a plan out so that it can be interrupted anywhere.
//!
//! First the ledger says what may be there from now on, then everything is written beside its place, then everything is
//! put in its place, then consumers are told, and only then the ledger says that it is done. Whoever meets a full disk
//! meets it while everything is still as it was; whoever restarts in the middle finds all that the agent made in the
//! ledger.

mod intention;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mdm_protocol::syncml::StatusCode;

use self::intention::intend;
use super::consumer::Consumer;
use super::ledger::{Entry, Ledger, LedgerError};
use super::messenger::{Messenger, News};
use super::path::MachinePath;
use super::plan::{Plan, Write};
use super::quarantine;
use super::root::{Found, Operation, Root, RootError, digest};
use crate::engine::tree::Refusal;

/// Where a plan is carried out.
#[derive(Debug)]
pub struct Site<'a> {
    /// The machine's root.
    pub root: &'a Root,
    /// Where the ledger is.
    pub state: &'a Path,
    /// Who tells consumers.
    pub messenger: &'a dyn Messenger,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Files that could not be written, put in place or removed, or that their consumer did not take.
    pub failures: BTreeMap<MachinePath, Refusal>,
    /// Files that are gone: their consumer, and the profiles that they were there for.
    pub removed: Vec<(Consumer, BTreeSet<String>)>,
    /// Consumers that could not be told about anything.
    pub deaf: BTreeMap<Consumer, Refusal>,
    /// Files whose content could not be copied into the quarantine.
    pub unkept: Vec<MachinePath>,
    /// Whether nothing was put in place at all.
    pub abandoned: bool,
}

/// Carries a plan out. `Err` says that the ledger could not be written, so nothing was changed.
pub fn apply(site: &Site<'_>, ledger: &mut Ledger, plan: Plan) -> Result<Applied, LedgerError> {
    let former_ledger = ledger.clone();
    let mut news: BTreeMap<Consumer, News> = BTreeMap::new();
    for consumer in &ledger.untold {
        // What was left untold by whoever was interrupted is not known in detail.
        let changed =
            ledger.files.iter().filter(|(_, entry)| entry.consumer == *consumer).map(|(path, _)| path.clone());
        news.insert(*consumer, News { changed: changed.collect(), removed: true });
    }
    let directories = intend(site, ledger, &plan, &mut news);
    if let Err(error) = write_ledger(site, ledger) {
        *ledger = former_ledger;
        return Err(error);
    }
    let mut applied = Applied::default();
    // A process that ended between making one and opening it left it closed to everybody else.
    for directory in ledger.directories.iter().filter(|directory| !directories.contains(*directory)) {
        if plan.writes.iter().any(|write| is_below(write.path.as_str(), directory)) {
            site.root.open_to_all(directory);
        }
    }
    stage(site, ledger, &plan.writes, &directories, &mut applied);
    if applied.failures.is_empty() {
        put_in_place(site, ledger, &plan, &former_ledger, &mut applied);
        remove(site, ledger, &plan, &former_ledger, &mut applied);
        tell(site, ledger, &news, &mut applied);
    } else {
        abandon(site, ledger, &plan, former_ledger, &mut applied);
    }
    remove_directories(site, ledger);
    write_ledger(site, ledger)?;
    Ok(applied)
}

/// Copies what would be lost into the quarantine, before anything of a plan is done; answers with what cannot be kept.
pub(super) fn quarantine(site: &Site<'_>, plan: &Plan) -> Option<Applied> {
    let mut applied = Applied::default();
    for endangered in &plan.endangered {
        if let Err(error) = quarantine::keep(site.root, site.state, endangered) {
            let path = &endangered.path;
            let reason = format!("what somebody made of {path} cannot be kept, so it is left alone: {error}");
            let status = if error.is_full() { StatusCode::DEVICE_FULL } else { StatusCode::FAILED };
            applied.failures.insert(path.clone(), Refusal { status, reason });
            applied.unkept.push(path.clone());
        }
    }
    applied.abandoned = !applied.failures.is_empty();
    applied.abandoned.then_some(applied)
}

/// Writes the ledger.
pub(super) fn write_ledger(site: &Site<'_>, ledger: &mut Ledger) -> Result<(), LedgerError> {
    let place = Ledger::place(site.state);
    site.root.permit(&Operation::WriteLedger).map_err(|source| crate::shell::files::FileError {
        action: "write",
        path: place,
        source,
    })?;
    ledger.write(site.state)
}

fn stage(
    site: &Site<'_>,
    ledger: &mut Ledger,
    writes: &[Write],
    directories: &BTreeSet<String>,
    applied: &mut Applied,
) {
    let mut unmade = BTreeMap::new();
    for directory in directories {
        match site.root.make_directory(directory) {
            Ok(()) => {
                ledger.directory_inodes.extend(site.root.inode(directory).map(|inode| (directory.clone(), inode)))
            }
            Err(error) => drop(unmade.insert(directory, refusal(&error))),
        }
    }
    for write in writes {
        let obstacle = unmade.iter().find(|(made, _)| is_below(write.path.as_str(), made)).map(|(_, refusal)| refusal);
        if let Some(refusal) = obstacle {
            applied.failures.insert(write.path.clone(), refusal.clone());
        } else if let Err(error) = site.root.stage(&write.path, &write.file) {
            applied.failures.insert(write.path.clone(), refusal(&error));
        }
    }
}

/// Nothing was put in place yet: everything is as it was.
fn abandon(site: &Site<'_>, ledger: &mut Ledger, plan: &Plan, former: Ledger, applied: &mut Applied) {
    applied.abandoned = true;
    for write in &plan.writes {
        if let Err(error) = site.root.unstage(&write.path) {
            tracing::warn!(%error, "an unfinished file stays behind");
        }
    }
    // Directories may have been made for it; they are removed again in a moment.
    let directories = std::mem::take(&mut ledger.directories);
    let directory_inodes = std::mem::take(&mut ledger.directory_inodes);
    *ledger = former;
    (ledger.directories, ledger.directory_inodes) = (directories, directory_inodes);
    ledger.settled = None;
}

fn put_in_place(site: &Site<'_>, ledger: &mut Ledger, plan: &Plan, former: &Ledger, applied: &mut Applied) {
    for write in &plan.writes {
        let placed = is_as_it_was(site, plan, &write.path)
            .and_then(|()| site.root.put_in_place(&write.path, write.over.is_some()));
        match placed {
            Ok(()) => {
                let mut entry = write.entry(None);
                entry.stamp = site.root.stamp(&write.path);
                let directory = write.path.directory();
                entry.real = site.root.real_path(directory).filter(|real| real != directory);
                ledger.files.insert(write.path.clone(), entry);
            }
            Err(error) => {
                let _ = site.root.unstage(&write.path);
                applied.failures.insert(write.path.clone(), refusal(&error));
                let new = digest(&write.file.content);
                let is_there =
                    matches!(site.root.look(&write.path, None), Ok(Found::Content { digest, .. }) if digest == new);
                match former.files.get(&write.path) {
                    // Only that it is on the disk could not be made sure of: it stays ours.
                    _ if is_there => ledger.files.insert(write.path.clone(), write.entry(None)),
                    Some(entry) => ledger.files.insert(write.path.clone(), entry.clone()),
                    None => ledger.files.remove(&write.path),
                };
            }
        }
    }
}

/// What somebody has changed since it was looked at is not in the quarantine: it is left alone, and looked at again.
fn is_as_it_was(site: &Site<'_>, plan: &Plan, path: &MachinePath) -> Result<(), RootError> {
    match (plan.stamps.get(path), site.root.stamp(path)) {
        (Some(Some(seen)), Some(now)) if *seen != now => {
            let source = std::io::Error::other("it was changed just now; it is tried again at the next check-in");
            Err(RootError { action: "replace", path: path.to_string(), source })
        }
        _ => Ok(()),
    }
}

fn remove(site: &Site<'_>, ledger: &mut Ledger, plan: &Plan, former: &Ledger, applied: &mut Applied) {
    for path in &plan.removals {
        let Some(entry) = ledger.files.get(path) else { continue };
        let outcome = is_as_it_was(site, plan, path).and_then(|()| match &entry.former {
            Some(former) => site.root.bring_back(path, former),
            None => site.root.remove(path),
        });
        match outcome {
            Ok(()) => {
                applied.removed.push((entry.consumer, entry.profiles.clone()));
                ledger.files.remove(path);
            }
            Err(error) => {
                applied.failures.insert(path.clone(), refusal(&error));
                if let Some(entry) = former.files.get(path) {
                    ledger.files.insert(path.clone(), entry.clone());
                }
            }
        }
    }
}

fn tell(site: &Site<'_>, ledger: &mut Ledger, news: &BTreeMap<Consumer, News>, applied: &mut Applied) {
    for (consumer, news) in news {
        let permitted = site.root.permit(&Operation::Tell(*consumer));
        let told = match permitted {
            Ok(()) => site.messenger.tell(*consumer, news, site.root),
            Err(error) => Err(vec![super::messenger::Declined { path: None, reason: error.to_string() }]),
        };
        let Err(declined) = told else {
            ledger.untold.remove(consumer);
            continue;
        };
        let whole = declined.iter().any(|declined| declined.path.is_none());
        for declined in declined {
            let refusal = Refusal { status: StatusCode::FAILED, reason: declined.reason };
            match declined.path {
                Some(path) => drop(applied.failures.insert(path, refusal)),
                None => drop(applied.deaf.insert(*consumer, refusal)),
            }
        }
        if !whole {
            ledger.untold.remove(consumer);
        }
    }
}

/// Removes directories that were made for files that are gone, the deepest first.
pub(super) fn remove_directories(site: &Site<'_>, ledger: &mut Ledger) {
    let empty: Vec<String> = ledger
        .directories
        .iter()
        .rev()
        .filter(|directory| !ledger.files.keys().any(|path| is_below(path.as_str(), directory)))
        .cloned()
        .collect();
    ledger.directory_inodes.retain(|directory, _| ledger.directories.contains(directory));
    for directory in empty {
        let known = ledger.directory_inodes.get(&directory);
        if known.is_some() && site.root.inode(&directory).as_ref() != known {
            // Somebody has made it anew.
            ledger.directories.remove(&directory);
        }
        if !ledger.directories.contains(&directory) {
            continue;
        }
        match site.root.remove_directory(&directory) {
            Ok(true) => drop(ledger.directories.remove(&directory)),
            // Somebody uses it; it is tried again.
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "a directory stays behind"),
        }
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

impl Write {
    fn entry(&self, before: Option<String>) -> Entry {
        Entry {
            digest: digest(&self.file.content),
            mode: self.file.mode,
            before,
            profiles: self.profiles.clone(),
            consumer: self.file.consumer,
            former: self.former.clone(),
            stamp: None,
            noticed: None,
            real: None,
        }
    }
}

/// The status for commands whose file could not be had (rule C4).
pub(super) fn refusal(error: &RootError) -> Refusal {
    let exists = error.source.kind() == std::io::ErrorKind::AlreadyExists;
    let status = match () {
        () if error.is_full() => StatusCode::DEVICE_FULL,
        () if exists => StatusCode::ALREADY_EXISTS,
        () => StatusCode::FAILED,
    };
    let read_only = if error.is_read_only() { "; the file system is read-only" } else { "" };
    Refusal { status, reason: format!("{error}{read_only}") }
}
