//! Proof inside messages.

use mdm_protocol::syncml::{Command, CommandId, Group, Item, StatusCode, Unrecognised, Verb};

use crate::tenant::test_support::*;
use crate::tenant::{EndOfSession, MessageAuthentication, SettingsPatch};

fn talker() -> Talker {
    let mut talker = Talker::new();
    let message_authentication = Some(MessageAuthentication::Md5);
    change(&mut talker.tenant, SettingsPatch { message_authentication, ..SettingsPatch::default() });
    talker.profile("wifi", &fragment("Replace", "./Vendor/MSFT/WiFi/Profile/A/WlanXml", "x"));
    talker
}

#[test]
fn without_credentials_the_device_is_challenged_and_told_nothing_else() {
    let mut talker = talker();
    let reply = talker.begin(Vec::new()).unwrap();
    assert_eq!(header_code(&reply), StatusCode::MISSING_CREDENTIALS);
    assert_eq!(statuses(&reply), [("SyncHdr", "0", 407), ("Alert", "1", 407), ("Replace", "2", 407)]);
    assert_eq!(reply.commands.len(), 3);
    talker.nonce = Some(challenge(&reply));
    let reply = talker.send(talker.package_one()).unwrap();
    assert_eq!(header_code(&reply), StatusCode::OK);
    assert_eq!(work(&reply).len(), 1);
}

#[test]
fn wrong_credentials_are_told_apart_from_missing_ones() {
    let mut talker = talker();
    talker.nonce = Some(b"a nonce of my own".to_vec());
    let reply = talker.begin(Vec::new()).unwrap();
    assert_eq!(header_code(&reply), StatusCode::INVALID_CREDENTIALS);
    assert!(!challenge(&reply).is_empty());
    assert!(work(&reply).is_empty());
}

#[test]
fn the_nonce_from_the_provisioning_document_opens_the_first_session() {
    let mut talker = talker();
    talker.nonce = Some(b"first nonce".to_vec());
    let reply = talker.begin(Vec::new()).unwrap();
    assert_eq!(header_code(&reply), StatusCode::OK);
    let next = challenge(&reply);
    assert_ne!(next, b"first nonce");
    let answers = vec![status(&reply, &work(&reply)[0], StatusCode::OK)];
    // The nonce that was used up is no longer good.
    let refused = talker.send(answers.clone()).unwrap();
    assert_eq!(header_code(&refused), StatusCode::INVALID_CREDENTIALS);
    talker.nonce = Some(challenge(&refused));
    assert!(is_end(talker.send(answers).as_ref()));
}

#[test]
fn a_challenge_answers_every_command_and_no_answer() {
    let mut talker = talker();
    change(&mut talker.tenant, SettingsPatch { strict: Some(false), ..SettingsPatch::default() });
    let inner = || operation(Verb::Replace, vec![Item::source("./DevInfo/Man").with_data("Contoso")]);
    let mut group = Group { id: CommandId::default(), commands: vec![inner(), inner()] };
    for (number, command) in (11_u32..).zip(&mut group.commands) {
        command.set_id(number.into());
    }
    let unknown = Command::Unrecognised(Unrecognised { id: CommandId::default(), name: "Copy".to_owned() });
    let first = talker.begin(vec![Command::Atomic(group), unknown]).unwrap();
    let codes =
        [("Atomic", "3"), ("Replace", "11"), ("Replace", "12"), ("Copy", "4")].map(|(name, id)| (name, id, 407));
    assert_eq!(statuses(&first)[3..], codes);
    talker.nonce = Some(b"wrong".to_vec());
    let answer = status(&first, &inner(), StatusCode::OK);
    let result = results(&first, &inner(), Item::source("./DevInfo/Man"));
    let second = talker.send(vec![answer, result, inner()]).unwrap();
    assert_eq!(statuses(&second), [("SyncHdr", "0", 401), ("Replace", "3", 401)]);
    let challenges = |command: &&Command| matches!(command, Command::Status(status) if status.challenge.is_some());
    assert_eq!(second.commands.iter().filter(challenges).count(), 1);
}

#[test]
fn a_nonce_expires_after_five_minutes_and_another_is_given() {
    let mut talker = talker();
    talker.nonce = Some(b"first nonce".to_vec());
    talker.now += 300;
    let reply = talker.begin(Vec::new()).unwrap();
    assert_eq!(header_code(&reply), StatusCode::MISSING_CREDENTIALS);
    talker.nonce = Some(challenge(&reply));
    talker.now += 299;
    assert_eq!(header_code(&talker.send(talker.package_one()).unwrap()), StatusCode::OK);
}

#[test]
fn a_nonce_that_no_answer_carried_does_not_count() {
    let mut talker = Talker::new();
    let patch = SettingsPatch {
        message_authentication: Some(MessageAuthentication::Md5),
        end_of_session: Some(EndOfSession::Empty),
        ..SettingsPatch::default()
    };
    change(&mut talker.tenant, patch);
    talker.nonce = Some(b"first nonce".to_vec());
    assert_eq!(talker.begin(Vec::new()), None);
    assert_eq!(talker.begin(Vec::new()), None);
}
