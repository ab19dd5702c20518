//! How sessions end.

use mdm_protocol::syncml::{Header, Message};

use crate::engine::failure::SessionFailure;
use crate::engine::profile::Stored;
use crate::engine::session::{SessionContext, SessionEnd};
use crate::engine::testing::{PROVIDER, Talk, add, alert, config, context, exec, get, ok, status};

#[test]
fn an_empty_body_ends_the_session() {
    let mut talk = Talk::begin();
    talk.say([get("g", "./DevInfo/DevId")]);
    talk.answer(&ok(""));
    assert_eq!(talk.end, Some(SessionEnd::Completed));
}

#[test]
fn an_empty_body_to_the_first_message_confirms_nothing() {
    let mut talk = Talk::begin();
    talk.answer(&ok(""));
    assert_eq!(talk.end, Some(SessionEnd::Failed(SessionFailure::Unanswered)));
    let mut farewell = Talk::begin_with(SessionContext { farewell: true, ..context() }, &Stored::default());
    farewell.answer(&ok(""));
    assert_eq!(farewell.end, Some(SessionEnd::Completed), "nothing is to be confirmed by then");
}

#[test]
fn a_message_of_statuses_alone_ends_the_session() {
    let mut talk = Talk::begin();
    talk.say([status("1", 1, "1", "Alert", 200), status("2", 1, "3", "Replace", 500)]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
    assert_eq!(talk.session.tally().rounds, 1);
}

#[test]
fn a_message_without_any_command_ends_the_session() {
    let mut talk = Talk::begin();
    talk.say_only([]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
}

#[test]
fn a_command_among_statuses_is_answered() {
    let mut talk = Talk::begin();
    talk.say([status("1", 1, "1", "Alert", 200), add("hidden", &config("A"), "1"), status("2", 1, "2", "Alert", 200)]);
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("hidden", "Add", 200)]);
    assert_eq!(talk.end, None);
}

#[test]
fn the_device_waits_for_the_next_message_even_if_it_could_only_refuse() {
    let mut talk = Talk::begin();
    talk.say([get("g", "./Nowhere")]);
    assert_eq!((talk.code("g"), &talk.end), (404, &None));
    talk.say([]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
}

#[test]
fn the_servers_abort_ends_the_session_and_undoes_what_came_with_it() {
    let mut talk = Talk::begin();
    talk.say([add("a", &config("A"), "1"), alert("x", 1223)]);
    assert_eq!(talk.end, Some(SessionEnd::Failed(SessionFailure::Aborted)));
    assert!(talk.kept.is_empty());
    assert_eq!(talk.session.tree().changes(0), crate::engine::Changes::default());
}

#[test]
fn a_message_without_final_is_complete_all_the_same() {
    let mut talk = Talk::begin();
    let header = Header { session_id: "7".to_owned(), message_id: 1, ..Header::default() };
    let message = Message { header, commands: vec![get("g", "./DevInfo/DevId")], is_final: false };
    talk.answer(&ok(message.encode()));
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("g", "Get", 200)]);
    assert_eq!(talk.alerts(), []);
}

#[test]
fn a_session_that_never_ends_is_ended_and_what_was_acknowledged_stays() {
    let mut talk = Talk::begin();
    let mut answers = 0;
    while talk.end.is_none() {
        talk.say([add("a", &config(&format!("N{answers}")), "1")]);
        answers += 1;
    }
    assert_eq!(answers, 200);
    assert_eq!(talk.end, Some(SessionEnd::Failed(SessionFailure::Endless { limit: 200 })));
    assert_eq!(talk.session.tally().rounds, 200);
    assert_eq!(talk.kept.len(), 200);
}

#[test]
fn unenrolment_by_the_server_ends_the_session_without_an_answer() {
    for (address, data) in [
        (format!("{PROVIDER}/Unenroll"), "Contoso"),
        (format!("{PROVIDER}/Unenroll"), " Contoso "),
        (format!("{PROVIDER}/Unenroll"), ""),
        ("./Vendor/MSFT/DMClient/Unenroll".to_owned(), "Contoso"),
        ("./device/vendor/msft/dmclient/unenroll".to_owned(), ""),
    ] {
        let mut talk = Talk::begin();
        talk.say([exec("x", &address, data)]);
        assert_eq!(talk.end, Some(SessionEnd::Unenrolled), "{address} {data:?}");
        assert_eq!(talk.session.tally().rounds, 1);
    }
}

#[test]
fn unenrolment_of_another_account_is_refused() {
    for (address, data) in [
        (format!("{PROVIDER}/Unenroll"), "Other"),
        (format!("{PROVIDER}2/Unenroll"), ""),
        (format!("{PROVIDER}2/Unenroll"), "Contoso"),
        ("./Vendor/MSFT/DMClient/Unenroll".to_owned(), "contoso"),
    ] {
        let mut talk = Talk::begin();
        talk.say([exec("x", &address, data)]);
        assert_eq!((talk.code("x"), &talk.end), (404, &None), "{address} {data:?}");
    }
}

#[test]
fn what_came_before_an_unenrolment_is_kept_first() {
    let mut talk = Talk::begin();
    talk.say([add("a", &config("A"), "1"), exec("x", &format!("{PROVIDER}/Unenroll"), "Contoso")]);
    assert_eq!(talk.kept.len(), 1);
    assert_eq!(talk.end, Some(SessionEnd::Unenrolled));
}

#[test]
fn a_farewell_ends_with_the_first_answer_and_runs_no_command() {
    let mut talk = Talk::begin_with(SessionContext { farewell: true, ..context() }, &Stored::default());
    talk.say([add("a", &config("A"), "1")]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
    assert!(talk.kept.is_empty());
}
