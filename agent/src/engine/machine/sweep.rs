//! What is done to the store outside of sessions: profiles whose time is over are removed, those that will be are
//! warned of (rule R4), and the clock's reading is kept (rule R5).

use super::{Action, Engine, Phase};
use crate::engine::failure::StoreFailure;
use crate::engine::note::Note;
use crate::engine::profile::{Stored, Tombstone};
use crate::engine::time::Now;

/// How long a store that cannot be opened is left alone, in seconds.
const NEXT_ATTEMPT_SECONDS: i64 = 600;
/// Profiles that go within this time after the first are warned of together, in seconds.
const WARNED_TOGETHER_SECONDS: i64 = 3600;

impl Engine {
    pub(super) fn sweep(&mut self, stored: Result<Box<Stored>, StoreFailure>, now: Now, actions: &mut Vec<Action>) {
        let at = self.life.clock().read(now);
        let was_due = self.life.sweep_is_due(now);
        self.progress_unkept = false;
        if self.life.refresh_is_due(now) {
            self.life.plan_refresh(now);
        }
        let Ok(mut stored) = stored else {
            if was_due {
                self.life.hold_sweep(NEXT_ATTEMPT_SECONDS, now);
            }
            self.phase = Phase::Idle;
            actions.push(Action::CloseStore);
            return;
        };
        let (authority, rules) = (self.life.authority(), *self.life.retention());
        let may_expire = self.life.may_expire(now);
        let mut changes = stored.removals(self.progress(), &authority, &rules, at.wall, |role| may_expire.allows(role));
        let count = changes.profiles.len();
        let gone: Vec<Tombstone> = changes.tombstones.iter().flatten().rev().take(count).cloned().collect();
        stored.apply(&changes);
        let before = self.life.expiry();
        let deadlines = stored.deadlines(self.progress(), &authority, &rules);
        self.life.note_retention(deadlines);
        if was_due && gone.is_empty() {
            self.warn(&stored, at, actions);
        }
        changes.progress = Some(self.life.keep(now).clone());
        self.phase = Phase::Sweeping(Box::new((gone, before)));
        actions.push(Action::Keep(Box::new(changes)));
    }

    fn warn(&mut self, stored: &Stored, at: Now, actions: &mut Vec<Action>) {
        let Some(first) = self.progress().retention.deadlines.first() else { return };
        let (authority, rules) = (self.life.authority(), *self.life.retention());
        let doomed = stored.profiles.iter().filter_map(|profile| {
            let until = profile.retain_until(self.progress(), &authority, &rules)?;
            let soon = until > at.wall && until <= first.saturating_add(WARNED_TOGETHER_SECONDS);
            soon.then(|| {
                Note::profile("profile-expires-soon", profile, at).with("until", crate::engine::nodes::oma_time(until))
            })
        });
        let notes: Vec<Note> = doomed.collect();
        if !notes.is_empty() {
            actions.push(Action::Note(notes));
        }
        self.life.note_warned();
    }

    pub(super) fn swept(&mut self, gone: &[Tombstone], kept: bool, actions: &mut Vec<Action>) {
        actions.push(Action::CloseStore);
        if kept && !gone.is_empty() {
            actions.push(Action::Note(gone.iter().map(Note::removal).collect()));
        }
    }
}
