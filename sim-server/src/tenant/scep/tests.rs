//! Decisions about SCEP requests, without any cryptography.

use super::*;
use crate::tenant::SettingsPatch;

const NOW: i64 = 1_800_000_000;

#[test]
fn a_challenge_is_good_for_one_transaction_and_one_hour() {
    let mut tenant = Tenant::default();
    let challenge = Secret::new("once");
    assert_eq!(tenant.add_scep_challenge(&challenge, NOW), NOW + 3600);
    assert_eq!(tenant.scep_apply(&application("a", Some("twice")), NOW), ScepVerdict::Refuse(ScepRefusal::Challenge));
    assert_eq!(tenant.scep_apply(&application("a", None), NOW), ScepVerdict::Refuse(ScepRefusal::Challenge));
    assert_eq!(tenant.scep_apply(&application("a", Some("once")), NOW), ScepVerdict::Issue(b"request a".to_vec()));
    assert_eq!(tenant.scep_apply(&application("b", Some("once")), NOW), ScepVerdict::Refuse(ScepRefusal::Challenge));
    tenant.add_scep_challenge(&challenge, NOW);
    let late = tenant.scep_apply(&application("b", Some("once")), NOW + 3600);
    assert_eq!(late, ScepVerdict::Refuse(ScepRefusal::Challenge));
}

#[test]
fn the_same_transaction_gets_the_same_certificate_for_the_same_key_only() {
    let mut tenant = Tenant::default();
    tenant.add_scep_challenge(&Secret::new("once"), NOW);
    tenant.scep_apply(&application("a", Some("once")), NOW);
    tenant.scep_issued("a", b"certificate");
    let again = ScepVerdict::Issued(b"certificate".to_vec());
    assert_eq!(tenant.scep_apply(&application("a", Some("once")), NOW), again);
    assert_eq!(tenant.scep_poll(&poll("a")), again);
    let mut stranger = application("a", Some("once"));
    stranger.key = "another key".to_owned();
    stranger.new_key = "another key".to_owned();
    assert_eq!(tenant.scep_apply(&stranger, NOW), ScepVerdict::Refuse(ScepRefusal::Request));
    assert_eq!(tenant.scep_poll(&poll("b")), ScepVerdict::Refuse(ScepRefusal::Transaction));
}

#[test]
fn what_waits_is_decided_by_an_administrator_once() {
    let mut tenant = tenant(ScepMode::Manual);
    for transaction in ["a", "b"] {
        assert_eq!(tenant.scep_apply(&application(transaction, None), NOW), ScepVerdict::Pending);
        assert_eq!(tenant.scep_poll(&poll(transaction)), ScepVerdict::Pending);
    }
    assert_eq!(tenant.decide_scep_request("a", true).unwrap().state, ScepRequestState::Approved);
    assert_eq!(tenant.decide_scep_request("b", false).unwrap().state, ScepRequestState::Rejected);
    assert_eq!(tenant.scep_poll(&poll("a")), ScepVerdict::Issue(b"request a".to_vec()));
    assert_eq!(tenant.scep_poll(&poll("b")), ScepVerdict::Refuse(ScepRefusal::Rejected));
    assert!(matches!(tenant.decide_scep_request("a", true), Err(AdminError::Conflict(_))));
    assert!(matches!(tenant.decide_scep_request("c", true), Err(AdminError::NotFound(_))));
}

#[test]
fn nothing_is_ever_issued_in_the_mode_for_that() {
    let mut tenant = tenant(ScepMode::Never);
    assert_eq!(tenant.scep_apply(&application("a", None), NOW), ScepVerdict::Pending);
    tenant.decide_scep_request("a", true).unwrap();
    assert_eq!(tenant.scep_poll(&poll("a")), ScepVerdict::Pending);
}

#[test]
fn whoever_holds_a_certificate_gets_one_for_another_key_without_a_challenge() {
    let mut tenant = Tenant::default();
    tenant.add_scep_challenge(&Secret::new("once"), NOW);
    tenant.scep_apply(&application("a", Some("once")), NOW);
    tenant.scep_issued("a", b"certificate");
    let rekey = |transaction: &str, holder: &[u8]| ScepApplication {
        new_key: "new key".to_owned(),
        holder: Some(holder.to_vec()),
        ..application(transaction, None)
    };
    let refused = ScepVerdict::Refuse(ScepRefusal::Holder);
    assert_eq!(tenant.scep_apply(&rekey("b", b"another certificate"), NOW), refused);
    assert_eq!(tenant.scep_apply(&rekey("b", b"certificate"), NOW), ScepVerdict::Issue(b"request b".to_vec()));
    // It is the old key that polls.
    assert_eq!(tenant.scep_poll(&poll("b")), ScepVerdict::Issue(b"request b".to_vec()));
    let other = ScepApplication { new_key: "a third".to_owned(), ..rekey("b", b"certificate") };
    assert_eq!(tenant.scep_apply(&other, NOW), ScepVerdict::Refuse(ScepRefusal::Request));
    let patch = SettingsPatch { scep: Some(ScepMode::Manual), ..SettingsPatch::default() };
    tenant.change_settings(patch, NOW).unwrap();
    assert_eq!(tenant.scep_apply(&rekey("c", b"certificate"), NOW), ScepVerdict::Pending);
}

#[test]
fn requests_and_challenges_outlast_a_restart() {
    let mut tenant = tenant(ScepMode::Manual);
    tenant.scep_apply(&application("a", None), NOW);
    tenant.add_scep_challenge(&Secret::new("once"), NOW);
    let records = tenant.take_changes().into_iter().filter_map(|change| Some((change.key, change.value?)));
    let mut restored = Tenant::restore(records).unwrap();
    assert_eq!(restored.scep_requests(), tenant.scep_requests());
    let patch = SettingsPatch { scep: Some(ScepMode::Challenge), ..SettingsPatch::default() };
    restored.change_settings(patch, NOW).unwrap();
    assert!(matches!(restored.scep_apply(&application("b", Some("once")), NOW), ScepVerdict::Issue(_)));
}

#[test]
fn only_so_many_requests_are_remembered_and_no_odd_name_is() {
    let mut tenant = tenant(ScepMode::Manual);
    for number in 0..MAX_REQUESTS {
        assert_eq!(tenant.scep_apply(&application(&number.to_string(), None), NOW), ScepVerdict::Pending);
    }
    let refused = ScepVerdict::Refuse(ScepRefusal::Request);
    assert_eq!(tenant.scep_apply(&application("one more", None), NOW), refused);
    tenant.decide_scep_request("7", false).unwrap();
    assert_eq!(tenant.scep_apply(&application("one more", None), NOW), ScepVerdict::Pending);
    assert_eq!(tenant.scep_requests().len(), MAX_REQUESTS);
    for name in ["", "..", "a/b", &"x".repeat(129)] {
        assert_eq!(tenant.scep_apply(&application(name, None), NOW), refused);
    }
}

fn tenant(mode: ScepMode) -> Tenant {
    let mut tenant = Tenant::default();
    tenant.change_settings(SettingsPatch { scep: Some(mode), ..SettingsPatch::default() }, NOW).unwrap();
    tenant
}

fn application(transaction: &str, challenge: Option<&str>) -> ScepApplication {
    ScepApplication {
        transaction: transaction.to_owned(),
        key: "key".to_owned(),
        new_key: "key".to_owned(),
        holder: None,
        subject: "CN=ada".to_owned(),
        challenge: challenge.map(Secret::new),
        request: format!("request {transaction}").into_bytes(),
    }
}

fn poll(transaction: &str) -> ScepPoll {
    ScepPoll { transaction: transaction.to_owned(), key: "key".to_owned() }
}
