//! Profiles from the administrator to the machine and away again, with the two real programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use mdm_tests::processes::silent;
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

#[test]
fn all_five_kinds_arrive_are_told_apart_and_acknowledged() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    let record = world.agent.json(["sync"]).unwrap();
    assert_eq!((&record["completed"], &record["refused"]), (&json!(true), &json!(0)));
    let held = world.agent.json(["profiles", "list"]).unwrap();
    let kinds: Vec<&str> = held.as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["certificate", "configuration", "email", "vpn", "wifi"]);
    for row in held.as_array().unwrap() {
        assert_eq!(row["kept_until"].as_i64(), row["confirmed"].as_i64().map(|moment| moment + 7 * 86_400));
        assert!(!row["summary"].as_str().unwrap().starts_with("incomplete"), "{row}");
    }
    assert_eq!(delivered(&world), 5);
}

#[test]
fn an_unchanged_profile_keeps_its_date_a_changed_one_is_replaced_and_a_withdrawn_one_goes() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let before = hashes(&world);
    let changed = profiles::WIFI.replace("demo-only-passphrase", "another-passphrase");
    block_on(world.server.admin.assign("wifi", &changed)).unwrap();
    block_on(world.server.admin.assignment("vpn", &json!({ "all": false }))).unwrap();
    world.agent.json(["sync"]).unwrap();
    let after = hashes(&world);
    assert_ne!(before["wifi"], after["wifi"]);
    assert!(!after.contains_key("vpn"));
    assert_eq!(before["email"], after["email"]);
    assert_eq!(after.len(), 4);
}

#[test]
fn secrets_are_shown_only_when_asked_for() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let concealed = world.agent.verb(["profiles", "show", "Contoso Corp"]).unwrap();
    assert!(!concealed.output.contains("demo-only-passphrase"), "{}", concealed.output);
    let revealed = world.agent.verb(["profiles", "show", "Contoso Corp", "--reveal"]).unwrap();
    assert!(revealed.output.contains("demo-only-passphrase"), "{}", revealed.output);
}

#[test]
fn a_profile_that_cannot_be_used_is_refused_and_the_others_arrive() {
    let world = World::enrolled().unwrap();
    let protected = profiles::WIFI.replace("<protected>false", "<protected>true");
    block_on(world.server.admin.assign("bad-wifi", &protected)).unwrap();
    block_on(world.server.admin.assign("configuration", profiles::CONFIGURATION)).unwrap();
    let record = world.agent.json(["sync"]).unwrap();
    // The server reads the push channel and the inventory, too: its digest, and the list behind what has changed.
    assert_eq!((&record["succeeded"], &record["refused"]), (&json!(4), &json!(1)));
    assert_eq!(hashes(&world).keys().map(String::as_str).collect::<Vec<_>>(), ["configuration"]);
    // The user sees the reason that the server got, wherever it is looked for, until it is set right.
    let reason = "refused with status 415: WlanXml: the key is encrypted for one Windows machine";
    for verb in
        [&["status"][..], &["doctor"], &["profiles", "why", "Contoso Corp"], &["profiles", "show", "Contoso Corp"]]
    {
        let said = world.agent.verb(verb.iter().copied()).unwrap().output;
        assert!(said.contains(reason), "{verb:?}: {said}");
    }
    assert!(world.agent.verb(["profiles", "list"]).unwrap().output.contains("refused"));
    assert!(world.agent.verb(["history"]).unwrap().output.contains("setting-refused"));
    block_on(world.server.admin.assign("bad-wifi", profiles::WIFI)).unwrap();
    world.agent.json(["sync"]).unwrap();
    assert!(!world.agent.verb(["status"]).unwrap().output.contains("refused with status"));
    block_on(world.server.admin.assign("bad-wifi", &protected)).unwrap();
    world.agent.json(["sync"]).unwrap();
    assert!(device(&world)["profiles"].to_string().contains("415"), "{}", device(&world)["profiles"]);
}

#[test]
fn everything_survives_kill_and_restart_on_both_sides() {
    let mut world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    let mut service = world.agent.run(&silent()).unwrap();
    world.agent.json(["sync"]).unwrap();
    service.kill();
    world.server.process.kill();
    let before = hashes(&world);
    assert_eq!(before.len(), 5);
    world.server =
        mdm_tests::server::ServerProcess::start(&world.programs, world.folder.path(), "intune", &silent()).unwrap();
    assert_eq!(delivered(&world), 5);
}

#[test]
fn a_command_of_the_administrator_is_answered_with_its_results() {
    let world = World::enrolled().unwrap();
    let get = "<Get><CmdID>1</CmdID><Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item></Get>";
    let id = device(&world)["id"].as_str().unwrap().to_owned();
    let queued = block_on(world.server.admin.post_text(&format!("/devices/{id}/commands"), get)).unwrap();
    world.agent.json(["sync"]).unwrap();
    let command = queued["id"].as_str().map_or_else(|| queued["id"].to_string(), str::to_owned);
    let answer = block_on(world.server.admin.get(&format!("/devices/{id}/commands/{command}"))).unwrap();
    let text = answer.to_string();
    assert!(text.contains("200") && text.contains("./DevDetail/SwV"), "{text}");
}

#[test]
fn an_unenrolment_by_the_server_removes_everything_and_says_farewell() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let id = device(&world)["id"].as_str().unwrap().to_owned();
    block_on(world.server.admin.post(&format!("/devices/{id}/unenrol"), &json!({}))).unwrap();
    world.agent.verb(["sync"]).unwrap();
    assert!(world.agent.is_blank());
    assert_eq!(block_on(world.server.admin.get("/devices")).unwrap().as_array().map(Vec::len), Some(0));
}

#[test]
fn message_credentials_are_proved_when_the_server_asks_for_them() {
    let world = World::new().unwrap();
    let settings = json!({ "message_authentication": "md5", "end_of_session": "empty" });
    block_on(world.server.admin.patch("/tenant", &settings)).unwrap();
    assert_eq!(world.agent.enrol(&world.server).unwrap().code, 0);
    block_on(world.assign_all()).unwrap();
    assert_eq!(world.agent.json(["sync"]).unwrap()["completed"], true);
    assert_eq!(world.agent.json(["sync"]).unwrap()["completed"], true);
    assert_eq!(delivered(&world), 5);
}

/// Content hashes by kind.
fn hashes(world: &World) -> BTreeMap<String, String> {
    let held = world.agent.json(["profiles", "list"]).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    // What was refused is listed and not held.
    let rows = held.as_array().unwrap().iter().filter(|row| row["content_hash"] != "");
    rows.map(|row| (text(row, "kind"), text(row, "content_hash"))).collect()
}

fn device(world: &World) -> Value {
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    let id = devices[0]["id"].as_str().unwrap();
    block_on(world.server.admin.get(&format!("/devices/{id}"))).unwrap()
}

fn delivered(world: &World) -> usize {
    device(world)["profiles"].to_string().matches("\"delivered\"").count()
}
