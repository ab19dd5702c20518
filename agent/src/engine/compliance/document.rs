//! The report as the server reads it: compact JSON.

use serde_json::{Value, json};

use super::verdict::{Report, State, Verdict};

/// The report for the server. What verdicts say was bounded when they were made.
pub fn report_document(report: &Report) -> String {
    let verdicts: Vec<Value> = report.verdicts.iter().map(verdict).collect();
    let mut document = json!({
        "version": 1,
        "checkedAt": report.checked_at,
        "overall": report.overall.as_str(),
        "verdicts": verdicts,
    });
    add_deadline(&mut document, report.overall);
    document.to_string()
}

/// How to put it right is for the person at the machine; the server has that already, or can look it up.
fn verdict(verdict: &Verdict) -> Value {
    let mut entry = json!({
        "id": verdict.id,
        "title": verdict.title,
        "state": verdict.state.as_str(),
        "expected": verdict.expected,
        "actual": verdict.actual,
        "evidence": verdict.evidence,
        "since": verdict.since,
        "checkedAt": verdict.checked_at,
    });
    add_deadline(&mut entry, verdict.state);
    entry
}

fn add_deadline(value: &mut Value, state: State) {
    if let (State::InGrace { until }, Some(object)) = (state, value.as_object_mut()) {
        object.insert("until".to_owned(), until.into());
    }
}
