//! Messages that break the protocol: refused with a name where that is as a whole, else command by command.

use mdm_protocol::syncml::{Command, Header, Message};

use crate::engine::failure::{SessionFailure, Violation};
use crate::engine::session::SessionEnd;
use crate::engine::testing::{Talk, add, atomic, config, ok, sequence, status};

/// CmdRef, Cmd and code of each.
type Statuses = &'static [(&'static str, &'static str, u16)];

#[test]
fn a_number_that_was_used_before_refuses_its_command_and_no_other() {
    let first = || add("1", &config("A"), "1");
    let second = || add("1", &config("B"), "1");
    let cases: [(Vec<Command>, Statuses); 6] = [
        (vec![first(), second()], &[("1", "Add", 200), ("1", "Add", 400)]),
        (vec![first(), atomic("2", vec![second()])], &[("1", "Add", 200), ("2", "Atomic", 507), ("1", "Add", 400)]),
        (vec![first(), atomic("1", vec![])], &[("1", "Add", 200), ("1", "Atomic", 400)]),
        (
            vec![first(), sequence("1", vec![add("3", &config("B"), "1")])],
            &[("1", "Add", 200), ("1", "Sequence", 400), ("3", "Add", 400)],
        ),
        (
            vec![atomic("2", vec![first()]), sequence("3", vec![second()])],
            &[("2", "Atomic", 200), ("1", "Add", 200), ("3", "Sequence", 200), ("1", "Add", 400)],
        ),
        (vec![first(), status("1", 1, "1", "Alert", 200)], &[("1", "Add", 200)]),
    ];
    for (commands, expected) in cases {
        let mut talk = Talk::begin();
        talk.say(commands);
        assert_eq!((&talk.statuses()[1..], &talk.end), (expected, &None));
        let kept = talk.kept.iter().flat_map(|changes| changes.profiles.keys());
        assert_eq!(kept.collect::<Vec<_>>(), [&config("A")]);
    }
}

#[test]
fn an_alert_without_a_code_is_refused_by_itself() {
    let mut talk = Talk::begin();
    for data in ["", "<Data/>", "<Data>soon</Data>"] {
        let id = talk.session.context().session_id;
        let message = format!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>{id}</SessionID><MsgID>1</MsgID></SyncHdr><SyncBody><Alert><CmdID>5</CmdID>{data}</Alert>\
             <Get><CmdID>6</CmdID><Item><Target><LocURI>./DevInfo/DevId</LocURI></Target></Item></Get></SyncBody></SyncML>"
        );
        talk.answer(&ok(message));
        assert_eq!(talk.statuses()[1..], [("5", "Alert", 400), ("6", "Get", 200)], "{data}");
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

fn failed(violation: Violation) -> Option<SessionEnd> {
    Some(SessionEnd::Failed(SessionFailure::Violation(violation)))
}
