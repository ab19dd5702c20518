//! Messages that break the protocol as a whole: refused with a name, and nothing kept.

use mdm_protocol::syncml::{Header, Message};

use crate::engine::failure::{SessionFailure, Violation};
use crate::engine::session::SessionEnd;
use crate::engine::testing::{Talk, add, atomic, config, context, ok, sequence, status};

#[test]
fn two_commands_with_one_number_end_the_session_and_nothing_is_kept() {
    let first = || add("1", &config("A"), "1");
    for commands in [
        vec![first(), add("1", &config("B"), "1")],
        vec![first(), atomic("2", vec![add("1", &config("B"), "1")])],
        vec![first(), atomic("1", vec![])],
        vec![atomic("2", vec![first()]), sequence("3", vec![add("1", &config("B"), "1")])],
        vec![first(), status("1", 1, "1", "Alert", 200)],
    ] {
        let mut talk = Talk::begin();
        talk.say(commands);
        assert_eq!(talk.end, failed(Violation::DuplicateCommandId("1".to_owned())));
        assert_eq!(talk.failure(), "protocol-violation");
        assert!(talk.kept.is_empty());
    }
}

#[test]
fn numbers_may_be_used_again_in_another_message() {
    let mut talk = Talk::begin();
    talk.say([add("1", &config("A"), "1")]);
    talk.say([add("1", &config("B"), "1")]);
    assert_eq!(talk.code("1"), 200);
}

#[test]
fn groups_may_be_four_deep_and_not_deeper() {
    let nested = |depth: usize| {
        (0..depth).fold(add("a", &config("A"), "1"), |inside, level| sequence(&format!("s{level}"), vec![inside]))
    };
    let mut talk = Talk::begin();
    talk.say([nested(4)]);
    assert_eq!(talk.code("a"), 200);
    let mut talk = Talk::begin();
    talk.say([nested(5)]);
    assert_eq!(talk.end, failed(Violation::NestedTooDeep(4)));
    assert!(talk.kept.is_empty());
}

#[test]
fn a_message_of_another_session_is_refused() {
    let mut talk = Talk::begin();
    let header = Header { session_id: "8".to_owned(), message_id: 1, ..Header::default() };
    let message = Message { header, commands: vec![add("1", &config("A"), "1")], is_final: true };
    talk.answer(&ok(message.encode()));
    assert_eq!(talk.end, failed(Violation::ForeignSession("8".to_owned())));
    assert!(talk.kept.is_empty());
}

#[test]
fn a_duplicate_number_in_a_later_message_does_not_touch_what_was_kept_before() {
    let mut talk = Talk::begin_with(context(), &crate::engine::profile::Stored::default());
    talk.say([add("1", &config("A"), "1")]);
    talk.say([add("1", &config("B"), "1"), add("1", &config("C"), "1")]);
    assert_eq!(talk.failure(), "protocol-violation");
    assert_eq!(talk.kept.len(), 1);
    let tree = talk.session.tree();
    let exists = |name: &str| tree.get(&mdm_protocol::LocUri::parse(&config(name)).unwrap()).is_ok();
    assert_eq!([exists("A"), exists("B"), exists("C")], [true, false, false]);
}

fn failed(violation: Violation) -> Option<SessionEnd> {
    Some(SessionEnd::Failed(SessionFailure::Violation(violation)))
}
