//! The only place that reads clocks and draws randomness from the system.

use rustix::time::{ClockId, clock_gettime};

use crate::engine::Now;

/// What both clocks show now.
pub fn now() -> Now {
    let boot = clock_gettime(ClockId::Boottime);
    let wall = clock_gettime(ClockId::Realtime);
    let boot_ms = u64::try_from(boot.tv_sec).unwrap_or(0) * 1000 + u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
    Now { boot_ms, wall: wall.tv_sec }
}

/// A number that is another one after every boot of the machine; 0 where the kernel does not tell.
pub fn boot() -> u64 {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
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
