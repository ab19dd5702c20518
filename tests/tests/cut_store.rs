//! Stores that are cut, overwritten or gone between two runs of the service, after a change of authority: who the
//! device is and who manages it is kept, what it held comes back from the server, and the history says what happened.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use mdm_tests::processes::{silent, wait_until};
use mdm_tests::world::{World, block_on};
use mdm_tests::{admin::Admin, profiles};
use serde_json::{Value, json};

/// What is done to the store's largest file, or to its directory.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// It ends at some byte.
    Cut,
    /// Some bytes of it are others.
    Scratched,
    /// It has its size and nothing of what was in it.
    Garbage,
    /// It is empty.
    Emptied,
    /// The store is not there at all.
    Gone,
}

#[test]
fn whatever_becomes_of_the_store_the_device_keeps_its_authority_and_gets_its_profiles_back() {
    let world = moved();
    let mut random = fastrand::Rng::with_seed(5);
    let (certificate, before) = (certificate(&world), held(&world));
    let harms = [Harm::Garbage, Harm::Emptied, Harm::Gone].into_iter();
    let harms = harms.chain((0..12).map(|number| if number % 2 == 0 { Harm::Cut } else { Harm::Scratched }));
    for (number, harm) in harms.enumerate() {
        let (told, kept) = (rebuilt(&world), quarantined(&world));
        inflict(&world, harm, &mut random);
        let context = format!("{number}: {harm:?}");
        {
            let service = (number % 3 != 2).then(|| world.agent.run(&silent()).unwrap());
            let record = world.agent.json(["sync"]).unwrap_or_else(|error| panic!("{context}: {error:#}"));
            assert_eq!(record["completed"], true, "{context}: {record}");
            assert!(service.is_none_or(|mut service| !service.has_ended()), "{context}");
        }
        let status = world.agent.json(["status"]).unwrap();
        assert_eq!(status["account"]["authority"], "Co-management", "{context}");
        assert!(status["account"]["server"].as_str().unwrap().contains("CoManagement"), "{context}: {status}");
        assert_eq!(held(&world), before, "{context}");
        assert_eq!(self::certificate(&world), certificate, "{context}");
        let (told, kept) = (rebuilt(&world) - told, quarantined(&world) - kept);
        match harm {
            Harm::Garbage | Harm::Emptied => assert_eq!((told, kept), (1, 1), "{context}"),
            Harm::Gone => assert_eq!((told, kept), (1, 0), "{context}"),
            // A store may be mended, to the state before its last change at least.
            Harm::Cut | Harm::Scratched => assert!(told <= 1 && kept <= told, "{context}: {told} {kept}"),
        }
        assert_eq!(world.agent.verb(["history"]).unwrap().code, 0, "{context}");
    }
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    assert_eq!(devices.as_array().unwrap().len(), 1, "{devices}");
}

#[test]
fn a_lost_store_is_one_clear_line_of_the_history_and_the_bell_is_heard_again() {
    let world = moved();
    inflict(&world, Harm::Garbage, &mut fastrand::Rng::with_seed(1));
    let _service = world.agent.run(&silent()).unwrap();
    world.agent.json(["sync"]).unwrap();
    world.agent.json(["sync"]).unwrap();
    let told = world.agent.verb(["history", "--limit", "100"]).unwrap().output;
    assert_eq!(told.matches("store-rebuilt").count(), 1, "{told}");
    let up = || Ok((world.agent.json(["status"])?["push"] == "up").then_some(()));
    wait_until(Duration::from_secs(20), up).unwrap();
    let device = world.agent.json(["status"]).unwrap()["account"]["device_id"].as_str().unwrap().to_owned();
    block_on(world.server.admin.post(&format!("/devices/{device}/ring"), &json!({}))).unwrap();
    let rung = || Ok((world.agent.json(["status"])?["last_session"]["triggers"] == json!(["push"])).then_some(()));
    wait_until(Duration::from_secs(20), rung).unwrap();
}

#[test]
fn what_is_in_force_outlasts_the_store_until_the_server_can_be_asked() {
    let world = moved();
    let before = mdm_tests::machine_root::tree(&world.agent.root);
    inflict(&world, Harm::Garbage, &mut fastrand::Rng::with_seed(2));
    drop(world.server);
    for _ in 0..2 {
        assert_eq!(world.agent.verb(["sync"]).unwrap().code, 5, "there is no server");
        assert_eq!(mdm_tests::machine_root::tree(&world.agent.root), before, "after a check-in");
        let service = world.agent.run(&silent()).unwrap();
        // The service looks after the machine before it opens the store for anybody.
        world.agent.verb(["profiles", "list"]).unwrap();
        drop(service);
        assert_eq!(mdm_tests::machine_root::tree(&world.agent.root), before, "after a start");
    }
}

/// A device that has moved to another authority and has its five profiles from it.
fn moved() -> World {
    let world = World::enrolled().unwrap();
    block_on(async {
        let admin: &Admin = &world.server.admin;
        admin.patch("/tenant", &json!({ "authority": "co-management" })).await.unwrap();
        for (name, fragment) in profiles::all().unwrap() {
            admin.assign_under("co-management", name, &fragment).await.unwrap();
        }
    });
    world.agent.json(["sync"]).unwrap();
    assert_eq!(held(&world).len(), 5);
    world
}

fn inflict(world: &World, harm: Harm, random: &mut fastrand::Rng) {
    let store = world.agent.state.join("store");
    let file = largest(&store);
    let mut content = std::fs::read(&file).unwrap();
    match harm {
        Harm::Cut => content.truncate(random.usize(..content.len())),
        Harm::Scratched => {
            let begin = random.usize(..content.len());
            let end = content.len().min(begin + random.usize(1..4096));
            content[begin..end].iter_mut().for_each(|byte| *byte = random.u8(..));
        }
        Harm::Garbage => content.iter_mut().for_each(|byte| *byte = random.u8(..)),
        Harm::Emptied => content.clear(),
        Harm::Gone => return std::fs::remove_dir_all(&store).unwrap(),
    }
    std::fs::write(&file, content).unwrap();
}

fn largest(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

/// Every profile with its owner and what it holds.
fn held(world: &World) -> Vec<String> {
    let held = world.agent.json(["profiles", "list"]).unwrap();
    let told = |profile: &Value| ["kind", "name", "authority", "content_hash"].map(|name| profile[name].to_string());
    held.as_array().unwrap().iter().map(|profile| told(profile).join(" ")).collect()
}

/// How often the history says that the store was rebuilt.
fn rebuilt(world: &World) -> usize {
    let history = world.agent.json(["history", "--limit", "100000"]).unwrap();
    let entries = history["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["event"] == "store-rebuilt").count()
}

/// The stores that were put aside.
fn quarantined(world: &World) -> usize {
    std::fs::read_dir(world.agent.state.join("quarantine")).map_or(0, Iterator::count)
}

fn certificate(world: &World) -> Vec<u8> {
    std::fs::read(world.agent.state.join("identity/active/certificate.pem")).unwrap()
}
