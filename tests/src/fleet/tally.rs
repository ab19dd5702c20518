//! What is counted. Sums, greatest, least and histograms only, so that the tallies of threads, shards and machines
//! merge in any order to the same one.

use serde::{Deserialize, Serialize};

use super::counts::{PerMinute, Spread};
use super::incident::Incident;
use super::named::named;
use super::time::Moment;

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Devices that enrolled.
    pub devices: u64,
    /// Devices whose user the tenant does not admit.
    pub not_admitted: u64,
    /// Everything that happened.
    pub events: u64,
    /// Sessions.
    pub sessions: Sessions,
    /// The change of authority.
    pub migration: Migration,
    /// Profiles.
    pub profiles: Profiles,
    /// Certificates.
    pub certificates: Certificates,
    /// What happened to devices beside that, by kind.
    pub incidents: [u64; Incident::ALL.len()],
    /// The most bytes that the state of one device took.
    pub state_bytes: u64,
    /// The first moment at which something did not hold.
    pub violation: Option<Violation>,
}

/// Sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// Begun.
    pub begun: u64,
    /// Completed.
    pub completed: u64,
    /// Ended by a failure, by cause.
    pub failed: [u64; Cause::ALL.len()],
    /// Attempts that reached the network, by the minute in which they began.
    pub per_minute: PerMinute,
    /// From the moment at which a check-in was due to its completion, in milliseconds.
    pub delay: Spread,
}

/// The change of authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Devices rung.
    pub rung: u64,
    /// Devices that have moved, by the reason for the session in which they heard of it.
    pub moved_by: [u64; By::ALL.len()],
    /// Devices that have moved, by minutes since the change.
    pub per_minute: PerMinute,
    /// The time it took devices that were online all that time, in milliseconds.
    pub online: Spread,
    /// The time it took the others.
    pub others: Spread,
    /// Where devices that have not moved stand at the end.
    pub unmoved: [u64; Unmoved::ALL.len()],
}

/// Profiles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    /// Received where there was none.
    pub received: u64,
    /// Confirmed by a completed session with their owner.
    pub confirmed: u64,
    /// Replaced by those of another authority.
    pub replaced: u64,
    /// Removed at the end of their retention window.
    pub expired: u64,
    /// Deleted by the server.
    pub deleted: u64,
    /// Warnings of a removal.
    pub warnings: u64,
    /// Held at the end.
    pub held: u64,
    /// Of these, those of an authority that no longer manages the device.
    pub redundant: u64,
    /// The time since its owner's last word when a profile was removed, in milliseconds.
    pub age: Spread,
    /// How late a profile was removed by a machine that was running, in milliseconds.
    pub late: Spread,
}

/// Certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// Renewed.
    pub renewed: u64,
    /// Attempts to renew that failed.
    pub failed: u64,
    /// Ended without a new one.
    pub lapsed: u64,
    /// Devices that are no longer listed at the end.
    pub delisted: u64,
}

/// Something that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// When.
    pub moment: Moment,
    /// Of which device.
    pub device: u64,
    /// What.
    pub what: String,
}

named! {
    /// Why a session failed.
    Cause {
        /// There was no network.
        NoNetwork = "no network",
        /// The server did not answer.
        Unreachable = "server unreachable",
        /// The connection broke.
        Broken = "connection broken",
        /// The certificate had expired.
        CertificateRefused = "certificate refused",
    }
}

named! {
    /// How a device came to hear of the change.
    By {
        /// By the ring.
        Ring = "ring",
        /// At its next regular check-in.
        Schedule = "schedule",
        /// Because it came back: started, woken, reconnected.
        Return = "return",
        /// By chance, in another session.
        Chance = "other session",
    }
}

named! {
    /// Why a device has not moved.
    Unmoved {
        /// It has no user.
        Userless = "without a user",
        /// Its user has no licence.
        Unlicensed = "without a licence",
        /// It enrolled where it belongs.
        AtHome = "enrolled there",
        /// It was wiped.
        Wiped = "wiped",
        /// Its certificate has ended.
        Lapsed = "certificate ended",
        /// It is away, or has just come back.
        Away = "away",
    }
}

impl Tally {
    /// Takes up what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.devices += other.devices;
        self.not_admitted += other.not_admitted;
        self.events += other.events;
        self.sessions.merge(&other.sessions);
        self.migration.merge(&other.migration);
        self.profiles.merge(&other.profiles);
        self.certificates.merge(&other.certificates);
        add(&mut self.incidents, &other.incidents);
        self.state_bytes = self.state_bytes.max(other.state_bytes);
        if let Some(violation) = &other.violation {
            self.note_violation(violation.clone());
        }
    }

    /// Takes note of something that did not hold; the first counts.
    pub fn note_violation(&mut self, violation: Violation) {
        if self.violation.as_ref().is_none_or(|known| violation < *known) {
            self.violation = Some(violation);
        }
    }
}

fn add(own: &mut [u64], other: &[u64]) {
    own.iter_mut().zip(other).for_each(|(own, count)| *own += count);
}

impl Sessions {
    fn merge(&mut self, other: &Self) {
        self.begun += other.begun;
        self.completed += other.completed;
        add(&mut self.failed, &other.failed);
        self.per_minute.merge(&other.per_minute);
        self.delay.merge(&other.delay);
    }
}

impl Migration {
    fn merge(&mut self, other: &Self) {
        self.rung += other.rung;
        add(&mut self.moved_by, &other.moved_by);
        add(&mut self.unmoved, &other.unmoved);
        self.per_minute.merge(&other.per_minute);
        self.online.merge(&other.online);
        self.others.merge(&other.others);
    }
}

impl Profiles {
    fn merge(&mut self, other: &Self) {
        for (own, count) in [
            (&mut self.received, other.received),
            (&mut self.confirmed, other.confirmed),
            (&mut self.replaced, other.replaced),
            (&mut self.expired, other.expired),
            (&mut self.deleted, other.deleted),
            (&mut self.warnings, other.warnings),
            (&mut self.held, other.held),
            (&mut self.redundant, other.redundant),
        ] {
            *own += count;
        }
        self.age.merge(&other.age);
        self.late.merge(&other.late);
    }
}

impl Certificates {
    fn merge(&mut self, other: &Self) {
        self.renewed += other.renewed;
        self.failed += other.failed;
        self.lapsed += other.lapsed;
        self.delisted += other.delisted;
    }
}
