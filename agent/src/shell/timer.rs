//! One timer on CLOCK_BOOTTIME: it goes on through suspend and fires at resume if it was due, so nothing has to wake
//! up in between to look at the clock.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor that can be waited for until there is something to read.
#[expect(deprecated, reason = "deprecated for descriptors that others may close; an OwnedFd is ours alone")]
pub(super) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// A timer that is set to one moment.
#[derive(Debug)]
pub struct BootTimer {
    descriptor: AsyncFd<OwnedFd>,
    armed: Option<u64>,
}

impl BootTimer {
    /// A timer that is not set.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let descriptor = timerfd_create(TimerfdClockId::Boottime, flags)?;
        Ok(Self { descriptor: readable(descriptor)?, armed: None })
    }

    /// Sets the timer to a moment in milliseconds since boot, or unsets it.
    pub fn set(&mut self, boot_ms: Option<u64>) -> io::Result<()> {
        if self.armed == boot_ms {
            return Ok(());
        }
        // The time 0 would unset the timer.
        let due = boot_ms.map_or(0, |moment| moment.max(1));
        let value = Timespec {
            tv_sec: i64::try_from(due / 1000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(due % 1000 * 1_000_000).unwrap_or(0),
        };
        let interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            &self.descriptor,
            TimerfdTimerFlags::ABSTIME,
            &Itimerspec { it_interval: interval, it_value: value },
        )?;
        self.armed = boot_ms;
        Ok(())
    }

    /// Waits until the moment is reached; for ever if the timer is not set.
    pub async fn reached(&mut self) -> io::Result<()> {
        let mut ready = self.descriptor.readable().await?;
        let mut count = [0; 8];
        // Reading takes the expiry off the descriptor; it may have been taken off by setting the timer anew.
        let _ = rustix::io::read(&self.descriptor, &mut count);
        ready.clear_ready();
        self.armed = None;
        Ok(())
    }
}
