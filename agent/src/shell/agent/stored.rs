//! What the loop learns of the profile store: that it was opened, that changes were kept, and what was in it at the start.

use tracing::{error, warn};

use super::{Agent, Event, Opened, Phase, StoreInUse, Stored};
use crate::engine::application::MachineReport;
use crate::engine::failure::StoreFailure;
use crate::engine::profile::Changes;
use crate::shell::store::{StoreAccess, StorePlace};
use crate::shell::work;

impl Agent {
    pub(super) fn store_opened(
        &mut self,
        result: Result<(StoreInUse, Box<Opened>), StoreFailure>,
        facts: Box<crate::engine::facts::DeviceFacts>,
        machine: Box<MachineReport>,
    ) {
        if !matches!(self.engine.phase(), Phase::Opening(_) | Phase::OpeningToSweep) {
            // The enrollment ended meanwhile: nobody would close it.
            work::detached("closing the store", move || drop(result));
            return;
        }
        let (stored, rebuilt) = match result {
            Ok((store, opened)) => {
                self.store = Some(store);
                self.store_problem = None;
                if let Some(path) = &opened.quarantined {
                    warn!(path = %path.display(), "the profile store was damaged; it was put aside and begun anew");
                }
                self.snapshot = Some(opened.stored.clone());
                (Ok(Box::new(opened.stored)), opened.quarantined.is_some())
            }
            Err(failure) => {
                error!(error = %failure, "the profile store cannot be used; nothing will be acknowledged that is not kept");
                self.store_problem = Some(failure.to_string());
                (Err(failure), false)
            }
        };
        self.feed(Event::StoreOpened { stored, rebuilt, facts, machine });
    }

    pub(super) fn kept(&mut self, store: Option<StoreInUse>, changes: &Changes, result: Result<(), StoreFailure>) {
        self.store = store;
        match (&result, &mut self.snapshot) {
            (Ok(()), Some(snapshot)) => snapshot.apply(changes),
            (Err(failure), _) => {
                error!(error = %failure, "changes could not be kept");
                self.store_problem = Some(failure.to_string());
            }
            (Ok(()), None) => {}
        }
        self.feed(Event::Kept(result));
    }
}

/// What is in the store at the start, or what is wrong with it.
pub(super) fn read_store(access: &StoreAccess, place: &StorePlace, now: i64) -> (Option<Stored>, Option<String>) {
    match access.open(place, now) {
        Ok((_, opened)) => {
            if let Some(quarantined) = opened.quarantined {
                warn!(path = %quarantined.display(), "the profile store was damaged; it was put aside and begun anew");
            }
            (Some(opened.stored), None)
        }
        Err(failure) => {
            error!(error = %failure, "the profile store cannot be used");
            (None, Some(failure.to_string()))
        }
    }
}
