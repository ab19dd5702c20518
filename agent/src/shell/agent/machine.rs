//! Profiles in force on the machine: how the loop has them put there, and how it learns of it.
//!
//! The store says what should be in force. The machine is brought to that whenever the store is opened and before it is
//! closed, so that a removal, or a crash anywhere, needs no path of its own; what a session changes goes first to the
//! machine and then to the store.

use super::{Agent, Event, Message, StoreInUse, Stored};
use crate::engine::application::{Application, ApplicationOutcome, DriftReport, MachineReport};
use crate::engine::profile::Profile;
use crate::engine::report::{AS_BEFORE, InForce, WAITING};
use crate::engine::tree::Refusal;
use crate::engine::verdict::{VerdictRequest, Verdicts};
use crate::platform::evaluation::Evaluator;
use crate::platform::force::{Convergence, Others, Platform, PlatformError};
use crate::platform::ledger::{Ledger, Standing};
use crate::platform::shares::Shares;
use crate::shell::paths::Paths;
use crate::shell::unenrollment;
use crate::shell::unseal::IdentityUnsealer;
use crate::shell::work;
use mdm_protocol::syncml::StatusCode;
use std::sync::Arc;

/// What a session knows of the machine; it is forgotten with the session.
#[derive(Debug, Default)]
pub(super) struct SessionKnowledge {
    /// Gives verdicts while a message is worked through.
    pub(super) evaluator: Option<Box<Evaluator>>,
    /// Translations that took their time.
    shares: Arc<Shares>,
    /// The changes by others that this session has reported: path, and what was done to it.
    pub(super) reported: Vec<DriftReport>,
}

impl Agent {
    /// The machine, for the present identity.
    pub(super) fn platform(&self) -> Platform {
        let platform = match &self.identity {
            Some(identity) => {
                let unsealer = Arc::new(IdentityUnsealer(Arc::clone(identity)));
                self.platform.for_device(identity.account.user.clone(), unsealer)
            }
            None => self.platform.clone(),
        };
        platform.remembering(Arc::clone(&self.known.shares))
    }

    /// What becomes of what is on the machine for profiles that the store does not have: if it was lost, the server
    /// brings them again.
    pub(super) fn others(&self) -> Others {
        if self.engine.progress().rebuilt_unreported { Others::Stay } else { Others::Go }
    }

    /// Finds out whether profiles can be applied, beside everything else.
    pub(super) fn evaluate(&mut self, request: VerdictRequest) {
        let known = self.known.evaluator.take().filter(|_| !request.from_store);
        let snapshot = self.snapshot.as_ref().filter(|_| request.from_store);
        let stored = snapshot.map(|snapshot| snapshot.profiles.clone()).unwrap_or_default();
        let (platform, outcomes) = (self.platform(), self.outcomes.clone());
        let named = request.named.clone();
        let evaluated = work::blocking(move || {
            let mut evaluator = match known {
                Some(evaluator) => evaluator,
                None if request.from_store => Box::new(platform.evaluator(&stored)?),
                None => return Ok(None),
            };
            let verdicts = evaluator.evaluate(&request);
            Ok::<_, PlatformError>(Some((evaluator, verdicts)))
        });
        work::begin(work::MACHINE, evaluated, move |evaluated| {
            let (evaluator, verdicts) = match evaluated.flatten() {
                Ok(Ok(Some((evaluator, verdicts)))) => (Some(evaluator), verdicts),
                Ok(Ok(None)) => (None, Verdicts::lost(&named, StatusCode::FAILED, "the machine changed meanwhile")),
                Ok(Err(error)) => (None, Verdicts::lost(&named, status(&error), &error.to_string())),
                Err(lost) => (None, Verdicts::lost(&named, StatusCode::FAILED, &lost.to_string())),
            };
            let _ = outcomes.send(Message::Evaluated(evaluator, Box::new(verdicts)));
        });
    }

    pub(super) fn apply(&mut self, application: Application) -> Option<Event> {
        let translations = self.known.evaluator.take().map(|evaluator| evaluator.translations()).unwrap_or_default();
        let before = self.snapshot.as_ref().map(|snapshot| snapshot.profiles.clone()).unwrap_or_default();
        let platform = self.platform().with_translations(translations);
        let (outcomes, others) = (self.outcomes.clone(), self.others());
        let all = application.profiles.keys().cloned().collect::<Vec<_>>();
        let applied = work::blocking(move || platform.put_in_force(&before, &application, others));
        work::begin(work::MACHINE, applied, move |applied| {
            let outcome = match applied.flatten() {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => all_failed(&all, status(&error), &error.to_string()),
                Err(lost) => all_failed(&all, StatusCode::FAILED, &lost.to_string()),
            };
            for (root, refusal) in &outcome.failed {
                tracing::warn!(profile = root, status = refusal.status.0, reason = refusal.reason, "not applied");
            }
            let _ = outcomes.send(Message::Applied(Box::new(outcome)));
        });
        None
    }

    /// Closes the store once the machine has what is in it.
    pub(super) fn close_store(&mut self) {
        // The next session connects anew, perhaps with another certificate.
        self.client = None;
        let known = std::mem::take(&mut self.known);
        let reported = known.reported;
        let snapshot = self.snapshot.take().filter(|_| self.engine.restores_files());
        let (platform, others, outcomes) = (self.platform(), self.others(), self.outcomes.clone());
        let Some(store) = self.store.take() else { return };
        work::detached("closing the store", move || {
            let StoreInUse { store, _right } = store;
            drop(store);
            if let Some(stored) = snapshot {
                if !reported.is_empty()
                    && let Err(error) = platform.drift_reported(&reported)
                {
                    tracing::warn!(%error, "changes by others will be reported again");
                }
                tell_drift(&outcomes, converge(&platform, &stored.profiles, others));
            }
        });
    }

    /// Brings what a former process began on the machine to its end, beside everything else.
    pub(super) fn after_restart(&mut self) {
        let stored = self.at_start.take();
        if self.goes_on {
            self.lock_or_unlock();
        }
        let is_known = self.identity.is_none() || (stored.is_some() && self.engine.restores_files());
        if !self.goes_on || !is_known {
            return;
        }
        let (platform, right, paths) = (self.platform(), Arc::clone(&self.store_right), self.paths.clone());
        let outcomes = self.outcomes.clone();
        // Nobody else has the right yet, so nobody opens the store before this.
        let Ok(right) = right.try_lock_owned() else { return };
        work::detached("applying what is stored", move || {
            let _right = right;
            platform.open_published();
            if let Some(found) = Self::take_over_machine(&paths, &platform, stored.as_ref()) {
                tell_drift(&outcomes, found);
            }
        });
    }

    /// A machine that was locked stays locked over a restart, but not over the end of the enrolment.
    fn lock_or_unlock(&self) {
        let (platform, is_enrolled) = (self.platform(), self.identity.is_some());
        let turn = Arc::clone(&self.remote_turn);
        let done = async move {
            let turn = turn.lock_owned().await;
            work::blocking(move || {
                let _turn = turn;
                let done = if is_enrolled { platform.stay_locked() } else { platform.unlock() };
                done.map_err(|error| error.to_string())
            })
            .await
        };
        work::begin(work::MACHINE, done, move |done| {
            let error = match done.flatten() {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => error,
                Err(lost) => lost.to_string(),
            };
            tracing::error!(error, is_enrolled, "the machine is not locked, or unlocked, as it should be");
        });
    }

    /// How the machine was left by whoever was there before: brought to what the store says, or, where nobody is
    /// enrolled any more, rid of everything the agent made.
    fn take_over_machine(paths: &Paths, platform: &Platform, stored: Option<&Stored>) -> Option<MachineReport> {
        match stored {
            Some(stored) if stored.progress.is_none() => None,
            Some(stored) => {
                let others = if stored.is_whole() { Others::Go } else { Others::Stay };
                Some(converge(platform, &stored.profiles, others))
            }
            None => {
                let is_unfinished = unenrollment::is_unfinished(paths);
                let mut drift = Vec::new();
                let removed = match () {
                    () if is_unfinished => unenrollment::finish(paths, platform, &mut drift),
                    () if unenrollment::has_leftovers(paths, platform) => {
                        unenrollment::sweep(paths, platform, &mut drift)
                    }
                    () => Ok(()),
                };
                if let Err(error) = removed {
                    tracing::error!(%error, is_unfinished, "files of an enrollment that is over could not be removed");
                }
                Some(MachineReport { drift, ..MachineReport::default() })
            }
        }
    }
}

/// Has what somebody else had changed written down. A loop that has ended looks for it last.
fn tell_drift(outcomes: &tokio::sync::mpsc::UnboundedSender<Message>, found: MachineReport) {
    if !found.drift.is_empty() {
        let _ = outcomes.send(Message::DriftFound(found.drift));
    }
}

/// Brings the machine to what the store says, and says how it was found.
pub(super) fn converge(platform: &Platform, profiles: &[Profile], others: Others) -> MachineReport {
    match platform.converge(profiles, others) {
        Ok(convergence) => report(convergence),
        Err(error) => {
            tracing::error!(%error, "profiles cannot be put in force on this machine");
            let refusal = Refusal { status: status(&error), reason: error.to_string() };
            let refused = profiles.iter().map(|profile| (profile.root.to_string(), refusal.clone())).collect();
            MachineReport { refused, ..MachineReport::default() }
        }
    }
}

fn report(convergence: Convergence) -> MachineReport {
    for drift in &convergence.drift {
        tracing::warn!(file = %drift.path, was = drift.what.as_str(), outcome = ?drift.outcome, "managed file changed");
    }
    convergence.report()
}

/// What a command is answered with that needed the machine in vain.
fn status(error: &PlatformError) -> StatusCode {
    if error.is_full() { StatusCode::DEVICE_FULL } else { StatusCode::FAILED }
}

fn all_failed(roots: &[String], status: StatusCode, reason: &str) -> ApplicationOutcome {
    let refusal = Refusal { status, reason: reason.to_owned() };
    let failed = roots.iter().map(|root| (root.clone(), refusal.clone())).collect();
    ApplicationOutcome { failed, ..ApplicationOutcome::default() }
}

/// What of the profiles is applied: as the ledger has it, and as the machine has it now.
pub(super) fn in_force(platform: &Platform, ledger: &Ledger) -> InForce {
    let mut in_force = InForce { without_effect: ledger.without_effect.clone(), ..InForce::default() };
    let altered = platform.altered(ledger);
    for (root, standing) in &ledger.profiles {
        let reason = match standing {
            Standing::Waiting { reason } | Standing::Refused { reason, .. }
                if ledger.is_applied(root) && !altered.contains_key(root) =>
            {
                format!("{AS_BEFORE}{reason}")
            }
            Standing::Waiting { reason } => format!("{WAITING}{reason}"),
            Standing::Refused { reason, .. } => reason.clone(),
        };
        in_force.not.insert(root.clone(), reason);
    }
    for (root, reason) in altered {
        in_force.not.entry(root).or_insert(reason);
    }
    for (path, entry) in &ledger.files {
        for root in &entry.profiles {
            in_force.files.entry(root.clone()).or_default().push(path.to_string());
        }
    }
    in_force
}
