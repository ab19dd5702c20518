//! Enrolment with the two real programs: what works, and what refusals look like and leave behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_tests::agent::{AgentFolder, Said};
use mdm_tests::server::{ServerProcess, USER};
use mdm_tests::world::{World, block_on};
use serde_json::json;

#[test]
fn s2_a_tenant_without_authority_refuses_and_nothing_is_left_behind() {
    let world = World::with_authority("unknown").unwrap();
    let said = world.agent.enrol(&world.server).unwrap();
    assert_refused(&world.agent, &said, "authority");
}

#[test]
fn s79_once_the_authority_is_set_the_same_command_enrols() {
    let world = World::with_authority("unknown").unwrap();
    assert_ne!(world.agent.enrol(&world.server).unwrap().code, 0);
    block_on(world.server.admin.patch("/tenant", &json!({ "authority": "intune" }))).unwrap();
    let said = world.agent.enrol(&world.server).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    assert_eq!(world.agent.json(["status"]).unwrap()["last_session"]["completed"], true);
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_alike_in_every_dialect_of_faults() {
    let world = World::new().unwrap();
    let wrong = world.folder.path().join("wrong");
    std::fs::write(&wrong, "not the password").unwrap();
    for style in ["proper", "lower"] {
        for status in [200, 500] {
            let dialect = json!({ "fault_style": style, "fault_http_status": status });
            block_on(world.server.admin.patch("/tenant", &dialect)).unwrap();
            let said = enrol_as(&world.agent, &world.server, USER, &wrong);
            assert_refused(&world.agent, &said, "Check the user name and the password");
            let said = enrol_as(&world.agent, &world.server, "nobody@contoso.example", &world.server.password_file);
            assert_refused(&world.agent, &said, "Check the user name and the password");
        }
    }
}

#[test]
fn a_user_with_too_many_devices_is_told_so_in_every_dialect_of_faults() {
    let world = World::new().unwrap();
    for style in ["proper", "lower"] {
        for status in [200, 500] {
            let settings = json!({ "device_limit": 0, "fault_style": style, "fault_http_status": status });
            block_on(world.server.admin.patch("/tenant", &settings)).unwrap();
            let said = world.agent.enrol(&world.server).unwrap();
            assert_refused(&world.agent, &said, "Remove a device you no longer use");
        }
    }
}

#[test]
fn maintenance_is_reported_as_such() {
    let world = World::new().unwrap();
    block_on(world.server.admin.patch("/tenant", &json!({ "maintenance": true }))).unwrap();
    assert_refused(&world.agent, &world.agent.enrol(&world.server).unwrap(), "Try again later");
}

#[test]
fn a_one_time_token_enrols_once() {
    let world = World::new().unwrap();
    block_on(world.server.admin.patch("/tenant", &json!({ "auth": "federated" }))).unwrap();
    let refused = world.agent.enrol(&world.server).unwrap();
    assert_refused(&world.agent, &refused, "--token-file");
    let user = USER.replace('@', "%40");
    let token = block_on(world.server.admin.post(&format!("/users/{user}/tokens"), &json!({}))).unwrap();
    let file = world.folder.path().join("token");
    std::fs::write(&file, token["token"].as_str().unwrap()).unwrap();
    let enrol = || {
        let arguments = ["enroll", "--server", &world.server.device_url, "--user", USER, "--ca-file"];
        let mut command = world.agent.command();
        command.args(arguments).arg(&world.server.ca_file).arg("--token-file").arg(&file);
        command.output().unwrap()
    };
    let first = enrol();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    world.agent.json(["unenroll"]).unwrap();
    let second = enrol();
    assert_eq!(second.status.code(), Some(1));
    assert!(world.agent.is_blank());
}

#[test]
fn a_server_outside_the_trusted_authorities_is_refused_by_name() {
    let world = World::new().unwrap();
    let mut command = world.agent.command();
    command.args(["enroll", "--server", &world.server.device_url, "--user", USER, "--password-file"]);
    let said = command.arg(&world.server.password_file).output().unwrap();
    assert_eq!(said.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&said.stderr).contains("--ca-file"));
    assert!(world.agent.is_blank());
}

#[test]
fn unusable_addresses_and_missing_proofs_are_refused_before_anything_is_sent() {
    let world = World::new().unwrap();
    let password = world.server.password_file.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 4] = [
        (&["enroll", "--server", "http://localhost", "--user", USER, "--password-file", password], 1, "https://"),
        (&["enroll", "--user", "alice", "--password-file", password], 2, "--server"),
        (&["enroll", "--server", "https://localhost", "--user", USER, "--password", "x"], 2, "--password"),
        (&["enroll", "--server", "https://localhost:1", "--user", USER, "--password-file", password], 5, "Check"),
    ];
    for (arguments, code, hint) in cases {
        let said = world.agent.verb(arguments).unwrap();
        assert_eq!(said.code, code, "{arguments:?}: {}", said.errors);
        assert!(said.errors.contains(hint), "{arguments:?}: {}", said.errors);
        assert!(world.agent.is_blank());
    }
}

#[test]
fn a_second_enrolment_is_refused_and_unenrolment_leaves_nothing() {
    let world = World::new().unwrap();
    assert_eq!(world.agent.enrol(&world.server).unwrap().code, 0);
    let again = world.agent.enrol(&world.server).unwrap();
    assert_eq!(again.code, 1);
    assert!(again.errors.contains("unenroll"), "{}", again.errors);
    let left = world.agent.json(["unenroll"]).unwrap();
    assert_eq!(left["server_told"], true);
    assert!(world.agent.is_blank());
    assert_eq!(block_on(world.server.admin.get("/devices")).unwrap().as_array().map(Vec::len), Some(0));
    assert_eq!(world.agent.verb(["status"]).unwrap().code, 3);
    assert_eq!(world.agent.verb(["sync"]).unwrap().code, 3);
}

#[test]
fn keys_and_account_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().unwrap();
    assert_eq!(world.agent.enrol(&world.server).unwrap().code, 0);
    for (path, mode) in [
        ("", 0o700),
        ("identity", 0o700),
        ("identity/account.json", 0o600),
        ("identity/active/key.pem", 0o600),
        ("identity/active/certificate.pem", 0o600),
        ("store", 0o700),
        ("store/db", 0o600),
    ] {
        let metadata = std::fs::metadata(world.agent.state.join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
    }
}

fn enrol_as(agent: &AgentFolder, server: &ServerProcess, user: &str, password: &std::path::Path) -> Said {
    let mut arguments: Vec<&std::ffi::OsStr> = Vec::new();
    for argument in ["enroll", "--server", &server.device_url, "--user", user, "--ca-file"] {
        arguments.push(argument.as_ref());
    }
    arguments.extend([server.ca_file.as_os_str(), "--password-file".as_ref(), password.as_os_str()]);
    agent.verb(arguments).unwrap()
}

fn assert_refused(agent: &AgentFolder, said: &Said, hint: &str) {
    assert_eq!(said.code, 1, "{}", said.errors);
    assert!(said.errors.contains(hint), "{:?} should say {hint:?}", said.errors);
    assert!(agent.is_blank(), "something was left behind");
}
