//! What the device has to say: at the beginning of a session to the server, at its end to whoever asks.

use super::{Engine, waiting};
use crate::engine::application::{MAX_DRIFT_REPORTED, MachineReport};
use crate::engine::life::Plan;
use crate::engine::profile::{RemovalReason, Stored, Tombstone};
use crate::engine::progress::{SessionRecord, UNENROLLED};
use crate::engine::session::{Session, SessionAlert, SessionEnd};
use crate::engine::time::Now;

/// The longest description of an outcome that is kept, in characters.
const MAX_DETAIL: usize = 400;
/// Redundant profiles that are named to the server.
const MAX_REDUNDANT_NAMED: usize = 50;
/// Profiles not in force that are named to the server.
const MAX_NOT_IN_FORCE_NAMED: usize = 20;
/// What helps a device whose recovered identity the server refuses.
const RECOVER_AGAIN: &str = "Ask the administrator for another recovery token for this device, then: mdm-agent recover \
                             --token-file FILE";
/// A list without entries, in JSON.
const EMPTY_LIST: &str = "[]";
/// The longest reason that is told to the server, in characters.
const MAX_REASON: usize = 120;

impl Engine {
    /// What the device has to say at the beginning.
    pub(super) fn alerts(&self, plan: &Plan, stored: &Stored, machine: &MachineReport) -> Vec<SessionAlert> {
        if plan.is_farewell() {
            return vec![SessionAlert::Unenrolment];
        }
        let mut alerts = Vec::new();
        if self.progress().rebuilt_unreported {
            alerts.push(SessionAlert::StoreRebuilt);
        }
        if let Some(active) = self.life.certificates().active.filter(|_| self.progress().renewal.unreported) {
            alerts.push(SessionAlert::CertificateRenewed(active.thumbprint.to_string()));
        }
        let unreported = stored
            .tombstones
            .iter()
            .filter(|tombstone| !tombstone.reported && tombstone.reason == RemovalReason::Retention);
        alerts.extend(unreported.map(|tombstone| SessionAlert::ProfileRemoved(removal_json(tombstone))));
        alerts.extend(drift_json(machine).map(SessionAlert::Drift));
        alerts.extend(not_in_force_json(machine).map(SessionAlert::NotInForce));
        alerts.extend(waiting::accepted_json(&self.retries(plan)).map(SessionAlert::Accepted));
        alerts.extend(self.order_alerts());
        alerts.extend(self.compliance_alert());
        let redundant = self.redundant_json(plan, stored);
        alerts.extend(redundant.map(SessionAlert::Redundant));
        alerts
    }

    fn redundant_json(&self, plan: &Plan, stored: &Stored) -> Option<String> {
        let authority = self.life.authority_at(plan.destination);
        let present = self.life.authority();
        let redundant = stored.profiles.iter().filter(|profile| {
            // What an authority set before it had a name is its own.
            profile.is_redundant(&authority) && profile.is_redundant(&present) && self.progress().authority.epoch > 0
        });
        let list: Vec<serde_json::Value> = redundant
            .take(MAX_REDUNDANT_NAMED)
            .filter_map(|profile| {
                let address = profile.address()?;
                let until = profile.retain_until(self.progress(), &present, self.life.retention());
                Some(serde_json::json!({
                    "kind": address.kind.as_str(), "name": address.name,
                    "authority": profile.authority, "until": until,
                }))
            })
            .collect();
        // A list that has become empty is reported once: else the server's console would show the last one for ever.
        let is_news = !list.is_empty() || self.progress().redundant_reported;
        is_news.then(|| serde_json::Value::Array(list).to_string())
    }

    /// Records what the server was sent of redundant profiles: it may have taken the list although the session broke off,
    /// and that the list is empty counts only once the session was completed.
    pub(super) fn redundant_sent(&mut self, session: &Session, completed: bool) {
        let list = session.context().alerts.iter().find_map(|alert| match alert {
            SessionAlert::Redundant(list) => Some(list),
            _ => None,
        });
        let is_listed = list.is_some_and(|list| list != EMPTY_LIST);
        if is_listed || completed {
            self.life.progress_mut().redundant_reported = is_listed;
        }
    }
}

/// Files that somebody else had changed.
fn drift_json(machine: &MachineReport) -> Option<String> {
    let drift = machine.unreported.iter().take(MAX_DRIFT_REPORTED);
    let list: Vec<serde_json::Value> = drift
        .map(|drift| {
            let report = serde_json::json!({ "file": drift.path, "was": drift.what, "outcome": drift.outcome });
            let Some(name) = &drift.kept else { return report };
            let mut report = report;
            report["quarantine"] = name.as_str().into();
            report
        })
        .collect();
    (!list.is_empty()).then(|| serde_json::Value::Array(list).to_string())
}

/// Profiles that the machine could not put in force.
fn not_in_force_json(machine: &MachineReport) -> Option<String> {
    let list: Vec<serde_json::Value> = machine
        .refused
        .iter()
        .take(MAX_NOT_IN_FORCE_NAMED)
        .map(|(root, refusal)| {
            let reason: String = refusal.reason.chars().take(MAX_REASON).collect();
            serde_json::json!({ "address": root, "status": refusal.status.0, "reason": reason })
        })
        .collect();
    (!list.is_empty()).then(|| serde_json::Value::Array(list).to_string())
}

fn removal_json(tombstone: &Tombstone) -> String {
    serde_json::json!({
        "kind": tombstone.kind, "name": tombstone.name, "authority": tombstone.authority, "address": tombstone.root,
        "reason": tombstone.reason, "time": tombstone.removed,
    })
    .to_string()
}

pub(super) fn record(plan: &Plan, session: &Session, end: &SessionEnd, is_recovering: bool, now: Now) -> SessionRecord {
    let tally = session.tally();
    let (outcome, detail) = match end {
        SessionEnd::Completed => ("completed", "the server had nothing more to say".to_owned()),
        SessionEnd::Unenrolled => (UNENROLLED, "the server ended the enrolment".to_owned()),
        SessionEnd::Failed(failure) => (failure.name(), failure.to_string()),
    };
    SessionRecord {
        session_id: session.context().session_id,
        triggers: plan.triggers,
        started: plan.started,
        ended: now.wall,
        authority: session.tree().authority().to_owned(),
        completed: *end == SessionEnd::Completed,
        unreachable: matches!(end, SessionEnd::Failed(failure) if failure.is_unreachable()),
        identity_refused: matches!(end, SessionEnd::Failed(failure) if failure.refuses_identity()),
        outcome: outcome.to_owned(),
        detail: detail.chars().take(MAX_DETAIL).collect(),
        advice: match end {
            SessionEnd::Failed(failure) if is_recovering && failure.how().certificate_refused => {
                Some(RECOVER_AGAIN.to_owned())
            }
            SessionEnd::Failed(failure) => Some(failure.advice().to_owned()),
            SessionEnd::Completed | SessionEnd::Unenrolled => None,
        },
        rounds: tally.rounds,
        succeeded: tally.succeeded,
        refused: tally.refused,
        stray_statuses: tally.stray_statuses,
    }
}
