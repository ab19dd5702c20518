//! What happens in a life of the real programs.

use std::fmt;

use fastrand::Rng;
use mdm_sim_server::tenant::{Authority, TenantMode};

use crate::lives::Step;

/// The settings of a life: few, so that authorities meet in them.
pub(super) const SETTINGS: [&str; 3] = ["kernel.dmesg_restrict", "kernel.kptr_restrict", "kernel.sysrq"];
const VALUES: u8 = 3;
/// A check-in takes about so long, in milliseconds; kills happen within it.
const CHECK_IN_MS: u64 = 80;

/// Something that happens to the processes, their directories or the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramStep {
    /// A step that lives in virtual time have too.
    Same(Step),
    /// A check-in starts, the agent gets SIGKILL after so many milliseconds and starts again.
    KillAgent(u64),
    /// A check-in starts, the server gets SIGKILL after so many milliseconds and starts again.
    KillServer(u64),
}

/// A life that was drawn.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tenant's setting when the device enrolls.
    pub mode: TenantMode,
    /// Whether the agent's service runs, or each check-in is a process of its own.
    pub with_service: bool,
    /// What happens.
    pub steps: Vec<ProgramStep>,
}

impl fmt::Display for ProgramStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(step) => write!(formatter, "{step}"),
            other => write!(formatter, "{other:?}"),
        }
    }
}

/// The life of a seed.
pub fn draw(seed: u64) -> Plan {
    let mut random = Rng::with_seed(seed);
    let modes = [TenantMode::Intune, TenantMode::CoManagement, TenantMode::Coexistence, TenantMode::Office365];
    let (mode, with_service) = (modes[random.usize(..modes.len())], random.bool());
    let mut steps: Vec<ProgramStep> = (0..random.usize(1..5)).map(|_| ProgramStep::Same(assign(&mut random))).collect();
    steps.push(ProgramStep::Same(Step::Sync));
    if random.bool() {
        // Without them changes wait for the next check-in, which may be one that is killed.
        steps.push(ProgramStep::Same(Step::LoseNotifications(true)));
    }
    for _ in 0..random.usize(4..11) {
        steps.push(one(&mut random));
        if random.bool() {
            steps.push(ProgramStep::Same(Step::Sync));
        }
    }
    steps.push(ProgramStep::Same(Step::Sync));
    Plan { mode, with_service, steps }
}

fn one(random: &mut Rng) -> ProgramStep {
    ProgramStep::Same(match random.u32(..32) {
        0..=4 => Step::Mode(if random.bool() { TenantMode::Intune } else { TenantMode::CoManagement }),
        5 => Step::Mode(TenantMode::Coexistence),
        6 | 7 => Step::License(random.bool()),
        8 | 9 => Step::User(random.bool()),
        10..=13 => assign(random),
        14..=16 => Step::Unassign(some_authority(random), some_setting(random)),
        17 => Step::LoseNotifications(random.bool()),
        18 => Step::Recover(true),
        19 | 20 => Step::BackUpDevice,
        21 => Step::RestoreDevice,
        22 | 23 => Step::BackUpTenant,
        24 => Step::RestoreTenant,
        25 => Step::LoseStore,
        26..=28 => return ProgramStep::KillAgent(random.u64(..CHECK_IN_MS)),
        29 | 30 => return ProgramStep::KillServer(random.u64(..CHECK_IN_MS)),
        _ => Step::Restart,
    })
}

fn assign(random: &mut Rng) -> Step {
    Step::Assign(some_authority(random), some_setting(random), random.u8(..VALUES))
}

fn some_setting(random: &mut Rng) -> u8 {
    random.u8(..SETTINGS.len() as u8)
}

fn some_authority(random: &mut Rng) -> Authority {
    Authority::ALL[random.usize(..Authority::ALL.len())]
}
