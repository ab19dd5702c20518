//! Rules of the server's own: what a script found against what it has to be.

use std::collections::BTreeMap;

use super::super::advice;
use super::super::facts::{Fact, Facts, ScriptValue};
use super::super::rule::{Comparison, CustomRule, CustomSetting};
use super::{Finding, Outcome};

/// Where the texts of a rule (`RemediationStrings`) have the value that the script reported.
const ACTUAL_VALUE: &str = "{ActualValue}";
/// The most characters of the value in a text, which may have room for it many times.
const MOST_ACTUAL: usize = 200;

/// One finding for each setting. A setting may be there twice, for a range; the later ones are numbered.
pub(super) fn judge(id: &str, rule: &CustomRule, facts: &Facts) -> Vec<Finding> {
    let unknown = Fact::unknown("the discovery script has not run yet");
    let found = facts.scripts.get(id).unwrap_or(&unknown);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut findings = Vec::with_capacity(rule.settings.len());
    for setting in &rule.settings {
        let times = seen.entry(&setting.name).and_modify(|times| *times += 1).or_insert(1);
        let name = if *times == 1 { setting.name.clone() } else { format!("{} ({times})", setting.name) };
        findings.push(Finding { setting: Some(name), ..one(setting, found) });
    }
    findings
}

fn one(setting: &CustomSetting, found: &Fact<BTreeMap<String, ScriptValue>>) -> Finding {
    let finding = |outcome: Outcome, actual: String, evidence: String, fix: String| Finding {
        setting: None,
        title: filled_in(setting.title.as_ref().unwrap_or(&setting.name), &actual),
        outcome,
        expected: format!("{} {} {}", setting.name, setting.operator.words(), setting.operand),
        fix: filled_in(&fix, &actual),
        actual,
        evidence,
    };
    let unclear =
        |reason: String| finding(Outcome::CannotTell, "cannot tell".to_owned(), reason, advice::LOOK.to_owned());
    let (values, evidence) = match found {
        Fact::Known { value, evidence } => (value, evidence),
        Fact::Unknown { reason } => return unclear(reason.clone()),
    };
    let Some(value) = values.get(&setting.name) else {
        return unclear(format!("the discovery script does not report {}", setting.name));
    };
    match setting.operand.compare(value, setting.operator) {
        Comparison::Holds => finding(Outcome::Met, value.to_string(), evidence.clone(), String::new()),
        Comparison::Fails => finding(Outcome::NotMet, value.to_string(), evidence.clone(), fix(setting)),
        Comparison::OtherType => {
            let reason = format!("what the discovery script reports for {} is of another type", setting.name);
            finding(Outcome::CannotTell, value.to_string(), reason, advice::LOOK.to_owned())
        }
    }
}

fn fix(setting: &CustomSetting) -> String {
    let description = setting.description.clone().unwrap_or_else(|| "ask your administrator".to_owned());
    match &setting.more {
        Some(address) => format!("{description} (see {address})"),
        None => description,
    }
}

/// A text of the server with the value that was found in the place that it keeps for it.
fn filled_in(text: &str, actual: &str) -> String {
    let end = actual.char_indices().nth(MOST_ACTUAL).map_or(actual.len(), |(end, _)| end);
    text.replace(ACTUAL_VALUE, &actual[..end])
}
