//! When what is applied is checked and put right without a session (`ConfigRefresh`), and which sign-ins start one
//! (`PollOnLogin`, `AllUsersPollOnFirstLogin`).

use super::Life;
use crate::engine::progress::Trigger;
use crate::engine::time::Now;

/// Over how long check-ins after a sign-in are spread, in seconds: a school begins at eight.
const SIGN_IN_SPREAD_SECONDS: u64 = 30;
/// How far apart check-ins after sign-ins are at least, in seconds.
const SIGN_INS_APART_SECONDS: i64 = 900;
/// How many users are remembered for their first sign-in.
const MAX_USERS: usize = 256;

impl Life {
    /// Whether what is applied is to be checked now.
    pub fn refresh_is_due(&self, now: Now) -> bool {
        let at = self.clock.read_ms(now);
        self.account.is_some() && self.progress.timers.refresh.is_some_and(|due| due <= at)
    }

    /// What is applied was checked, or could not be: the next time is a cadence from now.
    pub fn plan_refresh(&mut self, now: Now) {
        let minutes = self.progress.server_settings.as_ref().and_then(|settings| settings.refresh_minutes);
        let at = self.clock.read_ms(now);
        self.progress.timers.refresh = minutes.map(|minutes| at.saturating_add(i64::from(minutes) * 60_000));
    }

    /// Users have signed in at the machine.
    pub fn signed_in(&mut self, users: &[String], now: Now) {
        let Some(account) = &self.account else { return };
        let poll = self.progress.poll.unwrap_or(account.poll);
        let mut is_first = false;
        for user in users {
            let known = self.progress.users_seen.get_or_insert_default();
            if !known.contains(user) && known.len() < MAX_USERS {
                known.push(user.clone());
                is_first = true;
            }
        }
        let at = self.clock.read(now).wall;
        // Tools that sign in every minute must not have the device check in every minute.
        let is_recent = at.saturating_sub(self.signed_in_at) < SIGN_INS_APART_SECONDS;
        if poll.on_login && !is_recent || poll.all_users_on_first_login && is_first {
            self.signed_in_at = at;
            self.delay(Trigger::SignIn, SIGN_IN_SPREAD_SECONDS, now);
        }
    }
}
