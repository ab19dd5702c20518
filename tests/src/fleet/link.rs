//! Where a device is: online, without network, asleep, switched off, gone. A course of such spans, drawn from the
//! device's own seed; what the agent makes of it is none of its business.

use super::scenario::{Matter, Scenario};
use super::time::{DAY_MS, HOUR_MS, MINUTE_MS, Moment, NEVER, SECOND_MS};

/// How long a device that goes away is online in between, on average.
const MEAN_ONLINE_MS: f64 = 3.0 * DAY_MS as f64;
/// The spans without network, asleep or switched off: as many short ones as long ones, on a scale of doublings.
const AWAY_MS: (u64, u64) = (HOUR_MS, 12 * DAY_MS);
/// How long a reboot takes.
const REBOOT_MS: (u64, u64) = (20 * SECOND_MS, 3 * MINUTE_MS);
/// For how long a machine that was just started or woken may be without its network.
const LATE_NETWORK_MS: (u64, u64) = (MINUTE_MS, 3 * HOUR_MS);
/// How often that is so.
const LATE_NETWORK_SHARE: f64 = 0.3;

/// Where a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It runs and reaches the network.
    Online,
    /// It runs without a network.
    Unconnected,
    /// It sleeps: its boot clock goes on, its timers do not.
    Asleep,
    /// It is switched off.
    Off,
    /// It was wiped and never comes back.
    Gone,
}

impl Place {
    /// Whether the agent runs there.
    pub fn is_awake(self) -> bool {
        matches!(self, Self::Online | Self::Unconnected)
    }

    /// The place in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Unconnected => "without network",
            Self::Asleep => "asleep",
            Self::Off => "switched off",
            Self::Gone => "wiped",
        }
    }
}

/// Where a device is and until when.
#[derive(Debug, Clone)]
pub struct Link {
    place: Place,
    since: Moment,
    awake_since: Moment,
    until: Moment,
    gone: Moment,
    random: fastrand::Rng,
}

impl Link {
    /// The link of a device that is online because it enrols right now.
    pub fn new(scenario: &Scenario, device: u64, now: Moment) -> Self {
        let mut random = scenario.random(device, Matter::Link);
        let wanders = random.f64() < scenario.offline_share;
        let is_wiped = random.f64() < scenario.wiped_share;
        let gone = if is_wiped { now + random.u64(..scenario.end().max(1)) } else { NEVER };
        let mut link = Self { place: Place::Online, since: now, awake_since: now, until: NEVER, gone, random };
        if wanders {
            link.until = now + link.online_ms();
        }
        link
    }

    /// Where the device is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Since when.
    pub fn since(&self) -> Moment {
        self.since
    }

    /// Whether that is online.
    pub fn online(&self) -> bool {
        self.place == Place::Online
    }

    /// Since when the agent runs, if it does: a network that comes and goes does not interrupt it.
    pub fn awake_since(&self) -> Moment {
        self.awake_since
    }

    /// When that changes.
    pub fn until(&self) -> Moment {
        self.until.min(self.gone)
    }

    /// Goes on to the next place.
    pub fn go_on(&mut self) {
        let now = self.until();
        self.since = now;
        if now >= self.gone {
            (self.place, self.until, self.gone) = (Place::Gone, NEVER, NEVER);
            return;
        }
        let was_awake = self.place.is_awake();
        let comes_up = matches!(self.place, Place::Asleep | Place::Off);
        let (place, ms) = match self.place {
            Place::Online => self.away(),
            _ if comes_up && self.random.f64() < LATE_NETWORK_SHARE => {
                (Place::Unconnected, self.doublings(LATE_NETWORK_MS))
            }
            _ => (Place::Online, self.online_ms()),
        };
        (self.place, self.until) = (place, now + ms);
        if !was_awake {
            self.awake_since = now;
        }
    }

    fn away(&mut self) -> (Place, u64) {
        match self.random.u8(..20) {
            0..=2 => (Place::Off, self.random.u64(REBOOT_MS.0..=REBOOT_MS.1)),
            3..=6 => (Place::Off, self.doublings(AWAY_MS)),
            7..=11 => (Place::Asleep, self.doublings(AWAY_MS)),
            _ => (Place::Unconnected, self.doublings(AWAY_MS)),
        }
    }

    fn online_ms(&mut self) -> u64 {
        let share = 1.0 - self.random.f64();
        (-share.ln() * MEAN_ONLINE_MS) as u64 + MINUTE_MS
    }

    /// A span between two bounds, every doubling as likely as the next.
    fn doublings(&mut self, (least, most): (u64, u64)) -> u64 {
        let ratio = most as f64 / least as f64;
        (least as f64 * ratio.powf(self.random.f64())) as u64
    }
}
