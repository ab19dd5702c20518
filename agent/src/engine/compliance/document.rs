//! The report as the server reads it: compact JSON.

use serde_json::{Value, json};

use super::verdict::{Report, State, Verdict};

/// The largest report, in bytes, but for its frame.
const MOST_BYTES: usize = 256 << 10;

/// The report for the server. What is worst comes first; what there is no room for is counted.
pub fn report_document(report: &Report) -> String {
    let mut worst_first: Vec<&Verdict> = report.verdicts.iter().collect();
    worst_first.sort_by_key(|verdict| std::cmp::Reverse(verdict.state.weight()));
    let mut room = MOST_BYTES;
    let fitting = worst_first.iter().map_while(|own| {
        let entry = verdict(own);
        room = room.checked_sub(entry.to_string().len() + 1)?;
        Some(entry)
    });
    let verdicts: Vec<Value> = fitting.collect();
    let left_out = report.verdicts.len() - verdicts.len();
    let mut document = json!({
        "version": 1,
        "checkedAt": report.checked_at,
        "overall": report.overall.as_str(),
        "verdicts": verdicts,
        "leftOut": left_out,
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
