//! Random lives: whatever happens to machines, networks, clocks and the tenant, in whatever order, some things hold.
//!
//! A small model of its own keeps the account of what each machine may have lost, and is compared after every event.
//! A failure names its seed; `MDM_SEED` plays one again, `MDM_EVENTS` sets how long lives are.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mdm_sim_server::tenant::{Authority, SettingsPatch, TenantMode};
use mdm_tests::scenario::{DAY, World};

const SEEDS: u64 = 8;
const EVENTS: u32 = 120;
const MACHINES: usize = 3;
const USER: &str = "ada@tenant.example";
const WINDOW: i64 = 7 * DAY;
/// How long a machine that was off may doubt its wall clock before it drops what is over (rule R5).
const GRACE: i64 = 3600;

#[test]
fn whatever_happens_nothing_is_lost_early_kept_late_or_without_a_valid_identity() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = number("MDM_SEED").map_or(0..SEEDS, |seed| seed..seed + 1);
    let events = number("MDM_EVENTS").map_or(EVENTS, |events| u32::try_from(events).unwrap());
    for seed in seeds {
        let life = catch_unwind(AssertUnwindSafe(|| live(seed, events)));
        if let Err(panic) = life {
            let command = format!("MDM_SEED={seed} cargo test -p mdm-tests --test random_lives");
            writeln!(std::io::stderr(), "seed {seed} failed; play it again with: {command}").unwrap();
            resume_unwind(panic);
        }
    }
}

/// What the model knows of one machine.
#[derive(Default)]
struct Model {
    /// When each authority was last heard of, by completed sessions that the model saw end.
    confirmed: BTreeMap<String, i64>,
    /// The profiles that were there: their owner and when they were received.
    held: BTreeMap<String, (String, i64)>,
    /// Since when the machine has power.
    powered: i64,
    /// How often it was started: a machine counts in whole seconds, which begin anew with every start.
    starts: i64,
    sessions_seen: usize,
    /// Whether its clock was only ever set while it had power: else it cannot know how long it was off.
    has_true_clock: bool,
}

fn live(seed: u64, events: u32) {
    let mut life = Life::begin(seed);
    for event in 0..events {
        life.happen(event);
        check(&life.world, &mut life.models, event);
    }
    life.come_home();
}

/// A tenant with its machines, the model of each, and chance.
struct Life {
    world: World,
    models: Vec<Model>,
    random: fastrand::Rng,
    clocks_jump: bool,
    version: u32,
}

impl Life {
    fn begin(seed: u64) -> Self {
        let mut world = World::new(TenantMode::Intune).unwrap();
        world.set(SettingsPatch { certificate_days: Some(60), ..SettingsPatch::default() }).unwrap();
        world.add_user(USER, true).unwrap();
        for _ in 0..MACHINES {
            world.enrol(USER).unwrap();
        }
        let model = || Model { powered: world.now(), has_true_clock: true, ..Model::default() };
        let models = (0..MACHINES).map(|_| model()).collect();
        Self { models, world, random: fastrand::Rng::with_seed(seed), clocks_jump: seed % 2 == 1, version: 0 }
    }

    fn happen(&mut self, event: u32) {
        let number = self.random.usize(..MACHINES);
        match self.random.u32(..13) {
            0 => self.world.sync(number),
            1 => self.world.set_online(number, self.random.bool()),
            2 if self.random.bool() => self.give_power(number),
            2 => self.world.set_power(number, false),
            3 if self.clocks_jump => {
                let error = self.random.i64(-40 * DAY..40 * DAY);
                self.models[number].has_true_clock &= self.world.machines[number].engine().is_some();
                self.world.set_wall_error(number, error);
            }
            3 | 4 => self.fail_power(number),
            5 => {
                let mode = if self.random.bool() { TenantMode::Intune } else { TenantMode::CoManagement };
                self.world.set_authority(mode).unwrap();
            }
            6 | 7 => self.assign(),
            8 => {
                let lose_rings = Some(self.random.bool());
                self.world.set(SettingsPatch { lose_rings, ..SettingsPatch::default() }).unwrap();
            }
            9 => {
                let id = self.world.machines[number].device_id.clone();
                // A device that is on its way takes no orders.
                let _ = self.world.service.act(|tenant, now| tenant.queue_renewal(&id, now));
            }
            _ => {
                let longest = [HOUR, 8 * HOUR, 3 * DAY][self.random.usize(..3)];
                let seconds = self.random.i64(1..longest);
                let Self { world, models, .. } = self;
                world.pass_watching(seconds, |world| check(world, models, event));
            }
        }
    }

    fn give_power(&mut self, number: usize) {
        if self.world.machines[number].engine().is_none() {
            self.models[number].powered = self.world.now();
            self.models[number].starts += 1;
        }
        self.world.set_power(number, true);
    }

    /// The power fails at some order of a check-in, and comes back.
    fn fail_power(&mut self, number: usize) {
        self.world.machines[number].fails_after = Some(self.random.u32(..25));
        self.world.sync(number);
        self.world.machines[number].fails_after = None;
        if self.world.machines[number].engine().is_none() {
            self.give_power(number);
        }
    }

    /// A profile of each authority, or of one, under the same name.
    fn assign(&mut self) {
        self.version += 1;
        let setting = format!("S{}", self.random.u32(..4));
        for authority in [Authority::Intune, Authority::CoManagement] {
            if self.random.bool() {
                let name = format!("{}-{setting}", authority.segment());
                self.world.assign(&name, authority, &setting, &format!("v{}", self.version)).unwrap();
            }
        }
    }

    /// Whatever happened: with power, a network and a day's time, everything is well.
    fn come_home(mut self) {
        for number in 0..MACHINES {
            self.world.set_wall_error(number, 0);
            self.give_power(number);
            self.world.set_online(number, true);
        }
        let Self { world, models, .. } = &mut self;
        world.pass_watching(9 * HOUR, |world| check(world, models, u32::MAX));
        for number in 0..MACHINES {
            world.sync(number);
            let mode = world.service.view(|tenant| Ok(tenant.settings().authority)).unwrap();
            let machine = &world.machines[number];
            assert!(machine.records.last().unwrap().completed, "{:?}", machine.records.last());
            assert_eq!(&*machine.engine().unwrap().life().authority(), mode.name());
        }
    }
}

const HOUR: i64 = 3600;

fn check(world: &World, models: &mut [Model], event: u32) {
    let now = world.now();
    let mut identities = BTreeSet::new();
    for (number, (machine, model)) in world.machines.iter().zip(models).enumerate() {
        let told = format!("event {event}, machine {number}, {now}");
        let active = machine.certificates().active.unwrap();
        assert!(identities.insert(active.thumbprint), "two machines with one identity: {told}");
        if machine.is_online() {
            assert!(active.not_after > now, "online without a valid certificate: {told}");
        }
        for record in &machine.records[model.sessions_seen..] {
            if record.completed {
                model.confirmed.insert(record.authority.clone(), now);
            }
        }
        model.sessions_seen = machine.records.len();
        check_profiles(world, number, model, &told);
    }
}

fn check_profiles(world: &World, number: usize, model: &mut Model, told: &str) {
    let (machine, now) = (&world.machines[number], world.now());
    let deadline = |authority: &str, received: i64, model: &Model| {
        model.confirmed.get(authority).copied().unwrap_or(received).max(received) + WINDOW
    };
    let held: BTreeMap<String, (String, i64)> = machine
        .profiles()
        .iter()
        .map(|profile| (profile.root.to_string(), (profile.authority.clone(), profile.received)))
        .collect();
    if model.has_true_clock {
        for (root, (authority, received)) in &held {
            let grace = if machine.engine().is_some() { (model.powered + GRACE).max(0) } else { i64::MAX };
            let latest = deadline(authority, *received, model).max(grace);
            // Something that is due this very second is done when time goes on.
            assert!(now <= latest.saturating_add(1 + model.starts), "{root} is kept past {latest}: {told}");
        }
        for (root, (authority, received)) in &model.held {
            if held.contains_key(root) {
                continue;
            }
            let tombstone =
                machine.stored().tombstones.iter().rev().find(|gone| root.ends_with(&gone.name["Linux".len()..]));
            let by_server =
                tombstone.is_some_and(|gone| gone.reason == mdm_agent::engine::profile::RemovalReason::Server);
            let earliest = deadline(authority, *received, model);
            assert!(by_server || now + 1 + model.starts >= earliest, "{root} is lost before {earliest}: {told}");
        }
    }
    for (root, (authority, _)) in &held {
        // Whatever the server was told to be there is there, and belongs to somebody it knows.
        assert!(["Intune", "Co-management", "LinuxMDM"].contains(&authority.as_str()), "{root} of {authority}: {told}");
    }
    model.held = held;
}
