//! Whose a path is, and what somebody did to a file of the agent's: by what is there, and by what the ledger says of it,
//! wherever a change was cut off. Pure.

use mdm_protocol::syncml::StatusCode;

use super::Seen;
use crate::engine::tree::Refusal;
use crate::platform::desired::WhereTaken;
use crate::platform::ledger::{DriftKind, Entry, Ledger};
use crate::platform::path::MachinePath;
use crate::platform::root::{Former, Found, same_type};

/// What the ledger says was there before, where that was nothing.
pub(in crate::platform) const NOTHING_BEFORE: &str = "";
/// What it says there while the file is being removed.
pub(in crate::platform) const LEAVING: &str = "leaving";

/// Whose a path of the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::platform) enum Holder {
    /// The agent's, whatever somebody may have written into the file.
    Agent,
    /// Somebody else's: the agent had meant to make a file there and never did.
    Other,
    /// Somebody else's: something of another type was put in the place of the agent's file.
    Displaced,
}

/// Whose a path of the ledger is, by what is there.
pub(in crate::platform) fn holder(entry: &Entry, found: &Found) -> Holder {
    let original = entry.former.as_ref().map(Former::digest);
    let was_placed = match entry.before.as_deref() {
        // What says that the agent made it was put in place before that could be recorded.
        Some(NOTHING_BEFORE) => matches!(found, Found::Content { marked: true, .. }),
        before => before.is_none() || before != original.as_deref(),
    };
    match found {
        Found::Nothing if !was_placed && original.is_some() => Holder::Other,
        // What is above it may be back soon, such as a file system that is mounted later.
        Found::Nothing | Found::Blocked(_) => Holder::Agent,
        Found::Content { digest, .. } if *digest == entry.digest => Holder::Agent,
        // The original was given back before that could be recorded.
        Found::Content { digest, .. }
            if entry.before.as_deref() == Some(LEAVING) && original.as_deref() == Some(digest) =>
        {
            Holder::Other
        }
        _ if !was_placed => Holder::Other,
        // Without the agent's mark it is what somebody has made after the agent had removed its own.
        Found::Content { marked: false, .. } if original.is_none() && entry.before.as_deref() == Some(LEAVING) => {
            Holder::Other
        }
        Found::Content { digest, .. } if same_type(digest, &entry.digest) || entry.before.as_ref() == Some(digest) => {
            Holder::Agent
        }
        Found::Content { .. } | Found::Other => Holder::Displaced,
    }
}

/// Why a file of the agent's cannot be at a path, if it cannot. `want` gives the digest of the content it would have.
pub fn obstacle(
    path: &MachinePath,
    where_taken: WhereTaken,
    ledger: &Ledger,
    seen: &Seen,
    want: impl FnOnce() -> String,
) -> Option<Refusal> {
    let is_own = ledger.files.get(path).is_some_and(|entry| holder(entry, &seen.found) == Holder::Agent);
    let reason = match &seen.found {
        Found::Nothing => return None,
        Found::Blocked(above) => format!("{above} is no directory and is left alone, so {path} cannot be there"),
        _ if is_own => return None,
        Found::Content { digest, marked, .. } if ledger.lost && is_agents(path, digest, *marked, want) => return None,
        Found::Content { .. } => match (where_taken, &seen.former) {
            (WhereTaken::PutAside, Some(_)) => return None,
            (WhereTaken::PutAsideInert, Some(former)) if sets_nothing(former) => return None,
            _ => format!("{path} was there first and is left alone; remove it or move it away"),
        },
        Found::Other => format!("{path} was there first and is left alone; remove it or move it away"),
    };
    Some(Refusal { status: StatusCode::ALREADY_EXISTS, reason })
}

/// Whether a file that is not in the ledger is the agent's all the same, where the ledger was lost: the file says
/// itself who made it, or has a name that only the agent gives.
pub(super) fn is_agents(path: &MachinePath, found: &str, marked: bool, want: impl FnOnce() -> String) -> bool {
    marked || (path.name().contains("mdm-agent") && found == want())
}

/// What somebody else did to a file; nothing that a change of the agent's which was cut off may have done.
pub(in crate::platform) fn drift_of(entry: &Entry, found: &Found) -> Option<DriftKind> {
    let is_expected_to_be_there = !matches!(entry.before.as_deref(), Some(NOTHING_BEFORE | LEAVING));
    match found {
        Found::Nothing => is_expected_to_be_there.then_some(DriftKind::Removed),
        Found::Blocked(_) => Some(DriftKind::Removed),
        Found::Other => Some(DriftKind::Replaced),
        Found::Content { digest, mode, owned, linked, .. } => match () {
            // It may be the original, of the very content, before it was replaced.
            () if entry.former.as_ref().is_some_and(|former| entry.before == Some(former.digest())) => None,
            () if *digest == entry.digest || entry.before.as_ref() == Some(digest) => {
                looks_of(entry, *mode, *owned, *linked)
            }
            () if same_type(digest, &entry.digest) => Some(DriftKind::Changed),
            () => Some(DriftKind::Replaced),
        },
    }
}

/// What somebody did to the looks of a file whose content is as it should be.
fn looks_of(entry: &Entry, mode: u32, owned: bool, linked: bool) -> Option<DriftKind> {
    let is_secret = entry.mode & 0o077 == 0;
    match () {
        () if mode != entry.mode => Some(DriftKind::Permissions),
        () if !owned => Some(DriftKind::Owner),
        () if is_secret && linked => Some(DriftKind::Linked),
        () => None,
    }
}

/// Whether a file has only comments and blank lines.
fn sets_nothing(former: &Former) -> bool {
    matches!(former, Former::File { .. })
        && former.bytes().split(|byte| *byte == b'\n').all(|line| {
            let line = line.trim_ascii();
            line.is_empty() || line.starts_with(b"#")
        })
}
