//! How often one user may have the daemon do something: a check-in costs the machine and the server.

use std::collections::BTreeMap;

/// Orders at once that cost nothing.
const BURST: u32 = 5;
/// After those, one more every so many milliseconds.
const REFILL_MS: u64 = 10_000;
/// Users who are remembered; whoever was not heard of for longest is forgotten first.
const MAX_USERS: usize = 64;

/// The pace of every user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace(BTreeMap<u32, Allowance>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    left: u32,
    /// When the next one comes, while not all are there.
    next_ms: u64,
    seen_ms: u64,
}

impl Pace {
    /// Whether a user may order something now, on the boot clock; if not, in how many seconds.
    pub fn admit(&mut self, user: u32, now_ms: u64) -> Result<(), u64> {
        if !self.0.contains_key(&user) && self.0.len() >= MAX_USERS {
            let oldest = self.0.iter().min_by_key(|(_, allowance)| allowance.seen_ms).map(|(user, _)| *user);
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        let allowance = self.0.entry(user).or_insert(Allowance { left: BURST, next_ms: now_ms, seen_ms: now_ms });
        allowance.seen_ms = now_ms;
        if allowance.left < BURST && allowance.next_ms <= now_ms {
            let come = 1 + (now_ms - allowance.next_ms) / REFILL_MS;
            allowance.left = BURST.min(allowance.left.saturating_add(u32::try_from(come).unwrap_or(BURST)));
            allowance.next_ms = allowance.next_ms.saturating_add(come.saturating_mul(REFILL_MS));
        }
        if allowance.left == BURST {
            allowance.next_ms = now_ms.saturating_add(REFILL_MS);
        }
        if allowance.left == 0 {
            return Err(allowance.next_ms.saturating_sub(now_ms).div_ceil(1000).max(1));
        }
        allowance.left -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_who_asks_too_often_waits_and_nobody_else_does() {
        let mut pace = Pace::default();
        assert!((0..BURST).all(|_| pace.admit(1000, 5000).is_ok()));
        assert_eq!(pace.admit(1000, 5000), Err(10));
        assert_eq!(pace.admit(1000, 14_500), Err(1));
        assert_eq!(pace.admit(1001, 5000), Ok(()));
        assert_eq!(pace.admit(1000, 15_000), Ok(()));
        assert_eq!(pace.admit(1000, 15_000), Err(10));
        assert!((0..BURST).all(|_| pace.admit(1000, 10_000_000).is_ok()));
        assert!(pace.admit(1000, 10_000_000).is_err(), "what was not used does not add up");
    }

    #[test]
    fn many_users_do_not_fill_the_memory() {
        let mut pace = Pace::default();
        for user in 0..10_000 {
            pace.admit(user, u64::from(user)).unwrap();
        }
        assert_eq!(pace.0.len(), MAX_USERS);
    }
}
