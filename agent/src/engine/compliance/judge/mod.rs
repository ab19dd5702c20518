//! One rule and the facts: what is found, without regard to time.

mod custom;
mod machine;
mod system;

use super::advice::{self, Family};
use super::facts::{Fact, Facts};
use super::rule::{Demand, Rule};

/// Whether a rule is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Met,
    NotMet,
    CannotTell,
}

impl From<bool> for Outcome {
    fn from(met: bool) -> Self {
        if met { Self::Met } else { Self::NotMet }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Which of the rule's settings it is about; `None` if the rule has only one.
    pub(super) setting: Option<String>,
    pub(super) title: String,
    pub(super) outcome: Outcome,
    pub(super) expected: String,
    pub(super) actual: String,
    pub(super) evidence: String,
    /// How to put it right; empty where nothing is wrong.
    pub(super) fix: String,
}

/// A question with its answer still open.
struct Question {
    title: &'static str,
    expected: String,
}

impl Question {
    fn new(title: &'static str, expected: impl Into<String>) -> Self {
        Self { title, expected: expected.into() }
    }

    /// Nothing is asked: the rule is there, but says so.
    fn not_asked(self) -> Finding {
        Finding {
            setting: None,
            title: self.title.to_owned(),
            outcome: Outcome::Met,
            expected: "nothing".to_owned(),
            actual: "not looked at".to_owned(),
            evidence: "the rule's value is false".to_owned(),
            fix: String::new(),
        }
    }

    fn answer(self, outcome: impl Into<Outcome>, actual: impl Into<String>, evidence: &str, fix: &str) -> Finding {
        let outcome = outcome.into();
        Finding {
            setting: None,
            title: self.title.to_owned(),
            outcome,
            expected: self.expected,
            actual: actual.into(),
            evidence: evidence.to_owned(),
            fix: if outcome == Outcome::Met { String::new() } else { fix.to_owned() },
        }
    }

    fn cannot_tell(self, reason: &str) -> Finding {
        self.answer(Outcome::CannotTell, "cannot tell", reason, advice::LOOK)
    }

    /// Answers from a fact, if it is known.
    fn by<T>(self, fact: &Fact<T>, answer: impl FnOnce(Self, &T, &str) -> Finding) -> Finding {
        match fact {
            Fact::Known { value, evidence } => answer(self, value, evidence),
            Fact::Unknown { reason } => self.cannot_tell(reason),
        }
    }
}

/// What is found for a rule: one finding, or one for each setting of a custom rule.
pub(super) fn judge(id: &str, rule: &Rule, facts: &Facts, now: i64) -> Vec<Finding> {
    let family = Family::of(facts);
    let finding = match &rule.demand {
        Demand::Custom(rule) => return custom::judge(id, rule, facts),
        Demand::Distribution(allowed) => system::distribution(allowed, facts),
        Demand::Kernel(minimum) => system::kernel(minimum, facts, family),
        Demand::PatchAge(days) => system::patch_age(*days, facts, family, now),
        Demand::AutomaticUpdates(required) => system::automatic_updates(*required, facts, family),
        Demand::Password(aspect, least) => system::password(*aspect, *least, facts, family),
        Demand::ScreenLock(seconds) => system::screen_lock(*seconds, facts),
        Demand::Encryption(required) => machine::encryption(*required, facts),
        Demand::Firewall(required) => machine::firewall(*required, facts, family),
        Demand::SecureBoot(required) => machine::secure_boot(*required, facts),
        Demand::Tpm(required) => machine::tpm(*required, facts),
    };
    vec![finding]
}
