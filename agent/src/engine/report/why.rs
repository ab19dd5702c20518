//! Why a profile is here, or is not any more: who owns it, what brought it, when and why it will go.

use serde::{Deserialize, Serialize};

use super::{NotFound, ProfileView, Standing, find};
use crate::engine::profile::{RetentionClock, Stored, Tombstone};

/// What is known of a profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explanation {
    /// The profile, if it is here.
    pub profile: Option<ProfileView>,
    /// What remains of it, if it is not.
    pub removed: Option<Tombstone>,
    /// The session that brought its content.
    pub session: Option<u16>,
    /// Why it will go, or why it went.
    pub reason: String,
}

/// Explains a profile by its name, or the beginning of it.
pub fn why(stored: &Stored, standing: &Standing, kind: Option<&str>, name: &str) -> Result<Explanation, NotFound> {
    match find(stored, standing, kind, name, false) {
        Ok(found) => {
            let session = stored.profiles.iter().find(|profile| profile.root.to_string() == found.view.address);
            Ok(Explanation {
                session: session.map(|profile| profile.session).filter(|session| *session > 0),
                reason: fate(&found.view, standing),
                profile: Some(found.view),
                removed: None,
            })
        }
        Err(error) => {
            let is_it =
                |tombstone: &&Tombstone| tombstone.name == name && kind.is_none_or(|kind| tombstone.kind == kind);
            let removed = stored.tombstones.iter().rev().find(is_it).cloned().ok_or(error)?;
            let reason = format!("It was removed because {}.", removed.reason.as_str());
            Ok(Explanation { profile: None, removed: Some(removed), session: None, reason })
        }
    }
}

/// What will become of a profile.
fn fate(view: &ProfileView, standing: &Standing) -> String {
    if let Some(reason) = view.not_in_force.as_ref().filter(|_| view.content_hash.is_empty()) {
        return format!("It is not here: it was {reason}. The server got the same answer; nothing of it was stored.");
    }
    let days = standing.retention.window / 86_400;
    let owner = &view.authority;
    match (view.redundant, standing.retention.clock, view.kept_until) {
        (true, _, _) => format!(
            "{owner} no longer manages this device and {} has nothing of that name. It stays until {days} days after \
             {owner} last confirmed it, and goes earlier if the server deletes it.",
            standing.authority
        ),
        (false, RetentionClock::LastConfirmed, _) => format!(
            "Every completed check-in with {owner} keeps it for {days} days more. It goes if {owner} deletes it, or if \
             no check-in is completed until then."
        ),
        (false, RetentionClock::AuthorityChange, Some(_)) => format!(
            "Another authority takes over from {owner}; {days} days after this device heard of that, it goes, unless \
             the new one sets it too."
        ),
        (false, RetentionClock::AuthorityChange, None) => {
            format!("It stays until {owner} deletes it or another authority takes over.")
        }
    }
}
