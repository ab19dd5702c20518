//! A fleet in virtual time: the agent's own [`mdm_agent::engine::Life`] and the tenant's own
//! [`mdm_sim_server::tenant::life`], for up to millions of devices. Nothing here decides what either of them decides.
//!
//! No device knows of another, so each is lived from its enrolment to the end before the next begins: its state stays
//! in the nearest cache, its next moment is a minimum of four, and the result is the same on any number of threads.

pub mod arguments;
mod certificate;
pub mod counts;
pub mod device;
pub mod diary;
pub mod holdings;
mod incident;
pub mod link;
mod named;
pub mod plot;
mod presence;
pub mod report;
mod retention;
pub mod scenario;
mod session;
pub mod tally;
pub mod time;
pub mod watch;
pub mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use mdm_sim_server::tenant::life::is_listed;

use device::{Context, Device};
use diary::Diary;
use link::Place;
pub use scenario::Scenario;
pub use tally::Tally;
use tally::Unmoved;
use world::World;

/// How many devices a thread takes at a time.
const PORTION: u64 = 512;

/// Lives all devices of the scenario's shard on some threads. `progressed` hears how many more are done.
pub fn run(scenario: &Scenario, threads: usize, progressed: &(dyn Fn(u64) + Sync)) -> Tally {
    let devices = scenario.shard_devices();
    let next = AtomicU64::new(devices.start);
    let work = || {
        let world = World::new(scenario);
        let mut tally = Tally::default();
        loop {
            let begin = next.fetch_add(PORTION, Ordering::Relaxed);
            if begin >= devices.end {
                return tally;
            }
            let portion = begin..devices.end.min(begin + PORTION);
            let count = portion.end - portion.start;
            portion.for_each(|id| {
                live(id, &mut Context { world: &world, tally: &mut tally, diary: &mut Diary::default() })
            });
            progressed(count);
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut tally = work();
        for other in others {
            tally.merge(&other.join().expect("a thread that panics is a bug to be seen"));
        }
        tally
    })
}

/// Lives one device alone: its life in words, and what there was to count.
pub fn replay(scenario: &Scenario, id: u64) -> (Vec<String>, Tally) {
    let (world, mut tally, mut diary) = (World::new(scenario), Tally::default(), Diary::written());
    live(id, &mut Context { world: &world, tally: &mut tally, diary: &mut diary });
    (diary.into_lines(), tally)
}

fn live(id: u64, context: &mut Context<'_>) {
    if let Some(mut device) = Device::enrol(id, context) {
        device.live_until(context.world.scenario().end(), context);
        device.sum_up(context);
    }
}

impl Device {
    /// Counts how the device stands at the end.
    fn sum_up(&mut self, context: &mut Context<'_>) {
        let end = context.world.scenario().end();
        self.now = self.now.max(end);
        let state = u64::try_from(self.state_bytes()).unwrap_or(u64::MAX);
        let unmoved = self.unmoved(context);
        let tally = &mut *context.tally;
        tally.state_bytes = tally.state_bytes.max(state);
        if let Some(unmoved) = unmoved {
            tally.migration.unmoved[unmoved as usize] += 1;
        }
        if self.link.place() != Place::Gone {
            tally.profiles.held += self.holdings.held().count();
            tally.profiles.redundant += self.holdings.redundant(&self.life.authority()).count();
        }
        tally.certificates.lapsed += u64::from(self.record.certificate_not_after <= time::utc(end));
        tally.certificates.delisted += u64::from(!is_listed(&self.record, time::utc(end)));
    }

    /// Why it has not moved; `None` if it has.
    fn unmoved(&self, context: &Context<'_>) -> Option<Unmoved> {
        if self.life.progress().authority.epoch > 0 {
            return None;
        }
        Some(if self.link.place() == Place::Gone {
            Unmoved::Wiped
        } else if self.due_authority(context) == self.record.authority {
            match self.owner {
                None => Unmoved::Userless,
                Some(owner) if !owner.is_for_intune() => Unmoved::Unlicensed,
                Some(_) => Unmoved::AtHome,
            }
        } else if self.watch.lapsed {
            Unmoved::Lapsed
        } else {
            Unmoved::Away
        })
    }
}
