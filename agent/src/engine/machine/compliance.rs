//! Compliance beside the sessions: when it is checked, and how the server hears of it.

use std::collections::BTreeSet;

use super::{Action, Engine};
use crate::engine::compliance::report_document;
use crate::engine::compliance::standing::{self, Rules, Standing, is_news};
use crate::engine::compliance::{Report, State};
use crate::engine::note::Note;
use crate::engine::progress::{Trigger, Triggers};
use crate::engine::session::{Session, SessionAlert};
use crate::engine::time::Now;

/// Sessions that are held only to tell something are no occasion to look at everything again.
const TELLING: [Trigger; 3] = [Trigger::ComplianceChanged, Trigger::OrderOver, Trigger::CertificateIssued];

/// Sessions after which it is checked although they failed. After every retry it would be checked far too often.
const ANYWAY: [Trigger; 4] = [Trigger::User, Trigger::Schedule, Trigger::Boot, Trigger::Enrolment];

/// What the end of a session means for compliance.
#[derive(Debug)]
pub(super) struct AfterSession {
    /// Why the session was held.
    triggers: Triggers,
    /// What the session told, if it did.
    told: Option<Report>,
    /// The rules to check now.
    rules: Option<Rules>,
}

impl Engine {
    /// Takes up what was found before this process was there.
    pub fn remember_compliance(&mut self, standing: Standing) {
        self.compliance = standing;
    }

    /// How compliance stood at the last check.
    pub fn compliance(&self) -> &Standing {
        &self.compliance
    }

    /// What the server has not been told yet.
    pub(super) fn compliance_alert(&self) -> Option<SessionAlert> {
        let is_untold = !self.compliance.reported && self.compliance.report.checked_at > 0;
        is_untold.then(|| SessionAlert::Compliance(report_document(&self.compliance.report)))
    }

    /// What the end of a session will mean for compliance.
    pub(super) fn after_session(&self, session: &Session, triggers: Triggers, told: Option<Report>) -> AfterSession {
        AfterSession { triggers, told, rules: self.rules_to_check(session, triggers) }
    }

    /// The rules to check once a session is over; `None` if there is no reason to.
    fn rules_to_check(&self, session: &Session, triggers: Triggers) -> Option<Rules> {
        if session.context().store_status.is_some() || session.context().farewell {
            return None;
        }
        let rules = standing::rules(session.tree().profiles());
        // A setting of a custom rule has the rule's name before its own.
        let verdicts = &self.compliance.report.verdicts;
        let known: BTreeSet<&str> = verdicts.iter().filter_map(|verdict| verdict.id.split('/').next()).collect();
        let changed = session.has_new_rules() || !rules.keys().map(String::as_str).eq(known);
        let only_told = triggers.iter().all(|trigger| TELLING.contains(&trigger));
        (changed || !only_told).then_some(rules)
    }

    /// After a session: the server was told, if it was completed, and it is time for another look.
    pub(super) fn follow_compliance(&mut self, after: AfterSession, completed: bool, actions: &mut Vec<Action>) {
        // A check may have ended while the session ran, and found something else.
        let is_known = after.told.is_some_and(|told| !is_news(&told, &self.compliance.report));
        if is_known && completed && !self.compliance.reported {
            self.compliance.reported = true;
            actions.push(Action::KeepCompliance(Box::new(self.compliance.clone())));
        }
        if let Some(rules) = after.rules.filter(|_| completed || after.triggers.contains_any(&ANYWAY)) {
            actions.push(Action::CheckCompliance(Box::new(rules)));
        }
    }

    /// When a rule that is not met begins to count, steady seconds.
    pub(super) fn grace_ends(&self) -> Option<i64> {
        let State::InGrace { until } = self.compliance.report.overall else { return None };
        (self.account().is_some() && self.grace_noted != Some(until)).then_some(until)
    }

    /// At the end of a grace period it is time for another look, and for a word to the server.
    pub(super) fn collect_grace(&mut self, now: Now) {
        if let Some(until) = self.grace_ends().filter(|until| *until <= self.life.clock().read(now).wall) {
            self.grace_noted = Some(until);
            self.life.request(Trigger::Schedule);
        }
    }

    pub(super) fn compliance_checked(&mut self, mut standing: Standing, now: Now, actions: &mut Vec<Action>) {
        // The server may have been told, while it was checked, of what was known before.
        standing.reported |= self.compliance.reported && !is_news(&self.compliance.report, &standing.report);
        let (before, after) = (self.compliance.report.overall, standing.report.overall);
        if before.as_str() != after.as_str() {
            let at = self.life.clock().read(now);
            let broken = standing.report.verdicts.iter().filter(|verdict| verdict.state.as_str() != "compliant");
            let broken: Vec<&str> = broken.map(|verdict| verdict.id.as_str()).take(20).collect();
            let mut note = Note::new("compliance-changed", at).with("from", before.as_str()).with("to", after.as_str());
            if !broken.is_empty() {
                note = note.with("rules", broken.join(", "));
            }
            if let State::InGrace { until } = after {
                note = note.with("until", crate::engine::nodes::oma_time(until));
            }
            actions.push(Action::Note(vec![note]));
        }
        self.compliance = standing;
        actions.push(Action::KeepCompliance(Box::new(self.compliance.clone())));
        // A server that was not reached just now hears of it when it is: the waits between attempts are there for a reason.
        if !self.compliance.reported && self.progress().failures == 0 {
            self.life.request(Trigger::ComplianceChanged);
        }
    }
}
