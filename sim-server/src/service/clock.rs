//! A clock: the computer's, moved by any number of seconds, or one that stands still until it is moved, for simulations.
//! The tenant has one; another one dates the server's own certificates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// A clock, in seconds since 1970.
#[derive(Debug)]
pub struct Clock {
    /// Whether it goes by the machine's clock.
    goes: bool,
    moved: watch::Sender<i64>,
}

impl Clock {
    /// The machine's clock.
    pub fn machine() -> Self {
        Self { goes: true, moved: watch::Sender::new(0) }
    }

    /// A clock that stands at a moment.
    pub fn standing(at: i64) -> Self {
        Self { goes: false, moved: watch::Sender::new(at) }
    }

    /// The moment.
    pub fn now(&self) -> i64 {
        let begun = if self.goes { machine_now() } else { 0 };
        begun.saturating_add(*self.moved.borrow())
    }

    /// Moves the clock, forwards or back.
    pub fn advance(&self, seconds: i64) {
        self.moved.send_modify(|moved| *moved = moved.saturating_add(seconds));
    }

    /// Completes when the clock shows a moment or a later one, because time passes or the clock is moved. The timer counts
    /// monotonic time: a computer that is suspended, or whose clock is set forward, completes this late.
    pub(crate) async fn reach(&self, moment: i64) {
        let mut moves = self.moved.subscribe();
        loop {
            // A move after this line ends the wait.
            moves.mark_unchanged();
            let left = self.left(moment);
            if left == Some(Duration::ZERO) {
                return;
            }
            let passed = async {
                match left {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The sender lives as long as the clock.
                _ = moves.changed() => {}
                () = passed => {}
            }
        }
    }

    /// How long it takes until the clock shows a moment if it is not moved; `None` for a clock that never does.
    fn left(&self, moment: i64) -> Option<Duration> {
        let left = u64::try_from(moment.saturating_sub(self.now())).unwrap_or(0);
        (self.goes || left == 0).then(|| Duration::from_secs(left))
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

    #[test]
    fn only_the_machines_clock_reaches_a_later_moment_by_itself() {
        let (standing, machine) = (Clock::standing(1000), Clock::machine());
        machine.advance(86_400);
        let ahead = machine.now() + 100;
        let left = machine.left(ahead).unwrap().as_secs();
        assert!((90..=100).contains(&left), "{left}");
        assert_eq!((standing.left(1001), standing.left(1000)), (None, Some(Duration::ZERO)));
        assert_eq!(machine.left(0), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn a_moment_is_reached_when_the_clock_is_moved_to_it() {
        let clock = Clock::standing(1000);
        let mut reached = std::pin::pin!(clock.reach(1100));
        for (seconds, is_reached) in [(0, false), (99, false), (-50, false), (51, true)] {
            clock.advance(seconds);
            let polled = std::future::poll_fn(|context| std::task::Poll::Ready(reached.as_mut().poll(context))).await;
            assert_eq!(polled.is_ready(), is_reached, "after {seconds} seconds");
        }
        clock.reach(0).await;
    }
}
