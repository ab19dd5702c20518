//! What the verbs say, and how: JSON also when something fails, nothing that could harm a terminal, no silent failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_tests::agent::Said;
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

#[test]
fn every_failure_is_json_where_json_was_asked_for() {
    let world = World::new().unwrap();
    let server = world.server.device_url.as_str();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["sync", "--json"], 3, "not-enrolled"),
        (&["unenroll", "--json"], 3, "not-enrolled"),
        (&["enroll", "--server", server, "--json"], 2, "usage"),
        (&["--json", "sync", "--no-such-option"], 2, "usage"),
        (&["profiles", "show", "x", "--kind", "telephone", "--json"], 2, "usage"),
    ];
    for (arguments, code, name) in cases {
        let said = world.agent.verb(arguments).unwrap();
        assert_eq!((said.code, said.output.as_str()), (code, ""), "{arguments:?}");
        assert_eq!(error_of(&said)["code"], name, "{arguments:?}: {}", said.errors);
        assert!(!error_of(&said)["message"].as_str().unwrap().is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_user_is_asked_for_before_a_password_is() {
    let world = World::new().unwrap();
    let said = world.agent.verb(["enroll", "--server", &world.server.device_url]).unwrap();
    assert_eq!(said.code, 2);
    assert!(said.errors.contains("--user"), "{}", said.errors);
}

#[test]
fn what_the_server_calls_itself_cannot_steer_the_terminal() {
    let world = World::new().unwrap();
    block_on(world.server.admin.patch("/tenant", &json!({ "name": "Con\u{202e}otsot" }))).unwrap();
    let enrolled = world.agent.enrol(&world.server).unwrap();
    assert_eq!(enrolled.code, 0, "{}", enrolled.errors);
    let status = world.agent.verb(["status"]).unwrap();
    for text in [enrolled.output, enrolled.errors, status.output] {
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
    assert_eq!(world.agent.json(["status"]).unwrap()["account"]["name"], "Con\u{202e}otsot");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let world = World::enrolled().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let status = world.agent.command().arg("status").stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

fn error_of(said: &Said) -> Value {
    serde_json::from_str::<Value>(&said.errors).unwrap()["error"].clone()
}
