//! Proof inside messages.

use mdm_protocol::syncml::StatusCode;

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
    assert_eq!(reply.commands.len(), 1);
    talker.nonce = Some(challenge(&reply));
    let reply = talker.send(vec![status(&reply, &reply.commands[0], StatusCode::OK)]).unwrap();
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
    assert_eq!(talker.send(answers), None);
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
    assert_eq!(header_code(&talker.send(Vec::new()).unwrap()), StatusCode::OK);
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
