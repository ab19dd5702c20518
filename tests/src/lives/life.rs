//! One life: what happens is done to the world and to the reference, and both are held side by side after every event.

use mdm_protocol::Thumbprint;
use mdm_sim_server::tenant::{Assignment, RecordKey, SettingsPatch, Tenant, TenantMode};

use super::reference::{Reference, TenantRules};
use super::step::Step;
use super::watch::Watch;
use crate::scenario::machine::Backup;
use crate::scenario::{PUSH, Trouble, World};

const USER: &str = "ada@tenant.example";
const DAY: i64 = 86_400;
/// The longest wait between two attempts, in milliseconds.
const LONGEST_WAIT_MS: u64 = 4 * 3_600_000;

/// A life that goes on.
#[derive(Debug)]
pub(super) struct Life {
    world: World,
    pub(super) watch: Watch,
    device_backup: Option<DeviceBackup>,
    tenant_backup: Option<TenantBackup>,
}

#[derive(Debug)]
struct DeviceBackup {
    disk: Backup,
    certificates: [Option<Thumbprint>; 2],
    at: i64,
    watch: Watch,
}

#[derive(Debug)]
struct TenantBackup {
    records: Vec<(RecordKey, Vec<u8>)>,
    certificates: [Option<Thumbprint>; 2],
    rules: TenantRules,
    redundant: Vec<String>,
}

impl Life {
    /// A device of a licensed user, enrolled and checked in.
    pub(super) fn begin(mode: TenantMode) -> anyhow::Result<Self> {
        let mut world = World::new(mode)?;
        world.set(SettingsPatch { certificate_days: Some(60), ..SettingsPatch::default() })?;
        world.add_known_user(USER, true)?;
        world.enrol_by_token(USER)?;
        // Attempts that fail are all alike; a life has better things to do.
        world.machines[0].set_longest_wait(LONGEST_WAIT_MS);
        world.restart(0);
        let portal = world.seen(0)?.summary.authority;
        let tenant = TenantRules {
            mode,
            licensed: true,
            has_user: true,
            home: portal,
            portal,
            assigned: std::collections::BTreeMap::new(),
        };
        let watch = Watch::new(tenant, &world);
        Ok(Self { world, watch, device_backup: None, tenant_backup: None })
    }

    /// Lives through steps; the first difference, with the step after which it was seen.
    pub(super) fn live(&mut self, steps: &[Step]) -> anyhow::Result<Option<String>> {
        for (number, step) in steps.iter().enumerate() {
            self.take(*step)?;
            if let Some(difference) = self.watch.difference.take() {
                return Ok(Some(format!("after step {}: {difference}", number + 1)));
            }
        }
        self.come_home()?;
        Ok(self.watch.difference.take().map(|difference| format!("at the end: {difference}")))
    }

    fn take(&mut self, step: Step) -> anyhow::Result<()> {
        let now = self.world.now();
        self.watch.reference.clock.advance(now);
        match step {
            Step::Pass(seconds) => {
                let Self { world, watch, .. } = self;
                world.pass_watching(seconds, |world| watch.look(world));
            }
            Step::Sync => self.world.sync(0),
            Step::Online(online) => self.world.set_online(0, online),
            Step::Trouble(trouble) => {
                self.world.trouble = trouble;
                self.world.answers_until_loss = None;
            }
            Step::LoseAnswer(after) => self.world.answers_until_loss = Some(after),
            Step::Power(on) => self.power(on),
            Step::Kill(after) => self.kill(after),
            Step::Restart => {
                self.started();
                self.world.restart(0);
            }
            Step::Sleep(seconds) => self.sleep(seconds),
            Step::Wall(error) => {
                self.watch.wall_error = error;
                self.world.set_wall_error(0, error);
            }
            Step::LoseNotifications(lose) => {
                self.world.set(SettingsPatch { lose_rings: Some(lose), ..SettingsPatch::default() })?;
            }
            Step::Recover(arrives) => self.recover(arrives)?,
            Step::BackUpDevice | Step::RestoreDevice | Step::LoseStore => self.disk(step),
            _ => self.administer(step)?,
        }
        self.watch.look(&self.world);
        Ok(())
    }

    fn started(&mut self) {
        if self.world.machines[0].engine().is_some() {
            self.watch.woke = self.watch.reference.clock.reading;
            self.watch.went_back = true;
        }
    }

    fn power(&mut self, on: bool) {
        let (now, watch) = (self.world.now(), &mut self.watch);
        match (on, watch.off_since) {
            (false, None) => {
                watch.reference.clock.switch_off(now, watch.wall_error);
                watch.off_since = Some(now);
            }
            (true, Some(since)) => {
                watch.off_since = None;
                watch.reference.clock.switch_on(now, now - since, watch.wall_error);
                (watch.woke, watch.went_back) = (watch.reference.clock.reading, true);
            }
            _ => return,
        }
        self.world.set_power(0, on);
    }

    /// The agent is killed at some action of a check-in.
    fn kill(&mut self, after: u32) {
        if self.world.machines[0].engine().is_none() {
            return;
        }
        self.watch.in_part = true;
        self.world.kill(0, after);
        self.watch.woke = self.watch.reference.clock.reading;
        self.watch.went_back = true;
    }

    fn sleep(&mut self, seconds: i64) {
        if self.watch.off_since.is_some() {
            return self.world.pass(seconds);
        }
        let reading = self.watch.reference.clock.reading + seconds;
        if seconds >= 900 {
            self.watch.woke = reading;
        }
        self.watch.sleeps_until(self.world.now() + seconds);
        self.watch.reference.clock.advance(self.world.now() + seconds);
        self.world.sleep(0, seconds);
    }

    fn recover(&mut self, arrives: bool) -> anyhow::Result<()> {
        let can = self.world.machines[0].engine().is_some() && self.world.seen(0).is_ok_and(|view| !view.blocked);
        if can {
            // Name, address and certificate may change; what the device has and whose it is does not.
            self.watch.in_part = true;
            self.world.recover(0, arrives)?;
            self.world.machines[0].set_longest_wait(LONGEST_WAIT_MS);
        }
        Ok(())
    }

    fn certificates(&self) -> [Option<Thumbprint>; 2] {
        let certificates = self.world.machines[0].certificates();
        [certificates.active, certificates.pending].map(|terms| terms.map(|terms| terms.thumbprint))
    }

    fn disk(&mut self, step: Step) {
        let (certificates, now) = (self.certificates(), self.world.now());
        let machine = &mut self.world.machines[0];
        match step {
            Step::BackUpDevice if self.watch.off_since.is_none() => {
                let disk = machine.backup();
                self.device_backup = Some(DeviceBackup { disk, certificates, at: now, watch: self.watch.clone() });
            }
            Step::RestoreDevice if self.watch.off_since.is_some() => {
                let Some(backup) = &self.device_backup else { return };
                if backup.certificates != certificates {
                    return;
                }
                machine.put_back(&backup.disk);
                let tenant = self.watch.reference.tenant.clone();
                let redundant = self.watch.reference.redundant.clone();
                let mut device = backup.watch.reference.clone();
                device.clock.switch_off(backup.at, backup.watch.wall_error);
                self.watch.reference = Reference { tenant, redundant, ..device };
                self.watch.scheduled = backup.watch.scheduled;
                self.watch.off_since = Some(backup.at);
            }
            Step::LoseStore if self.watch.off_since.is_some() => {
                machine.lose_store();
                let reference = &mut self.watch.reference;
                reference.held.clear();
                reference.words.clear();
                reference.clock.lose();
            }
            _ => {}
        }
    }

    /// What an administrator does.
    fn administer(&mut self, step: Step) -> anyhow::Result<()> {
        let id = self.world.machines[0].device_id.clone();
        let rules = &mut self.watch.reference.tenant;
        match step {
            Step::Mode(mode) => {
                // Which changes a tenant takes is tested elsewhere.
                let _ = self.world.set(SettingsPatch { authority: Some(mode), ..SettingsPatch::default() });
                rules.mode = self.world.service.view(|tenant| Ok(tenant.settings().authority))?;
            }
            Step::License(licensed) => {
                rules.licensed = licensed;
                self.world.license(USER, licensed)?;
            }
            Step::User(has_user) => {
                let user = has_user.then_some(USER);
                let done = self.world.service.act(|tenant, now| tenant.change_device_user(&id, user, now).map(drop));
                if done.is_ok() {
                    rules.set_user(has_user);
                }
            }
            Step::Assign(authority, setting, value) => {
                let (setting, value) = (format!("S{setting}"), format!("v{value}"));
                self.world.assign(&format!("{}-{setting}", authority.segment()), authority, &setting, &value)?;
                rules.assigned.insert((authority, setting), value);
            }
            Step::Unassign(authority, setting) => {
                let setting = format!("S{setting}");
                let name = format!("{}-{setting}", authority.segment());
                if rules.assigned.remove(&(authority, setting)).is_some() {
                    self.world
                        .service
                        .act(|tenant, _| tenant.assign_profile(&name, Assignment::default()).map(drop))?;
                }
            }
            // A device that is on its way takes no orders, and one that has left none at all.
            Step::Renew => drop(self.world.service.act(|tenant, now| tenant.queue_renewal(&id, now))),
            Step::Block(blocked) => drop(self.world.service.act(|tenant, _| tenant.block_device(&id, blocked))),
            Step::BackUpTenant => self.back_up_tenant()?,
            Step::RestoreTenant => self.restore_tenant()?,
            _ => {}
        }
        self.world.ring();
        Ok(())
    }

    fn back_up_tenant(&mut self) -> anyhow::Result<()> {
        let records = self.world.service.view(|tenant| Ok(tenant.records()))?;
        let rules = self.watch.reference.tenant.clone();
        let redundant = self.watch.reference.redundant.clone();
        self.tenant_backup = Some(TenantBackup { records, certificates: self.certificates(), rules, redundant });
        Ok(())
    }

    fn restore_tenant(&mut self) -> anyhow::Result<()> {
        let certificates = self.certificates();
        let Some(backup) = self.tenant_backup.as_ref().filter(|backup| backup.certificates == certificates) else {
            return Ok(());
        };
        let tenant = Tenant::restore(backup.records.iter().cloned())?;
        let base = self.world.service.base_url().to_owned();
        self.world.service.act(|present, _| {
            *present = tenant;
            present.set_device_base(base);
            present.set_push_base(Some(PUSH.to_owned()));
            Ok(())
        })?;
        self.watch.reference.tenant = backup.rules.clone();
        self.watch.reference.redundant = backup.redundant.clone();
        Ok(())
    }

    /// With power, a network, a server and a right clock, a day later everything is as it should be.
    fn come_home(&mut self) -> anyhow::Result<()> {
        for step in [Step::Wall(0), Step::Power(true), Step::Trouble(Trouble::None), Step::Online(true)] {
            self.take(step)?;
        }
        if self.world.seen(0).is_err() {
            return Ok(());
        }
        let id = self.world.machines[0].device_id.clone();
        self.world.service.act(|tenant, _| tenant.block_device(&id, false))?;
        self.take(Step::Sync)?;
        if self.world.machines[0].records.last().is_none_or(|record| !record.completed) {
            self.take(Step::Recover(true))?;
        }
        self.take(Step::Pass(DAY))?;
        self.take(Step::Sync)?;
        self.watch.judge_home(&self.world)
    }
}
