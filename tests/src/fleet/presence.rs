//! What a device's coming and going means for its agent: networks, sleep, reboots, wall clocks that are set, and rings
//! that are heard at once, later, or never.

use std::sync::Arc;

use mdm_agent::engine::Life;
use mdm_agent::engine::life::Beginning;

use super::device::{Context, Device, Fate, Phase};
use super::link::Place;
use super::scenario::Matter;
use super::time::{NEVER, SECOND_MS};

/// The ids of the rings of the change, and of the change back.
const RINGS: [&str; 2] = ["authority-change", "authority-change-back"];
/// How long after a change its rings go out.
pub(super) const RINGS_WITHIN_MS: std::ops::Range<u64> = 50..SECOND_MS;
/// How long a device that is back online takes to listen again, at most.
const LISTENS_AGAIN_MS: u64 = 30 * SECOND_MS;
/// How wrong a wall clock is set, at most: ten years.
const WRONG_BY_SECONDS: i64 = 10 * 365 * 86_400;

impl Device {
    pub(super) fn change_place(&mut self, context: &mut Context<'_>) {
        let (before, since) = (self.link.place(), self.link.since());
        if before.is_awake() && self.random.f64() < context.world.scenario().clock_jump_share {
            self.wall_ahead = self.random.i64(-WRONG_BY_SECONDS..=WRONG_BY_SECONDS);
            // As the agent does when it notices.
            self.keep();
            context.diary.note(self.now, || format!("has its wall clock set wrong by {} s", self.wall_ahead));
        }
        self.link.go_on();
        let place = self.link.place();
        context.diary.note(self.now, || format!("is {}", place.as_str()));
        if before == Place::Asleep {
            let slept = (self.now - since) / SECOND_MS;
            self.life.resumed(slept, self.clocks());
        }
        match place {
            Place::Gone => return,
            // What was under way is lost with the machine's memory.
            Place::Off => self.phase = Phase::Idle,
            // A sleeping machine finds its connection broken when it wakes.
            Place::Asleep => self.interrupt(NEVER),
            Place::Online | Place::Unconnected if before == Place::Off => self.start(context),
            Place::Online | Place::Unconnected => self.interrupt(self.now + SECOND_MS),
        }
        if place == Place::Online {
            if before != Place::Off {
                self.life.network_up(self.clocks());
            }
            if self.ring_waits {
                self.ring_waits = false;
                self.ring = self.now + self.random.u64(SECOND_MS..LISTENS_AGAIN_MS);
            }
        }
    }

    /// What is under way will fail.
    fn interrupt(&mut self, at: u64) {
        match &mut self.phase {
            Phase::Idle => {}
            Phase::Session { ends, fate, .. } | Phase::Renewing { ends, fate } => {
                if *fate == Fate::Arrives {
                    *fate = Fate::Breaks;
                }
                *ends = at;
            }
        }
    }

    /// The machine starts again, and its agent goes on from what it kept at its last session or sweep.
    fn start(&mut self, context: &Context<'_>) {
        self.boot = (self.boot.0 + 1, self.now);
        self.watch.reboots += 1;
        let seed = context.world.scenario().seed_of(self.id, Matter::Agent) ^ self.boot.0;
        let beginning = Beginning {
            account: self.life.account().map(Arc::clone),
            progress: self.life.progress().clone(),
            certificates: *self.life.certificates(),
            boot: self.boot.0,
            retention: *self.life.retention(),
            seed,
        };
        self.life = Life::new(beginning, self.clocks());
        self.note_retention();
        self.keep();
    }

    pub(super) fn ring_comes(&mut self, context: &mut Context<'_>) {
        let scenario = context.world.scenario();
        let is_back = self.now >= scenario.change_back;
        self.ring = context.world.change_after(self.now).saturating_add(self.random.u64(RINGS_WITHIN_MS));
        if self.link.place() != Place::Online {
            self.ring_waits = true;
            return;
        }
        context.tally.migration.rung += 1;
        let spread = scenario.ring_spread;
        context.diary.note(self.now, || format!("hears the ring, to come within {spread} s"));
        self.life.rung(RINGS[usize::from(is_back)], spread, self.clocks());
    }
}
