//! The sweep that removes devices 180 days after their certificates expired. No request inspects all devices: the moment
//! of the next sweep is kept, and lowered when the record of a device changes.

use std::sync::MutexGuard;

use tokio::sync::watch;

use super::{Service, State};
use crate::tenant::{Change, RecordKind};

impl Service {
    /// Removes the devices that left the portal by now, and stores that. If the store fails, the error is logged, the
    /// devices stay, and the next sweep is due a minute later.
    pub fn sweep(&self) {
        drop(self.lock_swept());
    }

    /// When [`Service::sweep`] is to be called next, in seconds since 1970 by [`Service::clock`]; `None` without
    /// devices. The receiver is notified when the moment changes.
    pub fn next_sweep(&self) -> watch::Receiver<Option<i64>> {
        self.lock().next_sweep.subscribe()
    }

    /// Locks the state and removes the devices that left the portal by now; also returns the present moment.
    pub(super) fn lock_swept(&self) -> (MutexGuard<'_, State>, i64) {
        let mut state = self.lock();
        let moment = self.clock.now();
        if state.sweep(moment) {
            // `persist` logs an error and rolls the removals back.
            let _ = state.persist();
        }
        (state, moment)
    }
}

impl State {
    /// Sweeps if a sweep is due; returns whether it was. The caller persists the removals.
    pub(super) fn sweep(&mut self, moment: i64) -> bool {
        let due = *self.next_sweep.borrow();
        let is_due = self.tenant.is_sweep_due(due, moment);
        if is_due {
            self.tenant.sweep(moment);
            self.reschedule_sweep();
        }
        is_due
    }

    /// Computes from all devices when the next sweep is due.
    pub(super) fn reschedule_sweep(&self) {
        let next = self.tenant.next_sweep();
        self.next_sweep.send_if_modified(|scheduled| std::mem::replace(scheduled, next) != next);
    }

    /// Schedules the next sweep earlier if one of the changed devices leaves earlier.
    pub(super) fn bring_sweep_forward(&self, changes: &[Change]) {
        let devices = changes.iter().filter(|change| change.key.kind == RecordKind::Device);
        let Some(first) = devices.filter_map(|change| self.tenant.next_sweep_of(&change.key.key)).min() else { return };
        self.next_sweep.send_if_modified(|scheduled| {
            let is_earlier = scheduled.is_none_or(|scheduled| first < scheduled);
            if is_earlier {
                *scheduled = Some(first);
            }
            is_earlier
        });
    }
}

#[cfg(test)]
mod tests;
