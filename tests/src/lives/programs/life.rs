//! One life of the real programs: each step is done to the processes and to the reference.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mdm_sim_server::tenant::{Authority, TenantMode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::administrator::administer;
use super::compare::Shown;
use super::step::ProgramStep;
use super::tenant::{TenantProcess, replace};
use crate::agent::{AgentFolder, Said};
use crate::lives::Step;
use crate::lives::reference::{Reference, TenantRules};
use crate::processes::{Process, silent};
use crate::programs;
use crate::server::USER;
use crate::world::block_on;

/// The service is at rest when it has been idle for so long without another session.
const AT_REST: Duration = Duration::from_millis(200);
/// A push link is up again after so long, or the life goes on without it.
const LINK_WAIT: Duration = Duration::from_secs(3);

/// A life that goes on.
#[derive(Debug)]
pub(super) struct Life {
    folder: TempDir,
    tenant: TenantProcess,
    agent: AgentFolder,
    service: Option<Process>,
    device: String,
    reference: Reference,
    /// The last entry of the device's history that the reference has.
    sequence: u64,
    /// Whether sessions since the last comparison may be missing from the history.
    in_part: bool,
    device_backup: Option<DeviceBackup>,
    tenant_backup: Option<TenantBackup>,
}

#[derive(Debug)]
struct DeviceBackup {
    certificate: String,
    reference: Reference,
    sequence: u64,
}

#[derive(Debug)]
struct TenantBackup {
    certificate: String,
    rules: TenantRules,
    redundant: Vec<String>,
}

impl Life {
    /// A device of a licensed user, enrolled and checked in.
    pub(super) fn begin(mode: TenantMode, with_service: bool) -> anyhow::Result<Self> {
        let programs = programs::build()?;
        let folder = tempfile::tempdir()?;
        let authority = serde_json::to_value(mode)?;
        let authority = authority.as_str().context("a tenant mode is a string")?;
        let tenant = TenantProcess::create(&programs, folder.path(), authority)?;
        block_on(tenant.admin.patch(&format!("/users/{USER}"), &json!({ "licences": ["intune"] })))?;
        let agent = AgentFolder::new(&programs, folder.path());
        let token = block_on(tenant.admin.post(&format!("/users/{USER}/tokens"), &json!({})))?;
        enroll(&agent, &tenant, &folder, &token)?;
        let device = agent.json(["status"])?["account"]["device_id"].as_str().context("no device id")?.to_owned();
        let console = block_on(tenant.admin.get(&format!("/devices/{device}")))?;
        let portal: Authority = serde_json::from_value(console["authority"].clone())?;
        let rules =
            TenantRules { mode, licensed: true, has_user: true, home: portal, portal, assigned: Default::default() };
        let mut reference = Reference::new(rules, 0);
        reference.session_completed(portal.name());
        let mut life = Self {
            folder,
            tenant,
            agent,
            service: None,
            device,
            reference,
            sequence: 0,
            in_part: false,
            device_backup: None,
            tenant_backup: None,
        };
        life.sequence = life.history()?.last().map_or(0, |(sequence, _)| *sequence);
        if with_service {
            life.service = Some(life.agent.run(&silent())?);
            life.settle()?;
        }
        Ok(life)
    }

    /// Does the steps; the first difference, with the step after which it was seen.
    pub(super) fn live(&mut self, steps: &[ProgramStep]) -> anyhow::Result<Option<String>> {
        for (number, step) in (1..).zip(steps) {
            let difference = self.take(*step).with_context(|| format!("at step {number}, {step}"))?;
            if let Some(difference) = difference {
                return Ok(Some(format!("after step {number}: {difference}")));
            }
        }
        Ok(None)
    }

    fn take(&mut self, step: ProgramStep) -> anyhow::Result<Option<String>> {
        match step {
            ProgramStep::Same(Step::Sync) => return self.sync(),
            ProgramStep::KillAgent(after) => self.kill_agent(after)?,
            ProgramStep::KillServer(after) => self.kill_server(after)?,
            ProgramStep::Same(step) => {
                self.change(step)?;
                self.observe()?;
                return Ok(None);
            }
        }
        // What a killed session left is the same as what its repetition leaves, so the record need not be complete.
        self.in_part = true;
        self.sync()
    }

    fn sync(&mut self) -> anyhow::Result<Option<String>> {
        let said = self.agent.verb(["--json", "sync"])?;
        let record: Value = serde_json::from_str(&said.output).unwrap_or_default();
        if record["completed"] != true {
            return Ok(Some(format!("a check-in was not completed: {} {}", said.output.trim(), said.errors.trim())));
        }
        self.observe()?;
        let console = block_on(self.tenant.admin.get(&format!("/devices/{}", self.device)))?;
        let shown = Shown::collect(&self.agent, console)?;
        let difference = shown.compare(&self.reference, self.in_part).err();
        self.in_part = false;
        Ok(difference)
    }

    /// Puts what the device's history records since the last time in the reference.
    fn observe(&mut self) -> anyhow::Result<()> {
        self.settle()?;
        for (sequence, session) in self.history()? {
            if sequence <= self.sequence {
                continue;
            }
            self.sequence = sequence;
            if let Some(authority) = session {
                // The first session with a new account has no name of an authority yet: it is the one that is due.
                let known = Authority::ALL.iter().any(|one| one.name() == authority);
                let with = if known { authority } else { self.reference.tenant.due().name().to_owned() };
                self.reference.session_completed(&with);
            }
        }
        Ok(())
    }

    /// The sequence numbers of the history, each with the authority of a completed session.
    fn history(&self) -> anyhow::Result<Vec<(u64, Option<String>)>> {
        let history = self.agent.json(["history", "--limit", "500"])?;
        let entries = history["entries"].as_array().context("the history has no entries")?;
        let read = |entry: &Value| {
            let completed = entry["event"] == "session" && entry["detail"]["outcome"] == "completed";
            let authority = entry["detail"]["authority"].as_str().filter(|_| completed);
            Some((entry["sequence"].as_u64()?, authority.map(str::to_owned)))
        };
        entries.iter().map(|entry| read(entry).context("an entry has no sequence number")).collect()
    }

    /// Waits until the service, if it runs, has done what notifications caused.
    fn settle(&self) -> anyhow::Result<()> {
        if self.service.is_none() {
            return Ok(());
        }
        let (started, mut last, mut since) = (Instant::now(), Value::Null, Instant::now());
        loop {
            let status = self.agent.json(["status"])?;
            let linked = status["push"] == "up" || started.elapsed() > LINK_WAIT;
            let session = status["last_session"]["session_id"].clone();
            if status["activity"] != "idle" || session != last || !linked {
                (last, since) = (session, Instant::now());
            } else if since.elapsed() >= AT_REST {
                return Ok(());
            }
            ensure!(started.elapsed() < Duration::from_secs(20), "the service does not come to rest: {status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Does something while the service, if there is one, is stopped.
    fn stopped(&mut self, change: impl FnOnce(&mut Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let service = self.service.take();
        if let Some(mut service) = service {
            service.stop()?;
            self.observe()?;
            change(self)?;
            self.service = Some(self.agent.run(&silent())?);
            return Ok(());
        }
        change(self)
    }

    fn kill_agent(&mut self, after: u64) -> anyhow::Result<()> {
        let mut check_in = Process::start(self.agent.command().arg("sync"), &silent())?;
        std::thread::sleep(Duration::from_millis(after));
        if let Some(mut service) = self.service.take() {
            service.kill();
            check_in.kill();
            self.service = Some(self.agent.run(&silent())?);
        }
        check_in.kill();
        Ok(())
    }

    fn kill_server(&mut self, after: u64) -> anyhow::Result<()> {
        let mut check_in = Process::start(self.agent.command().arg("sync"), &silent())?;
        std::thread::sleep(Duration::from_millis(after));
        self.tenant.kill();
        self.tenant.start_again()?;
        let ended = || Ok(check_in.has_ended().then_some(()));
        crate::processes::wait_until(Duration::from_secs(60), ended).context("a check-in does not end")?;
        self.settle()
    }

    fn change(&mut self, step: Step) -> anyhow::Result<()> {
        match step {
            Step::Restart => self.stopped(|_| Ok(())),
            Step::LoseStore => self.stopped(Self::lose_store),
            Step::BackUpDevice => self.stopped(Self::back_up_device),
            Step::RestoreDevice => self.stopped(Self::restore_device),
            Step::BackUpTenant => self.back_up_tenant(),
            Step::RestoreTenant => self.restore_tenant(),
            Step::Recover(_) => self.recover(),
            other => administer(&self.tenant.admin, &self.device, &mut self.reference.tenant, other),
        }
    }

    fn lose_store(&mut self) -> anyhow::Result<()> {
        std::fs::remove_dir_all(self.agent.state.join("store"))?;
        self.reference.held.clear();
        self.reference.words.clear();
        Ok(())
    }

    fn certificate(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.agent.state.join("identity/active/certificate.pem"))?)
    }

    fn back_up_device(&mut self) -> anyhow::Result<()> {
        replace(&self.agent.state, &self.folder.path().join("agent.backup"))?;
        let (certificate, reference) = (self.certificate()?, self.reference.clone());
        self.device_backup = Some(DeviceBackup { certificate, reference, sequence: self.sequence });
        Ok(())
    }

    fn restore_device(&mut self) -> anyhow::Result<()> {
        let certificate = self.certificate()?;
        let Some(backup) = self.device_backup.as_ref().filter(|backup| backup.certificate == certificate) else {
            return Ok(());
        };
        replace(&self.folder.path().join("agent.backup"), &self.agent.state)?;
        let (tenant, redundant) = (self.reference.tenant.clone(), self.reference.redundant.clone());
        self.reference = Reference { tenant, redundant, ..backup.reference.clone() };
        self.sequence = backup.sequence;
        Ok(())
    }

    fn back_up_tenant(&mut self) -> anyhow::Result<()> {
        self.tenant.back_up()?;
        let (rules, redundant) = (self.reference.tenant.clone(), self.reference.redundant.clone());
        self.tenant_backup = Some(TenantBackup { certificate: self.certificate()?, rules, redundant });
        Ok(())
    }

    fn restore_tenant(&mut self) -> anyhow::Result<()> {
        let certificate = self.certificate()?;
        let Some(backup) = self.tenant_backup.as_ref().filter(|backup| backup.certificate == certificate) else {
            return Ok(());
        };
        self.tenant.restore()?;
        self.reference.tenant = backup.rules.clone();
        self.reference.redundant = backup.redundant.clone();
        Ok(())
    }

    fn recover(&mut self) -> anyhow::Result<()> {
        let token = block_on(self.tenant.admin.post(&format!("/devices/{}/recovery", self.device), &json!({})))?;
        let file = self.folder.path().join("recovery-token");
        std::fs::write(&file, token["token"].as_str().context("there is no token")?)?;
        let said = self.agent.verb(["recover".as_ref(), "--token-file".as_ref(), file.as_os_str()])?;
        ensure!(said.code == 0, "the identity is not recovered: {}", said.errors);
        self.in_part = true;
        Ok(())
    }
}

fn enroll(agent: &AgentFolder, tenant: &TenantProcess, folder: &TempDir, token: &Value) -> anyhow::Result<()> {
    let file = folder.path().join("token");
    std::fs::write(&file, token["token"].as_str().context("there is no token")?)?;
    let mut arguments: Vec<std::ffi::OsString> = vec!["enroll".into(), "--server".into()];
    arguments.extend([tenant.device_url.clone().into(), "--ca-file".into(), tenant.ca_file().into()]);
    arguments.extend(["--user".into(), USER.into(), "--token-file".into(), file.into()]);
    let Said { code, errors, .. } = agent.verb(arguments)?;
    ensure!(code == 0, "the agent does not enroll: {errors}");
    Ok(())
}
