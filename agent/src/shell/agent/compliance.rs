//! Compliance, checked beside everything else: gathering facts and running scripts may take a minute.

use serde_json::json;

use super::questions::{Reply, answer};
use super::{Agent, Event, Message, Phase, Trigger, clock};
use crate::engine::compliance::discovery_scripts;
use crate::engine::compliance::standing::{Rules, Standing};
use crate::platform::facts::{self, Limits, NoScripts, Sandboxed, ScriptRunner};
use crate::shell::compliance;
use crate::shell::control::{ControlError, ErrorCode};
use crate::shell::work;

impl Agent {
    /// A person asks: a check-in first, so that the rules are the present ones, then a look, then the report.
    pub(super) fn check_compliance_now(&mut self, reply: Reply) {
        if self.engine.account().is_none() {
            return answer(reply, Err(ControlError::not_enrolled()));
        }
        let sessions = self.sessions_over + self.engine.sessions_until_answer();
        self.compliance_waiters.push(super::Waiter { sessions, reply });
        self.feed(Event::CheckInRequested(Trigger::User));
    }

    pub(super) fn check_compliance(&mut self, rules: Rules) {
        if self.checking {
            // What is found now may be what was so before.
            self.check_again = Some(rules);
            return;
        }
        self.checking = true;
        let (standing, outcomes, enrolments) =
            (self.engine.compliance().clone(), self.outcomes.clone(), self.enrolments);
        let seconds = u32::try_from(self.live.script_timeout.as_secs()).unwrap_or(u32::MAX);
        let (root, limits) = (self.platform.root().to_owned(), Limits { seconds, ..Limits::default() });
        let former = standing.clone();
        let checked = work::blocking(move || look(&standing, &rules, &root, limits));
        work::begin(work::MACHINE, checked, move |checked| {
            let checked = checked.flatten().unwrap_or_else(|lost| {
                tracing::error!(%lost, "compliance could not be checked");
                former
            });
            let _ = outcomes.send(Message::ComplianceChecked(Box::new(checked), enrolments));
        });
    }

    pub(super) fn compliance_checked(&mut self, standing: Box<Standing>, enrolments: u64) {
        let again = self.check_again.take();
        // Whoever waits for the next check is not answered with this one.
        self.checking = again.is_some();
        let is_over = enrolments != self.enrolments || matches!(self.engine.phase(), Phase::Erasing);
        if is_over || self.engine.account().is_none() {
            self.checking = false;
            return;
        }
        self.feed(Event::ComplianceChecked(standing));
        // Only now: what it finds is compared with what this one found.
        if let Some(rules) = self.check_again.take().or(again) {
            self.checking = false;
            self.check_compliance(rules);
        }
    }

    pub(super) fn keep_compliance(&self, standing: &Standing) {
        if let Err(error) = compliance::keep(&self.paths, standing) {
            tracing::warn!(%error, "what was found cannot be kept; the next start looks anew");
        }
    }

    /// Answers whoever waits for a check, once its session is over, the look is done and the server was told.
    pub(super) fn answer_compliance_waiters(&mut self) {
        let Some(record) = self.last_record.as_ref().filter(|_| !self.checking) else { return };
        for waiter in self.compliance_waiters.extract_if(.., |waiter| waiter.sessions <= self.sessions_over) {
            let standing = self.engine.compliance();
            let result = if self.store_problem.is_some() {
                let message = "the rules cannot be read, because the profile store cannot be used";
                Err(ControlError::new(ErrorCode::Failed, message).with_advice("See mdm-agent status."))
            } else {
                Ok(
                    json!({ "report": standing.report, "session": record, "reported": standing.reported && record.completed }),
                )
            };
            answer(waiter.reply, result);
        }
    }
}

/// How long the first session waits for the inspection before it.
const INSPECTION: std::time::Duration = std::time::Duration::from_secs(10);

/// Inspects a device that has no rules yet; `None` if that takes too long or fails.
pub(super) fn inspect(root: &std::path::Path) -> impl Future<Output = Option<Box<Standing>>> + use<> {
    let root = root.to_owned();
    let until = tokio::time::Instant::now() + INSPECTION;
    // It begins now, and nobody minds if it is not waited for.
    let inspected = tokio::spawn(work::blocking(move || {
        look(&Standing::default(), &Rules::default(), &root, Limits { seconds: 1, ..Limits::default() })
    }));
    async move { Some(Box::new(tokio::time::timeout_at(until, inspected).await.ok()?.ok()?.ok()?)) }
}

/// Blocks while facts are gathered and scripts run.
fn look(standing: &Standing, rules: &Rules, root: &std::path::Path, limits: Limits) -> Standing {
    let is_machine = root == std::path::Path::new("/");
    // A script would look at this machine, whatever directory the agent works on.
    let runner: Box<dyn ScriptRunner> = if is_machine { Box::new(Sandboxed::new(limits)) } else { Box::new(NoScripts) };
    let now = clock::now().wall;
    let scripts = discovery_scripts(rules);
    let seen_outside = if is_machine { facts::gather_outside(now, &scripts, &*runner) } else { None };
    let facts = seen_outside.unwrap_or_else(|| facts::gather(root, now, &scripts, &*runner));
    standing.check(rules, &facts, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_device_without_rules_is_inspected_for_what_the_server_may_read() {
        let root = tempfile::tempdir().unwrap();
        let standing = inspect(root.path()).await.unwrap();
        let has = |node: &str| standing.nodes.iter().any(|(address, ..)| address.ends_with(node));
        assert!(has("DeviceStatus/Antivirus/Status"), "{:?}", standing.nodes);
        assert!(standing.reported && standing.report.verdicts.is_empty());
    }
}
