//! What follows once a session's outcome is kept: promotion, renewal, farewell, the next session.

use std::sync::Arc;

use super::{Action, Closing, Engine, Phase, Renewed};
use crate::engine::Account;
use crate::engine::certificates::Certificates;
use crate::engine::failure::StoreFailure;
use crate::engine::life::Expiry;
use crate::engine::note::Note;
use crate::engine::progress::Trigger;
use crate::engine::renewal::{RenewalFailure, RenewalOrder};
use crate::engine::time::Now;

/// How long a removal that could not be kept waits for the next attempt, in seconds.
const NEXT_SWEEP_SECONDS: i64 = 600;

impl Engine {
    pub(super) fn kept(&mut self, result: Result<(), StoreFailure>, now: Now, actions: &mut Vec<Action>) {
        match &mut self.phase {
            Phase::Running(conduct) => {
                let notes = std::mem::take(&mut conduct.unkept);
                if result.is_ok() && !notes.is_empty() {
                    actions.push(Action::Note(notes));
                }
                if let Some(body) = conduct.held.take() {
                    // An order that could not be kept is still carried out, unless the process ends before that.
                    return actions.push(conduct.post(body));
                }
                if result.is_err() {
                    // The message is worked through again.
                    let noted = std::mem::take(&mut conduct.before_keep).restore(self.life.progress_mut());
                    conduct.refusals.truncate(noted);
                }
                self.step(now, actions, |session| session.kept(result.map_err(|failure| failure.status())));
            }
            Phase::Closing(closing) => {
                let removes = closing.removes;
                self.note_unkept(removes.filter(|_| result.is_err()), now);
                if let Phase::Closing(closing) = std::mem::replace(&mut self.phase, Phase::Idle) {
                    self.close(*closing, actions);
                }
            }
            Phase::Sweeping(gone) => {
                let (gone, before) = std::mem::take(&mut **gone);
                self.note_unkept(Some(before).filter(|_| !gone.is_empty() && result.is_err()), now);
                self.phase = Phase::Idle;
                self.swept(&gone, result.is_ok(), actions);
            }
            _ => {}
        }
    }

    /// What had to go and is still there is looked at again, though nothing else may be left that has to go.
    fn note_unkept(&mut self, before: Option<Expiry>, now: Now) {
        if let Some(before) = before {
            self.life.hold_sweep(NEXT_SWEEP_SECONDS, now);
            self.life.take_back_removal(before);
        }
    }

    fn close(&mut self, closing: Closing, actions: &mut Vec<Action>) {
        let Closing { record, follow, facts, entity_id, renew_url, notes, orders, compliance, .. } = closing;
        let completed = record.completed;
        actions.push(Action::CloseStore);
        if follow.promote {
            self.proof = None;
            actions.push(Action::Promote);
        }
        if follow.discard_pending {
            self.proof = None;
            actions.push(Action::DiscardPending);
        }
        self.save_account(actions);
        actions.push(Action::Note(notes));
        actions.push(Action::Report(Box::new(record)));
        self.listen(actions);
        if !follow.erase && !follow.farewell {
            self.follow_compliance(compliance, completed, actions);
        }
        if !follow.erase && !follow.farewell {
            actions.extend(orders.into_iter().map(|order| Action::RequestCertificate(Box::new(order))));
        }
        if follow.erase {
            self.phase = Phase::Erasing;
            actions.push(Action::Erase);
        } else if follow.farewell {
            self.life.request(Trigger::Farewell);
        } else if follow.renew
            && let (Some(account), Some(active)) = (self.account().cloned(), self.life.certificates().active)
        {
            let seed = self.life.random().u64(..);
            self.phase = Phase::Renewing;
            let form = self.progress().renewal.form;
            let order = RenewalOrder { account, facts, renew_url, entity_id, active, form, seed };
            actions.push(Action::Renew(Box::new(order)));
        }
    }

    /// Name and address of the authority are put beside the identity when they change: losing the store must not bring
    /// the device back to an authority that may be gone.
    fn save_account(&mut self, actions: &mut Vec<Action>) {
        let Some(account) = self.account() else { return };
        let (address, name) = (self.life.home(), self.progress().authority.name.as_deref());
        if account.management_url == address && account.authority.as_deref() == name {
            return;
        }
        let (management_url, authority) = (address.to_owned(), name.map(ToOwned::to_owned));
        let account = Arc::new(Account { management_url, authority, ..(**account).clone() });
        self.life.set_account(Arc::clone(&account));
        actions.push(Action::SaveAccount(account));
    }

    pub(super) fn renewed(
        &mut self,
        result: Result<Box<Renewed>, RenewalFailure>,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        if !matches!(self.phase, Phase::Renewing) {
            return;
        }
        self.phase = Phase::Idle;
        self.life.progress_mut().renewal.forced = false;
        let at = self.life.clock().read(now);
        let note = match result {
            Ok(renewed) => {
                self.life.renewal_succeeded(renewed.terms);
                self.life.progress_mut().renewal.form = renewed.form;
                self.proof = Some(renewed.proof);
                Note::new("certificate-renewed", at)
                    .with("until", crate::engine::nodes::oma_time(renewed.terms.not_after))
            }
            Err(failure) => {
                self.life.renewal_failed(failure.code());
                // Else a process that ends now would be followed by one that renews again at once.
                self.progress_unkept = true;
                Note::new("certificate-not-renewed", at).with("reason", failure.to_string())
            }
        };
        actions.push(Action::Note(vec![note]));
    }

    pub(super) fn enrolled(
        &mut self,
        account: Box<Account>,
        certificates: Certificates,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        self.phase = Phase::Idle;
        let note = Note { time: now.wall, what: "enrolled", particulars: Vec::new() }
            .with("server", account.management_url.as_str())
            .with("account", account.provider_id.as_str())
            .with("device", account.device_id.as_str());
        self.life.enrolled(Arc::new(*account), certificates, now);
        actions.push(Action::Note(vec![note]));
        self.listen(actions);
    }

    pub(super) fn recovered(
        &mut self,
        account: Box<Account>,
        certificates: Certificates,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        if self.account().is_none_or(|known| known.device_id != account.device_id) {
            return;
        }
        if matches!(self.phase, Phase::Renewing) {
            // Its outcome went with the identity that it was meant for.
            self.phase = Phase::Idle;
        }
        self.rekeyed = true;
        self.life.recovered(Arc::new(*account), certificates);
        let at = self.life.clock().read(now);
        self.life.progress_mut().recovered_at = Some(at.wall);
        actions.push(Action::Note(vec![Note::new("identity-recovered", at)]));
    }

    /// There is no server to say farewell to.
    pub(super) fn erase_requested(&mut self, actions: &mut Vec<Action>) {
        if self.account().is_none() && matches!(self.phase, Phase::Idle) {
            self.phase = Phase::Erasing;
            actions.push(Action::Erase);
        }
    }

    pub(super) fn erased(&mut self, now: Now, actions: &mut Vec<Action>) {
        let at = self.life.clock().read(now);
        self.life.forget(now);
        self.compliance = super::Standing::default();
        self.phase = Phase::Idle;
        self.proof = None;
        actions.push(Action::Note(vec![Note::new("enrolment-ended", at)]));
        self.listen(actions);
    }
}
