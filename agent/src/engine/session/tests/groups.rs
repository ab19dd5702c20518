//! Atomic is all or nothing, Sequence goes on.

use mdm_protocol::syncml::{Command, Unrecognised};

use crate::engine::session::SessionEnd;
use crate::engine::testing::{
    PROVIDER, Talk, add, atomic, config, context, delete, exec, get, piece, replace, sequence, stored_after,
};

#[test]
fn an_atomic_that_succeeds_is_answered_before_its_children_and_kept_as_one() {
    let mut talk = Talk::begin();
    talk.say([atomic("a", vec![add("1", &config("A"), "1"), add("2", &config("B"), "2")]), get("g", "./DevInfo/Man")]);
    assert_eq!(
        talk.statuses(),
        [("0", "SyncHdr", 200), ("a", "Atomic", 200), ("1", "Add", 200), ("2", "Add", 200), ("g", "Get", 200)]
    );
    assert_eq!(talk.kept.len(), 1);
    assert_eq!(talk.kept[0].profiles.len(), 2);
}

#[test]
fn an_atomic_that_fails_in_the_middle_is_undone_and_says_what_became_of_each_command() {
    let stored = stored_after(vec![add("a", &config("Old"), "old")]);
    let mut talk = Talk::begin_with(context(), &stored);
    talk.say([atomic(
        "a",
        vec![
            replace("1", &config("Old"), "new"),
            add("2", &config("New"), "1"),
            delete("3", &config("Old")),
            add("4", "./DevInfo/DevId", "x"),
            add("5", &config("Never"), "1"),
            get("6", &config("Old")),
        ],
    )]);
    assert_eq!(
        talk.statuses(),
        [
            ("0", "SyncHdr", 200),
            ("a", "Atomic", 507),
            ("1", "Replace", 216),
            ("2", "Add", 216),
            ("3", "Delete", 216),
            ("4", "Add", 405),
            ("5", "Add", 215),
            ("6", "Get", 215),
        ]
    );
    assert!(talk.kept.is_empty());
    talk.say([get("old", &config("Old")), get("new", &config("New"))]);
    assert_eq!([talk.code("old"), talk.code("new")], [200, 404]);
    assert_eq!(talk.results(), [(config("Old"), Some("old".to_owned()))]);
}

#[test]
fn what_came_before_a_failing_atomic_stays() {
    let mut talk = Talk::begin();
    talk.say([
        add("before", &config("Before"), "1"),
        atomic("a", vec![replace("1", &config("Before"), "2"), add("2", &config("Before"), "3")]),
        add("after", &config("After"), "1"),
    ]);
    assert_eq!([talk.code("before"), talk.code("a"), talk.code("after")], [200, 507, 200]);
    let values: Vec<&str> =
        talk.kept[0].profiles.values().flatten().map(|profile| profile.nodes[""].value.as_str()).collect();
    assert_eq!(values, ["1", "1"]);
}

#[test]
fn a_group_a_get_or_an_unknown_element_inside_an_atomic_makes_it_fail() {
    let unknown = Command::Unrecognised(Unrecognised { id: "x".into(), name: "Copy".to_owned() });
    for (inside, code) in [
        (atomic("x", vec![add("y", &config("B"), "1")]), 500),
        (sequence("x", vec![add("y", &config("B"), "1")]), 500),
        (get("x", "./DevInfo/DevId"), 500),
        (unknown, 400),
        (piece("x", &config("B"), "part", Some(10), true), 406),
    ] {
        let mut talk = Talk::begin();
        talk.say([atomic("a", vec![add("1", &config("A"), "1"), inside, add("2", &config("C"), "1")])]);
        assert_eq!([talk.code("a"), talk.code("1"), talk.code("x"), talk.code("2")], [507, 216, code, 215]);
        assert!(talk.kept.is_empty() && talk.results().is_empty());
    }
}

#[test]
fn an_atomic_without_a_number_runs_nothing() {
    let mut talk = Talk::begin();
    talk.say([atomic("", vec![add("1", &config("A"), "1")])]);
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("", "Atomic", 400), ("1", "Add", 215)]);
    assert!(talk.kept.is_empty());
}

#[test]
fn an_empty_atomic_succeeds() {
    let mut talk = Talk::begin();
    talk.say([atomic("a", Vec::new())]);
    assert_eq!(talk.code("a"), 200);
}

#[test]
fn an_unenrolment_inside_a_failing_atomic_does_not_end_the_enrolment() {
    let unenroll = format!("{PROVIDER}/Unenroll");
    let mut talk = Talk::begin();
    talk.say([atomic("a", vec![exec("1", &unenroll, "Contoso"), add("2", "./DevInfo/DevId", "x")])]);
    assert_eq!([talk.code("a"), talk.code("1"), talk.code("2")], [507, 216, 405]);
    talk.say([]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
}

#[test]
fn an_unenrolment_inside_an_atomic_that_succeeds_ends_it() {
    let mut talk = Talk::begin();
    talk.say([atomic("a", vec![exec("1", &format!("{PROVIDER}/Unenroll"), "Contoso")])]);
    assert_eq!(talk.end, Some(SessionEnd::Unenrolled));
}

#[test]
fn a_sequence_goes_on_after_a_failure_and_may_hold_an_atomic() {
    let mut talk = Talk::begin();
    talk.say([sequence(
        "s",
        vec![
            add("1", "./DevInfo/DevId", "x"),
            add("2", &config("A"), "1"),
            atomic("3", vec![add("4", &config("B"), "1"), add("5", &config("A"), "1")]),
            get("6", &config("A")),
        ],
    )]);
    let codes: Vec<(&str, u16)> = talk.statuses().into_iter().map(|(id, _, code)| (id, code)).collect();
    assert_eq!(codes, [("0", 200), ("s", 200), ("1", 405), ("2", 200), ("3", 507), ("4", 216), ("5", 418), ("6", 200)]);
    assert_eq!(talk.kept[0].profiles.keys().collect::<Vec<_>>(), [&config("A")]);
}

#[test]
fn a_sequence_without_a_number_runs_nothing() {
    let mut talk = Talk::begin();
    talk.say([sequence("", vec![add("1", &config("A"), "1")])]);
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("", "Sequence", 400)]);
    assert!(talk.kept.is_empty());
}
