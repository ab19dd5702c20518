//! From one authority to the next, with real processes and a push service.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use mdm_tests::processes::{silent, wait_until};
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

const SYSRQ: &str = "./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.sysrq";
const DMESG: &str = "./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.dmesg_restrict";

#[test]
fn s51_a_ring_moves_a_device_to_the_new_authority_at_once() {
    let world = World::enrolled().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    wait_for(&world, |status| status["push"] == "up");
    let sessions = status(&world)["last_session"]["session_id"].as_u64().unwrap();
    change(&world, "co-management");
    wait_for(&world, |status| status["account"]["authority"] == "Co-management" && status["activity"] == "idle");
    let status = status(&world);
    assert!(status["account"]["server"].as_str().unwrap().contains("CoManagement"), "{status}");
    assert_eq!(status["last_session"]["session_id"].as_u64().unwrap(), sessions + 2, "one to hear, one to move");
    let listed = block_on(world.server.admin.get("/devices?authority=co-management&state=registered")).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn s60_who_checks_in_by_hand_moves_without_a_ring() {
    let world = World::enrolled().unwrap();
    change(&world, "co-management");
    let record = world.agent.json(["sync"]).unwrap();
    assert_eq!(record["authority"], "Co-management");
    assert_eq!(status(&world)["account"]["authority"], "Co-management");
}

#[test]
fn s71_s72_the_same_name_is_overwritten_and_another_stays_redundant() {
    let world = World::enrolled().unwrap();
    let put = |name: &str, text: String| block_on(world.server.admin.assign(name, &text)).unwrap();
    put("sysrq", replace(SYSRQ, "1"));
    put("dmesg", replace(DMESG, "1"));
    world.agent.json(["sync"]).unwrap();
    change(&world, "co-management");
    let new = replace(SYSRQ, "0");
    block_on(world.server.admin.assign_under("co-management", "new-sysrq", &new)).unwrap();
    world.agent.json(["sync"]).unwrap();
    world.agent.json(["sync"]).unwrap();
    let profiles = world.agent.json(["profiles", "list"]).unwrap();
    let told = |name: &str| {
        let all = profiles.as_array().unwrap();
        let profile =
            all.iter().find(|profile| profile["name"] == format!("Linux/Sysctl/kernel.{name}")).unwrap().clone();
        (profile["authority"].as_str().unwrap().to_owned(), profile["redundant"].as_bool().unwrap())
    };
    assert_eq!(told("sysrq"), ("Co-management".to_owned(), false));
    assert_eq!(told("dmesg_restrict"), ("Intune".to_owned(), true));
    let shown = world.agent.json(["profiles", "show", "Linux/Sysctl/kernel.sysrq"]).unwrap();
    assert_eq!(shown["nodes"][0][2], "0");
    let why = world.agent.verb(["profiles", "why", "Linux/Sysctl/kernel.dmesg_restrict"]).unwrap().output;
    assert!(why.contains("no longer manages this device"), "{why}");
    let history = world.agent.verb(["history"]).unwrap().output;
    assert!(history.contains("authority-changed") && history.contains("profile-replaced"), "{history}");
}

#[test]
fn s49_the_tenant_cannot_be_set_back_to_unknown() {
    let world = World::new().unwrap();
    let refused = block_on(world.server.admin.patch("/tenant", &json!({ "authority": "unknown" }))).unwrap_err();
    assert!(refused.to_string().contains("409"), "{refused}");
}

fn change(world: &World, authority: &str) {
    block_on(world.server.admin.patch("/tenant", &json!({ "authority": authority }))).unwrap();
}

fn status(world: &World) -> Value {
    world.agent.json(["status"]).unwrap()
}

fn wait_for(world: &World, there: impl Fn(&Value) -> bool) {
    let seen = wait_until(Duration::from_secs(20), || Ok(Some(status(world)).filter(|status| there(status))));
    seen.unwrap_or_else(|error| panic!("{error}: {}", status(world)));
}

fn replace(address: &str, value: &str) -> String {
    format!(
        "<Replace><CmdID>1</CmdID><Item><Target><LocURI>{address}</LocURI></Target><Meta><Format \
         xmlns=\"syncml:metinf\">chr</Format></Meta><Data>{value}</Data></Item></Replace>"
    )
}
