//! How long a server takes a nonce is learned from its challenges, and outlasts the process.

use mdm_protocol::syncml::{Challenge, Command, CredentialsKind, Message};

use super::{World, answer};
use crate::engine::Event;
use crate::engine::account::Account;
use crate::engine::progress::{Progress, Trigger};
use crate::engine::testing::{account, ok, status, stored_credentials};

/// How long the server here takes a nonce, in seconds.
const LIFE: i64 = 300;

#[test]
fn a_nonce_is_not_tried_at_an_age_at_which_the_server_found_one_too_old() {
    let account = Account { credentials: Some(stored_credentials(true)), ..account() };
    let mut world = World::with(account, Progress::default());
    let mut given = None;
    // The seconds since the last session; whether its first message carries a proof, and how often it is challenged.
    for (seconds, proves, challenges) in [
        (0, false, 1),
        (200, true, 0),
        (28_800, true, 1),
        (28_800, false, 1),
        (900, true, 1),
        (900, false, 1),
        (200, true, 0),
    ] {
        world.pass(seconds);
        assert_eq!(hold(&mut world, &mut given), (proves, challenges), "after {seconds} s");
    }
    assert_eq!(world.engine.progress().nonce_life, Some(900));
    let mut world = world.restart(1000);
    assert_eq!(hold(&mut world, &mut given), (false, 1), "it is known after a restart, too");
}

#[test]
fn a_secret_that_is_refused_says_nothing_of_nonces() {
    let account = Account { credentials: Some(stored_credentials(true)), ..account() };
    let mut world = World::with(account, Progress { nonce: Some("bm9uY2U=".to_owned()), ..Progress::default() });
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).expect("the device writes valid messages");
        challenged(&message)
    });
    assert_eq!(world.reports[0].outcome, "credentials-refused");
    assert_eq!(world.engine.progress().nonce_life, None);
}

/// A session; whether its first message carries a proof, and how often it is challenged.
fn hold(world: &mut World, given: &mut Option<i64>) -> (bool, u32) {
    let now = world.now.wall;
    let (mut proves, mut challenges) = (false, 0);
    let actions = world.handle(Event::CheckInRequested(Trigger::User));
    world.serve_by(actions, |_, body| {
        let message = Message::decode(body).expect("the device writes valid messages");
        let has_proof = message.header.credentials.is_some();
        if message.header.message_id == 1 {
            proves = has_proof;
        }
        if has_proof && given.is_some_and(|at| now - at < LIFE) {
            *given = Some(now);
            return accepted(&message);
        }
        challenges += 1;
        *given = Some(now);
        challenged(&message)
    });
    assert!(world.reports.last().is_some_and(|record| record.completed), "{:?}", world.reports.last());
    (proves, challenges)
}

fn challenged(message: &Message) -> Event {
    with_nonce(message, 401)
}

fn accepted(message: &Message) -> Event {
    with_nonce(message, 200)
}

/// A verdict on the credentials, with the next nonce.
fn with_nonce(message: &Message, code: u16) -> Event {
    let mut verdict = status("v", message.header.message_id, "0", "SyncHdr", code);
    if let Command::Status(status) = &mut verdict {
        status.challenge = Some(Challenge { kind: CredentialsKind::Md5, nonce: Some(b"next".to_vec()) });
    }
    let text = answer(message, Vec::new());
    let mut reply = Message::decode(text.as_bytes()).expect("the server writes valid messages");
    reply.commands = vec![verdict];
    Event::Replied(ok(reply.encode()))
}
