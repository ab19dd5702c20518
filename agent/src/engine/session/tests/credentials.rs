//! Credentials inside messages: challenge, nonce, digest and refusal.

use mdm_protocol::syncml::{Challenge, Command, Credentials, CredentialsKind, StatusCode};
use mdm_protocol::{Secret, base64};

use crate::engine::profile::Stored;
use crate::engine::session::{AccountCredentials, SessionContext, SessionEnd};
use crate::engine::testing::{NOW, Talk, add, atomic, config, context, get, replace, status};

const DM_ACCOUNT: &str = "./SyncML/DMAcc/0042/AppAuth";

#[test]
fn a_challenge_has_the_whole_package_repeated_with_a_proof() {
    for code in [StatusCode::MISSING_CREDENTIALS, StatusCode::INVALID_CREDENTIALS] {
        let mut talk = begin(CredentialsKind::Md5, None);
        assert_eq!(talk.message.header.credentials, None);
        let package: Vec<Command> = talk.message.commands.clone();
        talk.say_only([challenge(1, code, Some(b"Nonce"))]);
        let header = &talk.message.header;
        assert_eq!((header.session_id.as_str(), header.message_id), ("7", 2));
        assert_eq!(header.credentials, Some(Credentials::md5("Bruce2", &Secret::new("OhBehave"), b"Nonce")));
        assert_eq!(header.credentials.as_ref().map(|proof| proof.data.expose()), Some("Zz6EivR3yeaaENcRN6lpAQ=="));
        assert_eq!(header.source_name.as_deref(), Some("Bruce2"));
        assert_eq!(talk.statuses(), [("0", "SyncHdr", 200)]);
        let Command::Status(first) = &talk.message.commands[0] else { panic!("the header's status is not first") };
        assert_eq!(first.message_ref, 1);
        assert_eq!(renumbered(&talk.message.commands[1..]), renumbered(&package));
    }
}

#[test]
fn a_challenge_in_the_middle_repeats_answers_and_results_once() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"one"));
    talk.say([add("a", &config("A"), "1"), get("g", "./DevInfo/DevId")]);
    let answers = talk.message.commands[1..].to_vec();
    talk.say_only([challenge(2, StatusCode::MISSING_CREDENTIALS, Some(b"two"))]);
    assert_eq!(renumbered(&talk.message.commands[1..]), renumbered(&answers));
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200), ("a", "Add", 200), ("g", "Get", 200)]);
    assert_eq!(talk.kept.len(), 1);
}

#[test]
fn an_accepted_proof_is_sent_again_with_every_newer_nonce() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"one"));
    assert_eq!(proof(&talk), Some(digest(b"one")));
    talk.say_only([challenge(1, StatusCode::OK, Some(b"two")), get("g", "./DevInfo/DevId")]);
    assert_eq!(proof(&talk), Some(digest(b"two")));
    talk.say([get("g", "./DevInfo/DevId")]);
    assert_eq!(proof(&talk), Some(digest(b"two")));
    assert_eq!(talk.session.nonce().as_deref(), Some(&b"two"[..]));
}

#[test]
fn after_212_no_proof_is_sent_any_more_and_the_nonce_is_for_the_next_session() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"one"));
    talk.say_only([challenge(1, StatusCode::AUTHENTICATED, Some(b"next")), get("g", "./DevInfo/DevId")]);
    assert_eq!(proof(&talk), None);
    talk.say([get("g", "./DevInfo/DevId")]);
    assert_eq!(proof(&talk), None);
    assert_eq!(talk.session.nonce().as_deref(), Some(&b"next"[..]));
}

#[test]
fn basic_credentials_go_out_with_the_first_message() {
    let talk = begin(CredentialsKind::Basic, None);
    assert_eq!(proof(&talk), Some(Credentials::basic("Bruce2", &Secret::new("OhBehave"))));
}

#[test]
fn the_challenge_decides_on_the_kind_of_proof() {
    let mut talk = begin(CredentialsKind::Basic, None);
    talk.say_only([challenge(1, StatusCode::INVALID_CREDENTIALS, Some(b"one"))]);
    assert_eq!(proof(&talk), Some(digest(b"one")));
}

#[test]
fn a_challenge_to_an_account_without_credentials_ends_the_session() {
    let mut talk = Talk::begin();
    talk.say_only([challenge(1, StatusCode::MISSING_CREDENTIALS, Some(b"one"))]);
    assert_eq!(talk.failure(), "credentials-missing");
}

#[test]
fn the_fourth_challenge_in_a_row_ends_the_session() {
    let mut talk = begin(CredentialsKind::Md5, None);
    for message in 1..=3 {
        talk.say_only([challenge(message, StatusCode::INVALID_CREDENTIALS, Some(b"n"))]);
        assert_eq!((talk.end.clone(), talk.message.header.message_id), (None, message + 1));
    }
    talk.say_only([challenge(4, StatusCode::INVALID_CREDENTIALS, Some(b"n"))]);
    assert_eq!(talk.failure(), "credentials-refused");
}

#[test]
fn nonces_that_run_out_again_and_again_do_not_count_as_a_refusal() {
    let mut talk = begin(CredentialsKind::Md5, None);
    for round in 0..10 {
        let message = talk.message.header.message_id;
        talk.say_only([challenge(message, StatusCode::MISSING_CREDENTIALS, Some(b"n"))]);
        talk.say([add("a", &config(&format!("N{round}")), "1")]);
        assert_eq!(talk.code("a"), 200);
    }
}

#[test]
fn commands_beside_a_challenge_are_not_run() {
    let mut talk = begin(CredentialsKind::Md5, None);
    talk.say_only([challenge(1, StatusCode::MISSING_CREDENTIALS, Some(b"n")), add("a", &config("A"), "1")]);
    assert_eq!(talk.statuses(), [("0", "SyncHdr", 200)]);
    assert!(talk.kept.is_empty());
}

#[test]
fn a_challenge_without_a_usable_nonce_is_answered_all_the_same() {
    let mut talk = begin(CredentialsKind::Md5, None);
    talk.say_only([challenge(1, StatusCode::MISSING_CREDENTIALS, None)]);
    assert_eq!(proof(&talk), Some(digest(b"")));
}

#[test]
fn a_farewell_answers_a_challenge_too() {
    let credentials = Some(credentials(CredentialsKind::Md5, None));
    let mut talk = Talk::begin_with(SessionContext { farewell: true, credentials, ..context() }, &Stored::default());
    talk.say_only([challenge(1, StatusCode::MISSING_CREDENTIALS, Some(b"n"))]);
    assert_eq!((proof(&talk), &talk.end), (Some(digest(b"n")), &None));
    talk.say([]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
}

#[test]
fn a_secret_and_nonce_that_the_server_changed_count_from_its_next_challenge_on() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"one"));
    talk.say([
        replace("s", &format!("{DM_ACCOUNT}/CLCRED/AAuthSecret"), "hopper"),
        replace("n", &format!("{DM_ACCOUNT}/CLCRED/AAuthName"), "grace"),
        replace("d", &format!("{DM_ACCOUNT}/CLCRED/AAuthData"), &base64::encode("two")),
    ]);
    assert_eq!([talk.code("s"), talk.code("n"), talk.code("d")], [200, 200, 200]);
    assert_eq!(proof(&talk), Some(digest(b"one")), "nobody has asked for the new one");
    talk.say_only([challenge(2, StatusCode::INVALID_CREDENTIALS, None)]);
    assert_eq!(proof(&talk), Some(Credentials::md5("grace", &Secret::new("hopper"), b"two")));
    assert_eq!(talk.message.header.source_name.as_deref(), Some("grace"));
    talk.say_only([challenge(3, StatusCode::INVALID_CREDENTIALS, Some(b"three"))]);
    assert_eq!(proof(&talk), Some(Credentials::md5("grace", &Secret::new("hopper"), b"three")));
    assert_eq!(talk.session.nonce().as_deref(), Some(&b"three"[..]));
}

#[test]
fn an_account_without_credentials_uses_those_that_the_server_sets_in_the_session() {
    let mut talk = Talk::begin();
    talk.say([replace("s", &format!("{DM_ACCOUNT}/clcred/AAuthSecret"), "hopper")]);
    talk.say_only([challenge(2, StatusCode::MISSING_CREDENTIALS, Some(b"n"))]);
    assert_eq!(proof(&talk), Some(Credentials::md5("", &Secret::new("hopper"), b"n")));
}

#[test]
fn what_the_server_proves_itself_by_is_not_what_the_device_proves_itself_by() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"one"));
    talk.say([
        replace("s", &format!("{DM_ACCOUNT}/SRVCRED/AAuthSecret"), "the server's"),
        replace("n", &format!("{DM_ACCOUNT}/SRVCRED/AAuthName"), "server"),
        replace("d", &format!("{DM_ACCOUNT}/SRVCRED/AAuthData"), &base64::encode("the server's")),
    ]);
    talk.say_only([challenge(2, StatusCode::INVALID_CREDENTIALS, None)]);
    assert_eq!(proof(&talk), Some(digest(b"one")));
    assert_eq!(talk.session.nonce().as_deref(), Some(&b"one"[..]));
}

#[test]
fn a_nonce_that_the_server_set_without_a_challenge_is_for_the_next_session() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"one"));
    talk.say([replace("d", &format!("{DM_ACCOUNT}/CLCRED/AAuthData"), &base64::encode("two"))]);
    talk.say([]);
    assert_eq!(talk.end, Some(SessionEnd::Completed));
    assert_eq!(talk.session.nonce().as_deref(), Some(&b"two"[..]));
}

#[test]
fn a_secret_that_was_refused_with_its_atomic_is_not_used() {
    let mut talk = begin(CredentialsKind::Md5, None);
    let secret = replace("s", &format!("{DM_ACCOUNT}/CLCRED/AAuthSecret"), "hopper");
    talk.say([atomic("a", vec![secret, replace("x", "./Nowhere", "1")])]);
    talk.say_only([challenge(2, StatusCode::INVALID_CREDENTIALS, Some(b"n"))]);
    assert_eq!(proof(&talk), Some(digest(b"n")));
}

#[test]
fn a_nonce_that_is_stale_by_the_servers_habit_is_not_tried() {
    let stale = AccountCredentials { nonce_is_stale: true, ..credentials(CredentialsKind::Md5, Some(b"old")) };
    let mut talk = Talk::begin_with(SessionContext { credentials: Some(stale), ..context() }, &Stored::default());
    assert_eq!((proof(&talk), &talk.message.header.source_name), (None, &None));
    talk.say_only([challenge(1, StatusCode::MISSING_CREDENTIALS, Some(b"new"))]);
    assert_eq!(proof(&talk), Some(digest(b"new")));
    assert!(!talk.session.found_stale_nonce(), "no proof was refused");
}

#[test]
fn a_session_finds_out_that_its_first_nonce_was_stale_if_a_later_one_is_accepted() {
    let mut talk = begin(CredentialsKind::Md5, Some(b"old"));
    talk.say_only([challenge(1, StatusCode::INVALID_CREDENTIALS, Some(b"new"))]);
    assert!(!talk.session.found_stale_nonce(), "the secret may be wrong as well");
    talk.say([]);
    assert!(talk.session.found_stale_nonce());
    assert_eq!(talk.session.nonce_received(), Some(NOW + 1));
}

fn credentials(kind: CredentialsKind, nonce: Option<&[u8]>) -> AccountCredentials {
    let nonce = nonce.map(<[u8]>::to_vec);
    AccountCredentials {
        kind,
        name: "Bruce2".to_owned(),
        secret: Secret::new("OhBehave"),
        nonce,
        nonce_is_stale: false,
    }
}

fn begin(kind: CredentialsKind, nonce: Option<&[u8]>) -> Talk {
    let credentials = Some(credentials(kind, nonce));
    Talk::begin_with(SessionContext { credentials, ..context() }, &Stored::default())
}

fn challenge(message: u32, code: StatusCode, nonce: Option<&[u8]>) -> Command {
    let Command::Status(mut demand) = status("challenge", message, "0", "SyncHdr", code.0) else { unreachable!() };
    demand.challenge = Some(Challenge { kind: CredentialsKind::Md5, nonce: nonce.map(<[u8]>::to_vec) });
    Command::Status(demand)
}

fn digest(nonce: &[u8]) -> Credentials {
    Credentials::md5("Bruce2", &Secret::new("OhBehave"), nonce)
}

fn proof(talk: &Talk) -> Option<Credentials> {
    talk.message.header.credentials.clone()
}

fn renumbered(commands: &[Command]) -> Vec<Command> {
    let mut commands = commands.to_vec();
    commands.iter_mut().for_each(|command| command.set_id("x".into()));
    commands
}
