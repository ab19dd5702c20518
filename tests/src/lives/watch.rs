//! What is known of a life beside the world itself, and what follows from every event for it.

use std::collections::BTreeSet;

use mdm_agent::engine::progress::{SessionRecord, Trigger};

use super::reference::{Reference, TenantRules};
use crate::scenario::{Trouble, World};

/// What is known of a life, beside the world itself.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) reference: Reference,
    /// What the wall clock is ahead of true time.
    pub(super) wall_error: i64,
    /// When the machine was switched off, if it is off.
    pub(super) off_since: Option<i64>,
    /// When the agent was started or woken last, by the device's own time.
    pub(super) woke: i64,
    /// When a check-in ended last, by the device's own time.
    pub(super) attempted: i64,
    /// Sessions that were looked at.
    seen: usize,
    /// Whether something happened since the last look of which the device, the tenant or both may have had a part.
    pub(super) in_part: bool,
    /// Whether the device may have gone on from an older state of its own since the last look.
    pub(super) went_back: bool,
    /// Whether a session was completed since the last look, and nothing else.
    pub(super) completed: bool,
    /// Check-ins of the schedule so far, and when the next is due by the device's own time.
    pub(super) scheduled: (u32, i64),
    /// For how long nothing has happened that could keep a check-in or a renewal from success, in seconds.
    pub(super) undisturbed: i64,
    disturbed_at: i64,
    /// The first difference.
    pub(super) difference: Option<String>,
}

impl Watch {
    /// At the end of the first session.
    pub(super) fn new(tenant: TenantRules, world: &World) -> Self {
        let now = world.now();
        let mut reference = Reference::new(tenant, now);
        reference.session_completed(reference.tenant.portal.name());
        Self {
            scheduled: (0, now + interval(0)),
            reference,
            wall_error: 0,
            off_since: None,
            woke: now,
            attempted: now,
            seen: world.machines[0].records.len(),
            in_part: false,
            went_back: false,
            completed: false,
            undisturbed: 0,
            disturbed_at: now,
            difference: None,
        }
    }

    /// Looks at the world after an event.
    pub(super) fn look(&mut self, world: &World) {
        if self.difference.is_some() {
            return;
        }
        self.reference.clock.advance(world.now());
        let machine = &world.machines[0];
        self.take_lost_time(world, machine);
        let records = machine.records[self.seen.min(machine.records.len())..].to_vec();
        self.seen = machine.records.len();
        for record in &records {
            self.note(record, world.now());
        }
        if self.disturbs(world) {
            self.disturbed_at = world.now();
        }
        self.undisturbed = world.now() - self.disturbed_at;
        self.difference = self.compare(world).err();
        (self.in_part, self.went_back, self.completed) = (false, false, false);
    }

    /// The machine sleeps until then, and nothing can be done meanwhile.
    pub(super) fn sleeps_until(&mut self, at: i64) {
        self.disturbed_at = at;
    }

    fn disturbs(&self, world: &World) -> bool {
        let blocked = world.seen(0).map_or(true, |view| view.blocked);
        blocked
            || self.in_part
            || self.went_back
            || !world.machines[0].is_online()
            || world.trouble != Trouble::None
            || world.answers_until_loss.is_some()
            || self.wall_error != 0
    }

    fn note(&mut self, record: &SessionRecord, now: i64) {
        self.attempted = self.reference.clock.reading;
        let talks = ["connection-broken", "device-refused"];
        if record.completed {
            let before = self.reference.clock.reading;
            self.reference.clock.server_date(now);
            // What was too much since the start was so at the start.
            self.woke -= before - self.reference.clock.reading;
            self.reference.session_completed(&record.authority);
            self.attempted = self.reference.clock.reading;
            self.completed = true;
        } else if talks.contains(&record.outcome.as_str()) {
            self.in_part = true;
        }
        let reading = self.reference.clock.reading;
        if record.triggers.contains(Trigger::Schedule) {
            let done = self.scheduled.0 + 1;
            self.scheduled = (done, reading + interval(done));
        } else {
            self.scheduled.1 = self.scheduled.1.min(reading + interval(self.scheduled.0));
        }
    }

    pub(super) fn judge_home(&mut self, world: &World) -> anyhow::Result<()> {
        let view = world.seen(0)?;
        let due = self.reference.tenant.due();
        let last = world.machines[0].records.last();
        let checks = [
            (last.is_some_and(|record| record.completed), format!("no session: {last:?}")),
            (view.summary.authority == due, format!("listed by {} and not by {due}", view.summary.authority)),
            (self.reference.manager == due.name(), format!("managed by {}", self.reference.manager)),
            (view.summary.state == "registered", format!("it is {}", view.summary.state)),
        ];
        if self.difference.is_some() {
            return Ok(());
        }
        self.difference = checks.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what);
        let held: BTreeSet<&String> = self.reference.held.keys().collect();
        for (_, setting) in self.reference.tenant.assigned.keys().filter(|(authority, _)| *authority == due) {
            if !held.contains(setting) {
                self.difference = Some(format!("{setting} is assigned and not there"));
            }
        }
        Ok(())
    }
}

/// The time between two check-ins of the schedule, after so many, in seconds.
pub(super) fn interval(done: u32) -> i64 {
    let minutes = match done {
        0..5 => 3,
        5..13 => 15,
        _ => 480,
    };
    minutes * 60
}
