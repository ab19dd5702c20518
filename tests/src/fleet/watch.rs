//! What must always hold of a device, judged by true time alone: nothing that the agent or the tenant reckons is
//! believed here. It keeps its own record of whose word was heard when, and speaks up at the first violation.

use super::holdings::{COUNT, Holdings, Owner};
use super::link::Link;
use super::time::{DAY_MS, HOUR_MS, MINUTE_MS, Moment, NEVER, SECOND_MS, moment_of, span_text};

/// How long a profile stays after its owner's last word.
const WINDOW_MS: u64 = 7 * DAY_MS;
/// How long a machine that has just come up may still try to check in before it removes what has expired.
const GRACE_MS: u64 = 10 * MINUTE_MS;
/// How long one that was off may doubt its wall clock, as long as nothing has confirmed it.
const DOUBT_MS: u64 = HOUR_MS;
/// What a session that is under way, and whole seconds, may add to any bound.
const SLACK_MS: u64 = 2 * MINUTE_MS;
/// Clocks that count whole seconds may be early by that much, and once more by a second with every reboot.
const ROUNDING_MS: u64 = 2 * SECOND_MS;
/// The longest that an online device goes without a check-in.
const LONGEST_WAIT_MS: u64 = 8 * HOUR_MS;

/// The observer of one device.
#[derive(Debug, Clone)]
pub struct Watch {
    /// When the last session with each owner was completed; the beginning where there was none.
    word: [Moment; 4],
    received: [Moment; COUNT],
    /// When the first profile has to go.
    first_due: Moment,
    /// Whether the certificate ended while the device could not have renewed it.
    pub lapsed: bool,
    /// How often the machine was started again.
    pub reboots: u64,
    /// When the agent was started last, for another reason than that the machine came up.
    pub started: Moment,
}

/// How old a profile was when it was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Farewell {
    /// Since its owner's last word.
    pub age: u64,
    /// Beyond the first moment at which it could go: its deadline, or when the machine came up after it.
    pub late: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { word: [0; 4], received: [0; COUNT], first_due: NEVER, lapsed: false, reboots: 0, started: 0 }
    }
}

impl Watch {
    /// A session with an owner was completed.
    pub fn heard(&mut self, owner: Owner, at: Moment) {
        self.word[owner.index()] = at;
    }

    /// The account's server is known by name from now on.
    pub fn named(&mut self, owner: Owner) {
        self.word[owner.index()] = self.word[owner.index()].max(self.word[Owner::Unnamed.index()]);
    }

    /// A profile was received.
    pub fn received(&mut self, kind: usize, at: Moment) {
        self.received[kind] = at;
    }

    /// Takes note of what the device holds now.
    pub fn note_holdings(&mut self, holdings: &Holdings) {
        self.first_due = (0..COUNT).filter_map(|kind| self.due(holdings, kind)).min().unwrap_or(NEVER);
    }

    fn due(&self, holdings: &Holdings, kind: usize) -> Option<Moment> {
        Some(self.confirmed(kind, holdings.owner(kind)?) + WINDOW_MS)
    }

    fn confirmed(&self, kind: usize, owner: Owner) -> Moment {
        self.word[owner.index()].max(self.received[kind])
    }

    /// Since when the agent runs.
    fn running_since(&self, link: &Link) -> Moment {
        link.awake_since().max(self.started)
    }

    /// What is known of a device that goes on from an older state: what happened to the machine since stays true.
    #[must_use]
    pub fn after(self, latest: &Self) -> Self {
        Self { lapsed: latest.lapsed, reboots: latest.reboots, started: latest.started, ..self }
    }

    /// A profile is removed because its time is over: how old it is, or why it must not go.
    pub fn removed(&self, kind: usize, owner: Owner, link: &Link, now: Moment) -> Result<Farewell, String> {
        let confirmed = self.confirmed(kind, owner);
        let (age, due) = (now.saturating_sub(confirmed), confirmed + WINDOW_MS);
        if age + ROUNDING_MS + self.reboots * SECOND_MS < WINDOW_MS {
            return Err(format!("a profile of {} was removed after {}, too early", owner.name(), span_text(age)));
        }
        let running = if link.place().is_awake() { self.running_since(link) } else { now };
        Ok(Farewell { age, late: now.saturating_sub(due.max(running)) })
    }

    /// What no longer holds at a moment at which something happens, before it happens.
    pub fn judge(&self, link: &Link, now: Moment) -> Result<(), String> {
        if link.place().is_awake() && self.first_due != NEVER {
            let doubt = if self.reboots > 0 { DOUBT_MS } else { 0 };
            let bound = self.first_due.max(self.running_since(link)) + GRACE_MS + doubt + SLACK_MS;
            if now > bound {
                let late = span_text(now - self.first_due);
                return Err(format!("a profile is still there {late} after its deadline"));
            }
        }
        Ok(())
    }

    /// Whether the certificate has ended by now; an error if the device was online long enough to renew it, and nothing
    /// excuses it.
    pub fn judge_certificate(&mut self, not_after: i64, excused: bool, link: &Link, now: Moment) -> Result<(), String> {
        let ended = moment_of(not_after);
        if self.lapsed || now < ended {
            return Ok(());
        }
        self.lapsed = true;
        let online = if link.online() { ended.saturating_sub(link.since()) } else { 0 };
        if online > LONGEST_WAIT_MS + SLACK_MS && !excused {
            return Err(format!("the certificate ended although the device had been online for {}", span_text(online)));
        }
        Ok(())
    }

    /// Whether a device that should be with another authority has had the time to go there.
    pub fn judge_move(&self, link: &Link, since: Moment, now: Moment) -> Result<(), String> {
        let waited = now.saturating_sub(since.max(link.since()));
        if link.online() && !self.lapsed && waited > LONGEST_WAIT_MS + GRACE_MS {
            return Err(format!("the device has not moved after {} online", span_text(waited)));
        }
        Ok(())
    }

    /// Whether a device that lacks something that its authority has assigned has had the time to get it.
    pub fn judge_lack(&self, lacks: bool, link: &Link, since: Moment, now: Moment) -> Result<(), String> {
        let waited = now.saturating_sub(since.max(link.since()));
        if lacks && link.online() && !self.lapsed && waited > LONGEST_WAIT_MS + GRACE_MS {
            return Err(format!("the device lacks what is assigned to it after {} online", span_text(waited)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mdm_sim_server::tenant::life::Authority;

    use super::super::scenario::Scenario;
    use super::super::time::utc;
    use super::*;

    const INTUNE: Owner = Owner::Named(Authority::Intune);

    /// A device that is always online, whose profile was last confirmed after a day.
    fn watch() -> (Watch, Link) {
        let link = Link::new(&Scenario { offline_share: 0.0, ..Scenario::default() }, 0, 0);
        let (mut watch, mut holdings) = (Watch::default(), Holdings::default());
        holdings.deliver(3, INTUNE, utc(0));
        watch.received(3, 0);
        watch.heard(INTUNE, DAY_MS);
        watch.note_holdings(&holdings);
        (watch, link)
    }

    #[test]
    fn a_profile_that_goes_early_is_noticed_and_one_that_goes_in_time_is_not() {
        let (watch, link) = watch();
        assert!(watch.removed(3, INTUNE, &link, 8 * DAY_MS - MINUTE_MS).is_err());
        let farewell = watch.removed(3, INTUNE, &link, 8 * DAY_MS + 5);
        assert_eq!(farewell, Ok(Farewell { age: 7 * DAY_MS + 5, late: 5 }));
    }

    #[test]
    fn a_profile_that_stays_too_long_is_noticed_once_the_last_chance_is_over() {
        let (watch, link) = watch();
        assert!(watch.judge(&link, 8 * DAY_MS + GRACE_MS).is_ok());
        assert!(watch.judge(&link, 8 * DAY_MS + GRACE_MS + SLACK_MS + 1).is_err());
    }

    #[test]
    fn a_certificate_that_ends_on_a_device_that_is_online_is_noticed() {
        let (mut watch, link) = watch();
        assert!(watch.judge_certificate(utc(2 * DAY_MS), false, &link, 2 * DAY_MS - 1).is_ok());
        assert!(watch.judge_certificate(utc(2 * DAY_MS), false, &link, 2 * DAY_MS).is_err());
        assert!(watch.lapsed);
    }

    #[test]
    fn a_device_that_is_online_and_does_not_move_is_noticed_after_eight_hours() {
        let (watch, link) = watch();
        assert!(watch.judge_move(&link, DAY_MS, DAY_MS + 8 * HOUR_MS).is_ok());
        assert!(watch.judge_move(&link, DAY_MS, DAY_MS + 9 * HOUR_MS).is_err());
    }
}
