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

/// The steady clock, running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SteadyClock {
    /// Which boot of the machine this is.
    boot: u64,
    /// What is added to the boot clock, in milliseconds.
    offset_ms: i64,
    /// What the wall clock claimed to have passed during reboots, in seconds, as far as nothing else told so.
    unproven_gap: i64,
    /// What is added to a reading to get the server's UTC, in seconds.
    skew: Option<i64>,
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
        Self { boot, offset_ms, unproven_gap: 0, skew: None }
    }

    /// Goes on from a reading that was kept.
    pub fn resume(kept: ClockReading, now: Now, boot: u64) -> Self {
        let same_boot = kept.boot == boot && now.boot_ms >= kept.at.boot_ms;
        let (passed_ms, unproven_gap) = if same_boot {
            (i64::try_from(now.boot_ms - kept.at.boot_ms).unwrap_or(i64::MAX), kept.unproven_gap)
        } else {
            let gap = now.wall.saturating_sub(kept.at.wall).max(0);
            (gap.saturating_mul(1000), gap.saturating_add(kept.unproven_gap))
        };
        let reading_ms = kept.reading_ms.saturating_add(passed_ms);
        Self { boot, offset_ms: reading_ms.saturating_sub_unsigned(now.boot_ms), unproven_gap, skew: kept.skew }
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
        }
    }

    /// Takes note of the server's `Date`.
    ///
    /// It can prove that the wall clock made too much of the last reboot, and takes that back; it can never make
    /// anything older, because a server's clock may be years off.
    pub fn hear_date(&mut self, date: i64, now: Now) {
        let reading = self.read(now).wall;
        if let Some(skew) = self.skew {
            let expected = date.saturating_sub(skew);
            let excess = reading.saturating_sub(expected);
            if excess > TOLERANCE {
                let taken_back = excess.min(self.unproven_gap);
                self.offset_ms = self.offset_ms.saturating_sub(taken_back.saturating_mul(1000));
            }
        }
        self.unproven_gap = 0;
        self.skew = Some(date.saturating_sub(self.read(now).wall));
    }
}
