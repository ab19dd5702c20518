//! What an opened store says before anything is done with it: where the agent stood, and whether something was lost.

use super::{Engine, Phase};
use crate::engine::Action;
use crate::engine::application::{DriftReport, MachineReport};
use crate::engine::facts::DeviceFacts;
use crate::engine::failure::StoreFailure;
use crate::engine::note::Note;
use crate::engine::profile::Stored;
use crate::engine::progress::Trigger;
use crate::engine::time::Now;

/// The most changes by others that are recorded at once.
const MAX_DRIFT_NOTED: usize = 1000;

/// What the opened store says.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) stored: Result<Box<Stored>, StoreFailure>,
    pub(super) rebuilt: bool,
    pub(super) facts: Box<DeviceFacts>,
    pub(super) machine: Box<MachineReport>,
}

impl Engine {
    /// Whether managed files that users have changed are put back now. At the end of an enrollment they are not: what is about
    /// to be given back would be older than what the user has made of it.
    pub fn restores_files(&self) -> bool {
        let is_farewell = matches!(&self.phase, Phase::Opening(plan) if plan.is_farewell());
        !is_farewell && !self.progress().leaving
    }

    pub(super) fn store_opened(&mut self, opening: Opening, now: Now, actions: &mut Vec<Action>) {
        if opening.facts.clock_is_synchronized {
            self.life.clock_synchronized(now);
        }
        self.notice_loss(&opening.stored, opening.rebuilt, now, actions);
        self.recall(&opening.stored, now);
        match self.phase {
            Phase::Opening(plan) => self.begin_session(plan, opening, now, actions),
            Phase::OpeningToSweep => self.sweep(opening.stored, now, actions),
            _ => {}
        }
    }

    /// Writes down what somebody else had changed on the machine.
    pub(super) fn note_drift(&mut self, drift: &[DriftReport], now: Now, actions: &mut Vec<Action>) {
        let at = self.life.clock().read(now);
        let drift = drift.iter().take(MAX_DRIFT_NOTED);
        let notes: Vec<Note> = drift.map(|drift| Note::drift(drift, at)).collect();
        if !notes.is_empty() {
            actions.push(Action::Note(notes));
        }
    }

    /// Takes note that the store came back without what was in it, whatever it was opened for: the server has to bring
    /// the profiles again.
    fn notice_loss(
        &mut self,
        stored: &Result<Box<Stored>, StoreFailure>,
        rebuilt: bool,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let is_first = match &self.phase {
            Phase::Opening(plan) => plan.triggers.contains(Trigger::Enrolment),
            Phase::OpeningToSweep => false,
            _ => return,
        };
        // After its first session a device has progress in its store, and a store can lose everything without a sign
        // of damage (rule T2).
        let is_lost = !is_first && stored.as_ref().is_ok_and(|stored| stored.progress.is_none());
        if (rebuilt || is_lost) && !self.progress().rebuilt_unreported {
            actions.push(Action::Note(vec![Note::new("store-rebuilt", self.life.clock().read(now))]));
        }
        self.life.progress_mut().rebuilt_unreported |= rebuilt || is_lost;
    }

    /// Takes up where the agent stood, if that could not be read at the start.
    fn recall(&mut self, stored: &Result<Box<Stored>, StoreFailure>, now: Now) {
        let known = stored.as_ref().ok().and_then(|stored| stored.progress.as_ref());
        let last = self.progress().last_session.is_none() && self.progress().last_completed.is_none();
        if let Some(known) = known.filter(|known| last && known.session_id > self.progress().session_id) {
            let begun = self.progress().session_id;
            self.life.resume(known.clone(), now);
            // The session that is about to begin has its number already.
            let progress = self.life.progress_mut();
            progress.session_id = progress.session_id.checked_add(begun).unwrap_or(1);
        }
    }
}
