//! How long to wait after failures (rule C3): exponential, bounded, with full jitter drawn *after* the bound, so that
//! a fleet which failed together does not come back together.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

#[cfg(test)]
mod tests;

/// Attempts after which the wait no longer grows, whatever its bound.
const MAX_ATTEMPTS: u32 = 24;

/// The longest wait after `failures` failures in a row, in milliseconds.
pub fn ceiling_ms(failures: u32, initial_ms: u64, max_ms: u64) -> u64 {
    let initial = Duration::from_millis(initial_ms.max(1));
    let mut backoff = ExponentialBackoff {
        current_interval: initial,
        initial_interval: initial,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: Duration::from_millis(max_ms).max(initial),
        // The crate would measure elapsed time by a clock of its own; the engine never gives up by time.
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    let attempts = failures.clamp(1, MAX_ATTEMPTS);
    let mut last = initial;
    for _ in 0..attempts {
        last = backoff.next_backoff().unwrap_or(last);
        // The crate reads a clock and draws a random number with every step, for nothing here.
        if last >= backoff.max_interval {
            break;
        }
    }
    u64::try_from(last.as_millis()).unwrap_or(u64::MAX)
}

/// A wait after `failures` failures in a row: anything up to the ceiling, but never under `floor_ms`.
pub fn wait_ms(failures: u32, initial_ms: u64, max_ms: u64, floor_ms: u64, random: &mut fastrand::Rng) -> u64 {
    let ceiling = ceiling_ms(failures, initial_ms, max_ms);
    random.u64(0..=ceiling).saturating_add(floor_ms)
}
