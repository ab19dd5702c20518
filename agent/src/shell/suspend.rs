//! Notices that the machine has slept, and that somebody has set its clock, without ever looking at the time just in
//! case. [`ClockWatch`] wakes; [`SuspendWatch`] tells which of the two it was.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::{clock, timer};

/// A moment that does not come: the year 2255. Much later ones do not fit the kernel's clock.
const NEVER: i64 = 9_000_000_000;
/// The clocks are read one after the other; what is shorter than that is no sleep.
const SHORTEST_SLEEP_MS: u64 = 1_000;

/// Tells how long the machine has slept. Time in suspension is on one clock and not on the other, so their difference
/// grows then and only then, whatever happens to the wall clock.
#[derive(Debug)]
pub struct SuspendWatch {
    suspended_ms: u64,
}

impl SuspendWatch {
    /// A watch that begins now.
    pub fn new() -> Self {
        Self { suspended_ms: clock::suspended_ms() }
    }

    /// How many seconds the machine has slept since the last time that it had; `None` if it has not.
    pub fn check(&mut self) -> Option<u64> {
        self.observe(clock::suspended_ms())
    }

    fn observe(&mut self, suspended_ms: u64) -> Option<u64> {
        let slept = suspended_ms.saturating_sub(self.suspended_ms);
        if slept < SHORTEST_SLEEP_MS {
            return None;
        }
        self.suspended_ms = suspended_ms;
        Some(slept / 1000)
    }
}

impl Default for SuspendWatch {
    fn default() -> Self {
        Self::new()
    }
}

/// Resolves when the wall clock makes a jump, which it also does at resume: a timer that never fires, but that the
/// kernel cancels then (`TFD_TIMER_CANCEL_ON_SET`, timerfd_create(2)).
#[derive(Debug)]
pub struct ClockWatch {
    descriptor: AsyncFd<OwnedFd>,
}

impl ClockWatch {
    /// A watch that begins now.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let watch = Self { descriptor: timer::readable(timerfd_create(TimerfdClockId::Realtime, flags)?)? };
        watch.arm()?;
        Ok(watch)
    }

    fn arm(&self) -> io::Result<()> {
        let value = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: NEVER, tv_nsec: 0 },
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &value)?;
        Ok(())
    }

    /// Waits until the wall clock is set or the machine has slept. Jumps in between are one.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let mut count = [0; 8];
            let outcome = rustix::io::read(&self.descriptor, &mut count);
            ready.clear_ready();
            match outcome {
                Err(Errno::CANCELED) => return self.arm(),
                // The clock was set to after the moment that does not come.
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime, clock_settime};

    use super::*;

    /// One test sets it while another expects that nobody does.
    static CLOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());

    #[test]
    fn a_sleep_is_told_once_and_the_next_one_again() {
        let mut watch = SuspendWatch { suspended_ms: 5_000 };
        assert_eq!(watch.observe(5_000), None);
        assert_eq!(watch.observe(5_999), None, "the clocks are not read at the same moment");
        assert_eq!(watch.observe(4_999), None);
        assert_eq!(watch.observe(3_605_000), Some(3_600));
        assert_eq!(watch.observe(3_605_001), None);
        assert_eq!(watch.observe(3_608_500), Some(3));
    }

    #[test]
    fn a_machine_that_is_awake_has_not_slept() {
        let mut watch = SuspendWatch::new();
        assert_eq!(watch.check(), None);
    }

    #[test]
    fn a_clock_that_runs_on_wakes_nobody() {
        let _alone = CLOCK.lock();
        let woken = block_on(async {
            let mut watch = ClockWatch::new().unwrap();
            tokio::time::timeout(Duration::from_millis(50), watch.changed()).await.is_ok()
        });
        assert!(!woken);
    }

    #[test]
    #[ignore = "needs root, and sets the clock to what it shows"]
    fn a_clock_that_is_set_is_noticed_every_time() {
        let _alone = CLOCK.lock();
        block_on(async {
            let mut watch = ClockWatch::new().unwrap();
            for _ in 0..3 {
                clock_settime(ClockId::Realtime, clock_gettime(ClockId::Realtime)).unwrap();
                tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.unwrap().unwrap();
                assert_eq!(SuspendWatch::new().check(), None, "it was no sleep");
            }
        });
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}
