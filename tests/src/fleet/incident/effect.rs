//! What an incident does to the device and to the tenant's record of it.

use std::sync::Arc;

use mdm_agent::engine::Life;
use mdm_agent::engine::life::Beginning;
use mdm_agent::engine::progress::Progress;

use super::super::certificate;
use super::super::device::{Context, Device, Fate, Phase};
use super::super::holdings::Holdings;
use super::super::world::Known;
use super::{Disk, Incident, Incidents, gap};

impl Device {
    /// The next incident, whatever it is.
    pub(in super::super) fn incident_happens(&mut self, context: &mut Context<'_>) -> Result<(), String> {
        let Some(mut incidents) = self.incidents.take() else { return Ok(()) };
        let kinds = &context.world.scenario().incidents;
        let incident = kinds[incidents.random.usize(..kinds.len())];
        let happened = self.unblock(&mut incidents) | self.suffer(incident, &mut incidents, context)?;
        incidents.next = self.now + gap(&mut incidents.random);
        if happened {
            incidents.last = self.now;
        }
        self.incidents = Some(incidents);
        Ok(())
    }

    fn unblock(&mut self, incidents: &mut Incidents) -> bool {
        if self.record.blocked {
            incidents.blocked_until = self.now;
        }
        std::mem::take(&mut self.record.blocked)
    }

    /// Whether it could happen now, and did.
    fn suffer(
        &mut self,
        incident: Incident,
        incidents: &mut Incidents,
        context: &mut Context<'_>,
    ) -> Result<bool, String> {
        let is_awake = self.link.place().is_awake();
        let happened = match incident {
            Incident::Kill if is_awake => self.be_killed(incidents, context)?,
            Incident::BackUp if is_awake => self.back_up(incidents),
            Incident::Restore if is_awake => self.restore(incidents),
            Incident::LoseStore if is_awake => self.lose_store(incidents),
            Incident::Recover if self.link.online() && context.world.is_reachable(self.now) => {
                self.recover(incidents, context)
            }
            Incident::Kill | Incident::BackUp | Incident::Restore | Incident::LoseStore | Incident::Recover => false,
            Incident::License => {
                let owner = self.owner.as_mut();
                owner.map(|owner| owner.entitled = !owner.entitled).is_some()
            }
            Incident::User => self.change_user(context),
            Incident::Block => {
                self.record.blocked = true;
                true
            }
            Incident::Renew => {
                self.record.renewal_ordered = true;
                true
            }
            Incident::BackUpTenant => {
                incidents.record = Some(self.record);
                true
            }
            Incident::RestoreTenant => self.restore_record(incidents),
        };
        if happened {
            context.tally.incidents[incident as usize] += 1;
            context.diary.note(self.now, || format!("incident: {}", incident.as_str()));
        }
        Ok(happened)
    }

    /// The process dies, at whatever it is, and is started again: what the server has done by then is done.
    fn be_killed(&mut self, incidents: &mut Incidents, context: &mut Context<'_>) -> Result<bool, String> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Session { plan, fate: Fate::Arrives | Fate::AnswerLost, .. } if incidents.random.bool() => {
                self.serve_half(&plan, context)?;
            }
            Phase::Renewing { fate: Fate::Arrives | Fate::AnswerLost, .. } if incidents.random.bool() => {
                self.issue_certificate(incidents.random.bool(), context);
            }
            Phase::Idle | Phase::Session { .. } | Phase::Renewing { .. } => {}
        }
        let progress = incidents.kept.clone();
        self.go_on_from(progress, incidents);
        Ok(true)
    }

    fn back_up(&self, incidents: &mut Incidents) -> bool {
        incidents.disk = Some(Disk {
            account: self.life.account().cloned(),
            progress: incidents.kept.clone(),
            certificates: *self.life.certificates(),
            holdings: self.holdings,
            known: self.known,
            watch: self.watch.clone(),
            wall_ahead: self.wall_ahead,
        });
        true
    }

    /// A backup whose certificate is no longer the one in use would need to be recovered first; one that was made under
    /// another wall clock could not be judged by true time.
    fn restore(&mut self, incidents: &mut Incidents) -> bool {
        let is_current =
            |disk: &&Disk| disk.certificates == *self.life.certificates() && disk.wall_ahead == self.wall_ahead;
        let Some(disk) = incidents.disk.as_ref().filter(is_current) else { return false };
        let progress = disk.progress.clone();
        (self.holdings, self.known) = (disk.holdings, disk.known);
        self.watch = disk.watch.clone().after(&self.watch);
        let account = disk.account.clone();
        self.reboot();
        self.go_on_with(account, progress, incidents);
        true
    }

    fn lose_store(&mut self, incidents: &mut Incidents) -> bool {
        (self.holdings, self.known) = (Holdings::default(), Known::default());
        self.reboot();
        self.go_on_from(Progress { rebuilt_unreported: true, ..Progress::default() }, incidents);
        true
    }

    fn recover(&mut self, incidents: &mut Incidents, context: &mut Context<'_>) -> bool {
        let certificate = certificate::issue(self.now, context.world.scenario().certificate_days);
        self.record.told = None;
        self.record.renewed(certificate.not_before, certificate.not_after);
        let account = Arc::clone(context.world.account(self.due_authority(context)));
        // The session that was under way was held with an identity that is gone.
        self.phase = Phase::Idle;
        self.life.recovered(account, certificate::in_use(certificate));
        self.watch.lapsed = false;
        incidents.keep(self.life.keep(self.clocks()));
        true
    }

    /// A device without a user stays with the portal that lists it.
    fn change_user(&mut self, context: &Context<'_>) -> bool {
        let owner = context.world.scenario().owner(self.id);
        if owner.is_none() {
            return false;
        }
        if self.owner.take().is_some() {
            self.record.home = self.record.authority;
        } else {
            self.owner = owner;
        }
        true
    }

    /// A tenant that does not know the certificate in use would have to be restored further, or the device be recovered.
    fn restore_record(&mut self, incidents: &Incidents) -> bool {
        let terms = |record: &super::DeviceLife| (record.certificate_not_before, record.certificate_not_after);
        let Some(record) = incidents.record.filter(|record| terms(record) == terms(&self.record)) else {
            return false;
        };
        self.record = record;
        true
    }

    fn reboot(&mut self) {
        self.phase = Phase::Idle;
        self.boot = (self.boot.0 + 1, self.now);
        self.watch.reboots += 1;
    }

    fn go_on_from(&mut self, progress: Progress, incidents: &mut Incidents) {
        self.go_on_with(self.life.account().cloned(), progress, incidents);
    }

    /// The agent starts from what is on the disk.
    fn go_on_with(
        &mut self,
        account: Option<Arc<mdm_agent::engine::Account>>,
        progress: Progress,
        incidents: &mut Incidents,
    ) {
        let beginning = Beginning {
            account,
            progress,
            certificates: *self.life.certificates(),
            boot: self.boot.0,
            retention: *self.life.retention(),
            seed: incidents.random.u64(..),
        };
        self.life = Life::new(beginning, self.clocks());
        self.watch.started = self.now;
        self.note_retention();
        incidents.keep(self.life.keep(self.clocks()));
    }
}
