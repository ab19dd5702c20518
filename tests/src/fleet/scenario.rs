//! What a fleet goes through: its size and span, the change of authority, how its devices and its network misbehave.
//! Two runs of the same scenario are the same run, on any number of threads and in any number of shards.

use std::ops::Range;

use mdm_sim_server::tenant::life::{TenantMode, UserStanding};

use super::incident::Incident;
use super::time::{DAY_MS, HOUR_MS, Moment, NEVER};

/// Devices that one user has: it is the user who decides about them, so they have to move together.
const DEVICES_OF_A_USER: u64 = 3;

/// What a fleet goes through.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// How many devices there are, in all shards together.
    pub devices: u64,
    /// For how many days they are watched.
    pub days: u32,
    /// What every random choice comes from.
    pub seed: u64,
    /// How the tenant is set at the beginning.
    pub from: TenantMode,
    /// How it is set after the change.
    pub to: TenantMode,
    /// When that is; after the end for never.
    pub change: Moment,
    /// When the tenant is set back; after the end for never.
    pub change_back: Moment,
    /// Over how long the devices enrol.
    pub enrolment_ms: u64,
    /// The share of devices that go offline, sleep or are switched off, again and again.
    pub offline_share: f64,
    /// The share of devices that are wiped at some moment and never come back.
    pub wiped_share: f64,
    /// The share of devices without a user.
    pub userless_share: f64,
    /// The share of users with a licence for Intune.
    pub licensed_share: f64,
    /// The share of sessions that break off half way.
    pub broken_share: f64,
    /// The share of changes of place before which somebody sets the machine's wall clock, wrong by up to years.
    pub clock_jump_share: f64,
    /// The share of devices to which something happens again and again.
    pub incident_share: f64,
    /// What that may be.
    pub incidents: Vec<Incident>,
    /// Whether every ring of the change is lost.
    pub lose_rings: bool,
    /// The spread window that the ring states, in seconds.
    pub ring_spread: u64,
    /// For how long a certificate is valid.
    pub certificate_days: u32,
    /// When the server cannot be reached.
    pub outage: Range<Moment>,
    /// Which part of the devices this run is about, of how many.
    pub shard: (u64, u64),
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            devices: 10_000,
            days: 10,
            seed: 1,
            from: TenantMode::Intune,
            to: TenantMode::CoManagement,
            change: 3 * DAY_MS,
            change_back: NEVER,
            enrolment_ms: HOUR_MS,
            offline_share: 0.2,
            wiped_share: 0.0,
            userless_share: 0.0,
            licensed_share: 1.0,
            broken_share: 0.001,
            clock_jump_share: 0.0,
            incident_share: 0.0,
            incidents: Incident::ALL.to_vec(),
            lose_rings: false,
            ring_spread: 600,
            certificate_days: 365,
            outage: 0..0,
            shard: (1, 1),
        }
    }
}

impl Scenario {
    /// When it is over.
    pub fn end(&self) -> Moment {
        u64::from(self.days) * DAY_MS
    }

    /// The devices of this shard.
    pub fn shard_devices(&self) -> Range<u64> {
        let (part, parts) = (self.shard.0.max(1) - 1, self.shard.1.max(1));
        let bound = |part: u64| u64::try_from(u128::from(self.devices) * u128::from(part) / u128::from(parts));
        bound(part).unwrap_or(u64::MAX)..bound(part + 1).unwrap_or(u64::MAX)
    }

    /// Random choices that belong to one device and one matter, and to nothing else.
    pub fn random(&self, device: u64, matter: Matter) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed_of(device, matter))
    }

    /// The seed of those choices.
    pub fn seed_of(&self, device: u64, matter: Matter) -> u64 {
        mix(mix(mix(self.seed) ^ device) ^ matter as u64)
    }

    /// Whose device it is, as far as it counts; `None` for a device without a user.
    pub fn owner(&self, device: u64) -> Option<UserStanding> {
        if self.random(device, Matter::User).f64() < self.userless_share {
            return None;
        }
        let user = device / DEVICES_OF_A_USER;
        let entitled = self.random(user, Matter::Licence).f64() < self.licensed_share;
        Some(UserStanding { entitled, co_managed: false })
    }
}

/// What random choices are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// The device itself: when it enrols, how long its sessions take.
    Device = 1,
    /// What the agent draws.
    Agent,
    /// Where it is online.
    Link,
    /// Whether it has a user.
    User,
    /// Whether that user has a licence.
    Licence,
    /// What happens to it.
    Incidents,
}

/// Spreads a number over all bits (the finaliser of SplitMix64): neighbours have nothing in common afterwards.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
