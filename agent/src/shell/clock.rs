//! The only place that reads clocks and draws randomness from the system.

use std::path::Path;

use rustix::time::{ClockId, clock_gettime};

use super::files;
use crate::engine::Now;

/// What both clocks show now.
pub fn now() -> Now {
    let wall = clock_gettime(ClockId::Realtime);
    Now { boot_ms: milliseconds(ClockId::Boottime), wall: wall.tv_sec }
}

/// How long the machine has been suspended since boot, in milliseconds.
pub fn suspended_ms() -> u64 {
    // In this order: what passes between the two readings makes it less, never more.
    let boot = milliseconds(ClockId::Boottime);
    boot.saturating_sub(milliseconds(ClockId::Monotonic))
}

/// The name that the kernel gave to this run of the machine; `None` where it has none.
pub fn boot_id() -> Option<String> {
    let id = files::read_bounded(Path::new("/proc/sys/kernel/random/boot_id"), 64).ok()??;
    let id = String::from_utf8(id).ok()?.trim().to_owned();
    Some(id).filter(|id| !id.is_empty())
}

fn milliseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
}

/// A number that is another one after every boot of the machine; 0 where the kernel does not tell.
pub fn boot() -> u64 {
    let digits: String = boot_id().unwrap_or_default().chars().filter(char::is_ascii_hexdigit).take(16).collect();
    u64::from_str_radix(&digits, 16).unwrap_or(0)
}

/// A seed that nobody can guess.
pub fn seed() -> u64 {
    let mut bytes = [0; 8];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    match filled {
        Ok(8) => u64::from_le_bytes(bytes),
        // Cannot happen for eight bytes once the kernel's pool is ready; the clock is a poor but harmless stand-in,
        // because the seed only spreads check-ins and numbers messages.
        _ => now().boot_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_name() {
        let id = boot_id().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(boot_id(), Some(id));
    }
}
