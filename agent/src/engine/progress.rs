//! Where the agent stands: what must survive a restart besides identity and profiles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::authority::{AuthorityState, OwnerRole};
use super::certificate_request::CertificateRequests;
use super::certificates::RenewalState;
use super::claim::Claim;
use super::clock::ClockReading;
use super::life::lost_contact::LostContact;
use super::push::PushState;
use super::refusals::Refused;
use super::remote::RemoteOrders;
use super::retries::Retries;
use super::server_settings::ServerSettings;
pub use super::trigger::{Trigger, Triggers};

/// How a session went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The session's number.
    pub session_id: u16,
    /// Why it was started.
    pub triggers: Triggers,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// When it ended, seconds since 1970.
    pub ended: i64,
    /// The authority with which it was held.
    #[serde(default)]
    pub authority: String,
    /// Whether the server had nothing more to say.
    pub completed: bool,
    /// Whether no usable answer of the server was had.
    pub unreachable: bool,
    /// Whether the device's certificate or credentials were refused.
    #[serde(default)]
    pub identity_refused: bool,
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

/// The outcome of a session in which the server ended the enrollment.
pub const UNENROLLED: &str = "unenrolled";

impl SessionRecord {
    /// Whether the server ended the enrollment in this session.
    pub fn ended_enrollment(&self) -> bool {
        self.outcome == UNENROLLED
    }
}

/// When an authority last confirmed its profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The authority.
    pub authority: Arc<str>,
    /// The end of the last completed session with it, seconds.
    pub at: i64,
}

/// What is planned, by the steady clock in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timers {
    /// The next check-in of the schedule.
    pub schedule: Option<i64>,
    /// The next attempt after a failure.
    pub retry: Option<i64>,
    /// Until when the server asked to be left alone: neither schedule nor retry goes before, only who asks by hand.
    pub quiet_until: Option<i64>,
    /// The next check of what is applied without a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<i64>,
    /// A check-in that was put off a little, so that not all devices come at once.
    pub delayed: Option<i64>,
    /// Why that one is wanted.
    pub delayed_for: Triggers,
}

/// What the profiles need from the clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionState {
    /// When the first profile expires, for each role of its owner.
    #[serde(flatten)]
    pub deadlines: RetentionDeadlines,
    /// The deadline of which was warned last, seconds.
    pub warned: Option<i64>,
    /// For how long a check-in has been tried before the removal that is due, in seconds.
    #[serde(skip_serializing_if = "is_nothing")]
    pub tried: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_nothing(seconds: &i64) -> bool {
    *seconds == 0
}

/// When the first profile expires, seconds, for each role that its owner can have; `None` while there is no profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionDeadlines {
    /// Of the authority that manages the device.
    #[serde(rename = "earliest")]
    pub present: Option<i64>,
    /// Of the authority that a pending move leads to.
    pub next: Option<i64>,
    /// Of any other authority.
    pub former: Option<i64>,
}

impl RetentionDeadlines {
    /// The deadline of one role.
    pub fn of(&self, role: OwnerRole) -> Option<i64> {
        match role {
            OwnerRole::Present => self.present,
            OwnerRole::Next => self.next,
            OwnerRole::Former => self.former,
        }
    }

    /// Enters a deadline, unless there is an earlier one.
    pub fn enter(&mut self, role: OwnerRole, at: i64) {
        let slot = match role {
            OwnerRole::Present => &mut self.present,
            OwnerRole::Next => &mut self.next,
            OwnerRole::Former => &mut self.former,
        };
        *slot = Some(slot.map_or(at, |known| known.min(at)));
    }

    /// The first of all.
    pub fn first(&self) -> Option<i64> {
        [self.present, self.next, self.former].into_iter().flatten().min()
    }
}

/// Where the agent stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The number of the last session.
    pub session_id: u16,
    /// The check-ins of the schedule since it began.
    pub scheduled_done: u32,
    /// The schedule in force, to notice when the server changes it.
    pub poll: Option<super::account::StoredPoll>,
    /// When a session was last completed, seconds.
    pub last_completed: Option<i64>,
    /// Failures since then.
    pub failures: u32,
    /// Refusals by the authenticated server since then (rule I4).
    pub refusals: u32,
    /// The nonce for the next session, in base64.
    pub nonce: Option<String>,
    /// When the server gave it, seconds; before that counts the enrollment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_received: Option<i64>,
    /// The least age at which the server refused a nonce, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_life: Option<i64>,
    /// Whether the store had to be rebuilt and the server does not know yet.
    pub rebuilt_unreported: bool,
    /// Whether the server was last sent a list of redundant profiles that was not empty.
    pub redundant_reported: bool,
    /// Whether the identity was recovered and no session was completed since.
    pub recovering: bool,
    /// Whether the enrolment is being ended; a restart goes on with it.
    pub leaving: bool,
    /// Whether the identity was found on another machine than it was made for (rule I5).
    pub cloned: bool,
    /// The last session.
    pub last_session: Option<Box<SessionRecord>>,
    /// The steady clock, to go on with it.
    pub clock: Option<ClockReading>,
    /// What is planned.
    pub timers: Timers,
    /// Who manages the device.
    pub authority: AuthorityState,
    /// When each authority last confirmed its profiles.
    pub confirmations: Vec<Confirmation>,
    /// How renewal of the certificate stands.
    pub renewal: RenewalState,
    /// How push stands.
    pub push: PushState,
    /// What the profiles need from the clock.
    pub retention: RetentionState,
    /// What the server sets of the agent itself, if it sets anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_settings: Option<Box<ServerSettings>>,
    /// Settings of profiles that were refused, by the address of their node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Box<Refused>>,
    /// Commands that were refused and are tried again; most devices have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<Box<Retries>>,
    /// Users who have signed in at the machine since the enrollment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_seen: Option<Box<Vec<String>>>,
    /// What is known of contact that is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_contact: Option<Box<LostContact>>,
    /// When the identity was last issued again, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<i64>,
    /// What was ordered to be done to the machine; most devices have nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_orders: Option<Box<RemoteOrders>>,
    /// Settings that wait for a place that another one holds; most devices have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Box<Vec<Claim>>>,
    /// Certificates that were ordered from SCEP servers; most devices have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_requests: Option<Box<CertificateRequests>>,
}

/// Refusals in a row after which the server counts as not knowing the device any more (rule I4).
pub const REFUSALS_TO_UNKNOWN: u32 = 5;

impl Progress {
    /// Whether the server no longer knows this device, as far as can be told; that takes a person to mend.
    pub fn is_unknown_device(&self) -> bool {
        self.refusals >= REFUSALS_TO_UNKNOWN
    }

    /// How old the nonce for the next session is at a moment, in seconds.
    pub fn nonce_age(&self, enrolled_at: i64, at: i64) -> i64 {
        at.saturating_sub(self.nonce_received.unwrap_or(enrolled_at)).max(0)
    }

    /// When an authority last confirmed its profiles, seconds.
    pub fn confirmed(&self, authority: &str) -> Option<i64> {
        self.confirmations.iter().find(|known| &*known.authority == authority).map(|known| known.at)
    }

    /// Takes note that an authority confirmed its profiles.
    pub fn confirm(&mut self, authority: &Arc<str>, at: i64) {
        match self.confirmations.iter_mut().find(|known| known.authority == *authority) {
            Some(known) => known.at = known.at.max(at),
            None => {
                // There are one or two in a life; the usual growth would reserve four.
                self.confirmations.reserve_exact(1);
                self.confirmations.push(Confirmation { authority: Arc::clone(authority), at });
            }
        }
    }
}
