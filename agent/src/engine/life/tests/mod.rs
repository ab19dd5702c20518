//! A device's life: what it wants when, and what follows from what.

mod authority;
mod directions;
mod occasions;
mod renewal;
mod retention;

use std::sync::Arc;

use super::{Ended, FailedHow, Follow, Life, Outcome, Plan, Told};
use crate::engine::authority::ToldAuthority;
use crate::engine::certificates::{CertificateTerms, Certificates};
use crate::engine::progress::{Progress, Trigger};
use crate::engine::testing::{DAY, NOW, SERVER, account, beginning, certificate};
use crate::engine::time::{Now, TimerReason};

pub(super) const OTHER: &str = "https://other.example.org/MDM.svc";

/// A life with its clocks.
pub(super) struct World {
    pub(super) life: Life,
    pub(super) now: Now,
}

impl World {
    /// A device that checks in every eight hours.
    pub(super) fn new() -> Self {
        Self::with(certificate())
    }

    pub(super) fn with(active: CertificateTerms) -> Self {
        let mut account = account();
        account.poll.sets = [(480, 0); 3];
        let now = Now { boot_ms: 1_000_000, wall: NOW };
        let mut beginning = beginning(Some(account), Progress::default(), 5);
        beginning.certificates = Certificates { active: Some(active), pending: None };
        Self { life: Life::new(beginning, now), now }
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now.boot_ms += u64::try_from(seconds).unwrap() * 1000;
        self.now.wall += seconds;
    }

    /// The steady clock, in seconds since the beginning.
    pub(super) fn age(&self) -> i64 {
        self.life.clock().read(self.now).wall - NOW
    }

    /// Seconds until the next deadline, and what for.
    pub(super) fn next(&self) -> Option<(i64, TimerReason)> {
        let (at, reason) = self.life.next_deadline()?;
        Some(((at - self.life.clock().read_ms(self.now)).div_euclid(1000), reason))
    }

    /// Waits until the deadline and takes what is due.
    pub(super) fn wait(&mut self) -> (i64, TimerReason) {
        let (seconds, reason) = self.next().expect("there is a deadline");
        self.pass(seconds.max(0) + 1);
        self.life.collect_due(self.now);
        (seconds, reason)
    }

    /// The session that comes next, and what follows from its end.
    pub(super) fn hold(&mut self, ended: Ended, told: Option<&Told>) -> (Plan, Follow) {
        let plan = self.life.begin(self.now).expect("there is a reason for a session");
        let follow = self.life.settle(&plan, Outcome { ended, told }, self.now);
        (plan, follow)
    }

    pub(super) fn ask(&mut self, ended: Ended, told: Option<&Told>) -> (Plan, Follow) {
        self.life.request(Trigger::User);
        self.hold(ended, told)
    }

    /// The same machine after a reboot that took some seconds.
    pub(super) fn reboot(self, seconds: i64) -> Self {
        self.reboot_as(seconds, 2)
    }

    /// The same with a number for the new boot.
    pub(super) fn reboot_as(mut self, seconds: i64, boot: u64) -> Self {
        let progress = self.life.keep(self.now).clone();
        let now = Now { boot_ms: 3_000, wall: self.now.wall + seconds };
        let mut next = beginning(None, progress, 6);
        next.account = self.life.account().cloned();
        next.certificates = *self.life.certificates();
        next.boot = boot;
        Self { life: Life::new(next, now), now }
    }
}

pub(super) fn failed() -> Ended {
    Ended::Failed(FailedHow::default())
}

pub(super) fn offline() -> Ended {
    Ended::Failed(FailedHow::default())
}

pub(super) fn refused() -> Ended {
    Ended::Failed(FailedHow { refused: true, certificate_refused: true, ..FailedHow::default() })
}

/// What a server says that names the authority and its address.
pub(super) fn told(name: &str, address: &str) -> Told {
    let authority =
        ToldAuthority { name: Some(Arc::from(name)), changed_at: None, addresses: vec![Arc::from(address)] };
    Told { authority, ..Told::default() }
}
