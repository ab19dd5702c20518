//! The device's identity over time, with real processes: renewal, recovery, a copied disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_tests::agent::AgentFolder;
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

#[test]
fn an_ordered_renewal_puts_a_new_certificate_in_use_on_both_sides() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let (device, before) = (device(&world), certificate(&world.agent));
    block_on(world.server.admin.post(&format!("/devices/{device}/renew"), &json!({}))).unwrap();
    let record = world.agent.json(["sync"]).unwrap();
    assert_eq!((&record["completed"], &record["triggers"]), (&json!(true), &json!(["certificate-due"])));
    let after = certificate(&world.agent);
    assert_ne!(before, after);
    assert!(!world.agent.state.join("identity/pending").exists());
    let seen = block_on(world.server.admin.get(&format!("/devices/{device}"))).unwrap();
    assert_eq!(seen["last_session"]["outcome"], "completed");
    // The new one goes on by itself, and nothing was lost.
    world.agent.json(["sync"]).unwrap();
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().unwrap().len(), 5);
    let events = events(&world.agent);
    for event in ["certificate-renewed", "certificate-in-use"] {
        assert!(events.iter().any(|found| found == event), "{event} is missing in {events:?}");
    }
    assert_eq!(world.agent.json(["status"]).unwrap()["renewal"], "succeeded");
}

#[test]
fn a_renewal_that_failed_is_remembered_by_commands_without_a_service() {
    let world = World::enrolled().unwrap();
    let device = device(&world);
    let renew = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew";
    let elsewhere = format!(
        "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{renew}/ServerURL</LocURI></Target>\
         <Data>https://127.0.0.1:1/EnrollmentServer/Discovery.svc</Data></Item></Replace>"
    );
    let order = format!("<Exec><CmdID>1</CmdID><Item><Target><LocURI>{renew}/RenewNow</LocURI></Target></Item></Exec>");
    let path = format!("/devices/{device}/commands");
    for command in [elsewhere, order] {
        block_on(world.server.admin.post_text(&path, &command)).unwrap();
    }
    let before = certificate(&world.agent);
    for _ in 0..3 {
        world.agent.json(["sync"]).unwrap();
    }
    let failed = events(&world.agent).iter().filter(|event| *event == "certificate-not-renewed").count();
    assert_eq!(failed, 1, "the order was carried out once");
    let status = world.agent.json(["status"]).unwrap();
    assert_eq!((&status["renewal"], &status["renewal_failures"]), (&json!("failed"), &json!(1)));
    assert_eq!(certificate(&world.agent), before);
    let get = format!("<Get><CmdID>1</CmdID><Item><Target><LocURI>{renew}/Status</LocURI></Target></Item></Get>");
    let queued = block_on(world.server.admin.post_text(&path, &get)).unwrap();
    world.agent.json(["sync"]).unwrap();
    let answer = block_on(world.server.admin.get(&format!("{path}/{}", queued["id"]))).unwrap();
    assert!(answer.to_string().contains("\"3\""), "{answer}");
}

#[test]
fn the_server_reads_what_links_the_new_certificate_to_the_device() {
    let world = World::enrolled().unwrap();
    let device = device(&world);
    block_on(world.server.admin.post(&format!("/devices/{device}/renew"), &json!({}))).unwrap();
    world.agent.json(["sync"]).unwrap();
    let provider = "./Device/Vendor/MSFT/DMClient/Provider/LinuxMDM";
    let nodes = [
        format!("{provider}/CertRenewTimeStamp"),
        "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/Status".to_owned(),
        "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/CertThumprint".to_owned(),
    ];
    for (number, node) in (1..).zip(&nodes) {
        let get = format!("<Get><CmdID>{number}</CmdID><Item><Target><LocURI>{node}</LocURI></Target></Item></Get>");
        let path = format!("/devices/{device}/commands");
        let queued = block_on(world.server.admin.post_text(&path, &get)).unwrap();
        world.agent.json(["sync"]).unwrap();
        let answer = block_on(world.server.admin.get(&format!("{path}/{}", queued["id"]))).unwrap();
        assert!(answer["state"] == "done", "{node}: {answer}");
    }
}

#[test]
fn an_identity_is_recovered_with_a_token_of_its_own_and_keeps_everything() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let (device, before) = (device(&world), certificate(&world.agent));
    let token = block_on(world.server.admin.post(&format!("/devices/{device}/recovery"), &json!({}))).unwrap();
    let file = world.folder.path().join("token");
    std::fs::write(&file, token["token"].as_str().unwrap()).unwrap();
    let path = file.to_str().unwrap();
    let account = world.agent.json(["recover", "--token-file", path]).unwrap();
    assert_eq!(account["device_id"], json!(device));
    assert_ne!(certificate(&world.agent), before);
    world.agent.json(["sync"]).unwrap();
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().unwrap().len(), 5);
    assert_eq!(block_on(world.server.admin.get("/devices")).unwrap().as_array().unwrap().len(), 1);
    let again = world.agent.verb(["recover", "--token-file", path]).unwrap();
    assert_ne!(again.code, 0, "a recovery token works once: {}", again.output);
    world.agent.json(["sync"]).unwrap();
}

#[test]
fn a_copied_disk_stops_checking_in_and_says_so() {
    let world = World::enrolled().unwrap();
    let path = world.agent.state.join("identity/account.json");
    let mut account: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(!account["machine_id"].as_str().unwrap().is_empty(), "this machine has no machine-id");
    account["machine_id"] = "0123456789ABCDEF0123456789ABCDEF".into();
    std::fs::write(&path, serde_json::to_vec(&account).unwrap()).unwrap();
    let before = sessions(&world);
    let said = world.agent.verb(["sync"]).unwrap();
    assert_eq!(said.code, 1);
    assert!(said.errors.contains("copy of another one") && said.errors.contains("unenroll"), "{}", said.errors);
    assert!(world.agent.verb(["status"]).unwrap().output.contains("copy of another one"));
    assert_eq!(sessions(&world), before, "the server heard of it");
}

#[test]
fn a_history_that_was_edited_is_noticed() {
    let world = World::enrolled().unwrap();
    world.agent.json(["sync"]).unwrap();
    assert_eq!(world.agent.verb(["history"]).unwrap().code, 0);
    let path = world.agent.state.join("history/history.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("enrolment", "boredom", 1)).unwrap();
    let said = world.agent.verb(["history"]).unwrap();
    assert_eq!(said.code, 1);
    assert!(said.output.contains("was changed"), "{}", said.output);
}

fn device(world: &World) -> String {
    world.agent.json(["status"]).unwrap()["account"]["device_id"].as_str().unwrap().to_owned()
}

fn certificate(agent: &AgentFolder) -> String {
    std::fs::read_to_string(agent.state.join("identity/active/certificate.pem")).unwrap()
}

fn events(agent: &AgentFolder) -> Vec<String> {
    let history = agent.json(["history", "--limit", "200"]).unwrap();
    let entries = history["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["event"].as_str().unwrap().to_owned()).collect()
}

/// When the server last heard of the device.
fn sessions(world: &World) -> Value {
    block_on(world.server.admin.get("/devices")).unwrap()[0]["last_session"].clone()
}
