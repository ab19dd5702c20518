//! When profiles expire, and what is tried before (rules R2, R4, R5 and R8).
//!
//! No profile is removed before a check-in with the server that could keep it was tried for ten minutes, whatever it
//! failed by, and nothing is removed only because a wall clock claims that days have passed while the machine was off.

use super::deadlines::ms;
use super::{LAST_CHANCE_SECONDS, Life};
use crate::engine::authority::{Destination, OwnerRole};
use crate::engine::progress::{RetentionDeadlines, Trigger};
use crate::engine::time::Now;

/// How late the last check-in before a removal may begin without putting the removal off, in seconds.
const LATENESS_SECONDS: i64 = 60;
/// A check-in that was completed within this time, in seconds, needs no repetition before a removal.
const RECENT_SECONDS: i64 = 24 * 3600;
/// How far ahead of its removal a profile is warned of, in seconds (rule R4).
const WARNING_SECONDS: i64 = 24 * 3600;
/// The most of the ten minutes that counts of what was tried before a sleep or a restart, in seconds: a check-in is tried
/// afterwards all the same.
const MOST_TRIED_SECONDS: i64 = LAST_CHANCE_SECONDS - 60;
/// How often a last check-in is repeated at least, in milliseconds.
const RETRY_MS: u64 = 120_000;

/// The last check-ins before profiles are removed, one for each role of their owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LastChances {
    present: Option<LastChance>,
    next: Option<LastChance>,
    former: Option<LastChance>,
}

/// A last check-in, for the deadline that is recorded; another deadline has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LastChance {
    /// When it began, steady seconds.
    began: i64,
    /// Whether a session with the server has ended since.
    tried: bool,
}

/// What is known of deadlines at a moment, so that a removal can be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    deadlines: RetentionDeadlines,
    last_chances: LastChances,
}

/// The profiles that may be removed now, by the role of their owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MayExpire {
    present: bool,
    next: bool,
    former: bool,
}

impl MayExpire {
    /// Whether profiles of such an owner may be removed once their time has come.
    pub fn allows(self, role: OwnerRole) -> bool {
        match role {
            OwnerRole::Present => self.present,
            OwnerRole::Next => self.next,
            OwnerRole::Former => self.former,
        }
    }

    /// Whether there are none.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    fn of(allowed: impl Fn(OwnerRole) -> bool) -> Self {
        let [present, next, former] = OwnerRole::ALL.map(allowed);
        Self { present, next, former }
    }
}

impl LastChances {
    fn slot(&mut self, role: OwnerRole) -> &mut Option<LastChance> {
        match role {
            OwnerRole::Present => &mut self.present,
            OwnerRole::Next => &mut self.next,
            OwnerRole::Former => &mut self.former,
        }
    }

    fn of(mut self, role: OwnerRole) -> Option<LastChance> {
        *self.slot(role)
    }

    /// Whether one has begun and its profiles are still there.
    pub(super) fn is_any_open(&self) -> bool {
        OwnerRole::ALL.into_iter().any(|role| self.of(role).is_some())
    }

    /// The server that is still to be asked.
    pub(super) fn untried(&self) -> Option<Destination> {
        let is_untried = |role: &OwnerRole| self.of(*role).is_some_and(|chance| !chance.tried);
        OwnerRole::ALL.into_iter().find(is_untried).map(OwnerRole::server)
    }

    /// A session with a server has ended.
    pub(super) fn note_attempt(&mut self, server: Destination) {
        for role in OwnerRole::ALL.into_iter().filter(|role| role.server() == server) {
            if let Some(chance) = self.slot(role) {
                chance.tried = true;
            }
        }
    }

    /// For how long a check-in has been tried at a moment, in seconds.
    fn tried_for(&self, at: i64) -> i64 {
        let began = OwnerRole::ALL.into_iter().filter_map(|role| self.of(role)).map(|chance| chance.began).min();
        began.map_or(0, |began| at.saturating_sub(began).clamp(0, MOST_TRIED_SECONDS))
    }
}

impl Life {
    /// What the owner of a profile is to the device.
    pub fn role_of(&self, owner: &str) -> OwnerRole {
        self.progress.authority.role_of(owner, &self.authority())
    }

    /// Whether a profile is to be removed or warned of now.
    pub fn sweep_is_due(&self, now: Now) -> bool {
        let at = self.clock.read(now).wall;
        let is_due = |deadline: Option<i64>| self.unless_held(deadline).is_some_and(|deadline| deadline <= at);
        self.account.is_some() && (is_due(self.sweep_due()) || is_due(self.warning_due()))
    }

    /// The store could not be used to remove or warn: it is left alone for some seconds.
    pub fn hold_sweep(&mut self, seconds: i64, now: Now) {
        self.sweep_held_until = self.clock.read(now).wall.saturating_add(seconds);
    }

    pub(super) fn unless_held(&self, deadline: Option<i64>) -> Option<i64> {
        deadline.map(|deadline| deadline.max(self.sweep_held_until))
    }

    /// The profiles that may be removed now.
    pub fn may_expire(&self, now: Now) -> MayExpire {
        let at = self.clock.read(now).wall;
        MayExpire::of(|role| self.unless_held(self.removal_due(role)).is_some_and(|due| due <= at))
    }

    /// Whether a profile is to be removed now.
    pub fn removal_is_due(&self, now: Now) -> bool {
        !self.may_expire(now).is_none()
    }

    /// The profiles that a completed session may remove: what a former authority has left, and what may be removed
    /// anyway.
    pub fn may_expire_in_session(&self, now: Now) -> MayExpire {
        MayExpire { former: self.clock.doubted_seconds(now).is_none(), ..self.may_expire(now) }
    }

    /// When the first last check-in before a removal begins: so early that its ten minutes end at the deadline.
    pub(super) fn last_chance_due(&self) -> Option<i64> {
        OwnerRole::ALL.into_iter().filter_map(|role| self.last_chance_due_for(role)).min()
    }

    fn last_chance_due_for(&self, role: OwnerRole) -> Option<i64> {
        let deadline = self.progress.retention.deadlines.of(role)?;
        let is_due = self.needs_asking(role, deadline) && self.last_chances.of(role).is_none();
        is_due.then(|| deadline.saturating_sub(LAST_CHANCE_SECONDS))
    }

    /// Begins the last check-ins that are due.
    pub(super) fn begin_last_chances(&mut self, at: i64) {
        for role in OwnerRole::ALL {
            if self.last_chance_due_for(role).is_some_and(|due| due <= at) {
                let is_late = self.progress.retention.deadlines.of(role).is_some_and(|deadline| deadline <= at);
                // Minutes in which it was tried before a sleep or a restart count, so that a machine that is on for
                // minutes at a time does not keep its profiles for ever.
                let tried = if is_late { self.progress.retention.tried } else { 0 };
                *self.last_chances.slot(role) = Some(LastChance { began: at.saturating_sub(tried), tried: false });
                self.queued.insert(Trigger::LastChance);
            }
        }
    }

    /// Whether a check-in is to be tried before profiles of such an owner are removed. What a former authority left is
    /// kept by none: where the device has been on since the present one completed a session within the last day, a fleet
    /// that moved together would only come together once more, seven days later.
    fn needs_asking(&self, role: OwnerRole, deadline: i64) -> bool {
        let is_recent = || self.progress.last_completed.is_some_and(|at| at > deadline.saturating_sub(RECENT_SECONDS));
        role != OwnerRole::Former || self.was_away || !is_recent()
    }

    /// When profiles of such an owner are removed: at the deadline, the last check-in having had its ten minutes, and the
    /// deadline having been reached beyond doubt.
    fn removal_due(&self, role: OwnerRole) -> Option<i64> {
        let deadline = self.progress.retention.deadlines.of(role)?;
        let certain = self.clock.certain_from(deadline);
        if self.progress.cloned || !self.needs_asking(role, deadline) {
            return Some(certain);
        }
        let began = self.last_chances.of(role)?.began;
        let in_time = began <= deadline.saturating_sub(LAST_CHANCE_SECONDS - LATENESS_SECONDS);
        Some(if in_time { certain } else { certain.max(began.saturating_add(LAST_CHANCE_SECONDS)) })
    }

    /// When the first profiles are removed.
    pub(super) fn sweep_due(&self) -> Option<i64> {
        OwnerRole::ALL.into_iter().filter_map(|role| self.removal_due(role)).min()
    }

    pub(super) fn warning_due(&self) -> Option<i64> {
        let first = self.progress.retention.deadlines.first()?;
        (self.progress.retention.warned != Some(first)).then(|| first.saturating_sub(WARNING_SECONDS))
    }

    /// Records what the profiles that are held need from the clock.
    pub fn note_retention(&mut self, deadlines: RetentionDeadlines) {
        let before = self.progress.retention.deadlines;
        for role in OwnerRole::ALL.into_iter().filter(|role| before.of(*role) != deadlines.of(*role)) {
            *self.last_chances.slot(role) = None;
        }
        if before != deadlines {
            self.progress.retention.tried = 0;
        }
        self.progress.retention.deadlines = deadlines;
    }

    /// Records for how long a check-in has been tried, so that it outlasts this process.
    pub(super) fn note_tried(&mut self, at: i64) {
        let tried = self.last_chances.tried_for(at);
        self.progress.retention.tried = self.progress.retention.tried.max(tried);
    }

    /// The machine was away until now: what was tried before says nothing of the network after it.
    pub(super) fn try_again(&mut self, asleep_since: i64) {
        self.was_away = true;
        self.note_tried(asleep_since);
        self.last_chances = LastChances::default();
    }

    /// The device's own time was taken back: what has begun since has not.
    pub(super) fn time_taken_back(&mut self, at: i64) {
        self.last_chances = LastChances::default();
        self.progress.retention.tried = 0;
        self.sweep_held_until = self.sweep_held_until.min(at);
    }

    /// What is known of deadlines before profiles are removed.
    pub fn expiry(&self) -> Expiry {
        Expiry { deadlines: self.progress.retention.deadlines, last_chances: self.last_chances }
    }

    /// What was removed is still there: its deadlines count again, and the last check-ins that it had.
    pub fn take_back_removal(&mut self, before: Expiry) {
        self.progress.retention.deadlines = before.deadlines;
        self.last_chances = before.last_chances;
        self.note_warned();
    }

    /// The profiles that expire first were warned of.
    pub fn note_warned(&mut self) {
        self.progress.retention.warned = self.progress.retention.deadlines.first();
    }

    /// When a last check-in is repeated at the latest after it failed, in milliseconds from now: ten minutes are few.
    pub(super) fn most_wait_ms(&self) -> Option<u64> {
        (self.last_chances.is_any_open() || self.contact_is_being_lost()).then_some(RETRY_MS)
    }

    /// The moment of the first removal, steady milliseconds.
    pub(super) fn sweep_deadline_ms(&self) -> Option<i64> {
        self.unless_held(self.sweep_due()).map(ms)
    }
}
