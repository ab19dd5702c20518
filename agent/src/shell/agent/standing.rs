//! How things stand, for whoever asks.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Agent, Phase, SessionRecord, clock};
use crate::engine::Account;
use crate::engine::report::{AccountStatus, MoveStatus, OrderStatus, Status};
use crate::engine::time::TimerReason;
use crate::platform::ledger::{Drift, Ledger};
use crate::shell::control::{ControlError, ControlResult};
use crate::shell::unenrollment;

impl Agent {
    pub(super) fn status(&self) -> Status {
        let progress = self.engine.progress();
        let now = clock::now();
        let next =
            self.engine.next_deadline().filter(|deadline| deadline.reason != TimerReason::KeepAlive).map(|deadline| {
                let seconds = deadline.boot_ms.saturating_sub(now.boot_ms) / 1000;
                (now.wall.saturating_add_unsigned(seconds), deadline.reason.as_str().to_owned())
            });
        let clock = self.engine.life().clock();
        let wall_ahead = clock.wall_ahead(now);
        let shown = |moment: i64| moment.saturating_add(wall_ahead);
        let ledger = self.platform.ledger().unwrap_or_default();
        let locked = self.platform.lock_state().ok().flatten();
        let is_enrolled = self.engine.account().is_some();
        let is_unfinished = !is_enrolled && unenrollment::has_leftovers(&self.paths, &self.platform);
        let left_behind = ledger.files.keys().filter(|_| is_unfinished).map(ToString::to_string).collect();
        Status {
            drift: ledger.drift.iter().map(Drift::brief).collect(),
            not_in_force: self.not_applied(&ledger),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            unenrollment_unfinished: is_unfinished,
            left_behind,
            account: self.engine.account().map(|account| self.account_status(account)),
            activity: self.activity().to_owned(),
            next_check_in: next,
            last_session: progress.last_session.as_deref().cloned().map(|session| SessionRecord {
                started: shown(session.started),
                ended: shown(session.ended),
                ..session
            }),
            last_completed: progress.last_completed.map(shown),
            failures: progress.failures,
            unknown_device: progress.is_unknown_device(),
            store_problem: self.store_problem.clone(),
            moving: progress.authority.moving.as_ref().map(|moving| MoveStatus {
                name: moving.name.to_string(),
                address: moving.address().map_or_else(String::new, ToString::to_string),
                heard: shown(moving.heard),
                failures: moving.failures,
            }),
            push: self.engine.link().as_str().to_owned(),
            first_removal: progress.retention.deadlines.first().map(shown),
            clock_doubted: clock.doubted_seconds(now),
            renewal: progress.renewal.status.as_str().to_owned(),
            renewal_failures: progress.renewal.failures,
            renewal_opens: self.engine.life().renewal_opens().map(shown),
            expired: self.engine.life().is_expired(now),
            cloned: progress.cloned,
            compliance: Some(&self.engine.compliance().report)
                .filter(|report| report.checked_at > 0)
                .map(|report| (report.overall, report.checked_at)),
            locked_since: locked.as_ref().map(|locked| locked.since),
            lock_message: locked.map(|locked| locked.terms.message),
            orders: progress.remote_orders.iter().flat_map(|orders| orders.iter()).map(OrderStatus::of).collect(),
            contact_lost_at: self.engine.life().lost_contact_due().map(shown),
            help: progress.server_settings.iter().flat_map(|settings| settings.help.all()).map(str::to_owned).collect(),
            clock_skew: self.engine.life().clock().skew(),
        }
    }

    /// Profiles that are not applied as the server has set them, and why; refused settings are among them.
    fn not_applied(&self, ledger: &Ledger) -> BTreeMap<String, String> {
        let mut not = super::machine::in_force(&self.platform, ledger).not;
        let refused = self.engine.progress().refused.iter().flat_map(|refused| refused.iter());
        not.extend(refused.map(|(node, setting)| (node.clone(), setting.in_words())));
        not
    }

    /// What the agent is doing.
    fn activity(&self) -> &'static str {
        match self.engine.phase() {
            Phase::Idle if self.enrolling => "enrolling",
            Phase::Idle if self.checking => "checking compliance",
            Phase::Idle => "idle",
            Phase::Opening(_) | Phase::OpeningToSweep => "opening the store",
            Phase::Running(_) => "in a session",
            Phase::Closing(_) => "closing a session",
            Phase::Renewing => "renewing the certificate",
            Phase::Sweeping(_) => "removing profiles",
            Phase::Erasing => "erasing",
        }
    }

    /// What the last check found.
    pub(super) fn compliance_now(&self) -> ControlResult {
        match self.engine.account() {
            Some(_) => Ok(json!(self.engine.compliance().report)),
            None => Err(ControlError::not_enrolled()),
        }
    }

    pub(super) fn account_status(&self, account: &Account) -> AccountStatus {
        let life = self.engine.life();
        // A new one is used from now on, unless the server refuses it.
        let newest = life.certificates().pending.or(life.certificates().active);
        AccountStatus {
            provider_id: account.provider_id.clone(),
            name: account.name.clone(),
            authority: life.authority().to_string(),
            server: life.home().to_owned(),
            device_id: account.device_id.clone(),
            user: account.user.clone(),
            enrolled_at: account.enrolled_at,
            certificate_ends: newest.map(|certificate| certificate.not_after),
        }
    }
}
