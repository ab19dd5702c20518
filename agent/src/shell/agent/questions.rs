//! Questions and orders from people, answered.

use mdm_protocol::base64;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::sync::oneshot;

use super::compliance::inspect;
use super::{Agent, Event, Message, Phase, SessionRecord, Stored, Trigger, Waiter, clock, facts, info};
use crate::engine::Account;
use crate::engine::enrolment::{EnrolOrder, OrderError, recovery};
use crate::engine::report::{self, HistoryView, Standing};
use crate::shell::control::{ControlError, ControlRequest, ControlResult, ErrorCode, RecoverOrder};
use crate::shell::enrol::{self, EnrolError, Purpose};
use crate::shell::unenrollment;
use crate::shell::work::{self, Lost};

/// The most entries of the history that are told at once.
const MAX_HISTORY: usize = 1000;

pub(super) type Reply = oneshot::Sender<ControlResult>;

impl Agent {
    pub(super) fn question(&mut self, request: ControlRequest, reply: Reply) {
        if self.stopping && request.begins_something() {
            return answer(reply, Err(ControlError::shutting_down()));
        }
        match request {
            ControlRequest::Status => answer(reply, Ok(json!(self.status()))),
            ControlRequest::Profiles => {
                self.read(reply, |stored, standing| Ok(json!(report::list(stored, standing))));
            }
            ControlRequest::Why { kind, name } => self.read(reply, move |stored, standing| {
                let found = report::why(stored, standing, kind.as_deref(), &name);
                found.map(|explanation| json!(explanation)).map_err(|error| no_such_profile(&error))
            }),
            ControlRequest::History { limit } => answer(reply, self.history(limit)),
            ControlRequest::Recover(order) => self.recover(order, reply),
            ControlRequest::Profile { kind, name, reveal } => self.read(reply, move |stored, standing| {
                let found = report::find(stored, standing, kind.as_deref(), &name, reveal);
                found.map(|profile| json!(profile)).map_err(|error| no_such_profile(&error))
            }),
            ControlRequest::Plan { fragments } => self.plan(fragments, reply),
            ControlRequest::Secrets => self.secrets(reply),
            ControlRequest::CheckIn => self.check_in(reply),
            ControlRequest::CheckCompliance => self.check_compliance_now(reply),
            ControlRequest::Compliance => answer(reply, self.compliance_now()),
            ControlRequest::Unlock(order) => self.unlock(order.code, reply),
            ControlRequest::Enrol(order) => self.enrol(*order, reply),
            ControlRequest::Unenrol => self.unenrol(reply),
        }
    }

    /// Answers from what is open, or opens the store for the question.
    pub(super) fn read(
        &self,
        reply: Reply,
        question: impl FnOnce(&Stored, &Standing) -> ControlResult + Send + 'static,
    ) {
        // Opening the store while it is removed would bring it back to life.
        if self.engine.account().is_none() || matches!(self.engine.phase(), Phase::Erasing) {
            return answer(reply, Err(ControlError::not_enrolled()));
        }
        let mut standing = self.engine.standing(clock::now());
        standing.machine = super::machine::in_force(&self.platform, &self.platform.ledger().unwrap_or_default());
        if let Some(snapshot) = &self.snapshot {
            return answer(reply, question(snapshot, &standing));
        }
        let (access, place, right) = (self.access.clone(), self.place(), std::sync::Arc::clone(&self.store_right));
        let read = async move {
            let right = right.lock_owned().await;
            work::blocking(move || {
                let _right = right;
                match access.open(&place, clock::now().wall) {
                    Ok((_, opened)) => question(&opened.stored, &standing),
                    Err(failure) => {
                        let message = format!("the profile store cannot be used: {failure}");
                        Err(ControlError::new(ErrorCode::Failed, message)
                            .with_advice("See the agent's log; free space if the disk is full."))
                    }
                }
            })
            .await
        };
        work::begin(work::STORE, read, move |result| {
            let failed = |lost: Lost| Err(ControlError::new(ErrorCode::Failed, lost.to_string()));
            answer(reply, result.flatten().unwrap_or_else(failed));
        });
    }

    /// What must not be seen in anything that leaves the machine.
    fn secrets(&self, reply: Reply) {
        let Some(account) = self.engine.account().cloned() else {
            return answer(reply, Err(ControlError::not_enrolled()));
        };
        self.read(reply, move |stored, _| Ok(json!(crate::engine::redaction::held(stored, &account))));
    }

    fn check_in(&mut self, reply: Reply) {
        if self.engine.account().is_none() {
            return answer(reply, Err(ControlError::not_enrolled()));
        }
        let sessions = self.sessions_over + self.engine.sessions_until_answer();
        self.waiters.push(Waiter { sessions, reply });
        self.feed(Event::CheckInRequested(Trigger::User));
    }

    fn unenrol(&mut self, reply: Reply) {
        if let Err(error) = self.engine.check_unenrolment(self.enrolling) {
            return answer(reply, Err(refused(&error)));
        }
        if self.engine.account().is_none() {
            if !unenrollment::has_leftovers(&self.paths, &self.platform) {
                return answer(reply, Err(ControlError::not_enrolled()));
            }
            self.leavers.push(reply);
            return self.feed(Event::EraseRequested);
        }
        self.leavers.push(reply);
        self.feed(Event::UnenrolRequested);
    }

    fn enrol(&mut self, order: EnrolOrder, reply: Reply) {
        if let Err(error) = self.engine.check_enrolment(self.enrolling) {
            return answer(reply, Err(refused(&error)));
        }
        let roots = order.authorities.as_deref().map(decode_authorities);
        let request = match order.into_request(roots, facts::gather(self.sessions), clock::seed()) {
            Ok(request) => request,
            Err(error) => return answer(reply, Err(refused(&error))),
        };
        self.enrolling = true;
        let (paths, outcomes, proxy) = (self.paths.clone(), self.outcomes.clone(), self.live.proxy.clone());
        let (platform, right) = (self.platform.clone(), std::sync::Arc::clone(&self.store_right));
        // Beside the enrollment: the first session can be asked for DeviceStatus already.
        let inspection = inspect(self.platform.root());
        let found = outcomes.clone();
        let enrolled = async move {
            let right = right.lock_owned().await;
            let place = paths.clone();
            let room = work::blocking(move || {
                let mut drift = Vec::new();
                let made = unenrollment::make_room(&place, &platform, &mut drift);
                (drift, made.map_err(|error| error.to_string()).map(|()| right))
            });
            let (drift, room) = room.await.unwrap_or_else(|lost| (Vec::new(), Err(lost.to_string())));
            let _ = found.send(Message::DriftFound(drift));
            let result = match room {
                Err(reason) => Err(EnrolError::Leftovers(reason)),
                Ok(_right) => {
                    enrol::enrol(&paths, request, Purpose::Enrolment, proxy, |stage| {
                        info!(stage = stage.as_str(), "enrolling");
                    })
                    .await
                }
            };
            if result.is_ok()
                && let Some(standing) = inspection.await
            {
                let _ = found.send(Message::Inspected(standing));
            }
            result
        };
        work::begin(work::EXCHANGE, enrolled, move |result| {
            let result = result.map_err(EnrolError::from).flatten();
            let _ = outcomes.send(Message::Enrolled(Purpose::Enrolment, result.map(Box::new), reply));
        });
    }

    fn recover(&mut self, order: RecoverOrder, reply: Reply) {
        if self.engine.account().is_none() {
            return answer(reply, Err(ControlError::not_enrolled()));
        }
        if let Err(error) = self.engine.check_recovery(self.enrolling) {
            return answer(reply, Err(refused(&error)));
        }
        self.feed(Event::Pause(true));
        let Some(account) = self.engine.account() else { return };
        let token = mdm_protocol::Secret::new(order.token);
        let request = recovery(account, token, facts::gather(self.sessions), clock::seed());
        self.enrolling = true;
        let (paths, outcomes, proxy) = (self.paths.clone(), self.outcomes.clone(), self.live.proxy.clone());
        let recovered = async move {
            enrol::enrol(&paths, request, Purpose::Recovery, proxy, |stage| {
                info!(stage = stage.as_str(), "recovering the identity");
            })
            .await
        };
        work::begin(work::EXCHANGE, recovered, move |result| {
            let result = result.map_err(EnrolError::from).flatten();
            let _ = outcomes.send(Message::Enrolled(Purpose::Recovery, result.map(Box::new), reply));
        });
    }

    pub(super) fn enrolled(&mut self, purpose: Purpose, result: Result<Box<Account>, EnrolError>, reply: Reply) {
        self.enrolling = false;
        let answered = self.take_up(purpose, result);
        // Only now: what waits must not begin with the identity that was exchanged.
        self.feed(Event::Pause(false));
        answer(reply, answered);
    }

    fn take_up(&mut self, purpose: Purpose, result: Result<Box<Account>, EnrolError>) -> ControlResult {
        let account = result.map_err(|error| explain(&error))?;
        let certificates = match crate::shell::identity::Identity::load(&self.paths) {
            Ok(identity) => {
                self.identity = identity.map(std::sync::Arc::new);
                self.identity.as_ref().map(|identity| identity.certificates()).unwrap_or_default()
            }
            Err(error) => return Err(ControlError::new(ErrorCode::Failed, error.to_string())),
        };
        info!(server = account.management_url, device = account.device_id, "enrolled");
        self.client = None;
        self.feed(match purpose {
            Purpose::Enrolment => Event::Enrolled(account.clone(), certificates),
            Purpose::Recovery => Event::Recovered(account.clone(), certificates),
        });
        Ok(json!(self.account_status(&account)))
    }

    fn history(&self, limit: usize) -> ControlResult {
        let failed = |error: crate::shell::files::FileError| ControlError::new(ErrorCode::Failed, error.to_string());
        // All that is kept is checked, whatever is shown of it; both files are bounded.
        let mut excerpt = crate::shell::history::newest(&self.paths, usize::MAX).map_err(failed)?;
        let changed_at = excerpt.verify().err().map(|broken| broken.sequence);
        excerpt.entries.drain(..excerpt.entries.len().saturating_sub(limit.min(MAX_HISTORY)));
        Ok(json!(HistoryView { changed_at, damaged_lines: excerpt.damaged, entries: excerpt.entries }))
    }
}

pub(super) fn answer(reply: Reply, result: ControlResult) {
    // Whoever asked may be gone.
    let _ = reply.send(result);
}

/// What a person who asked for a check-in hears.
pub(super) fn outcome(record: &SessionRecord) -> ControlResult {
    if record.completed {
        return Ok(json!(record));
    }
    let error = ControlError::new(code_of(record), record.detail.clone());
    Err(record.advice.iter().fold(error, |error, advice| error.with_advice(advice)))
}

/// What a check-in came to whose enrollment ended meanwhile: if the server ended it, that is what the check-in did.
pub(super) fn ended(removed: &Result<(), String>, by_server: Option<&SessionRecord>) -> ControlResult {
    match (by_server, removed) {
        (Some(record), Ok(())) => Ok(json!(record)),
        (Some(_), Err(error)) => Err(ControlError::not_removed(error)),
        (None, _) => Err(ControlError::not_enrolled()),
    }
}

/// What a person hears whose order cannot be carried out.
fn refused(error: &OrderError) -> ControlError {
    let code = if error.is_usage() { ErrorCode::Usage } else { ErrorCode::Failed };
    let refusal = ControlError::new(code, error.to_string());
    error.advice().into_iter().fold(refusal, |refusal, advice| refusal.with_advice(advice))
}

fn code_of(record: &SessionRecord) -> ErrorCode {
    if record.unreachable { ErrorCode::Unreachable } else { ErrorCode::Failed }
}

/// What a person who ended the enrolment hears.
pub(super) fn left(removed: &Result<(), String>, farewell: Option<&SessionRecord>) -> ControlResult {
    match removed {
        Ok(()) => Ok(json!({
            "server_told": farewell.is_some_and(|record| record.completed),
            "detail": farewell.map(|record| record.detail.clone()),
        })),
        Err(error) => Err(ControlError::not_removed(error)),
    }
}

fn explain(error: &EnrolError) -> ControlError {
    match error {
        EnrolError::Failed(failure) => {
            let code = if failure.is_unreachable() { ErrorCode::Unreachable } else { ErrorCode::Failed };
            ControlError::new(code, failure.to_string()).with_advice(failure.advice())
        }
        EnrolError::Client(_)
        | EnrolError::Key(_)
        | EnrolError::Lost(_)
        | EnrolError::Identity(_)
        | EnrolError::Leftovers(_) => ControlError::new(ErrorCode::Failed, error.to_string()),
    }
}

/// The certificates in a PEM file, as the engine takes them.
fn decode_authorities(pem: &str) -> Vec<String> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().map(base64::encode).collect()
}

fn no_such_profile(error: &report::NotFound) -> ControlError {
    ControlError::new(ErrorCode::Failed, error.to_string()).with_advice("See them all: mdm-agent profiles list")
}
