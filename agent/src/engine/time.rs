//! Time as the engine sees it: two clocks, passed in.

use serde::{Deserialize, Serialize};

/// What both clocks show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Milliseconds since boot, suspension included (CLOCK_BOOTTIME). Never goes back while the machine runs.
    pub boot_ms: u64,
    /// Seconds since 1970, UTC (CLOCK_REALTIME). May jump.
    pub wall: i64,
}

impl Now {
    /// The moment `ms` milliseconds from now, on the boot clock.
    pub fn after_ms(self, ms: u64) -> u64 {
        self.boot_ms.saturating_add(ms)
    }
}

/// When the engine wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The moment, on the boot clock.
    pub boot_ms: u64,
    /// What it is for.
    pub reason: TimerReason,
}

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerReason {
    /// The next check-in of the schedule.
    ScheduledCheckIn,
    /// Another attempt after a failed check-in.
    Retry,
    /// A check-in that was put off a little: after a ring with a spread, a start of the machine, a new network.
    DelayedCheckIn,
    /// The certificate's renewal window opens.
    CertificateRenewal,
    /// The next step of a certificate that was ordered from a SCEP server.
    CertificateRequest,
    /// The last check-in before a profile is removed.
    LastChance,
    /// A profile will be removed in a day.
    RetentionWarning,
    /// A profile has to be removed.
    Retention,
    /// What is applied is checked without a session.
    ConfigRefresh,
    /// A keep-alive message to a server that waits for the answer to its commands.
    KeepAlive,
    /// A grace period ends, after which a rule that is not met counts.
    GracePeriod,
    /// The enrolment was being ended when the agent stopped.
    UnfinishedFarewell,
}

impl TimerReason {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScheduledCheckIn => "scheduled check-in",
            Self::Retry => "retry after a failed check-in",
            Self::DelayedCheckIn => "check-in put off a little",
            Self::CertificateRenewal => "renewal of the certificate",
            Self::CertificateRequest => "a certificate that was ordered",
            Self::LastChance => "last check-in before a profile is removed",
            Self::RetentionWarning => "warning of a removal",
            Self::Retention => "removal of a profile",
            Self::ConfigRefresh => "check of what is applied",
            Self::KeepAlive => "keep-alive message",
            Self::GracePeriod => "the end of a grace period",
            Self::UnfinishedFarewell => "the end of the enrolment",
        }
    }
}
