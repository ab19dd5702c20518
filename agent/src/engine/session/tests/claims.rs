//! A setting whose place is taken waits for it.

use mdm_protocol::syncml::StatusCode;

use crate::engine::session::SessionContext;
use crate::engine::testing::{Talk, atomic, config, context, delete, get, replace, stored_after};
use crate::engine::tree::Refusal;
use crate::engine::verdict::Verdict;

/// A session on a machine on which the place of one setting is taken.
fn taken(name: &str) -> Talk {
    let stored = stored_after(vec![replace("holder", &config("Holder"), "1")]);
    let mut talk = Talk::begin_with(context(), &stored);
    let refusal = Refusal::new(StatusCode::ALREADY_EXISTS);
    talk.verdicts = [(config(name), Verdict::Taken(refusal))].into();
    talk
}

#[test]
fn a_setting_whose_place_is_taken_is_applied_when_that_is_free_without_being_sent_again() {
    let mut talk = taken("A");
    talk.say([replace("a", &config("A"), "1"), get("read", &config("A"))]);
    assert_eq!([talk.code("a"), talk.code("read")], [418, 404]);
    let claims = talk.session.claims().to_vec();
    assert_eq!(claims.len(), 1);
    // In the next session it is tried again with the first message, and whenever something has changed.
    let mut talk = {
        let stored = stored_after(vec![replace("holder", &config("Holder"), "1")]);
        let mut next = Talk::begin_with(SessionContext { claims, ..context() }, &stored);
        next.verdicts.clone_from(&talk.verdicts);
        next
    };
    talk.say([get("before", &config("A"))]);
    assert_eq!(talk.code("before"), 404);
    talk.verdicts.clear();
    talk.say([delete("free", &config("Holder")), get("after", &config("A"))]);
    assert_eq!([talk.code("free"), talk.code("after")], [200, 200]);
    assert_eq!(talk.kept.last().unwrap().profiles.len(), 2, "one is removed, the other is stored");
    assert!(talk.session.claims().is_empty());
}

#[test]
fn a_setting_that_was_deleted_or_set_otherwise_waits_no_longer() {
    let mut talk = taken("A");
    talk.say([replace("a", &config("A"), "1"), delete("no", &config("A"))]);
    assert_eq!((talk.code("no"), talk.session.claims().len()), (404, 0), "there is nothing to be seen of it");
    talk.say([replace("a", &config("A"), "1"), replace("b", &config("A"), "2")]);
    let values: Vec<&str> = talk.session.claims().iter().map(|claim| claim.value.as_str()).collect();
    assert_eq!(values, ["2"]);
}

#[test]
fn what_falls_with_an_atomic_waits_for_nothing() {
    let mut talk = taken("A");
    talk.say([atomic("all", vec![replace("a", &config("A"), "1"), replace("b", &config("B"), "1")])]);
    assert_eq!(["all", "a", "b"].map(|command| talk.code(command)), [507, 418, 216]);
    assert!(talk.session.claims().is_empty());
    let secret = format!("{:?}", talk.session);
    assert!(!secret.contains("value: \"1\""));
}
