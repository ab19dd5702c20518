//! What is worth remembering: the entries of the device's history, before they are chained and written down.

use super::application::{DriftOutcome, DriftReport};
use super::profile::{Profile, Tombstone};
use super::progress::SessionRecord;
use super::time::Now;

/// Something worth remembering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When, seconds.
    pub time: i64,
    /// What kind of thing, by a name that stays the same.
    pub what: &'static str,
    /// Particulars: name and value. Never a secret.
    pub particulars: Vec<(&'static str, String)>,
}

impl Note {
    /// A note without particulars.
    pub fn new(what: &'static str, now: Now) -> Self {
        Self { time: now.wall, what, particulars: Vec::new() }
    }

    /// The same note with one more particular.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.particulars.push((name, value.into()));
        self
    }

    /// One of the particulars; nothing if the note has none of that name.
    pub fn particular(&self, name: &str) -> Option<&str> {
        self.particulars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// A managed file that was changed locally, and what the agent did about it.
    pub fn drift(drift: &DriftReport, now: Now) -> Self {
        let what = match drift.outcome {
            DriftOutcome::PutBack => "file-put-back",
            DriftOutcome::LeftAlone => "file-left-alone",
            DriftOutcome::Removed => "file-removed",
        };
        let note = Self::new(what, now).with("file", drift.path.as_str()).with("was", drift.what.as_str());
        drift.kept.iter().fold(note, |note, name| note.with("quarantine", name.as_str()))
    }

    /// A session.
    pub fn session(record: &SessionRecord) -> Self {
        let mut note = Self { time: record.ended, what: "session", particulars: Vec::new() }
            .with("session", record.session_id.to_string())
            .with("triggers", record.triggers.names())
            .with("authority", record.authority.as_str())
            .with("outcome", record.outcome.as_str());
        if !record.completed {
            note = note.with("detail", record.detail.as_str());
        }
        note.with("done", record.succeeded.to_string()).with("refused", record.refused.to_string())
    }

    /// What became of a profile.
    pub fn profile(what: &'static str, profile: &Profile, now: Now) -> Self {
        let address = profile.address();
        let kind = address.as_ref().map_or_else(String::new, |address| address.kind.to_string());
        let name = address.map_or_else(|| profile.root.name().to_owned(), |address| address.name);
        Self::new(what, now).with("kind", kind).with("name", name).with("authority", profile.authority.as_str())
    }

    /// A profile that was removed.
    pub fn removal(tombstone: &Tombstone) -> Self {
        Self { time: tombstone.removed, what: "profile-removed", particulars: Vec::new() }
            .with("kind", tombstone.kind.as_str())
            .with("name", tombstone.name.as_str())
            .with("authority", tombstone.authority.as_str())
            .with("reason", tombstone.reason.as_str())
    }
}
