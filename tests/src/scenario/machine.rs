//! A simulated machine: a disk that keeps what was kept, an engine while it has power, a network or none, a wall clock
//! that may be wrong.

mod actions;
mod disk;
mod enrolment;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mdm_agent::engine::facts::DeviceFacts;
use mdm_agent::engine::profile::RetentionRules;
use mdm_agent::engine::progress::{SessionRecord, Trigger};
use mdm_agent::engine::{Account, Beginning, Engine, Event, Listening, Note, Now};
use mdm_agent::platform::evaluation::Evaluator;
use mdm_agent::platform::force::Platform;
use mdm_agent::shell::identity::{Slot, pem};
use mdm_sim_server::push::Since;

pub use self::disk::Backup;
use self::disk::Disk;
use super::World;

/// A simulated machine.
#[derive(Debug)]
pub struct Machine {
    /// The device's id.
    pub device_id: String,
    /// Every session so far.
    pub records: Vec<SessionRecord>,
    /// Everything that was noted.
    pub notes: Vec<Note>,
    /// The true moments at which notes were made, in their order.
    noted: Vec<i64>,
    /// Whether a time service keeps its wall clock.
    pub is_synchronized: bool,
    /// The power fails when so many more orders were carried out.
    pub fails_after: Option<u32>,
    /// How often the power has failed.
    pub failures: u32,
    /// What the wall clock is ahead of the true time, in seconds.
    wall_error: i64,
    disk: Disk,
    running: Option<Running>,
    online: bool,
    boots: u64,
    starts: u64,
    seed: u64,
    /// The last ring that came over the link since it was set up.
    heard: Option<String>,
    /// Where its profiles are put in force, if anywhere.
    root: Option<MachineRoot>,
}

/// A folder that stands for a machine's root.
#[derive(Debug)]
struct MachineRoot {
    folder: tempfile::TempDir,
    platform: Platform,
    /// Gives verdicts in the session that runs.
    evaluator: Option<Evaluator>,
}

#[derive(Debug)]
struct Running {
    engine: Engine,
    booted_ms: u64,
    listening: Option<Listening>,
}

impl Machine {
    /// A place holder.
    pub(super) fn nowhere() -> Self {
        Self {
            device_id: String::new(),
            records: Vec::new(),
            notes: Vec::new(),
            noted: Vec::new(),
            is_synchronized: false,
            fails_after: None,
            failures: 0,
            wall_error: 0,
            disk: Disk::default(),
            running: None,
            online: false,
            boots: 0,
            starts: 0,
            seed: 0,
            heard: None,
            root: None,
        }
    }

    /// Gives the machine a root on which its profiles are really put in force.
    pub fn with_root(&mut self) -> std::io::Result<&Path> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("root");
        crate::machine_root::debian(&root)?;
        let platform = Platform::of(root, &folder.path().join("state"));
        Ok(self.root.insert(MachineRoot { folder, platform, evaluator: None }).platform.root())
    }

    /// What stands for the machine's root, if anything does.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_ref().map(|root| root.platform.root())
    }

    /// Everything below the root: path and content.
    pub fn tree(&self) -> BTreeMap<String, String> {
        self.root.as_ref().map(|root| crate::machine_root::tree(&root.folder.path().join("root"))).unwrap_or_default()
    }

    /// Starts the engine from what is on the disk.
    fn boot(&mut self, world: &mut World, account: Option<Account>) {
        self.boots += 1;
        let booted_ms = world.at_ms().saturating_sub(1000);
        self.start(world, account, booted_ms);
    }

    /// Starts the process in a boot.
    fn start(&mut self, world: &mut World, account: Option<Account>, booted_ms: u64) {
        self.starts += 1;
        let now = Now { boot_ms: world.at_ms().saturating_sub(booted_ms), wall: world.now() + self.wall_error };
        let beginning = Beginning {
            account: account.map(Arc::new),
            progress: self.disk.stored.progress.clone().unwrap_or_default(),
            certificates: self.certificates(),
            boot: self.boots,
            retention: RetentionRules::default(),
            seed: self.seed.wrapping_mul(31).wrapping_add(self.starts),
        };
        let mut engine = Engine::new(beginning, now);
        let mut actions = Vec::new();
        engine.begin(true, &mut actions);
        self.running = Some(Running { engine, booted_ms, listening: None });
        self.heard = None;
        self.carry_out(actions, world);
    }

    /// The engine, while there is power.
    pub fn engine(&self) -> Option<&Engine> {
        self.running.as_ref().map(|running| &running.engine)
    }

    /// Whether it has power and a network.
    pub fn is_online(&self) -> bool {
        self.online && self.running.is_some()
    }

    /// Whether it is enrolled.
    pub fn is_enrolled(&self) -> bool {
        self.disk.account.is_some()
    }

    /// What both of its clocks show.
    pub fn moment(&self, world: &World) -> Now {
        let booted = self.running.as_ref().map_or(0, |running| running.booted_ms);
        Now { boot_ms: world.at_ms().saturating_sub(booted), wall: world.now() + self.wall_error }
    }

    /// When it wants to be woken, in milliseconds since the beginning of the world.
    pub(super) fn due_ms(&self) -> Option<u64> {
        let running = self.running.as_ref()?;
        Some(running.engine.next_deadline()?.boot_ms.saturating_add(running.booted_ms))
    }

    pub(super) fn deadline(&mut self, world: &mut World) {
        self.feed(Event::DeadlineReached, world);
    }

    pub(super) fn sync(&mut self, world: &mut World) {
        self.feed(Event::CheckInRequested(Trigger::User), world);
    }

    pub(super) fn unenrol(&mut self, world: &mut World) {
        self.feed(Event::UnenrolRequested, world);
    }

    pub(super) fn set_online(&mut self, online: bool, world: &mut World) {
        let came_up = online && !self.online;
        self.online = online;
        if came_up {
            self.feed(Event::NetworkUp, world);
        }
    }

    /// Sets the wall clock wrong by some seconds.
    pub(super) fn set_wall_error(&mut self, seconds: i64, world: &mut World) {
        self.wall_error = seconds;
        self.feed(Event::ClockSet, world);
    }

    /// The process is killed and started again in the same boot.
    pub(super) fn restart(&mut self, world: &mut World) {
        let Some(Running { booted_ms, .. }) = self.running.take() else { return };
        self.start(world, self.disk.account.clone(), booted_ms);
        self.deadline(world);
    }

    /// The process is killed at some action of a check-in, or after it, and started again in the same boot.
    pub(super) fn kill(&mut self, after: u32, world: &mut World) {
        let Some(booted_ms) = self.running.as_ref().map(|running| running.booted_ms) else { return };
        self.fails_after = Some(after);
        self.sync(world);
        self.fails_after = None;
        self.running = None;
        self.start(world, self.disk.account.clone(), booted_ms);
        self.deadline(world);
    }

    /// The device's own moment, in seconds since 1970.
    pub fn reading(&self, world: &World, engine: &Engine) -> i64 {
        engine.life().clock().read(self.moment(world)).wall
    }

    /// The machine has slept, and wakes up.
    pub(super) fn wake(&mut self, seconds: u64, world: &mut World) {
        self.feed(Event::Resumed(seconds), world);
        self.deadline(world);
    }

    /// When something was noted last, in true seconds since 1970.
    pub fn noted_at(&self, what: &str) -> Option<i64> {
        let noted = self.notes.iter().zip(&self.noted).rev();
        noted.into_iter().find(|(note, _)| note.what == what).map(|(_, at)| *at)
    }

    pub(super) fn set_power(&mut self, on: bool, world: &mut World) {
        if !on {
            self.running = None;
        } else if self.running.is_none() {
            let account = self.disk.account.clone();
            self.boot(world, account);
            self.deadline(world);
        }
    }

    /// Passes on the rings that were published since the last.
    pub(super) fn hear(&mut self, world: &mut World) {
        if !self.is_online() {
            return;
        }
        let Some(Listening { channel, since }) = self.running.as_ref().and_then(|running| running.listening.clone())
        else {
            return;
        };
        let since = match self.heard.clone().or(since) {
            Some(id) => Since::Message(id),
            None => Since::All,
        };
        for message in world.hub.messages(&[channel.topic], &since, world.now()) {
            self.heard = Some(message.id.clone());
            let text = message.message.unwrap_or_default();
            self.feed(Event::Rung { id: message.id, text }, world);
        }
    }

    /// Feeds the engine and carries out what it orders, until nothing is left to do or the power fails.
    fn feed(&mut self, event: Event, world: &mut World) {
        let now = self.moment(world);
        let Some(running) = &mut self.running else { return };
        let mut actions = Vec::new();
        running.engine.handle(event, now, &mut actions);
        self.carry_out(actions, world);
    }

    fn facts(&self) -> DeviceFacts {
        DeviceFacts {
            machine_id: machine_id(&self.device_id),
            clock_is_synchronized: self.is_synchronized,
            ..DeviceFacts::default()
        }
    }
}

fn facts(number: usize) -> DeviceFacts {
    DeviceFacts { machine_id: machine_id(&format!("DEVICE-{number}")), ..DeviceFacts::default() }
}

fn machine_id(device_id: &str) -> String {
    format!("MACHINE-OF-{device_id}")
}

/// A slot's files from a key and a certificate.
pub(super) fn slot_of(private_key: &str, certificate: &[u8]) -> Slot {
    Slot {
        private_key: zeroize::Zeroizing::new(private_key.as_bytes().to_vec()),
        certificates: pem("CERTIFICATE", certificate).into_bytes(),
    }
}
