//! What happens in a life.

use std::fmt;

use fastrand::Rng;
use mdm_sim_server::tenant::{Authority, TenantMode};

use crate::scenario::Trouble;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// How many settings there are: few, so that authorities meet in them.
const SETTINGS: u8 = 3;
const VALUES: u8 = 3;

/// Something that happens to the device, its clock, its network or its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Time passes, in seconds.
    Pass(i64),
    /// A user asks for a check-in.
    Sync,
    /// The network comes or is gone.
    Online(bool),
    /// Something is wrong with the server, or no longer.
    Trouble(Trouble),
    /// One answer of the server is lost, after so many that arrive.
    LoseAnswer(u32),
    /// The power is switched on or off.
    Power(bool),
    /// The agent is killed after so many further actions of a check-in, and starts again in the same boot.
    Kill(u32),
    /// The agent starts again in the same boot.
    Restart,
    /// The machine sleeps, in seconds.
    Sleep(i64),
    /// The wall clock is wrong by so many seconds from now on.
    Wall(i64),
    /// The administrator sets the tenant's authority.
    Mode(TenantMode),
    /// The user has a license for Intune or not.
    License(bool),
    /// The device belongs to its user, or to none.
    User(bool),
    /// A profile of an authority is assigned: its setting and its value.
    Assign(Authority, u8, u8),
    /// It is no longer.
    Unassign(Authority, u8),
    /// Push notifications are lost, or no longer.
    LoseNotifications(bool),
    /// The administrator has the certificate renewed.
    Renew,
    /// The administrator blocks renewals, or allows them again.
    Block(bool),
    /// The identity is recovered with a token; whether the last answer arrives.
    Recover(bool),
    /// The device's disk is backed up.
    BackUpDevice,
    /// It is put back, in a machine that is off.
    RestoreDevice,
    /// The tenant is backed up.
    BackUpTenant,
    /// It is put back.
    RestoreTenant,
    /// The device loses its store, in a machine that is off.
    LoseStore,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(seconds) => write!(formatter, "{} pass", span(*seconds)),
            Self::Sleep(seconds) => write!(formatter, "the machine sleeps for {}", span(*seconds)),
            Self::Wall(seconds) => write!(formatter, "the wall clock is wrong by {}", span(*seconds)),
            other => write!(formatter, "{other:?}"),
        }
    }
}

fn span(seconds: i64) -> String {
    format!("{} d {:02}:{:02}:{:02}", seconds / DAY, seconds / HOUR % 24, seconds / 60 % 60, seconds % 60)
}

/// How the tenant is set when the device enrolls, and what happens then.
pub fn draw(seed: u64) -> (TenantMode, Vec<Step>) {
    let mut random = Rng::with_seed(seed);
    let modes = [TenantMode::Intune, TenantMode::CoManagement, TenantMode::Coexistence, TenantMode::Office365];
    let mode = modes[random.usize(..modes.len())];
    // Most lives have right clocks, so that the rest of them can be judged to the second.
    let clocks_jump = random.u8(..4) == 0;
    let mut steps: Vec<Step> = (0..random.usize(1..6)).map(|_| assign(&mut random)).collect();
    steps.push(Step::Sync);
    for _ in 0..random.usize(2..8) {
        if random.u8(..3) == 0 {
            steps.push(one(&mut random, clocks_jump));
        } else {
            episode(&mut random, clocks_jump, &mut steps);
        }
    }
    (mode, steps)
}

/// The device is away, or its server is; things happen meanwhile, and mostly it comes back.
fn episode(random: &mut Rng, clocks_jump: bool, steps: &mut Vec<Step>) {
    let away = match random.u32(..8) {
        0..=2 => Step::Power(false),
        3 | 4 => Step::Online(false),
        5 => Step::Trouble(Trouble::ALL[random.usize(1..Trouble::ALL.len())]),
        6 => Step::Sleep(some_time(random)),
        _ => Step::Pass(some_time(random)),
    };
    if random.bool() {
        steps.push(one(random, clocks_jump));
    }
    steps.push(away);
    steps.extend((0..random.usize(0..3)).map(|_| one(random, clocks_jump)));
    if !matches!(away, Step::Sleep(_)) {
        steps.push(Step::Pass(some_time(random)));
    }
    if random.u8(..4) == 0 {
        steps.push(one(random, clocks_jump));
    }
    if random.u8(..5) > 0 {
        steps.extend(match away {
            Step::Power(_) => Some(Step::Power(true)),
            Step::Online(_) => Some(Step::Online(true)),
            Step::Trouble(_) => Some(Step::Trouble(Trouble::None)),
            _ => None,
        });
        steps.push(if random.bool() { Step::Sync } else { Step::Pass(random.i64(1..2 * HOUR)) });
    }
}

fn assign(random: &mut Rng) -> Step {
    Step::Assign(some_authority(random), random.u8(..SETTINGS), random.u8(..VALUES))
}

fn one(random: &mut Rng, clocks_jump: bool) -> Step {
    match random.u32(..40) {
        0..=7 => Step::Mode(if random.bool() { TenantMode::Intune } else { TenantMode::CoManagement }),
        8 => Step::Mode(TenantMode::Coexistence),
        9..=11 => Step::License(random.bool()),
        12 => Step::User(random.bool()),
        13..=15 => assign(random),
        16..=18 => Step::Unassign(some_authority(random), random.u8(..SETTINGS)),
        19 => Step::LoseNotifications(random.bool()),
        20 => Step::Renew,
        21 => Step::Block(random.u8(..3) == 0),
        22 | 23 => Step::Recover(random.u8(..3) > 0),
        24 => Step::BackUpDevice,
        25 => Step::RestoreDevice,
        26 => Step::BackUpTenant,
        27 => Step::RestoreTenant,
        28 => Step::LoseStore,
        29 | 30 => Step::LoseAnswer(random.u32(..5)),
        31 | 32 => Step::Kill(random.u32(..24)),
        33 => Step::Restart,
        34..=36 if clocks_jump => Step::Wall(random.i64(-40 * DAY..40 * DAY)),
        34 => Step::Online(random.bool()),
        35 => Step::Power(random.bool()),
        36 => Step::Trouble(Trouble::None),
        _ => Step::Sync,
    }
}

fn some_authority(random: &mut Rng) -> Authority {
    Authority::ALL[random.usize(..Authority::ALL.len())]
}

/// Hours to half a year, with a fondness for a week.
fn some_time(random: &mut Rng) -> i64 {
    match random.u32(..12) {
        0..=3 => random.i64(1..8 * HOUR),
        4..=6 => random.i64(HOUR..3 * DAY),
        7..=9 => 7 * DAY + random.i64(-8 * HOUR..8 * HOUR),
        10 => random.i64(3 * DAY..20 * DAY),
        _ if random.u8(..4) == 0 => random.i64(20 * DAY..200 * DAY),
        _ => random.i64(7 * DAY..10 * DAY),
    }
}
