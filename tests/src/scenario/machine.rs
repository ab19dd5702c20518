//! A simulated machine: a disk that keeps what was kept, an engine while it has power, a network or none, a wall clock
//! that may be wrong.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use mdm_agent::engine::account::Trust;
use mdm_agent::engine::application::{Application, ApplicationOutcome};
use mdm_agent::engine::certificates::{Certificates, Slot as SlotName};
use mdm_agent::engine::enrolment::{EnrolmentRequest, Proof, Target, recovery};
use mdm_agent::engine::facts::DeviceFacts;
use mdm_agent::engine::nodes::RenewalProof;
use mdm_agent::engine::profile::{Profile, RetentionRules, Stored};
use mdm_agent::engine::progress::{SessionRecord, Trigger};
use mdm_agent::engine::verdict::{VerdictRequest, Verdicts};
use mdm_agent::engine::{Account, Action, Beginning, ConnectionFailure, Engine, Event, Listening, Note, Now, Phase};
use mdm_agent::platform::evaluation::Evaluator;
use mdm_agent::platform::force::{Others, Platform};
use mdm_agent::shell::identity::{Slot, pem};
use mdm_agent::shell::keys;
use mdm_protocol::Secret;
use mdm_sim_server::push::Since;

use super::exchange;
use super::{BASE, Trouble, World};

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

/// A former disk of a machine.
#[derive(Debug, Clone)]
pub struct Backup(Disk);

/// What outlasts a power cut.
#[derive(Debug, Default, Clone)]
struct Disk {
    account: Option<Account>,
    active: Option<Slot>,
    pending: Option<Slot>,
    stored: Stored,
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

    fn converge(&self) {
        if let Some(root) = &self.root {
            let converged = root.platform.converge(&self.disk.stored.profiles, Others::Go);
            let converged = converged.expect("a folder for tests can be written to");
            assert!(converged.drift.is_empty() && converged.refused.is_empty(), "{converged:?}");
        }
    }

    fn evaluate(&mut self, request: &VerdictRequest) -> Verdicts {
        let Some(root) = &mut self.root else { return Verdicts::all_applicable(request) };
        if request.from_store {
            let evaluator = root.platform.evaluator(&self.disk.stored.profiles);
            root.evaluator = Some(evaluator.expect("a folder for tests can be read"));
        }
        root.evaluator.as_mut().map_or_else(Verdicts::default, |evaluator| evaluator.evaluate(request))
    }

    fn apply(&self, application: &Application) -> ApplicationOutcome {
        let Some(root) = &self.root else { return ApplicationOutcome::default() };
        let applied = root.platform.put_in_force(&self.disk.stored.profiles, application, Others::Go);
        applied.expect("a folder for tests can be written to")
    }

    /// Enrols, and brings the first session to its end.
    pub(super) fn enrol(world: &mut World, number: usize, user: &str, proof: &Proof) -> anyhow::Result<Self> {
        let seed = u64::try_from(number).unwrap_or(0) + 17;
        let device_id = format!("DEVICE-{number}");
        let request = EnrolmentRequest {
            target: Target::Url(BASE.to_owned()),
            user: user.to_owned(),
            proof: proof.clone(),
            local_user: None,
            trust: Trust::default(),
            device_id: device_id.clone(),
            facts: facts(number),
            seed,
        };
        let (installation, key) = exchange::enrol(request, world)?;
        let disk = Disk {
            account: Some(installation.account.clone()),
            active: Some(exchange::slot(&key, &installation.certificate)),
            ..Disk::default()
        };
        let mut machine = Self { device_id, disk, online: true, seed, ..Self::nowhere() };
        machine.boot(world, None);
        let certificates = machine.certificates();
        machine.feed(Event::Enrolled(Box::new(installation.account), certificates), world);
        Ok(machine)
    }

    /// Has its identity issued again with a token of the administrator's; `arrives` says whether the last answer does.
    pub(super) fn recover(&mut self, token: Secret, arrives: bool, world: &mut World) -> anyhow::Result<()> {
        let account = self.disk.account.clone().ok_or_else(|| anyhow::anyhow!("the machine is not enrolled"))?;
        self.feed(Event::Pause(true), world);
        let request = recovery(&account, token, self.facts(), self.seed.wrapping_add(self.starts));
        let recovered = exchange::enrol(request, world);
        if let Ok((installation, key)) = recovered
            && arrives
        {
            self.disk.account = Some(installation.account.clone());
            self.disk.pending = Some(exchange::slot(&key, &installation.certificate));
            let certificates = self.certificates();
            self.feed(Event::Recovered(Box::new(installation.account), certificates), world);
        }
        self.feed(Event::Pause(false), world);
        Ok(())
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

    /// The terms of both certificates.
    pub fn certificates(&self) -> Certificates {
        let terms = |slot: &Option<Slot>| slot.as_ref().and_then(|slot| slot.terms().ok());
        Certificates { active: terms(&self.disk.active), pending: terms(&self.disk.pending) }
    }

    /// The profiles on the disk.
    pub fn profiles(&self) -> &[Profile] {
        &self.disk.stored.profiles
    }

    /// Everything that the store holds.
    pub fn stored(&self) -> &Stored {
        &self.disk.stored
    }

    /// The value of a setting, if there is one.
    pub fn value(&self, setting: &str) -> Option<&str> {
        let root = super::address(setting);
        let profile = self.profiles().iter().find(|profile| profile.root.to_string() == root)?;
        profile.nodes.get("").map(|node| node.value.as_str())
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

    /// How long it waits between two attempts at most from its next start on, in milliseconds.
    pub fn set_longest_wait(&mut self, ms: u64) {
        if let Some(account) = &mut self.disk.account {
            account.max_backoff_ms = ms;
        }
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

    /// What is on the disk, to put it back later.
    pub fn backup(&self) -> Backup {
        Backup(self.disk.clone())
    }

    /// Puts a former disk in, while the power is off.
    pub fn put_back(&mut self, backup: &Backup) {
        self.disk = backup.0.clone();
    }

    /// Its profiles are gone, and nothing that it reports says so.
    pub fn forget_profiles_without_a_word(&mut self) {
        self.disk.stored.profiles.clear();
        self.disk.stored.tombstones.clear();
    }

    /// When something was noted last, in true seconds since 1970.
    pub fn noted_at(&self, what: &str) -> Option<i64> {
        let noted = self.notes.iter().zip(&self.noted).rev();
        noted.into_iter().find(|(note, _)| note.what == what).map(|(_, at)| *at)
    }

    /// The store is lost, while the power is off.
    pub fn lose_store(&mut self) {
        self.disk.stored = Stored::default();
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

    fn carry_out(&mut self, actions: Vec<Action>, world: &mut World) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            if self.power_fails() {
                return;
            }
            let Some(event) = self.perform(action, world) else { continue };
            let now = self.moment(world);
            let Some(running) = &mut self.running else { return };
            let mut more = Vec::new();
            running.engine.handle(event, now, &mut more);
            actions.extend(more);
        }
        debug_assert!(self.engine().is_none_or(|engine| matches!(engine.phase(), Phase::Idle)));
    }

    /// Whether the power fails now; it comes back at once, for the next start.
    fn power_fails(&mut self) -> bool {
        match &mut self.fails_after {
            Some(0) => {
                self.fails_after = None;
                self.failures += 1;
                self.running = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn perform(&mut self, action: Action, world: &mut World) -> Option<Event> {
        match action {
            Action::OpenStore => {
                self.converge();
                Some(Event::StoreOpened {
                    stored: Ok(Box::new(self.disk.stored.clone())),
                    rebuilt: false,
                    facts: Box::new(self.facts()),
                    machine: Box::default(),
                })
            }
            Action::Evaluate(request) => Some(Event::Evaluated(Box::new(self.evaluate(&request)))),
            Action::Apply(application) => Some(Event::Applied(Box::new(self.apply(&application)))),
            Action::Keep(changes) => {
                self.disk.stored.apply(&changes);
                Some(Event::Kept(Ok(())))
            }
            Action::Post { url, body, slot } => Some(self.post(&url, &body, slot, world)),
            Action::Renew(order) => Some(self.renew(*order, world)),
            Action::Promote => {
                if let Some(pending) = self.disk.pending.take() {
                    self.disk.active = Some(pending);
                }
                None
            }
            Action::DiscardPending => {
                self.disk.pending = None;
                None
            }
            Action::SaveAccount(account) => {
                self.disk.account = Some((*account).clone());
                None
            }
            Action::Listen(listening) => self.listen(listening),
            Action::Erase => {
                self.disk = Disk::default();
                self.converge();
                Some(Event::Erased)
            }
            Action::Report(record) => {
                self.records.push(*record);
                None
            }
            Action::Note(notes) => {
                self.noted.extend(notes.iter().map(|_| world.now()));
                self.notes.extend(notes);
                None
            }
            Action::CloseStore => {
                self.converge();
                None
            }
            Action::RequestCertificate(_)
            | Action::CarryOut { .. }
            | Action::CheckCompliance(_)
            | Action::KeepCompliance(_) => None,
        }
    }

    fn listen(&mut self, listening: Option<Listening>) -> Option<Event> {
        self.heard = None;
        if let Some(running) = &mut self.running {
            running.listening = listening;
        }
        None
    }

    fn post(&self, url: &str, body: &[u8], slot: SlotName, world: &mut World) -> Event {
        if !self.online {
            return Event::ConnectionFailed(ConnectionFailure::NoNetwork("the cable is out".to_owned()));
        }
        let slot = match slot {
            SlotName::Active => self.disk.active.as_ref(),
            SlotName::Pending => self.disk.pending.as_ref(),
        };
        let Some(certificate) = slot.and_then(|slot| slot.certificate().ok()) else {
            return Event::ConnectionFailed(ConnectionFailure::Identity("there is none".to_owned()));
        };
        if slot.and_then(|slot| slot.terms().ok()).is_none_or(|terms| terms.not_after < world.now()) {
            return Event::ConnectionFailed(ConnectionFailure::CertificateRefused("it has expired".to_owned()));
        }
        if let Some(event) = world.trouble.instead() {
            return event;
        }
        let reply = exchange::post(world, url, body, Some(&certificate));
        if world.loses_answer() {
            return Event::ConnectionFailed(ConnectionFailure::Broken("the answer was lost".to_owned()));
        }
        Event::Replied(reply)
    }

    fn renew(&mut self, order: mdm_agent::engine::renewal::RenewalOrder, world: &mut World) -> Event {
        let Some(active) = self.disk.active.clone().filter(|_| self.online) else {
            let failure = ConnectionFailure::NoNetwork("the cable is out".to_owned());
            let failure = mdm_agent::engine::enrolment::EnrolmentFailure::Connection(failure);
            return Event::Renewed(Err(failure.into()));
        };
        let entity_id = order.entity_id.clone();
        if world.trouble != Trouble::None || world.answers_until_loss == Some(0) {
            world.answers_until_loss = None;
            let failure = ConnectionFailure::Unreachable("no answer".to_owned());
            let failure = mdm_agent::engine::enrolment::EnrolmentFailure::Connection(failure);
            return Event::Renewed(Err(failure.into()));
        }
        match exchange::renew(order, &active, world) {
            Ok(pending) => {
                let Ok(terms) = pending.terms() else {
                    let failure = mdm_agent::engine::renewal::RenewalFailure::Local("no certificate".to_owned());
                    return Event::Renewed(Err(failure));
                };
                self.disk.pending = Some(pending);
                let signed_entity_id = entity_id.and_then(|id| keys::sign_entity_id(&active, &id).ok());
                let proof = RenewalProof { signed_entity_id, renewed: world.now() };
                Event::Renewed(Ok(Box::new(mdm_agent::engine::Renewed { terms, proof })))
            }
            Err(failure) => Event::Renewed(Err(failure)),
        }
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
