//! The rules of a session's course, each broken once.

use mdm_protocol::syncml::{Message, StatusCode};

use crate::tenant::test_support::*;
use crate::tenant::{MessageAuthentication, Reply, SessionRefusal, SettingsPatch};

/// The refusal of a session's messages, each with something replaced; `None` where all are accepted.
fn refusal(changes: &[(&str, &str)]) -> Option<String> {
    let mut talker = Talker::new();
    talker.tenant.queue_command("device-1", &fragment("Get", "./DevDetail/SwV", ""), NOW).unwrap();
    talker.session = 1;
    let mut reply = None;
    for (number, (from, to)) in (1_u32..).zip(changes) {
        talker.message = number;
        let mut commands = match &reply {
            None => talker.package_one(),
            Some(reply) => work(reply).iter().map(|get| status(reply, get, StatusCode::OK)).collect(),
        };
        commands.iter_mut().zip(1_u32..).for_each(|(command, number)| command.set_id(number.into()));
        let text = String::from_utf8(talker.bytes(commands)).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        match talker.raw(text.replacen(from, to, 1).as_bytes()) {
            Ok(Reply::Message(text)) => reply = Some(Message::decode(text.as_bytes()).unwrap()),
            Ok(Reply::Empty) => return None,
            Err(SessionRefusal::NotConforming(violation)) => return Some(violation.to_string()),
            Err(other) => panic!("{other}"),
        }
    }
    None
}

#[test]
fn what_is_wrong_with_the_course_of_a_session_is_said_with_its_rule() {
    const NONE: (&str, &str) = ("<SyncML", "<SyncML");
    assert_eq!(refusal(&[NONE, NONE]), None);
    let device_id = "<Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>device-1</Data></Item>";
    for (changes, expected) in [
        (vec![("<MsgID>1<", "<MsgID>2<")], "the first message of the session has the MsgID 2"),
        (vec![("<Data>1201<", "<Data>1224<")], "the first message has 0 alerts 1200 and 1201"),
        (vec![(device_id, "")], "no Replace of ./DevInfo/DevId"),
        (vec![("<Data>device-1<", "<Data>another<")], "./DevInfo/DevId is \"another\""),
        (vec![NONE, ("<MsgID>2<", "<MsgID>3<")], "the message after MsgID 1 has the MsgID 3"),
        (vec![NONE, ("<SessionID>1<", "<SessionID>2<")], "the first message of the session has the MsgID 2"),
        (vec![NONE, ("<CmdRef>0<", "<CmdRef>9<")], "does not begin with a Status for the SyncHdr"),
        (
            vec![
                NONE,
                (
                    "</Status><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>",
                    "</Status><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>7",
                ),
            ],
            "Status for the command \"7",
        ),
    ] {
        let refusal = refusal(&changes).unwrap_or_default();
        assert!(refusal.contains(expected), "{changes:?}: {refusal}");
    }
}

#[test]
fn a_package_that_never_ends_is_refused() {
    let mut talker = Talker::new();
    talker.session = 1;
    let package = talker.package_one();
    let first = talker.unfinished(package);
    talker.raw(&first).unwrap();
    let second = talker.unfinished(Vec::new());
    let refusal = talker.raw(&second).unwrap_err().to_string();
    assert!(refusal.contains("must have Final"), "{refusal}");
}

#[test]
fn a_challenged_package_must_be_sent_again() {
    let mut talker = Talker::new();
    let message_authentication = Some(MessageAuthentication::Md5);
    change(&mut talker.tenant, SettingsPatch { message_authentication, ..Default::default() });
    let reply = talker.begin(Vec::new()).unwrap();
    talker.nonce = Some(challenge(&reply));
    talker.message += 1;
    let refusal = talker.raw(&talker.bytes(Vec::new())).unwrap_err().to_string();
    assert!(refusal.contains("0 alerts 1200 and 1201"), "{refusal}");
    let anonymous = String::from_utf8(talker.bytes(Vec::new())).unwrap().replace("<LocName>device-1</LocName>", "");
    let refusal = talker.raw(anonymous.as_bytes()).unwrap_err().to_string();
    assert!(refusal.contains("Source has no LocName"), "{refusal}");
    talker.message -= 1;
    assert!(is_end(talker.send(talker.package_one()).as_ref()));
}
