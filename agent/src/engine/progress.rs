//! Where the agent stands: what must survive a restart besides identity and profiles.

use serde::{Deserialize, Serialize};

/// Why a session is started (rule C1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The device has just enrolled.
    Enrolment,
    /// The schedule.
    Schedule,
    /// A person asked for it.
    User,
    /// The last check-in failed.
    Retry,
    /// The enrolment ends.
    Farewell,
}

impl Trigger {
    /// The trigger's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrolment => "enrolment",
            Self::Schedule => "schedule",
            Self::User => "user",
            Self::Retry => "retry",
            Self::Farewell => "farewell",
        }
    }
}

/// How a session went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session's number.
    pub session_id: u16,
    /// Why it was started.
    pub triggers: Vec<Trigger>,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// When it ended, seconds since 1970.
    pub ended: i64,
    /// Whether the server had nothing more to say.
    pub completed: bool,
    /// Whether no usable answer of the server was had.
    pub unreachable: bool,
    /// The outcome's short name: `completed`, `unenrolled` or that of the failure.
    pub outcome: String,
    /// The outcome in words, of bounded length: a server may have a say in it.
    pub detail: String,
    /// What a person can do about a failure.
    #[serde(default)]
    pub advice: Option<String>,
    /// Messages sent.
    pub rounds: u32,
    /// The server's commands that were done.
    pub succeeded: u32,
    /// The server's commands that were refused.
    pub refused: u32,
    /// Statuses and results that the server sent for nothing that was asked.
    pub stray_statuses: u32,
}

/// Where the agent stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The number of the last session.
    pub session_id: u16,
    /// The check-ins of the schedule since it began.
    pub scheduled_done: u32,
    /// When the next check-in of the schedule is due, seconds since 1970.
    pub next_due: Option<i64>,
    /// The schedule in force, to notice when the server changes it.
    pub poll: Option<super::account::StoredPoll>,
    /// When a session with the owner of the profiles was last completed, seconds since 1970.
    pub last_completed: Option<i64>,
    /// Failures since then.
    pub failures: u32,
    /// Refusals by the authenticated server since then (rule I4).
    pub refusals: u32,
    /// The nonce for the next session, in base64.
    pub nonce: Option<String>,
    /// Whether the store had to be rebuilt and the server does not know yet.
    pub rebuilt_unreported: bool,
    /// Whether the enrolment is being ended; a restart goes on with it.
    #[serde(default)]
    pub leaving: bool,
    /// The last session.
    pub last_session: Option<SessionRecord>,
}

/// Refusals in a row after which the server counts as not knowing the device any more (rule I4).
pub const REFUSALS_TO_UNKNOWN: u32 = 5;

impl Progress {
    /// Whether the server no longer knows this device, as far as can be told; that takes a person to mend.
    pub fn is_unknown_device(&self) -> bool {
        self.refusals >= REFUSALS_TO_UNKNOWN
    }
}
