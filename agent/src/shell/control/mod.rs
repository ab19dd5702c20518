//! The control interface: what a person or a program on the machine can ask the daemon.
//!
//! JSON over HTTP over a Unix socket. The same requests are answered without a daemon by an agent inside the command
//! itself, so every verb works on a machine whose service is not running.

pub mod client;
pub mod server;

use serde::{Deserialize, Serialize};

use crate::engine::authorization;
use crate::engine::enrolment::EnrolOrder;

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum ControlRequest {
    /// How things stand.
    Status,
    /// All profiles.
    Profiles,
    /// One profile with its nodes.
    Profile {
        /// The kind; `None` finds the name among all kinds.
        kind: Option<String>,
        /// The name, or its beginning.
        name: String,
        /// Whether secret values are told.
        reveal: bool,
    },
    /// Why a profile is here, or is not any more.
    Why {
        /// The kind; `None` finds the name among all kinds.
        kind: Option<String>,
        /// The name, or its beginning.
        name: String,
    },
    /// What happened, newest first.
    History {
        /// The most entries.
        limit: usize,
    },
    /// What would be done on the machine, now or with other profiles.
    Plan {
        /// Profiles to try: the server's commands as SyncML fragments. Without any, those that are held.
        fragments: Vec<String>,
    },
    /// A session now; answered when it is over.
    CheckIn,
    /// A check-in, a look at the machine by every rule, and a report; answered when all of it is over.
    CheckCompliance,
    /// What the last look found.
    Compliance,
    /// The end of a lock, by its one-time code.
    Unlock(UnlockOrder),
    /// Another identity for the same device, with a token of the server's administrator.
    Recover(RecoverOrder),
    /// Every secret value that the agent holds, so that a filter can look for it before something leaves the machine.
    Secrets,
    /// Enrolment.
    Enrol(Box<EnrolOrder>),
    /// The end of the enrolment.
    Unenrol,
}

/// How to unlock the machine.
#[derive(Serialize, Deserialize)]
pub struct UnlockOrder {
    /// The one-time code.
    pub code: String,
}

impl std::fmt::Debug for UnlockOrder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UnlockOrder(…)")
    }
}

/// How to recover an identity.
#[derive(Serialize, Deserialize)]
pub struct RecoverOrder {
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for RecoverOrder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RecoverOrder(…)")
    }
}

impl ControlRequest {
    /// Whether it is more than a question.
    pub fn begins_something(&self) -> bool {
        match self {
            Self::Status
            | Self::Compliance
            | Self::Profiles
            | Self::Profile { .. }
            | Self::Why { .. }
            | Self::History { .. }
            | Self::Secrets
            | Self::Plan { .. } => false,
            Self::CheckIn
            | Self::CheckCompliance
            | Self::Unlock(_)
            | Self::Enrol(_)
            | Self::Recover(_)
            | Self::Unenrol => true,
        }
    }

    /// What has to be allowed for it.
    pub fn permission(&self) -> authorization::Request {
        match self {
            Self::Status
            | Self::Compliance
            | Self::Profiles
            | Self::Profile { reveal: false, .. }
            | Self::Why { .. }
            | Self::History { .. } => authorization::Request::Read,
            Self::Plan { fragments } if fragments.is_empty() => authorization::Request::Read,
            // Trying is more than reading: what a profile brings is looked at with the rights of the agent.
            Self::Profile { reveal: true, .. } | Self::Plan { .. } | Self::Secrets => {
                authorization::Request::ReadSecrets
            }
            Self::CheckIn | Self::CheckCompliance => authorization::Request::CheckIn,
            Self::Unlock(_) => authorization::Request::Unlock,
            Self::Enrol(_) => authorization::Request::Enrol,
            Self::Recover(_) => authorization::Request::Recover,
            Self::Unenrol => authorization::Request::Unenrol,
        }
    }
}

/// A refusal, or a failure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ControlError {
    /// What kind.
    pub code: ErrorCode,
    /// What failed, as one sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// Kinds of refusal and failure, each with its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// It failed.
    Failed,
    /// The request makes no sense.
    Usage,
    /// The device is not enrolled.
    NotEnrolled,
    /// The machine does not comply with a rule.
    NotCompliant,
    /// The server cannot be reached.
    Unreachable,
    /// The caller may not do that.
    Forbidden,
}

impl ErrorCode {
    /// The program's exit code (DESIGN section 6).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed | Self::Forbidden => 1,
            Self::Usage => 2,
            Self::NotEnrolled => 3,
            Self::NotCompliant => 4,
            Self::Unreachable => 5,
        }
    }
}

impl ControlError {
    /// An error without advice.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), advice: None }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The agent ends.
    pub fn shutting_down() -> Self {
        Self::new(ErrorCode::Failed, "the agent is shutting down").with_advice("Try again once it is back.")
    }

    /// The device is not enrolled.
    pub fn not_enrolled() -> Self {
        Self::new(ErrorCode::NotEnrolled, "this device is not enrolled")
            .with_advice("Enrol it with: mdm-agent enroll --server URL --user NAME")
    }

    /// An unenrollment left something on this machine.
    pub fn not_removed(reason: &str) -> Self {
        Self::new(ErrorCode::Failed, format!("not everything was removed: {reason}")).with_advice(
            "Make what is named removable (see lsattr and findmnt), then: sudo mdm-agent unenroll. It continues where it \
             stopped.",
        )
    }
}

/// The answer to a request.
pub type ControlResult = Result<serde_json::Value, ControlError>;
