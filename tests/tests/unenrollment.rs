//! The end of an enrollment, with the two real programs: whatever cuts it off, the next one finishes it, and the machine is
//! as it was found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Stdio;
use std::time::Duration;

use mdm_tests::machine_root::tree;
use mdm_tests::world::{World, block_on};

/// The latest moment of a kill, in milliseconds; an unenrollment of this machine takes some 300.
const LATEST_MS: u64 = 400;
/// How often it is killed.
const KILLS: u64 = 12;

/// Everything in the state directory that an enrollment may leave: what happened, the form of the state, who uses it.
fn left_in_state(world: &World) -> Vec<String> {
    let known = ["history", "lock", "store.lock", "version"];
    let names = std::fs::read_dir(&world.agent.state).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| !known.contains(&name.as_str())).collect()
}

#[test]
fn an_unenrollment_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let world = World::new().unwrap();
    let before = tree(&world.agent.root);
    block_on(world.assign_all()).unwrap();
    let mut random = fastrand::Rng::with_seed(13);
    let (mut latest, mut cut) = (LATEST_MS, 0);
    for kill in 0..KILLS {
        assert_eq!(world.agent.enrol(&world.server).unwrap().code, 0);
        world.agent.json(["sync"]).unwrap();
        assert_ne!(tree(&world.agent.root), before);
        let mut leaving = world.agent.command();
        let mut leaving = leaving.arg("unenroll").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let delay = random.u64(0..=latest);
        // The moment itself is what is tried; nothing is waited for.
        std::thread::sleep(Duration::from_millis(delay));
        leaving.kill().unwrap();
        let was_cut = !leaving.wait().unwrap().success();
        cut += u64::from(was_cut);
        latest = if was_cut { (latest * 2).clamp(1, LATEST_MS) } else { delay / 2 };
        let context = format!("kill {kill} after {delay} ms");
        let said = world.agent.verb(["unenroll"]).unwrap();
        // Between its last step and its end there is nothing left to do.
        assert!([0, 3].contains(&said.code), "{context}: {}: {}", said.code, said.errors);
        assert_eq!(tree(&world.agent.root), before, "{context}");
        assert_eq!(left_in_state(&world), Vec::<String>::new(), "{context}");
        assert_eq!(world.agent.verb(["unenroll"]).unwrap().code, 3, "{context}");
    }
    assert!(cut >= KILLS / 3, "only {cut} were cut off");
}

#[test]
fn a_new_enrollment_first_finishes_the_end_of_the_former() {
    let world = World::enrolled().unwrap();
    let before = tree(&world.agent.root);
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    // As a kill behind the first step leaves it.
    std::fs::write(world.agent.state.join("unenrolling"), "").unwrap();
    let status = world.agent.verb(["status"]).unwrap();
    assert_eq!(status.code, 3);
    assert!(status.output.contains("sudo mdm-agent unenroll"), "{}", status.output);
    assert!(status.output.contains("/etc/NetworkManager/system-connections/mdm-agent-"), "{}", status.output);
    let said = world.agent.enrol(&world.server).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    world.agent.json(["sync"]).unwrap();
    assert_eq!(world.agent.json(["plan"]).unwrap()["steps"], serde_json::json!([]));
    assert_eq!(world.agent.verb(["unenroll"]).unwrap().code, 0);
    assert_eq!(tree(&world.agent.root), before);
    assert_eq!(left_in_state(&world), Vec::<String>::new());
}

#[test]
fn an_identity_that_cannot_be_read_leaves_nothing_on_the_machine() {
    let world = World::enrolled().unwrap();
    let before = tree(&world.agent.root);
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    std::fs::write(world.agent.state.join("identity/account.json"), "{").unwrap();
    let said = world.agent.verb(["unenroll"]).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    assert!(said.output.contains("remove the device there too"), "{}", said.output);
    assert_eq!(tree(&world.agent.root), before);
    assert_eq!(left_in_state(&world), Vec::<String>::new());
}

#[test]
fn a_sync_in_which_the_server_ends_the_enrollment_says_so_and_succeeds() {
    let world = World::new().unwrap();
    let before = tree(&world.agent.root);
    for is_json in [false, true] {
        assert_eq!(world.agent.enrol(&world.server).unwrap().code, 0);
        block_on(world.assign_all()).unwrap();
        world.agent.json(["sync"]).unwrap();
        let device = world.agent.json(["status"]).unwrap()["account"]["device_id"].as_str().unwrap().to_owned();
        block_on(world.server.admin.post(&format!("/devices/{device}/unenrol"), &serde_json::json!({}))).unwrap();
        if is_json {
            assert_eq!(world.agent.json(["sync"]).unwrap()["outcome"], "unenrolled");
        } else {
            let said = world.agent.verb(["sync"]).unwrap();
            assert_eq!(said.code, 0, "{}", said.errors);
            assert!(said.output.contains("The server ended the enrollment"), "{}", said.output);
        }
        assert_eq!(tree(&world.agent.root), before);
        assert_eq!(left_in_state(&world), Vec::<String>::new());
        assert_eq!(world.agent.verb(["sync"]).unwrap().code, 3);
    }
}
