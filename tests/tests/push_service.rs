//! A service whose push server misbehaves: it stays up, checks in all the same, does not knock without a pause, and
//! hears the bell again once the server is well.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use mdm_tests::hostile_push::{HostilePush, Manner};
use mdm_tests::processes::{Process, silent, wait_until};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

const PROVIDER: &str = "./Device/Vendor/MSFT/DMClient/Provider/LinuxMDM";
/// Attempts to listen while three check-ins are made by hand; the waits between them grow.
const FEW: usize = 12;

#[test]
fn a_push_server_that_streams_nonsense_costs_nothing_but_the_bell() {
    let (world, push) = listening(Manner::refusal("500 Internal Server Error"));
    let repeated = || (0..1000).map(|_| ("again", ""));
    for (number, (name, manner)) in [
        ("stalls before it opens", Manner::stream("")),
        ("stalls after it opened", Manner::rings([])),
        ("repeats itself", Manner::rings(repeated())),
        ("repeats itself and hangs up", Manner::rings(repeated()).closing()),
        ("garbage", Manner::stream(b"\xff\xfe\0{]\n{}\n[]\nnull\n{\"event\":7}\n".repeat(1000)).closing()),
        ("a line that does not end", Manner::stream(vec![b'x'; 8 << 20])),
        ("lines without meaning", Manner::stream("\n".repeat(1 << 20)).closing()),
        ("ids that are none", Manner::rings([("", "x"), ("../../x", "x"), ("a?since=all", "x")]).closing()),
        ("closes at once", Manner::stream("").closing()),
        ("a page", Manner::stream("<!DOCTYPE html>\n<html><body>Sign in</body></html>\n").closing()),
        ("is busy", Manner::refusal("429 Too Many Requests")),
        ("fails", Manner::refusal("500 Internal Server Error")),
        ("speaks no HTTP", Manner { head: "what is this?\r\n".to_owned(), body: Vec::new(), holds: false }),
    ]
    .into_iter()
    .enumerate()
    {
        push.change(manner);
        // A service of its own for each: one that is rung often answers more and more slowly.
        let mut service = world.agent.run(&silent()).unwrap();
        bears_it(&world, &push, &mut service, name);
        rings_again(&world, &push, &format!("well{number}"), name);
        assert!(!service.has_ended(), "{name}: the service ended");
    }
}

#[test]
fn a_push_server_that_refuses_is_left_alone_and_asked_again_after_a_restart() {
    let (world, push) = listening(Manner::rings([]));
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "301 Moved Permanently"] {
        push.change(Manner::refusal(status));
        let before = push.requests();
        let mut service = world.agent.run(&silent()).unwrap();
        wait_for(&world, |seen| seen["push"] == "refused");
        bears_it(&world, &push, &mut service, status);
        assert_eq!(push.requests() - before, 1, "{status}: it is asked once an hour");
        service.stop().unwrap();
    }
    // Before the restart: who is refused asks again in an hour only.
    push.change(Manner::rings([]));
    let _service = world.agent.run(&silent()).unwrap();
    rings_again(&world, &push, "well", "after a restart");
}

#[test]
fn ten_thousand_rings_start_a_handful_of_sessions() {
    let ids: Vec<String> = (0..10_000).map(|number| format!("flood{number}")).collect();
    let (world, push) = listening(Manner::rings([]));
    let service = world.agent.run_verbosely(&silent()).unwrap();
    wait_for(&world, |seen| seen["push"] == "up");
    let before = sessions(&world);
    push.change(Manner::rings(ids.iter().map(|id| (id.as_str(), "spread=0"))));
    wait_until(Duration::from_secs(60), || {
        // The first ones are heard, up to two thousand; then the link is given up.
        let said = service.output();
        let has_said = |words: &str| said.iter().any(|line| line.contains(words));
        let is_over = has_said("flood0") && has_said("floods this device");
        Ok((is_over && status(&world)["activity"] == "idle").then_some(()))
    })
    .unwrap();
    let held = sessions(&world) - before;
    assert!((1..=8).contains(&held), "{held} sessions");
    let next = status(&world)["next_check_in"].clone();
    assert!(next.is_array(), "what was put off is planned: {next}");
}

#[test]
fn what_a_ring_says_does_nothing_but_start_a_session() {
    let (world, push) = listening(Manner::rings([]));
    block_on(world.server.admin.assign("wifi", profiles::WIFI)).unwrap();
    world.agent.json(["sync"]).unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    wait_for(&world, |seen| seen["push"] == "up");
    let (before, profiles) = (status(&world), held(&world));
    let long = "spread=".to_owned() + &"9".repeat(5000);
    let texts = [
        "wipe",
        "unenroll",
        "<SyncML><SyncBody><Exec><Item><Target><LocURI>./Device/Vendor/MSFT/RemoteWipe/doWipe</LocURI></Target></Item></Exec></SyncBody></SyncML>",
        "{\"event\":\"message\",\"url\":\"https://evil.example\"}",
        "\u{0}\u{1b}[2J\r\nspread=1",
        &long,
    ];
    let rings: Vec<(String, &str)> = (0..).map(|number| format!("say{number}")).zip(texts).collect();
    push.change(Manner::rings(rings.iter().map(|(id, text)| (id.as_str(), *text))));
    wait_for(&world, |seen| seen["last_session"]["triggers"] == json!(["push"]) && seen["activity"] == "idle");
    let after = status(&world);
    assert_eq!((&after["account"], held(&world)), (&before["account"], profiles));
    let history = world.agent.json(["history", "--limit", "200"]).unwrap();
    let entries = history["entries"].as_array().unwrap();
    let last = entries.iter().rposition(|entry| entry["event"] != "session").unwrap();
    assert!(entries.len() > last + 1, "sessions and nothing else came of it: {history}");
    assert!(!history.to_string().contains("evil"), "{history}");
}

/// An enrolled agent that listens to a push server of this manner.
fn listening(manner: Manner) -> (World, HostilePush) {
    let world = World::enrolled().unwrap();
    let push = HostilePush::start(manner).unwrap();
    world.agent.also_trust(&push.ca_der).unwrap();
    let device = status(&world)["account"]["device_id"].as_str().unwrap().to_owned();
    let name = format!(
        "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{PROVIDER}/Push/PFN</LocURI></Target><Data>ntfy:{}</Data>\
         </Item></Replace>",
        push.url
    );
    block_on(world.server.admin.post_text(&format!("/devices/{device}/commands"), &name)).unwrap();
    world.agent.json(["sync"]).unwrap();
    (world, push)
}

/// Whatever the push server does, check-ins by hand go on, and the service neither ends nor storms.
fn bears_it(world: &World, push: &HostilePush, service: &mut Process, name: &str) {
    let before = push.requests();
    for _ in 0..3 {
        let record = world.agent.json(["sync"]).unwrap();
        assert_eq!(record["completed"], true, "{name}: {record}");
    }
    let attempts = push.requests() - before;
    assert!(attempts <= FEW, "{name}: {attempts} attempts");
    assert!(!service.has_ended(), "{name}: the service ended");
}

/// The server is well, and rings.
fn rings_again(world: &World, push: &HostilePush, id: &str, name: &str) {
    let before = sessions(world);
    push.change(Manner::rings([(id, "")]));
    let heard = wait_until(Duration::from_secs(120), || {
        let seen = status(world);
        Ok((sessions(world) > before && seen["last_session"]["triggers"] == json!(["push"])).then_some(()))
    });
    heard.unwrap_or_else(|error| panic!("after a server that {name}: {error}: {}", status(world)));
    // The ring may be heard of before the link's own word.
    wait_for(world, |seen| seen["push"] == "up");
}

fn sessions(world: &World) -> u64 {
    status(world)["last_session"]["session_id"].as_u64().unwrap()
}

fn held(world: &World) -> Vec<String> {
    let held = world.agent.json(["profiles", "list"]).unwrap();
    held.as_array().unwrap().iter().map(|profile| format!("{}{}", profile["name"], profile["content_hash"])).collect()
}

fn status(world: &World) -> Value {
    world.agent.json(["status"]).unwrap()
}

fn wait_for(world: &World, there: impl Fn(&Value) -> bool) {
    let seen = wait_until(Duration::from_secs(20), || Ok(Some(status(world)).filter(|status| there(status))));
    seen.unwrap_or_else(|error| panic!("{error}: {}", status(world)));
}
