//! What somebody changes of a managed file is put back, written down and reported once, wherever it is found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::time::Duration;

use mdm_tests::processes::{silent, wait_until};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};

const LIMIT: Duration = Duration::from_secs(20);

struct Managed {
    world: World,
    file: PathBuf,
    content: String,
}

impl Managed {
    fn new() -> Self {
        let world = World::enrolled().unwrap();
        block_on(world.server.admin.assign("configuration", profiles::CONFIGURATION)).unwrap();
        world.agent.json(["sync"]).unwrap();
        let file = world.agent.root.join("etc/security/pwquality.conf.d/90-mdm-agent.conf");
        let content = std::fs::read_to_string(&file).unwrap();
        Self { world, file, content }
    }

    /// How often it was written down here, and how often the server has heard of it.
    fn told(&self) -> (usize, usize) {
        let history = self.world.agent.verb(["history", "--limit", "1000"]).unwrap().output;
        let devices = block_on(self.world.server.admin.get("/devices")).unwrap();
        let path = format!("/devices/{}", devices[0]["id"].as_str().unwrap());
        let device = block_on(self.world.server.admin.get(&path)).unwrap();
        let reports = device["reports"].as_array().unwrap().iter();
        (
            history.matches("file-put-back").count(),
            reports.filter(|report| report["kind"] == "org.linuxmdm:drift").count(),
        )
    }
}

#[test]
fn what_a_service_finds_at_its_start_is_written_down_and_reported_with_the_next_check_in() {
    let managed = Managed::new();
    std::fs::write(&managed.file, "minlen = 1\n").unwrap();
    let service = managed.world.agent.run(&silent()).unwrap();
    let is_back = || Ok((std::fs::read_to_string(&managed.file)? == managed.content).then_some(()));
    wait_until(LIMIT, is_back).unwrap();
    wait_until(LIMIT, || Ok((managed.told().0 == 1).then_some(()))).unwrap();
    managed.world.agent.json(["sync"]).unwrap();
    assert_eq!(managed.told(), (1, 1));
    managed.world.agent.json(["sync"]).unwrap();
    assert_eq!(managed.told(), (1, 1), "it is old news");
    drop(service);
}

#[test]
fn what_a_failed_check_in_could_not_report_is_reported_by_the_next_one_that_is_completed() {
    let managed = Managed::new();
    let account = managed.world.agent.state.join("identity/account.json");
    let known = std::fs::read_to_string(&account).unwrap();
    let mut lost: serde_json::Value = serde_json::from_str(&known).unwrap();
    lost["management_url"] = "https://127.0.0.1:1/".into();
    std::fs::write(&account, lost.to_string()).unwrap();
    std::fs::remove_file(&managed.file).unwrap();
    assert_ne!(managed.world.agent.verb(["sync"]).unwrap().code, 0);
    assert_eq!(std::fs::read_to_string(&managed.file).unwrap(), managed.content);
    assert_eq!(managed.told(), (1, 0));
    std::fs::write(&account, known).unwrap();
    managed.world.agent.json(["sync"]).unwrap();
    assert_eq!(managed.told(), (1, 1));
}
