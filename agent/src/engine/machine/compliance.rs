//! Compliance beside the sessions: when it is checked, and how the server hears of it.

use super::{Action, Engine};
use crate::engine::compliance::report_document;
use crate::engine::compliance::standing::{self, Rules, Standing};
use crate::engine::note::Note;
use crate::engine::progress::{Trigger, Triggers};
use crate::engine::session::{Session, SessionAlert};
use crate::engine::time::Now;

/// Sessions that are held only to tell something are no occasion to look at everything again.
const TELLING: [Trigger; 3] = [Trigger::ComplianceChanged, Trigger::OrderOver, Trigger::CertificateIssued];

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

    /// The rules to check once a session is over; `None` if there is no reason to.
    pub(super) fn rules_to_check(&self, session: &Session, triggers: Triggers) -> Option<Rules> {
        if session.context().store_status.is_some() || session.context().farewell {
            return None;
        }
        let rules = standing::rules(session.tree().profiles());
        let known: Vec<&str> = self.compliance.report.verdicts.iter().map(|verdict| verdict.id.as_str()).collect();
        // What was found by the rule's own name, or by its name and one of its settings.
        let is_known = |id: &String| known.iter().any(|known| known.split('/').next() == Some(id.as_str()));
        let is_gone = |known: &&str| known.split('/').next().is_none_or(|id| !rules.contains_key(id));
        let changed = !rules.keys().all(is_known) || known.iter().any(is_gone) || session.has_new_rules();
        let only_told = triggers.iter().all(|trigger| TELLING.contains(&trigger));
        (changed || !only_told).then_some(rules)
    }

    /// After a session: the server was told, and it is time for another look.
    pub(super) fn check_compliance_after(&mut self, was_told: bool, rules: Option<Rules>, actions: &mut Vec<Action>) {
        if was_told && !self.compliance.reported {
            self.compliance.reported = true;
            actions.push(Action::KeepCompliance(Box::new(self.compliance.clone())));
        }
        if let Some(rules) = rules {
            actions.push(Action::CheckCompliance(Box::new(rules)));
        }
    }

    pub(super) fn compliance_checked(&mut self, standing: Standing, now: Now, actions: &mut Vec<Action>) {
        let (before, after) = (self.compliance.report.overall, standing.report.overall);
        if before.as_str() != after.as_str() {
            let at = self.life.clock().read(now);
            let broken = standing.report.verdicts.iter().filter(|verdict| verdict.state.as_str() != "compliant");
            let broken: Vec<&str> = broken.map(|verdict| verdict.id.as_str()).take(20).collect();
            let mut note = Note::new("compliance-changed", at).with("from", before.as_str()).with("to", after.as_str());
            if !broken.is_empty() {
                note = note.with("rules", broken.join(", "));
            }
            if let crate::engine::compliance::State::InGrace { until } = after {
                note = note.with("until", crate::engine::nodes::oma_time(until));
            }
            actions.push(Action::Note(vec![note]));
        }
        self.compliance = standing;
        actions.push(Action::KeepCompliance(Box::new(self.compliance.clone())));
        if !self.compliance.reported {
            self.life.request(Trigger::ComplianceChanged);
        }
    }
}
