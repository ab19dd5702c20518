//! The last answer of a session.

use mdm_protocol::syncml::{AlertCode, Command, Item, StatusCode};

use crate::tenant::test_support::*;
use crate::tenant::{CommandState, EndOfSession, Reply, SessionOutcome, SettingsPatch};

fn talker(end_of_session: EndOfSession) -> Talker {
    let mut talker = Talker::new();
    change(&mut talker.tenant, SettingsPatch { end_of_session: Some(end_of_session), ..SettingsPatch::default() });
    talker
}

fn outcome(talker: &Talker) -> SessionOutcome {
    talker.tenant.device_view("device-1").unwrap().summary.last_session.unwrap().outcome
}

#[test]
fn with_the_empty_ending_a_session_without_work_ends_at_once() {
    let mut talker = talker(EndOfSession::Empty);
    assert_eq!(talker.begin(Vec::new()), None);
    assert_eq!(outcome(&talker), SessionOutcome::Completed);
}

#[test]
fn a_package_of_statuses_and_results_is_acknowledged_or_answered_empty_as_it_is_set() {
    for (setting, expected) in
        [(EndOfSession::Status, Some(vec![("SyncHdr".to_owned(), 200)])), (EndOfSession::Empty, None)]
    {
        let mut talker = talker(setting);
        talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", ""), NOW).unwrap();
        let reply = talker.begin(Vec::new()).unwrap();
        let get = work(&reply).remove(0);
        let result = results(&reply, &get, Item::source("./DevDetail/SwV").with_data("12"));
        let end = talker.send(vec![status(&reply, &get, StatusCode::OK), result]);
        assert_eq!(end.as_ref().map(names_and_codes), expected);
        assert!(
            end.is_none_or(|end| end.is_final && (end.header.message_id, end.header.session_id) == (2, "1".into()))
        );
        assert_eq!(outcome(&talker), SessionOutcome::Completed);
        let command = talker.tenant.commands("device-1").unwrap().remove(0);
        assert_eq!((command.state, command.statuses[0].code), (CommandState::Done, 200));
        let result = &command.results[0];
        assert_eq!((result.uri.as_str(), result.data.as_deref()), ("./DevDetail/SwV", Some("12")));
    }
}

#[test]
fn an_aborted_session_is_noted_and_acknowledged_or_answered_empty_as_it_is_set() {
    let acknowledged = vec![("SyncHdr".to_owned(), 200), ("Alert".to_owned(), 200)];
    for (setting, expected) in [(EndOfSession::Status, Some(acknowledged)), (EndOfSession::Empty, None)] {
        let mut talker = talker(setting);
        talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
        talker.begin(Vec::new()).unwrap();
        let end = talker.send(vec![alert(AlertCode::SESSION_ABORT, Vec::new())]);
        assert_eq!(end.as_ref().map(names_and_codes), expected);
        assert_eq!(outcome(&talker), SessionOutcome::Aborted);
        assert_eq!(work(&talker.begin(Vec::new()).unwrap()).len(), 1);
    }
}

#[test]
fn the_last_answer_is_repeated_for_a_device_that_did_not_get_it() {
    for setting in [EndOfSession::Status, EndOfSession::Empty] {
        let mut talker = talker(setting);
        talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", ""), NOW).unwrap();
        let reply = talker.begin(Vec::new()).unwrap();
        talker.message += 1;
        let mut answer = status(&reply, &work(&reply)[0], StatusCode::OK);
        answer.set_id(1.into());
        let bytes = talker.bytes(vec![answer]);
        let end = talker.raw(&bytes).unwrap();
        assert_eq!(matches!(end, Reply::Empty), setting == EndOfSession::Empty);
        let before = talker.tenant.device_view("device-1").unwrap();
        assert_eq!(talker.raw(&bytes).unwrap(), end);
        assert_eq!(talker.tenant.device_view("device-1").unwrap(), before);
    }
}

#[test]
fn a_device_that_acknowledges_the_end_is_not_answered_for_ever() {
    let mut talker = talker(EndOfSession::Status);
    let end = talker.begin(Vec::new()).unwrap();
    let mut header = alert(AlertCode::NEXT_MESSAGE, Vec::new());
    header.set_id("0".into());
    let acknowledged = status(&end, &header, StatusCode::OK);
    assert_eq!(talker.send(vec![acknowledged.clone()]), None);
    assert_eq!(talker.send(vec![acknowledged]), None);
    assert_eq!(outcome(&talker), SessionOutcome::Completed);
    // Whoever has something to say begins anew.
    assert!(is_end(talker.begin(Vec::new()).as_ref()));
}

fn names_and_codes(message: &mdm_protocol::syncml::Message) -> Vec<(String, u16)> {
    assert!(message.commands.iter().all(|command| matches!(command, Command::Status(_))));
    statuses(message).into_iter().map(|(name, _, code)| (name.to_owned(), code)).collect()
}
