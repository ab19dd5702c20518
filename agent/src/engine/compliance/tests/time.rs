use super::super::facts::SecureBoot;
use super::super::{State, report_document};
use super::*;

fn facts(state: Option<SecureBoot>) -> Facts {
    let secure_boot = state.map_or_else(|| Fact::unknown("no efivars"), |state| Fact::known(state, "efivars"));
    Facts { secure_boot, ..ubuntu("24.04") }
}

fn with_grace(seconds: &str) -> BTreeMap<String, Rule> {
    let nodes =
        BTreeMap::from([("Value".to_owned(), "true".to_owned()), ("GracePeriod".to_owned(), seconds.to_owned())]);
    BTreeMap::from([("secureboot_required".to_owned(), Rule::read("secureboot_required", &nodes).unwrap())])
}

#[test]
fn a_failure_counts_once_its_grace_period_is_over() {
    let rules = with_grace("100");
    let off = facts(Some(SecureBoot::Off));
    let first = evaluate(&rules, &off, &Report::default(), NOW);
    assert_eq!(first.overall, State::InGrace { until: NOW + 100 });
    let second = evaluate(&rules, &off, &first, NOW + 99);
    assert_eq!((second.overall, second.verdicts[0].since), (State::InGrace { until: NOW + 100 }, NOW));
    let third = evaluate(&rules, &off, &second, NOW + 100);
    assert_eq!((third.overall, third.verdicts[0].since), (State::NotCompliant, NOW + 100));
    let mended = evaluate(&rules, &facts(Some(SecureBoot::On)), &third, NOW + 200);
    assert_eq!((mended.overall, mended.verdicts[0].failing_since), (State::Compliant, None));
    let again = evaluate(&rules, &off, &mended, NOW + 300);
    assert_eq!(again.overall, State::InGrace { until: NOW + 400 }, "a new failure, a new period");
}

#[test]
fn hiding_a_failure_does_not_begin_a_new_grace_period() {
    let rules = with_grace("100");
    let off = facts(Some(SecureBoot::Off));
    let first = evaluate(&rules, &off, &Report::default(), NOW);
    let hidden = evaluate(&rules, &facts(None), &first, NOW + 50);
    assert_eq!(hidden.overall, State::CannotTell);
    assert_eq!(evaluate(&rules, &off, &hidden, NOW + 100).overall, State::NotCompliant);
}

#[test]
fn a_clock_that_is_set_back_does_not_lengthen_grace() {
    let rules = with_grace("100");
    let off = facts(Some(SecureBoot::Off));
    let first = evaluate(&rules, &off, &Report::default(), NOW);
    let back = evaluate(&rules, &off, &first, NOW - 1_000);
    assert_eq!(back.overall, State::InGrace { until: NOW - 900 });
    assert!(back.verdicts[0].since <= NOW - 1_000);
}

#[test]
fn the_worst_state_is_the_state_of_all() {
    let all = [State::Compliant, State::InGrace { until: 1 }, State::CannotTell, State::NotCompliant];
    let mut rules = with_grace("100");
    rules.extend(super::rules(&[("tpm_required", "true")]));
    let facts = facts(Some(SecureBoot::Off));
    assert_eq!(evaluate(&rules, &facts, &Report::default(), NOW).overall, State::CannotTell, "no TPM was looked for");
    assert_eq!(all.map(State::as_str), ["compliant", "in grace", "cannot tell", "not compliant"]);
}

#[test]
fn reports_survive_storage_and_are_bounded_on_the_wire() {
    let mut facts = ubuntu(&"9".repeat(5_000));
    facts.gathered_at = NOW - 5;
    let rules = super::rules(&[("linux_distribution_alloweddistros", r#"[{"type":"debian"}]"#)]);
    let report = evaluate(&rules, &facts, &Report::default(), NOW);
    let stored = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&stored).unwrap(), report);
    let facts_stored = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&facts_stored).unwrap(), facts);
    assert_eq!(report.verdicts[0].actual.chars().count(), 256);
    let document: serde_json::Value = serde_json::from_str(&report_document(&report)).unwrap();
    assert_eq!(document["overall"], "not compliant");
    assert_eq!(document["verdicts"][0]["checkedAt"], NOW - 5, "a verdict is as old as what was looked at");
    let grace = evaluate(&with_grace("10"), &self::facts(Some(SecureBoot::Off)), &Report::default(), NOW);
    let document: serde_json::Value = serde_json::from_str(&report_document(&grace)).unwrap();
    assert_eq!(document["until"], NOW + 10);
}

#[test]
fn a_report_that_is_too_long_keeps_what_is_worst() {
    let mut report = evaluate(&with_grace("0"), &facts(Some(SecureBoot::On)), &Report::default(), NOW);
    let mut long = report.verdicts.remove(0);
    long.evidence = "ä\"".repeat(256);
    report.verdicts = vec![long.clone(); 1000];
    report.verdicts.push(super::super::Verdict { id: "worst".to_owned(), state: State::NotCompliant, ..long });
    let text = report_document(&report);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(text.len() < (256 << 10) + 200);
    assert_eq!(document["verdicts"][0]["id"], "worst");
    let kept = document["verdicts"].as_array().unwrap().len();
    assert_eq!(document["leftOut"], 1001 - kept);
    assert!(kept > 100);
}
