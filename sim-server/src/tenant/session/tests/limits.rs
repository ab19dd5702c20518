//! What a device, or an administrator, cannot make the server keep.

use mdm_protocol::syncml::{AlertCode, Item, Meta, StatusCode};

use crate::tenant::test_support::*;
use crate::tenant::{AdminError, CommandState, SessionRefusal};

#[test]
fn no_reply_is_huge_whatever_the_device_says_it_can_take() {
    let mut talker = Talker::new();
    talker.meta = Meta { max_message_size: Some(u64::MAX), ..Meta::default() };
    for name in ["a", "b", "c"] {
        let node = format!("./Vendor/MSFT/WiFi/Profile/{name}/WlanXml");
        talker.profile(name, &fragment("Replace", &node, &"x".repeat(600_000)));
    }
    let reply = talker.begin(Vec::new()).unwrap();
    assert!(reply.encode().len() <= 1 << 20);
    assert_eq!(talker.go_on(Some(reply), |_| StatusCode::OK).len(), 3);
}

#[test]
fn a_header_that_every_reply_would_repeat_must_be_short() {
    let mut talker = Talker::new();
    let bytes = String::from_utf8(talker.unfinished(Vec::new())).unwrap();
    let long = "x".repeat(3000);
    for (element, what) in [("SessionID", "0"), ("LocURI", "https://server/ManagementServer/MDM.svc")] {
        let element = |text: &str| format!("<{element}>{text}</{element}>");
        assert!(bytes.contains(&element(what)));
        let refusal = talker.raw(bytes.replace(&element(what), &element(&long)).as_bytes()).unwrap_err();
        assert!(matches!(refusal, SessionRefusal::TooLong { .. }), "{refusal}");
    }
}

#[test]
fn sessions_that_broke_off_are_forgotten_and_their_commands_are_not() {
    let mut talker = Talker::new();
    enrol(&mut talker.tenant, "device-2");
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", ""), NOW).unwrap();
    talker.begin(Vec::new()).unwrap();
    assert_eq!(talker.tenant.sessions.len(), 1);
    talker.now += 1000;
    talker.tenant.drop_idle_sessions(talker.now);
    assert!(talker.tenant.sessions.is_empty());
    assert_eq!(talker.check_in().len(), 1);
}

#[test]
fn a_device_has_so_many_commands_waiting_and_so_many_remembered() {
    let mut talker = Talker::new();
    let get = fragment("Get", "./DevDetail/SwV", "");
    for _ in 0..500 {
        talker.tenant.queue_command("device-1", &get, NOW).unwrap();
    }
    let refusal = talker.tenant.queue_command("device-1", &get, NOW).unwrap_err();
    assert!(matches!(refusal, AdminError::Conflict(_)), "{refusal}");
    assert_eq!(talker.check_in().len(), 500);
    let last = talker.tenant.queue_command("device-1", &get, NOW).unwrap();
    let kept = talker.tenant.commands("device-1").unwrap();
    assert_eq!((kept.len(), kept.last().unwrap().id, kept[0].id), (100, last, 402));
    let gone = talker.tenant.take_changes().into_iter().filter(|change| change.value.is_none()).count();
    assert_eq!(gone, 401);
}

#[test]
fn a_device_cannot_fill_memory_or_store_with_answers() {
    let mut talker = Talker::new();
    let gets = fragment("Get", "./DevDetail/SwV", "").repeat(2);
    talker.tenant.queue_command("device-1", &format!("<Sequence>{gets}</Sequence>"), NOW).unwrap();
    let reply = talker.begin(Vec::new()).unwrap();
    let sequence = work(&reply).remove(0);
    let mdm_protocol::syncml::Command::Sequence(group) = &sequence else { panic!("no Sequence") };
    let mut long = status(&reply, &group.commands[0], StatusCode::OK);
    if let mdm_protocol::syncml::Command::Status(status) = &mut long {
        status.command = "x".repeat(5000);
    }
    let inner = status(&reply, &group.commands[1], StatusCode::OK);
    let answers = std::iter::once(long).chain(std::iter::repeat_n(inner, 11_000));
    let unfinished = talker.unfinished(answers.collect());
    talker.raw(&unfinished).unwrap();
    let outstanding = &talker.tenant.sessions["device-1"].outstanding;
    assert_eq!(outstanding.values().map(|sent| sent.answers.len()).collect::<Vec<_>>(), [10_000]);
    talker.send(vec![status(&reply, &sequence, StatusCode::OK)]);
    let command = talker.tenant.commands("device-1").unwrap().remove(0);
    assert_eq!((command.state, command.statuses.len(), command.truncated), (CommandState::Done, 10_000, true));
    assert_eq!(command.statuses[0].command.len(), 2048);
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    const SECRET: &str = "tell-nobody";
    let mut talker = Talker::new();
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", SECRET));
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", SECRET), NOW).unwrap();
    let reply = talker.begin(Vec::new()).unwrap();
    let get = work(&reply).remove(0);
    assert_eq!(reply.commands.iter().filter(|command| command.name() == "Replace").count(), 1);
    let result = results(&reply, &get, Item::source("./DevDetail/SwV").with_data(SECRET));
    // Unfinished, so that a session with its last reply stays.
    let more = talker.unfinished(vec![result, alert(AlertCode::CLIENT_INITIATED, Vec::new())]);
    let answer = talker.raw(&more).unwrap();
    let views = (talker.tenant.commands("device-1").unwrap(), talker.tenant.profile("wifi").unwrap());
    assert!(views.1.fragment.as_ref().unwrap().contains(SECRET));
    assert_eq!(views.0[0].results[0].data.as_deref(), Some(SECRET));
    let printed = format!("{:?} {answer:?} {views:?}", talker.tenant);
    assert!(!printed.contains(SECRET) && !printed.contains("shared secret"), "{printed}");
    let printed = format!("{:?}", talker.tenant.take_changes());
    assert!(!printed.contains(&format!("{:?}", SECRET.as_bytes()).replace(['[', ']'], "")));
}
