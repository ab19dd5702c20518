//! Verdicts: what was found for each rule, since when, and what it comes to.
//!
//! A rule that is no longer met counts only after its grace period, from the first time that it was not met. What
//! cannot be told is never compliant, and does not stop that period.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::judge::{self, Finding, Outcome};
use super::rule::Rule;

/// The most characters of what a verdict says: what was expected and what is; what shows it; how to put it right.
const MOST_VALUE: usize = 256;
const MOST_EVIDENCE: usize = 512;
const MOST_FIX: usize = 1024;

/// What a verdict comes to, or all of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything is as it should be.
    #[default]
    Compliant,
    /// It is not, but that does not count before this time, seconds since 1970.
    InGrace {
        /// When it begins to count.
        until: i64,
    },
    /// It cannot be told.
    CannotTell,
    /// It is not as it should be.
    NotCompliant,
}

impl State {
    /// The state in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::InGrace { .. } => "in grace",
            Self::CannotTell => "cannot tell",
            Self::NotCompliant => "not compliant",
        }
    }

    /// The worse of two; of two grace periods the one that ends first.
    fn worse(self, other: Self) -> Self {
        if let (Self::InGrace { until }, Self::InGrace { until: other }) = (self, other) {
            return Self::InGrace { until: until.min(other) };
        }
        if other.weight() > self.weight() { other } else { self }
    }

    pub(super) fn weight(self) -> u8 {
        match self {
            Self::Compliant => 0,
            Self::InGrace { .. } => 1,
            Self::CannotTell => 2,
            Self::NotCompliant => 3,
        }
    }
}

/// What was found for one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule's id; for a setting of a custom rule with `/` and the setting's name behind it.
    pub id: String,
    /// What it is about, for people.
    pub title: String,
    /// What it comes to.
    pub state: State,
    /// What was expected.
    pub expected: String,
    /// What is.
    pub actual: String,
    /// The file or command that shows it, or why it cannot be told.
    pub evidence: String,
    /// How to put it right; empty where nothing is wrong.
    pub fix: String,
    /// When this state began, seconds since 1970.
    pub since: i64,
    /// Since when the rule is not met, seconds since 1970; `None` while it is. What cannot be told leaves it as it was.
    pub failing_since: Option<i64>,
    /// When this was looked at, seconds since 1970.
    pub checked_at: i64,
}

/// All verdicts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When they were made, seconds since 1970.
    pub checked_at: i64,
    /// What they come to together.
    pub overall: State,
    /// Each of them, in the order of the rules.
    pub verdicts: Vec<Verdict>,
}

/// Judges the rules, by their ids. `before` is the report before this one: it says since when things are as they are.
pub fn evaluate(rules: &BTreeMap<String, Rule>, facts: &Facts, before: &Report, now: i64) -> Report {
    let former: BTreeMap<&str, &Verdict> =
        before.verdicts.iter().map(|verdict| (verdict.id.as_str(), verdict)).collect();
    let mut report = Report { checked_at: now, ..Report::default() };
    for (id, rule) in rules {
        for finding in judge::judge(id, rule, facts, now) {
            let id = match &finding.setting {
                Some(setting) => format!("{id}/{setting}"),
                None => id.clone(),
            };
            let former = former.get(id.as_str()).copied();
            let verdict = verdict(id, finding, rule.grace_seconds, former, facts.gathered_at, now);
            report.overall = report.overall.worse(verdict.state);
            report.verdicts.push(verdict);
        }
    }
    report
}

fn verdict(id: String, found: Finding, grace: u32, former: Option<&Verdict>, checked_at: i64, now: i64) -> Verdict {
    // A clock that was set back must not make a grace period longer.
    let failing = former.and_then(|former| former.failing_since).map(|since| since.min(now));
    let failing_since = match found.outcome {
        Outcome::Met => None,
        Outcome::CannotTell => failing,
        Outcome::NotMet => Some(failing.unwrap_or(now)),
    };
    let until = failing_since.unwrap_or(now).saturating_add(i64::from(grace));
    let state = match found.outcome {
        Outcome::Met => State::Compliant,
        Outcome::CannotTell => State::CannotTell,
        Outcome::NotMet if now < until => State::InGrace { until },
        Outcome::NotMet => State::NotCompliant,
    };
    let unchanged = former.filter(|former| former.state.weight() == state.weight());
    Verdict {
        id,
        title: clip(&found.title, MOST_VALUE),
        state,
        expected: clip(&found.expected, MOST_VALUE),
        actual: clip(&found.actual, MOST_VALUE),
        evidence: clip(&found.evidence, MOST_EVIDENCE),
        fix: clip(&found.fix, MOST_FIX),
        since: unchanged.map_or(now, |former| former.since.min(now)),
        failing_since,
        checked_at,
    }
}

/// The beginning of a text, on one line.
fn clip(text: &str, most: usize) -> String {
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    if text.chars().count() <= most {
        return text.chars().map(plain).collect();
    }
    text.chars().take(most - 1).map(plain).chain(['…']).collect()
}
