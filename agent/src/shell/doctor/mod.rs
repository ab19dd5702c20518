//! `doctor`: what is wrong between this machine and its server, and what to do about it.
//!
//! First everything is looked at, each look with a limit on its time and those over the network beside one another;
//! then each check, in a file of its own, judges what was seen and does nothing else. Nothing is repaired, and what
//! could not be looked at is never taken for right.

mod client_certificate;
mod clock;
mod consumers;
mod copy;
mod expiry;
pub mod facts;
mod history;
mod in_force;
mod look;
mod names;
mod permissions;
mod portal;
mod proxy;
mod push;
mod schedule;
mod server;
mod server_certificate;
mod service;
mod space;
mod store;
#[cfg(test)]
mod testing;
mod words;

use serde::Serialize;

pub use look::{PATIENCE, Place, found_files};

use facts::{Answers, Facts, Unknown};

/// A check: what it is called, what it means, and how it judges.
#[derive(Debug)]
pub struct Check {
    /// Its name, for `--check`.
    pub name: &'static str,
    /// What it is about, for people.
    pub meaning: &'static str,
    judge: fn(&Facts) -> Finding,
}

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Something to know.
    Warn,
    /// Something to mend.
    Fail,
    /// It could not be looked at, or there is nothing to look at.
    Skipped,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it comes to.
    pub verdict: Verdict,
    /// What was found, or why it was skipped.
    pub message: String,
    /// What to do next; nothing where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn pass(message: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, message: message.into(), advice: None }
    }

    fn warn(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, message: message.into(), advice: Some(advice.into()) }
    }

    fn fail(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, message: message.into(), advice: Some(advice.into()) }
    }

    fn skipped(reason: impl std::fmt::Display) -> Self {
        Self { verdict: Verdict::Skipped, message: reason.to_string(), advice: None }
    }

    /// What is not known cannot be judged.
    fn unknown(reason: &Unknown) -> Self {
        let advice = (*reason == Unknown::NeedsRoot).then(|| "Try it with sudo.".to_owned());
        Self { advice, ..Self::skipped(reason) }
    }
}

/// A check with what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The check's name.
    pub check: &'static str,
    /// What it is about.
    pub meaning: &'static str,
    /// What it found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// All checks, in the order in which one depends on another.
pub const CHECKS: &[Check] = &[
    service::CHECK,
    clock::CHECK,
    names::CHECK,
    proxy::CHECK,
    server::CHECK,
    portal::CHECK,
    server_certificate::CHECK,
    client_certificate::CHECK,
    push::CHECK,
    store::CHECK,
    space::CHECK,
    permissions::CHECK,
    consumers::CHECK,
    schedule::CHECK,
    expiry::CHECK,
    copy::CHECK,
    history::CHECK,
    in_force::CHECK,
];

/// Looks at everything and judges it, or one thing alone.
pub async fn examine(place: &Place, answers: Answers, only: Option<&str>) -> Vec<Diagnosis> {
    let facts = look::look(place, answers).await;
    diagnose(&facts, only)
}

fn diagnose(facts: &Facts, only: Option<&str>) -> Vec<Diagnosis> {
    let wanted = CHECKS.iter().filter(|check| only.is_none_or(|only| only == check.name));
    let judged =
        wanted.map(|check| Diagnosis { check: check.name, meaning: check.meaning, finding: (check.judge)(facts) });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
    }

    #[test]
    fn what_could_not_be_looked_at_never_passes() {
        let facts = testing::unknown(&Unknown::NeedsRoot);
        for diagnosis in diagnose(&facts, None) {
            let may_pass = ["service", "proxy"].contains(&diagnosis.check);
            assert!(may_pass || diagnosis.finding.verdict != Verdict::Pass, "{diagnosis:?}");
        }
    }

    #[test]
    fn whatever_is_wrong_comes_with_something_to_do() {
        for facts in [testing::healthy(), testing::unknown(&Unknown::NotEnrolled), testing::broken()] {
            for Diagnosis { check, finding, .. } in diagnose(&facts, None) {
                let is_wrong = matches!(finding.verdict, Verdict::Warn | Verdict::Fail);
                assert!(!is_wrong || finding.advice.is_some_and(|advice| !advice.is_empty()), "{check}");
            }
        }
    }

    #[test]
    fn a_machine_that_is_well_passes_everything_and_a_broken_one_nothing() {
        for diagnosis in diagnose(&testing::healthy(), None) {
            assert_eq!(diagnosis.finding.verdict, Verdict::Pass, "{diagnosis:?}");
        }
        for diagnosis in diagnose(&testing::broken(), None) {
            assert_ne!(diagnosis.finding.verdict, Verdict::Pass, "{diagnosis:?}");
        }
    }

    #[test]
    fn one_check_can_be_had_alone() {
        let alone = diagnose(&testing::healthy(), Some("clock"));
        assert_eq!(alone.iter().map(|diagnosis| diagnosis.check).collect::<Vec<_>>(), ["clock"]);
    }
}
