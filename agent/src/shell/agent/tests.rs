//! The loop, asked several things at once. The server is one that nobody can reach.

use std::time::Duration;

use zeroize::Zeroizing;

use super::*;
use crate::engine::enrolment::{Installation, KeyKind, KeyOrder};
use crate::engine::testing;
use crate::shell::control::{ControlRequest, ErrorCode};
use crate::shell::keys;

mod unenrollment;

type Answer = oneshot::Receiver<ControlResult>;

#[test]
fn whoever_waits_for_a_session_that_will_not_be_is_told() {
    let (_folder, paths) = enrolled();
    let answers = run(&paths, [ControlRequest::Unenrol, ControlRequest::CheckIn, ControlRequest::Unenrol]);
    let [first, check_in, second] = answers;
    assert_eq!(first.unwrap()["server_told"], false);
    assert_eq!(second.unwrap()["server_told"], false);
    assert_eq!(check_in.unwrap_err().code, ErrorCode::NotEnrolled);
}

#[test]
fn a_question_about_profiles_does_not_bring_the_store_back() {
    let (_folder, paths) = enrolled();
    let [left, ..] = run(&paths, [ControlRequest::Unenrol, ControlRequest::Profiles, ControlRequest::Profiles]);
    left.unwrap();
    for directory in [paths.identity(), paths.store(), paths.state.join("identity.old")] {
        assert!(!directory.exists(), "{} is left", directory.display());
    }
}

#[test]
fn an_agent_that_stops_begins_nothing_and_still_answers() {
    let (_folder, paths) = enrolled();
    let runtime = runtime();
    let (during, after) = runtime.block_on(async {
        let agent = start(&paths);
        let sender = agent.sender();
        let during = ask(&sender, ControlRequest::CheckIn).await;
        sender.send(Message::Stop).await.unwrap();
        let after = ask(&sender, ControlRequest::CheckIn).await;
        let ended = tokio::time::timeout(Duration::from_secs(30), agent.run()).await;
        ended.expect("the agent ends").unwrap();
        (during.await.unwrap(), after.await.unwrap())
    });
    assert_eq!(during.unwrap_err().code, ErrorCode::Unreachable);
    assert!(after.unwrap_err().message.contains("shutting down"));
}

#[test]
fn people_are_told_beside_the_loop_and_of_nothing_twice() {
    let (_folder, paths) = enrolled();
    let (sender, shown) = std::sync::mpsc::channel();
    let note = crate::engine::Note::new("mail-sign-in-needed", clock::now()).with("name", "Contoso Mail");
    let shown: Vec<_> = runtime().block_on(async {
        let mut agent = start(&paths).with_desktop(Arc::new(Recording(sender)));
        agent.note(&[note.clone(), crate::engine::Note::new("session", clock::now())]);
        agent.note(&[note]);
        drop(agent);
        // It ends when nobody could show anything any more.
        work::blocking(move || shown.iter().map(|shown| shown.title).collect()).await.unwrap()
    });
    assert_eq!(shown, ["Sign in to your mail again"]);
}

/// Remembers what would be shown.
#[derive(Debug)]
struct Recording(std::sync::mpsc::Sender<crate::engine::notification::Notification>);

impl Desktop for Recording {
    fn show(&self, notification: &crate::engine::notification::Notification) {
        self.0.send(notification.clone()).unwrap();
    }
}

/// Sends requests before the agent can look at the first, and waits for the answers to all.
fn run<const N: usize>(paths: &Paths, requests: [ControlRequest; N]) -> [ControlResult; N] {
    runtime().block_on(async {
        let agent = start(paths);
        let sender = agent.sender();
        let mut answers = Vec::new();
        for request in requests {
            answers.push(ask(&sender, request).await);
        }
        let running = tokio::spawn(agent.run());
        let mut results = Vec::new();
        for answer in answers {
            let answer = tokio::time::timeout(Duration::from_secs(30), answer).await;
            results.push(answer.expect("everybody is answered").unwrap());
        }
        sender.send(Message::Stop).await.unwrap();
        running.await.unwrap().unwrap();
        results.try_into().expect("as many answers as requests")
    })
}

fn start(paths: &Paths) -> Agent {
    // Beside the state, so that nothing is ever done to the machine that runs the tests.
    let root = paths.state.with_file_name("root");
    std::fs::create_dir_all(&root).unwrap();
    let platform = Platform::of(root, &paths.state);
    let sessions = facts::Sessions::Untracked;
    Agent::start(paths.clone(), sessions, StoreAccess::InProcess, platform, RetentionRules::default()).unwrap()
}

async fn ask(agent: &mpsc::Sender<Message>, request: ControlRequest) -> Answer {
    let (reply, answer) = oneshot::channel();
    agent.send(Message::Control(request, reply)).await.unwrap();
    answer
}

fn runtime() -> tokio::runtime::Runtime {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn enrolled() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths { state: folder.path().join("state"), runtime: folder.path().join("run") };
    let mut account = crate::engine::Account { machine_id: String::new(), ..testing::account() };
    // Nothing listens there.
    account.management_url = "https://127.0.0.1:1/".to_owned();
    let order = KeyOrder { kind: KeyKind::P256, common_name: "device".to_owned() };
    let key = keys::make(&order).unwrap();
    let key_pair = rcgen::KeyPair::from_pem(&key.private_key).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key_pair).unwrap();
    let installation = Installation { account, certificate: certificate.der().to_vec(), intermediates: Vec::new() };
    Identity::install(&paths, &Zeroizing::clone(&key.private_key), &installation).unwrap();
    (folder, paths)
}
