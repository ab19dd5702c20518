//! What happens to a device beside its network and its clock, and to what the tenant knows of it: the steps of the random
//! lives in [`crate::lives`] that one device can go through. Drawn from the device's own seed; what the agent and the
//! tenant make of it is not decided here.

mod effect;

use mdm_agent::engine::Account;
use mdm_agent::engine::certificates::Certificates;
use mdm_agent::engine::progress::Progress;
use mdm_sim_server::tenant::life::DeviceLife;

use super::holdings::Holdings;
use super::named::named;
use super::scenario::{Matter, Scenario};
use super::time::{HOUR_MS, MINUTE_MS, Moment};
use super::watch::Watch;
use super::world::Known;

/// How long nothing happens, on average.
const MEAN_GAP_MS: f64 = 36.0 * HOUR_MS as f64;

named! {
    /// What can happen.
    Incident {
        /// The agent's process is killed, in the midst of whatever it does.
        Kill = "kill",
        /// The machine's disk is backed up.
        BackUp = "back-up",
        /// The machine starts from the disk that was backed up.
        Restore = "restore",
        /// The machine starts without the agent's store.
        LoseStore = "lose-store",
        /// The identity is issued again.
        Recover = "recover",
        /// The user gets a licence, or loses it.
        License = "license",
        /// The user is taken away from the device, or comes back.
        User = "user",
        /// An administrator blocks the device until something else happens.
        Block = "block",
        /// An administrator orders the certificate to be renewed.
        Renew = "renew",
        /// The tenant's record is backed up.
        BackUpTenant = "back-up-tenant",
        /// The tenant's record is put back.
        RestoreTenant = "restore-tenant",
    }
}

/// What happens to one device.
#[derive(Debug)]
pub(super) struct Incidents {
    random: fastrand::Rng,
    /// When the next thing happens.
    pub(super) next: Moment,
    /// When something happened last: afterwards the device needs the time of a check-in.
    pub(super) last: Moment,
    /// Until when the device was blocked last.
    pub(super) blocked_until: Moment,
    /// Where the agent stood when it wrote that down last.
    kept: Progress,
    disk: Option<Disk>,
    record: Option<DeviceLife>,
}

/// What a backup of the machine holds, and what was known of the device when it was made.
#[derive(Debug)]
struct Disk {
    account: Option<std::sync::Arc<Account>>,
    progress: Progress,
    certificates: Certificates,
    holdings: Holdings,
    known: Known,
    watch: Watch,
    wall_ahead: i64,
}

impl Incidents {
    /// What happens to a device from now on; `None` if nothing does.
    pub(super) fn new(scenario: &Scenario, device: u64, now: Moment) -> Option<Box<Self>> {
        let mut random = scenario.random(device, Matter::Incidents);
        if scenario.incidents.is_empty() || random.f64() >= scenario.incident_share {
            return None;
        }
        let next = now + gap(&mut random);
        Some(Box::new(Self {
            random,
            next,
            last: now,
            blocked_until: 0,
            kept: Progress::default(),
            disk: None,
            record: None,
        }))
    }

    /// The agent writes down where it stands.
    pub(super) fn keep(&mut self, progress: &Progress) {
        self.kept.clone_from(progress);
    }
}

/// How long nothing happens.
fn gap(random: &mut fastrand::Rng) -> u64 {
    let share = 1.0 - random.f64();
    (-share.ln() * MEAN_GAP_MS) as u64 + MINUTE_MS
}

/// An incident by its name.
pub(super) fn parse(text: &str) -> Result<Incident, String> {
    let known = Incident::ALL.iter().find(|incident| incident.as_str() == text);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = Incident::ALL.iter().map(|incident| incident.as_str()).collect();
        format!("one of {}", names.join(", "))
    })
}
