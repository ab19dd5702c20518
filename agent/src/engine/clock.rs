//! A clock that can neither be cheated nor tripped (rule R5): ages and waits are measured by it.
//!
//! While the machine runs, only the boot clock moves it; across a reboot it goes on by what the wall clock says has
//! passed, never backwards. Its readings look like UTC and are close to it, but a wall clock that somebody sets does
//! not move them. What UTC really is, as far as the server's `Date` tells, is kept beside it.

use serde::{Deserialize, Serialize};

use super::time::Now;

#[cfg(test)]
mod tests;

/// Deviations between clocks that mean nothing, in seconds.
const TOLERANCE: i64 = 300;
/// How long the machine runs before the wall clock's word on a reboot is accepted although nothing confirmed it, in
/// milliseconds: an hour.
const DOUBT_MS: i64 = 3_600_000;

/// The steady clock, running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SteadyClock {
    /// Which boot of the machine this is.
    boot: u64,
    /// What is added to the boot clock, in milliseconds.
    offset_ms: i64,
    /// What the wall clock claimed to have passed during reboots, in seconds, as far as nothing else confirmed it.
    unproven_gap: i64,
    /// Whether that claim may still be wrong.
    doubt: Option<Doubt>,
    /// What is added to a reading to get the server's UTC, in seconds.
    skew: Option<i64>,
    /// What is added to a reading to get the wall clock as a time service kept it last, in seconds.
    wall_skew: Option<i64>,
}

/// A claim of the wall clock that nothing confirmed: until it is confirmed, or the machine has run for an hour, nothing
/// is removed because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Doubt {
    /// What the wall clock claimed to have passed, in seconds.
    gap: i64,
    /// When the claim is accepted, by the reading in milliseconds.
    until_ms: i64,
}

/// What is kept of a steady clock, to go on with it after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    boot: u64,
    reading_ms: i64,
    at: Now,
    skew: Option<i64>,
    #[serde(default)]
    unproven_gap: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<Doubt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wall_skew: Option<i64>,
}

impl ClockReading {
    /// Which boot of the machine it was.
    pub fn boot(&self) -> u64 {
        self.boot
    }
}

impl SteadyClock {
    /// A clock that begins now, with what the wall clock shows. `boot` tells one boot of the machine from another.
    pub fn begin(now: Now, boot: u64) -> Self {
        let offset_ms = now.wall.saturating_mul(1000).saturating_sub_unsigned(now.boot_ms);
        Self { boot, offset_ms, unproven_gap: 0, doubt: None, skew: None, wall_skew: None }
    }

    /// Goes on from a reading that was kept.
    ///
    /// In another boot the machine was off for as long as the wall clock claims, and at least for as long as it has been
    /// running since: a process that was killed before it kept a reading of this boot loses nothing of that.
    pub fn resume(kept: ClockReading, now: Now, boot: u64) -> Self {
        if kept.boot == boot && now.boot_ms >= kept.at.boot_ms {
            let passed_ms = i64::try_from(now.boot_ms - kept.at.boot_ms).unwrap_or(i64::MAX);
            let reading_ms = kept.reading_ms.saturating_add(passed_ms);
            let offset_ms = reading_ms.saturating_sub_unsigned(now.boot_ms);
            let ClockReading { unproven_gap, doubt, skew, wall_skew, .. } = kept;
            return Self { boot, offset_ms, unproven_gap, doubt, skew, wall_skew };
        }
        let up_ms = i64::try_from(now.boot_ms).unwrap_or(i64::MAX);
        let claimed_ms = now.wall.saturating_sub(kept.at.wall).saturating_mul(1000).max(up_ms);
        let claim = claimed_ms.saturating_sub(up_ms).div_euclid(1000);
        let reading_ms = kept.reading_ms.saturating_add(claimed_ms);
        let before = kept.doubt.filter(|doubt| kept.reading_ms < doubt.until_ms);
        let gap = claim.saturating_add(before.map_or(0, |doubt| doubt.gap));
        // Time that the machine ran in doubt before counts: one that runs for minutes a day must not be in doubt for ever.
        let left_ms = before.map_or(DOUBT_MS, |doubt| doubt.until_ms.saturating_sub(kept.reading_ms));
        let until_ms = reading_ms.saturating_sub(up_ms).saturating_add(left_ms);
        Self {
            boot,
            offset_ms: reading_ms.saturating_sub_unsigned(now.boot_ms),
            unproven_gap: claim.saturating_add(kept.unproven_gap),
            doubt: (gap > TOLERANCE).then_some(Doubt { gap, until_ms }),
            skew: kept.skew,
            wall_skew: kept.wall_skew,
        }
    }

    /// From when on, by the reading in seconds, it is beyond doubt that a moment was reached.
    pub fn certain_from(&self, moment: i64) -> i64 {
        let Some(Doubt { gap, until_ms }) = self.doubt else { return moment };
        // Without the wall clock's claim the moment comes that much later.
        moment.saturating_add(gap).min(until_ms.div_euclid(1000).saturating_add(1)).max(moment)
    }

    /// What the wall clock claimed to have passed while the machine was off and nothing confirmed yet, in seconds.
    pub fn doubted_seconds(&self, now: Now) -> Option<i64> {
        self.doubt.filter(|doubt| self.read_ms(now) < doubt.until_ms).map(|doubt| doubt.gap)
    }

    /// Which boot of the machine this is.
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// The reading in milliseconds.
    pub fn read_ms(&self, now: Now) -> i64 {
        self.offset_ms.saturating_add_unsigned(now.boot_ms)
    }

    /// The same moment with the reading, in seconds, in the place of the wall clock.
    pub fn read(&self, now: Now) -> Now {
        Now { wall: self.read_ms(now).div_euclid(1000), ..now }
    }

    /// The moment on the boot clock at which the reading is this one, 0 if that is over.
    pub fn boot_ms_at(&self, reading_ms: i64) -> u64 {
        u64::try_from(reading_ms.saturating_sub(self.offset_ms)).unwrap_or(0)
    }

    /// UTC as the server last told it, in seconds since 1970; without its word, the reading.
    pub fn utc(&self, now: Now) -> i64 {
        self.read(now).wall.saturating_add(self.skew.unwrap_or(0))
    }

    /// What the wall clock is ahead of the reading, in seconds.
    pub fn wall_ahead(&self, now: Now) -> i64 {
        let ahead = now.wall.saturating_sub(self.read(now).wall);
        // The two are read one after the other and rounded apart.
        if ahead.abs() <= 1 { 0 } else { ahead }
    }

    /// What the server's clock is ahead of the reading, in seconds, if it ever told.
    pub fn skew(&self) -> Option<i64> {
        self.skew
    }

    /// What is to be kept.
    pub fn keep(&self, now: Now) -> ClockReading {
        ClockReading {
            boot: self.boot,
            reading_ms: self.read_ms(now),
            at: now,
            skew: self.skew,
            unproven_gap: self.unproven_gap,
            doubt: self.doubt,
            wall_skew: self.wall_skew,
        }
    }

    /// Takes the server's `Date`.
    ///
    /// It can prove that the wall clock made too much of the last reboot, and takes that back; it can never make
    /// anything older, because a server's clock may be years off.
    pub fn confirm(&mut self, date: i64, now: Now) {
        self.take_back(self.skew, date, now);
        self.skew = Some(date.saturating_sub(self.read(now).wall));
    }

    /// Takes the wall clock where a time service keeps it: it proves the same as the server's `Date`.
    pub fn synchronized(&mut self, now: Now) {
        self.take_back(self.wall_skew.or(self.skew), now.wall, now);
        self.wall_skew = Some(now.wall.saturating_sub(self.read(now).wall));
    }

    fn take_back(&mut self, skew: Option<i64>, utc: i64, now: Now) {
        // Without a former reading of the same clock nothing can be said about the time between.
        let Some(skew) = skew else { return };
        let excess = self.read(now).wall.saturating_sub(utc.saturating_sub(skew));
        if excess > TOLERANCE {
            let taken_back = excess.min(self.unproven_gap);
            self.offset_ms = self.offset_ms.saturating_sub(taken_back.saturating_mul(1000));
        }
        self.unproven_gap = 0;
        self.doubt = None;
    }
}
