//! How a simulated machine gets its identity: it enrolls, or has the identity recovered.

use mdm_agent::engine::Event;
use mdm_agent::engine::account::Trust;
use mdm_agent::engine::enrolment::{EnrolmentRequest, Proof, Target, recovery};
use mdm_protocol::Secret;

use super::disk::Disk;
use super::{Machine, facts};
use crate::scenario::{BASE, World, exchange};

impl Machine {
    /// Enrols, and brings the first session to its end.
    pub(in crate::scenario) fn enrol(
        world: &mut World,
        number: usize,
        user: &str,
        proof: &Proof,
    ) -> anyhow::Result<Self> {
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
    pub(in crate::scenario) fn recover(
        &mut self,
        token: Secret,
        arrives: bool,
        world: &mut World,
    ) -> anyhow::Result<()> {
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
}
