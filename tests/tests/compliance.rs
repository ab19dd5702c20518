//! Compliance from the administrator's rule to the person's table and the directory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mdm_tests::processes::silent;
use mdm_tests::world::{World, block_on};
use serde_json::Value;

const FIREWALL: &str = "<Replace><Item><Target><LocURI>./Device/Vendor/LinuxMDM/Compliance/firewall_required</LocURI>\
    </Target><Data>true</Data></Item></Replace>";
const DISTRIBUTION: &str = "<Replace><Item><Target>\
    <LocURI>./Device/Vendor/LinuxMDM/Compliance/linux_distribution_alloweddistros</LocURI></Target>\
    <Data>[{\"type\":\"debian\",\"minimumversion\":\"11\",\"maximumversion\":\"\"}]</Data></Item></Replace>";

fn directory(world: &World) -> Option<bool> {
    let report = block_on(world.server.admin.get("/compliance")).unwrap();
    report["devices"][0]["directory"]["compliant"].as_bool()
}

fn device(world: &World) -> Value {
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    block_on(world.server.admin.get(&format!("/devices/{}", devices[0]["id"].as_str().unwrap()))).unwrap()
}

#[test]
fn s60_s70_a_person_checks_sees_the_rule_named_with_its_fix_and_the_directory_knows_at_once() {
    let world = World::enrolled().unwrap();
    std::fs::write(
        world.agent.root.join("etc/os-release"),
        "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n",
    )
    .unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let said = world.agent.verb(["check-compliance"]).unwrap();
    assert_eq!((said.code, said.output.trim()), (0, "There are no rules for this machine."));
    block_on(world.server.admin.assign("distribution", DISTRIBUTION)).unwrap();
    let said = world.agent.verb(["check-compliance"]).unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.output.contains("This machine complies") && said.output.contains("the server knows"),
        "{}",
        said.output
    );
    assert_eq!(directory(&world), Some(true));
    block_on(world.server.admin.assign("firewall", FIREWALL)).unwrap();
    let said = world.agent.verb(["check-compliance"]).unwrap();
    assert_eq!(said.code, 4, "{said:?}");
    for expected in ["STATE", "EXPECTED", "ACTUAL", "fix", "shown by"] {
        assert!(said.output.contains(expected), "{expected} is missing:\n{}", said.output);
    }
    assert_eq!(directory(&world), Some(false));
    let verdicts = device(&world)["verdicts"].clone();
    assert_eq!(verdicts["verdicts"].as_array().map(Vec::len), Some(2), "{verdicts}");
    let last = world.agent.verb(["check-compliance", "--last", "--json"]).unwrap();
    let last: Value = serde_json::from_str(&last.output).unwrap();
    assert_eq!(last["report"]["verdicts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn without_the_server_the_rules_that_are_known_are_evaluated_and_it_says_so() {
    let world = World::enrolled().unwrap();
    block_on(world.server.admin.assign("distribution", DISTRIBUTION)).unwrap();
    std::fs::write(world.agent.root.join("etc/os-release"), "ID=debian\nVERSION_ID=\"9\"\n").unwrap();
    world.agent.json(["sync"]).unwrap();
    let agent = world.agent.clone();
    let World { server, folder: _folder, .. } = world;
    drop(server);
    let said = agent.verb(["check-compliance"]).unwrap();
    assert_eq!(said.code, 5, "{said:?}");
    assert!(
        said.output.contains("not compliant") && said.output.contains("The server was not reached"),
        "{}",
        said.output
    );
}

#[test]
fn a_rule_that_makes_no_sense_is_refused_and_a_machine_that_is_not_enrolled_says_so() {
    let world = World::enrolled().unwrap();
    for (name, id, value) in [("a", "no_such_rule", "true"), ("b", "firewall_required", "perhaps")] {
        let fragment = FIREWALL.replace("firewall_required", id).replace("true", value);
        block_on(world.server.admin.assign(name, &fragment)).unwrap();
    }
    world.agent.json(["sync"]).unwrap();
    let profiles = device(&world)["profiles"].to_string();
    assert!(
        profiles.contains("there is no compliance rule") && profiles.contains("neither true nor false"),
        "{profiles}"
    );
    let alone = World::new().unwrap();
    assert_eq!(alone.agent.verb(["check-compliance"]).unwrap().code, 3);
}

#[test]
fn a_rule_that_still_has_time_does_not_count_against_the_device_on_either_side() {
    let world = World::enrolled().unwrap();
    std::fs::write(world.agent.root.join("etc/os-release"), "ID=debian\nVERSION_ID=\"9\"\n").unwrap();
    let leaf = |name: &str, value: &str| {
        DISTRIBUTION
            .replace("alloweddistros</LocURI>", &format!("alloweddistros/{name}</LocURI>"))
            .replace("[{\"type\":\"debian\",\"minimumversion\":\"11\",\"maximumversion\":\"\"}]", value)
    };
    let value = "[{\"type\":\"debian\",\"minimumversion\":\"11\"}]";
    let fragment = format!("<Atomic>{}{}</Atomic>", leaf("Value", value), leaf("GracePeriod", "3600"));
    block_on(world.server.admin.assign("distribution", &fragment)).unwrap();
    let said = world.agent.verb(["check-compliance"]).unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.output.contains("in grace"), "{}", said.output);
    assert_eq!(directory(&world), Some(true));
}
