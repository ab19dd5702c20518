//! A clock: the computer's, moved by any number of seconds, or one that stands still until it is moved, for simulations.
//! The tenant has one; another one dates the server's own certificates.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock, in seconds since 1970.
#[derive(Debug)]
pub struct Clock {
    /// Whether it goes by the machine's clock.
    goes: bool,
    moved: AtomicI64,
}

impl Clock {
    /// The machine's clock.
    pub fn machine() -> Self {
        Self { goes: true, moved: AtomicI64::new(0) }
    }

    /// A clock that stands at a moment.
    pub fn standing(at: i64) -> Self {
        Self { goes: false, moved: AtomicI64::new(at) }
    }

    /// The moment.
    pub fn now(&self) -> i64 {
        let begun = if self.goes { machine_now() } else { 0 };
        begun.saturating_add(self.moved.load(Ordering::Relaxed))
    }

    /// Moves the clock, forwards or back.
    pub fn advance(&self, seconds: i64) {
        let _ =
            self.moved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |moved| Some(moved.saturating_add(seconds)));
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::machine()
    }
}

/// The machine's own moment, in seconds since 1970: what certificates of the server itself go by.
pub(crate) fn machine_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_it_is_moved() {
        let clock = Clock::standing(1000);
        assert_eq!(clock.now(), 1000);
        clock.advance(-10);
        assert_eq!(clock.now(), 990);
        clock.advance(i64::MAX);
        assert_eq!(clock.now(), i64::MAX);
    }

    #[test]
    fn the_machines_clock_can_be_ahead() {
        let clock = Clock::machine();
        clock.advance(86_400);
        assert!(clock.now() >= machine_now() + 86_399);
    }
}
