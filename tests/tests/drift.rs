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

    /// How many files each report of a change to the server names.
    fn reports(&self) -> Vec<usize> {
        let devices = block_on(self.world.server.admin.get("/devices")).unwrap();
        let path = format!("/devices/{}", devices[0]["id"].as_str().unwrap());
        let device = block_on(self.world.server.admin.get(&path)).unwrap();
        let reports = device["reports"].as_array().unwrap().iter();
        let reports = reports.filter(|report| report["kind"] == "org.linuxmdm:drift");
        reports.map(|report| report["data"].as_array().unwrap().len()).collect()
    }

    /// How many changes the history has, and how many reports the server.
    fn counts(&self) -> (usize, usize) {
        let history = self.world.agent.verb(["history", "--limit", "1000"]).unwrap().output;
        (history.matches("file-put-back").count(), self.reports().len())
    }
}

#[test]
fn what_a_service_finds_at_its_start_is_written_down_and_reported_with_the_next_check_in() {
    let managed = Managed::new();
    std::fs::write(&managed.file, "minlen = 1\n").unwrap();
    let service = managed.world.agent.run(&silent()).unwrap();
    let is_back = || Ok((std::fs::read_to_string(&managed.file)? == managed.content).then_some(()));
    wait_until(LIMIT, is_back).unwrap();
    wait_until(LIMIT, || Ok((managed.counts().0 == 1).then_some(()))).unwrap();
    managed.world.agent.json(["sync"]).unwrap();
    assert_eq!(managed.counts(), (1, 1));
    managed.world.agent.json(["sync"]).unwrap();
    assert_eq!(managed.counts(), (1, 1), "it is old news");
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
    assert_eq!(managed.counts(), (1, 0));
    std::fs::write(&account, known).unwrap();
    managed.world.agent.json(["sync"]).unwrap();
    assert_eq!(managed.counts(), (1, 1));
}

#[test]
fn more_changes_than_one_message_names_are_reported_by_the_next_ones() {
    const NETWORKS: usize = 25;
    let managed = Managed::new();
    for number in 0..NETWORKS {
        let fragment = profiles::WIFI
            .replace("Contoso%20Corp", &format!("N{number}"))
            .replace("Contoso Corp", &format!("N{number}"));
        block_on(managed.world.server.admin.assign(&format!("wifi-{number}"), &fragment)).unwrap();
    }
    managed.world.agent.json(["sync"]).unwrap();
    let directory = managed.world.agent.root.join("etc/NetworkManager/system-connections");
    let files: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), NETWORKS);
    files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    for _ in 0..3 {
        managed.world.agent.json(["sync"]).unwrap();
    }
    assert_eq!(managed.reports(), [20, 5], "each once");
}
