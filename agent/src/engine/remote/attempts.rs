//! How often an unlock code may be tried.

use serde::{Deserialize, Serialize};

/// Wrong codes in a row that cost nothing.
const FREE: u32 = 5;
/// The first wait after those, in seconds; it doubles with every further wrong code.
const FIRST_WAIT_SECONDS: i64 = 60;
/// The longest wait, in seconds.
const MAX_WAIT_SECONDS: i64 = 3600;

/// Wrong codes so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many.
    pub failed: u32,
    /// When the last one was, seconds since 1970.
    pub last: i64,
}

impl Attempts {
    /// For how many seconds no code is looked at. A clock that was set back does not make it longer.
    pub fn wait(&self, now: i64) -> i64 {
        let Some(over) = self.failed.checked_sub(FREE) else { return 0 };
        let wait = FIRST_WAIT_SECONDS.saturating_mul(1 << over.min(10)).min(MAX_WAIT_SECONDS);
        (self.last.saturating_add(wait).saturating_sub(now)).clamp(0, wait)
    }

    /// Takes note of a wrong code.
    pub fn fail(&mut self, now: i64) {
        self.failed = self.failed.saturating_add(1);
        self.last = now;
    }
}
