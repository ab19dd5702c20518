//! Scenarios in virtual time: the real engine with its real messages, keys and certificates on simulated machines, the
//! real services of a tenant behind a simulated network. Nothing sleeps; a year takes seconds.
//!
//! It moves time and carries orders out. It decides nothing: that is what is under test.

mod exchange;
pub mod machine;
mod trouble;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use mdm_agent::engine::enrolment::Proof;
use mdm_protocol::Secret;
use mdm_sim_server::push::Hub;
use mdm_sim_server::service::{CertificateAuthority, Clock, Service};
use mdm_sim_server::tenant::{
    Assignment, Authority, DeviceFilter, Licence, ListState, NewUser, PasswordHash, SettingsPatch, Tenant, TenantMode,
    UserPatch,
};
use mdm_sim_server::{Store, tenant};
use tempfile::TempDir;

pub use machine::Machine;
pub use trouble::Trouble;

/// When every scenario begins, seconds since 1970.
pub const BEGINNING: i64 = 1_800_000_000;
/// A day, in seconds.
pub const DAY: i64 = 86_400;
/// The tenant's address.
pub const BASE: &str = "https://tenant.example";
/// The push service's address.
pub const PUSH: &str = "https://push.example";
/// The password of every user.
const PASSWORD: &str = "correct horse battery staple";

/// A tenant, its machines, and time.
#[derive(Debug)]
pub struct World {
    /// The tenant's services.
    pub service: Service,
    /// The machines.
    pub machines: Vec<Machine>,
    /// What the `Date` of the tenant's answers is ahead of the true time, in seconds.
    pub date_error: i64,
    /// What is wrong with the server or on the way to it.
    pub trouble: Trouble,
    /// So many further answers arrive before one is lost.
    pub answers_until_loss: Option<u32>,
    pub(crate) hub: Arc<Hub>,
    clock: Arc<Clock>,
    /// Milliseconds since the beginning.
    at_ms: u64,
    _folder: TempDir,
}

impl World {
    /// A tenant of this kind without users.
    pub fn new(mode: TenantMode) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(&folder.path().join("tenant"), true)?;
        let (authority, _) = CertificateAuthority::create(BEGINNING)?;
        let clock = Arc::new(Clock::standing(BEGINNING));
        let hub = Arc::new(Hub::new(fastrand::Rng::with_seed(1)));
        let service = Service::new(Tenant::default(), store, authority, BASE.to_owned())?
            .with_push(Arc::clone(&hub), PUSH.to_owned())
            .with_clock(Arc::clone(&clock));
        let world = Self {
            service,
            machines: Vec::new(),
            date_error: 0,
            trouble: Trouble::None,
            answers_until_loss: None,
            hub,
            clock,
            at_ms: 0,
            _folder: folder,
        };
        let licences = [(Licence::Intune, 100)].into();
        world.set(SettingsPatch {
            authority: Some(mode),
            licences: Some(licences),
            strict: Some(true),
            ..SettingsPatch::default()
        })?;
        Ok(world)
    }

    /// Changes the tenant's settings.
    pub fn set(&self, patch: SettingsPatch) -> anyhow::Result<()> {
        self.service.act(|tenant, now| tenant.change_settings(patch, now).map(drop))?;
        Ok(())
    }

    /// Sets the tenant's authority.
    pub fn set_authority(&mut self, mode: TenantMode) -> anyhow::Result<()> {
        self.set(SettingsPatch { authority: Some(mode), ..SettingsPatch::default() })?;
        self.ring();
        Ok(())
    }

    /// Adds a user with or without a licence for Intune.
    pub fn add_user(&self, name: &str, licensed: bool) -> anyhow::Result<()> {
        let licences: BTreeSet<Licence> = licensed.then_some(Licence::Intune).into_iter().collect();
        self.service.add_user(name.to_owned(), Secret::new(PASSWORD), licences, false)?;
        Ok(())
    }

    /// Adds a user whose password has been hashed before, which is slow.
    pub fn add_known_user(&self, name: &str, licensed: bool) -> anyhow::Result<()> {
        static HASH: OnceLock<PasswordHash> = OnceLock::new();
        let hash = || PasswordHash::new(&Secret::new(PASSWORD), [7; 16]).expect("the password is not empty");
        let password = HASH.get_or_init(hash).clone();
        let licences: BTreeSet<Licence> = licensed.then_some(Licence::Intune).into_iter().collect();
        let user = NewUser { name: name.to_owned(), password, licences, co_managed: false };
        self.service.act(|tenant, _| tenant.add_user(user))?;
        Ok(())
    }

    /// Enrols a new machine of a user by a token; its number.
    pub fn enrol_by_token(&mut self, user: &str) -> anyhow::Result<usize> {
        let (token, _) = self.service.add_token(Some(user))?;
        self.enrol_with(user, &Proof::Token { token, is_jwt: false })
    }

    /// Enrols a new machine of a user; its number.
    pub fn enrol(&mut self, user: &str) -> anyhow::Result<usize> {
        self.enrol_with(user, &Proof::Password(Secret::new(PASSWORD)))
    }

    /// Enrols a new machine that belongs to nobody; its number.
    pub fn enrol_userless(&mut self) -> anyhow::Result<usize> {
        let (token, _) = self.service.add_token(None)?;
        self.enrol_with("", &Proof::Token { token, is_jwt: false })
    }

    fn enrol_with(&mut self, user: &str, proof: &Proof) -> anyhow::Result<usize> {
        let number = self.machines.len();
        let machine = Machine::enrol(self, number, user, proof)
            .with_context(|| format!("machine {number} of {user:?} does not enrol"))?;
        self.machines.push(machine);
        self.ring();
        Ok(number)
    }

    /// A person ends a machine's enrolment and enrols it anew.
    pub fn enrol_again(&mut self, number: usize, user: &str) -> anyhow::Result<()> {
        self.with_machine(number, |machine, world| machine.unenrol(world));
        anyhow::ensure!(!self.machines[number].is_enrolled(), "machine {number} is still enrolled");
        self.machines[number] = Machine::enrol(self, number, user, &Proof::Password(Secret::new(PASSWORD)))?;
        self.ring();
        Ok(())
    }

    /// How many devices an authority's portal lists as registered.
    pub fn listed(&self, authority: Authority) -> anyhow::Result<usize> {
        let filter = DeviceFilter { authority: Some(authority), state: Some(ListState::Registered) };
        Ok(self.service.view_now(|tenant, now| Ok(tenant.listed_devices(&filter, now).len()))?)
    }

    /// Gives a user a licence for Intune, or takes it away.
    pub fn license(&mut self, user: &str, licensed: bool) -> anyhow::Result<()> {
        let licences = licensed.then_some(Licence::Intune).into_iter().collect();
        let patch = UserPatch { licences: Some(licences), ..UserPatch::default() };
        self.service.act(|tenant, now| tenant.change_user(user, patch, now).map(drop))?;
        self.ring();
        Ok(())
    }

    /// Puts a profile in for all devices of an authority: one setting of the machine's with this value.
    pub fn assign(&self, name: &str, authority: Authority, setting: &str, value: &str) -> anyhow::Result<()> {
        let fragment = format!(
            "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{}</LocURI></Target><Meta><Format \
             xmlns=\"syncml:metinf\">chr</Format></Meta><Data>{value}</Data></Item></Replace>",
            address(setting)
        );
        self.assign_fragment(name, authority, &fragment)
    }

    /// Puts a profile in for all devices of an authority: a fragment.
    pub fn assign_fragment(&self, name: &str, authority: Authority, fragment: &str) -> anyhow::Result<()> {
        self.service.act(|tenant, now| {
            tenant.put_profile(name, fragment, Some(authority), now)?;
            tenant.assign_profile(name, Assignment { all: true, ..Assignment::default() })
        })?;
        Ok(())
    }

    /// What the tenant knows of a machine's device.
    pub fn seen(&self, number: usize) -> anyhow::Result<tenant::DeviceView> {
        let id = &self.machines[number].device_id;
        Ok(self.service.view(|tenant| tenant.device_view(id))?)
    }

    /// The true moment, seconds since 1970.
    pub fn now(&self) -> i64 {
        BEGINNING + i64::try_from(self.at_ms / 1000).unwrap_or(i64::MAX)
    }

    /// Milliseconds since the beginning.
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// Lets time pass; everything that is due meanwhile happens at its time. `look` sees the world after every event.
    pub fn pass_watching(&mut self, seconds: i64, mut look: impl FnMut(&Self)) {
        let end = self.at_ms + u64::try_from(seconds).unwrap_or(0) * 1000;
        loop {
            let due = (0..self.machines.len()).filter_map(|number| {
                let due = self.machines[number].due_ms()?;
                (due <= end).then_some((due, number))
            });
            let Some((due, number)) = due.min() else { break };
            self.move_to(due.max(self.at_ms));
            self.with_machine(number, |machine, world| machine.deadline(world));
            self.ring();
            look(self);
        }
        self.move_to(end);
        look(self);
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: i64) {
        self.pass_watching(seconds, |_| {});
    }

    fn move_to(&mut self, at_ms: u64) {
        let before = self.now();
        self.at_ms = at_ms;
        self.clock.advance(self.now() - before);
    }

    /// Does something with a machine that needs the rest of the world.
    pub fn with_machine<T>(&mut self, number: usize, deed: impl FnOnce(&mut Machine, &mut Self) -> T) -> T {
        let mut machine = std::mem::replace(&mut self.machines[number], Machine::nowhere());
        let result = deed(&mut machine, self);
        self.machines[number] = machine;
        result
    }

    /// Brings the rings that were published to the machines that listen.
    pub fn ring(&mut self) {
        for number in 0..self.machines.len() {
            self.with_machine(number, |machine, world| machine.hear(world));
        }
    }

    /// A person asks a machine to check in.
    pub fn sync(&mut self, number: usize) {
        self.with_machine(number, |machine, world| machine.sync(world));
        self.ring();
    }

    /// Takes a machine off the network, or puts it back.
    pub fn set_online(&mut self, number: usize, online: bool) {
        self.with_machine(number, |machine, world| machine.set_online(online, world));
        self.ring();
    }

    /// Sets a machine's wall clock wrong by some seconds.
    pub fn set_wall_error(&mut self, number: usize, seconds: i64) {
        self.with_machine(number, |machine, world| machine.set_wall_error(seconds, world));
    }

    /// Kills a machine's agent at some action of a check-in, or after it; it starts again in the same boot.
    pub fn kill(&mut self, number: usize, after: u32) {
        self.with_machine(number, |machine, world| machine.kill(after, world));
        self.ring();
    }

    /// Kills a machine's agent, which starts again in the same boot.
    pub fn restart(&mut self, number: usize) {
        self.with_machine(number, |machine, world| machine.restart(world));
        self.ring();
    }

    /// Lets a machine sleep for some seconds; everything else goes on.
    pub fn sleep(&mut self, number: usize, seconds: i64) {
        let machine = std::mem::replace(&mut self.machines[number], Machine::nowhere());
        self.pass(seconds);
        self.machines[number] = machine;
        let slept = u64::try_from(seconds).unwrap_or(0);
        self.with_machine(number, |machine, world| machine.wake(slept, world));
        self.ring();
    }

    /// Has a machine's identity issued again with a token; `arrives` says whether the server's answer does.
    pub fn recover(&mut self, number: usize, arrives: bool) -> anyhow::Result<()> {
        let id = self.machines[number].device_id.clone();
        let (token, _) = self.service.add_recovery_token(&id)?;
        self.with_machine(number, |machine, world| machine.recover(token, arrives, world))?;
        self.ring();
        Ok(())
    }

    /// Takes a machine's power away, or gives it back.
    pub fn set_power(&mut self, number: usize, on: bool) {
        self.with_machine(number, |machine, world| machine.set_power(on, world));
        self.ring();
    }
}

/// The address of a setting of the machine's.
pub fn address(setting: &str) -> String {
    format!("./Device/Vendor/LinuxMDM/Config/Scenario/{setting}")
}
