//! `doctor` on real machines: one that is well, and one for each thing that can be wrong, which is named by its check.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mdm_tests::hostile::{HostileServer, Request, response};
use mdm_tests::processes::silent;
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::Value;

/// Looks, and gives what was found with the exit code.
fn doctor(world: &World, variables: &[(&str, &str)]) -> (Value, i32) {
    let mut command = world.agent.command();
    command.env_remove("https_proxy").env_remove("HTTPS_PROXY").envs(variables.iter().copied());
    let said = command.args(["doctor", "--json"]).output().unwrap();
    (serde_json::from_slice(&said.stdout).unwrap(), said.status.code().unwrap())
}

fn finding<'a>(examined: &'a Value, check: &str) -> &'a Value {
    let checks = examined["checks"].as_array().unwrap();
    checks.iter().find(|found| found["check"] == check).unwrap_or_else(|| panic!("{check} is not there"))
}

fn verdict<'a>(examined: &'a Value, check: &str) -> &'a str {
    finding(examined, check)["verdict"].as_str().unwrap()
}

#[test]
fn a_machine_that_is_well_passes_with_its_service_running() {
    let world = World::enrolled().unwrap();
    block_on(world.server.admin.assign("wifi", profiles::WIFI)).unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let (examined, code) = doctor(&world, &[]);
    assert_eq!(code, 0, "{examined:#}");
    for check in ["service", "clock", "name-resolution", "server", "captive-portal", "server-certificate"] {
        assert_eq!(verdict(&examined, check), "pass", "{:#}", finding(&examined, check));
    }
    for check in ["client-certificate", "store", "space", "permissions", "consumers", "schedule", "identity", "history"]
    {
        assert_eq!(verdict(&examined, check), "pass", "{:#}", finding(&examined, check));
    }
    assert!(finding(&examined, "store")["message"].as_str().unwrap().contains("1 profiles"), "{examined:#}");
}

#[test]
fn without_the_service_everything_else_is_looked_at_all_the_same() {
    let world = World::enrolled().unwrap();
    let (examined, code) = doctor(&world, &[]);
    assert_eq!((code, verdict(&examined, "service")), (1, "fail"));
    assert!(finding(&examined, "service")["advice"].as_str().unwrap().contains("systemctl start mdm-agent"));
    for check in ["server", "client-certificate", "store", "identity"] {
        assert_eq!(verdict(&examined, check), "pass", "{:#}", finding(&examined, check));
    }
    let said = world.agent.verb(["doctor", "--check", "clock"]).unwrap();
    assert_eq!((said.code, said.output.lines().next().unwrap().starts_with("pass clock")), (0, true), "{said:?}");
}

#[test]
fn a_machine_that_is_not_enrolled_is_not_taken_for_a_healthy_one() {
    let world = World::new().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let (examined, code) = doctor(&world, &[]);
    assert_eq!((code, verdict(&examined, "service")), (0, "pass"));
    for check in ["server", "client-certificate", "identity", "schedule", "copied-machine", "in-force"] {
        assert_eq!(verdict(&examined, check), "skipped", "{:#}", finding(&examined, check));
    }
}

#[test]
fn whoever_answers_in_the_servers_place_is_named_by_its_issuer() {
    let world = World::enrolled().unwrap();
    let stranger = HostileServer::start(Arc::new(|_: &Request| response("200 OK", &[], b""))).unwrap();
    redirect(&world, &stranger.url);
    let (examined, code) = doctor(&world, &[]);
    assert_eq!((code, verdict(&examined, "server-certificate")), (1, "fail"), "{examined:#}");
    let message = finding(&examined, "server-certificate")["message"].as_str().unwrap();
    assert!(message.contains("not trusted") && message.contains("issued by"), "{message}");
    assert_eq!(verdict(&examined, "server"), "pass", "it was reached");
    assert_eq!(verdict(&examined, "client-certificate"), "skipped", "nothing is known of it");
}

#[test]
fn a_server_that_never_asks_for_the_certificate_has_not_accepted_it_and_one_that_says_403_has_refused_it() {
    let world = World::enrolled().unwrap();
    let server = |answer: &'static str| {
        let server = HostileServer::start(Arc::new(move |_: &Request| response(answer, &[], b""))).unwrap();
        world.agent.redirect_to(&server).unwrap();
        doctor(&world, &[]).0
    };
    assert_eq!(verdict(&server("200 OK"), "client-certificate"), "warn");
    let refused = server("403 Forbidden");
    assert_ne!(verdict(&refused, "client-certificate"), "pass", "{refused:#}");
}

#[test]
fn a_server_that_does_not_listen_and_a_proxy_that_does_not_either_are_told_apart() {
    let world = World::enrolled().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    redirect(&world, &format!("https://localhost:{}", nobody.port()));
    let (examined, code) = doctor(&world, &[]);
    assert_eq!((code, verdict(&examined, "server"), verdict(&examined, "proxy")), (1, "fail", "pass"));
    assert!(finding(&examined, "server")["message"].as_str().unwrap().contains("unreachable"), "{examined:#}");

    redirect(&world, "https://mdm.invalid");
    let proxy = format!("http://me:hush-hush@127.0.0.1:{}", nobody.port());
    let (examined, code) = doctor(&world, &[("https_proxy", &proxy)]);
    assert_eq!((code, verdict(&examined, "proxy")), (1, "fail"), "{examined:#}");
    assert!(!examined.to_string().contains("hush-hush"), "{examined:#}");
    assert_eq!(verdict(&examined, "name-resolution"), "warn", "behind a proxy nobody needs it");
}

#[test]
fn a_key_that_others_may_read_is_found() {
    let world = World::enrolled().unwrap();
    let key = world.agent.state.join("identity/active/key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (examined, code) = doctor(&world, &[]);
    let found = finding(&examined, "permissions");
    assert_eq!((code, found["verdict"].as_str()), (1, Some("fail")));
    assert!(found["message"].as_str().unwrap().contains("key.pem has mode 0644"), "{found:#}");
}

#[test]
fn a_consumer_that_was_removed_and_an_edited_history_are_found() {
    let world = World::enrolled().unwrap();
    block_on(world.server.admin.assign("wifi", profiles::WIFI)).unwrap();
    world.agent.json(["sync"]).unwrap();
    for place in ["usr/sbin", "usr/bin", "sbin", "bin"] {
        let _ = std::fs::remove_file(world.agent.root.join(place).join("NetworkManager"));
    }
    let history = world.agent.state.join("history/history.jsonl");
    let edited = std::fs::read_to_string(&history).unwrap().replacen("session", "sessiom", 1);
    std::fs::write(&history, edited).unwrap();
    let (examined, _) = doctor(&world, &[]);
    assert_eq!(verdict(&examined, "consumers"), "fail", "{:#}", finding(&examined, "consumers"));
    assert_eq!(verdict(&examined, "history"), "fail", "{:#}", finding(&examined, "history"));
}

#[test]
#[ignore = "needs root, to be somebody else"]
fn what_only_root_can_see_is_skipped_for_others_and_never_passes() {
    let world = World::enrolled().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let open = |path: &Path| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    open(world.folder.path());
    let program = world.folder.path().join("mdm-agent");
    std::fs::copy(&world.programs.agent, &program).unwrap();
    open(&program);
    let mut command = Command::new(&program);
    command.uid(65534).gid(65534).arg("--runtime").arg(&world.agent.runtime).arg("--state").arg(&world.agent.state);
    let said = command.arg("--root").arg(&world.agent.root).args(["doctor", "--json"]).output().unwrap();
    let examined: Value = serde_json::from_slice(&said.stdout).unwrap();
    for check in ["server-certificate", "client-certificate", "permissions", "consumers", "copied-machine"] {
        let found = finding(&examined, check);
        assert_eq!(
            (found["verdict"].as_str(), found["message"].as_str()),
            (Some("skipped"), Some("needs root")),
            "{check}"
        );
    }
    for check in ["service", "name-resolution", "server", "schedule", "identity", "history"] {
        assert_eq!(verdict(&examined, check), "pass", "{:#}", finding(&examined, check));
    }
}

/// Has the agent take another address for its server's, with the roots as they are.
fn redirect(world: &World, url: &str) {
    let path = world.agent.state.join("identity/account.json");
    let mut account: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    account["management_url"] = format!("{url}/ManagementServer/MDM.svc").into();
    std::fs::write(&path, serde_json::to_vec(&account).unwrap()).unwrap();
}
