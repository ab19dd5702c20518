//! When the next check-in is due (rule C2, `DMClient/Provider/<id>/Poll`).

use mdm_protocol::csp::dm_client::Poll;

#[cfg(test)]
mod tests;

/// Minutes between check-ins where the sets come to an end.
const FALLBACK_MINUTES: u32 = 24 * 60;

/// Minutes from the check-in number `done` (0 is enrolment itself) to the next.
pub fn interval_minutes(poll: &Poll, done: u32) -> u32 {
    let mut done = done;
    for set in poll.sets.iter().filter(|set| set.interval_minutes > 0) {
        if set.count == 0 || done < set.count {
            return set.interval_minutes;
        }
        done -= set.count;
    }
    FALLBACK_MINUTES
}
