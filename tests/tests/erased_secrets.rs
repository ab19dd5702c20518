//! Keys and passphrases of profiles that were replaced or removed are in no file of the agent's state, whatever becomes
//! of the process that should erase them (rule R4).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use mdm_agent::engine::Changes;
use mdm_agent::engine::profile::{Owner, Profile};
use mdm_agent::engine::tree::Node;
use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;
use mdm_tests::processes::{silent, wait_until};
use mdm_tests::profiles::WIFI;
use mdm_tests::programs;
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

const PASSPHRASE: &str = "demo-only-passphrase";

#[test]
fn the_passphrase_of_a_replaced_and_of_a_withdrawn_network_is_in_no_file() {
    let world = World::enrolled().unwrap();
    let service = world.agent.run(&silent()).unwrap();
    let assign = |fragment: &str| {
        block_on(world.server.admin.assign("wifi", fragment)).unwrap();
        assert_eq!(world.agent.json(["sync"]).unwrap()["refused"], 0);
    };
    let state = &world.agent.state;
    assign(WIFI);
    assert!(!files_with(state, PASSPHRASE).is_empty(), "the search finds what is there");
    assign(&WIFI.replace(PASSPHRASE, "another-passphrase"));
    wait_until(Duration::from_secs(10), || Ok(files_with(state, PASSPHRASE).is_empty().then_some(()))).unwrap();
    assert!(!files_with(state, "another-passphrase").is_empty());
    block_on(world.server.admin.assignment("wifi", &json!({ "all": false }))).unwrap();
    world.agent.json(["sync"]).unwrap();
    wait_until(Duration::from_secs(10), || Ok(files_with(state, "another-passphrase").is_empty().then_some(())))
        .unwrap();
    drop(service);
    for passphrase in [PASSPHRASE, "another-passphrase"] {
        assert_eq!(files_with(state, passphrase), NO_FILE);
        assert_eq!(files_with(&world.agent.root, passphrase), NO_FILE, "on the device");
    }
    assert_eq!(world.agent.json(["sync"]).unwrap()["completed"], true);
}

#[test]
fn a_failure_to_erase_is_in_the_log_and_is_made_good() {
    let world = World::enrolled().unwrap();
    block_on(world.server.admin.assign("wifi", WIFI)).unwrap();
    let service = world.agent.run(&silent()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let in_the_way = world.agent.state.join("store.new");
    std::fs::write(&in_the_way, b"").unwrap();
    block_on(world.server.admin.assignment("wifi", &json!({ "all": false }))).unwrap();
    assert_eq!(world.agent.json(["sync"]).unwrap()["completed"], true);
    let logged = || Ok(service.output().iter().any(|line| line.contains("could not be erased")).then_some(()));
    wait_until(Duration::from_secs(10), logged).unwrap();
    assert!(!files_with(&world.agent.state, PASSPHRASE).is_empty());
    std::fs::remove_file(&in_the_way).unwrap();
    world.agent.json(["sync"]).unwrap();
    let state = &world.agent.state;
    wait_until(Duration::from_secs(10), || Ok(files_with(state, PASSPHRASE).is_empty().then_some(()))).unwrap();
}

#[test]
fn a_worker_that_is_killed_while_it_erases_loses_nothing_and_the_next_one_erases() {
    kill_workers(3, 40);
}

#[test]
#[ignore = "takes a minute"]
fn a_worker_that_is_killed_a_thousand_times_loses_nothing_and_the_next_one_erases() {
    // Other moments: MDM_SEED=7 cargo test -p mdm-tests --test erased_secrets -- --ignored
    let seed = std::env::var("MDM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4);
    kill_workers(seed, 1000);
}

fn kill_workers(seed: u64, kills: u32) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut keys = BTreeMap::new();
    let mut removed = Vec::new();
    for number in 0..kills {
        let mut worker = Worker::start(folder.path());
        assert_eq!(worker.opened(), keys, "after {number} kills");
        let name = format!("tunnel-{}", random.u8(..4));
        let key = format!("<key-{number}>").repeat(if number % 4 == 0 { 40_000 } else { 10 });
        worker.keep(&put(&name, &key));
        removed.extend(keys.insert(name, key));
        // A rewrite takes about ten milliseconds.
        worker.kill_after(Duration::from_micros(random.u64(..15_000)));
    }
    let mut worker = Worker::start(folder.path());
    assert_eq!(worker.opened(), keys);
    assert_eq!(worker.end(), None);
    for key in removed {
        let key = key.get(..12).unwrap();
        let key = &key[..=key.find('>').unwrap()];
        assert_eq!(files_with(folder.path(), key), NO_FILE, "{key}");
    }
    for key in keys.values() {
        assert!(!files_with(folder.path(), key.get(..8).unwrap()).is_empty());
    }
}

#[test]
#[ignore = "needs root and mount"]
fn on_a_full_disk_what_was_acknowledged_holds_and_is_erased_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs"]).arg(folder.path());
    assert!(command.status().unwrap().success());
    let mounted = Mounted(folder.path().to_owned());
    let mut worker = Worker::start(folder.path());
    worker.opened();
    worker.keep(&put("tunnel", "first-passphrase"));
    worker.keep(&put("tunnel", "second-passphrase"));
    let filler = folder.path().join("filler");
    // Writing fails at the end, which is what it is for.
    let _ = std::fs::write(&filler, vec![0; 16 << 20]);
    let reason = worker.end().unwrap();
    assert!(reason.get("Full").is_some(), "{reason}");
    std::fs::remove_file(&filler).unwrap();
    let mut worker = Worker::start(folder.path());
    assert_eq!(worker.opened()["tunnel"], "second-passphrase");
    assert_eq!(worker.end(), None);
    assert_eq!(files_with(folder.path(), "first-passphrase"), NO_FILE);
    drop(mounted);
}

/// A file system that is unmounted however the test ends.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// The process that has the store open.
struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(folder: &Path) -> Self {
        let program = programs::build().unwrap().agent;
        let mut command = Command::new(program);
        command.arg("store-worker").arg(folder.join("store")).arg(folder.join("quarantine"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// The keys of the profiles, by name; a store that was damaged is a failure.
    fn opened(&mut self) -> BTreeMap<String, String> {
        let opened = self.answer().unwrap();
        let opened = &opened["Opened"];
        assert_eq!(opened["quarantined"], Value::Null, "{opened}");
        let profiles: Vec<Profile> = serde_json::from_value(opened["stored"]["profiles"].clone()).unwrap();
        let key = |profile: &Profile| (profile.root.name().to_owned(), profile.nodes["Key"].value.clone());
        profiles.iter().map(key).collect()
    }

    fn keep(&mut self, changes: &Changes) {
        let mut line = serde_json::to_vec(changes).unwrap();
        line.push(b'\n');
        self.input.as_mut().unwrap().write_all(&line).unwrap();
        assert_eq!(self.answer().unwrap(), "Kept");
    }

    fn kill_after(mut self, delay: Duration) {
        self.input = None;
        std::thread::sleep(delay);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has the store closed; what was reported then.
    fn end(mut self) -> Option<Value> {
        self.input = None;
        let answer = self.answer();
        assert!(self.child.wait().unwrap().success());
        answer
    }

    fn answer(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
    }
}

fn put(name: &str, key: &str) -> Changes {
    let root = LocUri::parse(&format!("./Device/Vendor/MSFT/VPNv2/{name}")).unwrap();
    let nodes = BTreeMap::from([("Key".to_owned(), Node::new(&Format::Chr, key))]);
    let profile = Profile::new(root.clone(), &Owner::default(), nodes, 1);
    Changes { profiles: BTreeMap::from([(root.to_string(), profile)]), ..Changes::default() }
}

const NO_FILE: [PathBuf; 0] = [];

/// The files below a folder that contain a text. What is removed meanwhile contains nothing.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if std::fs::read(&path).is_ok_and(|content| contains(&content, text.as_bytes())) {
            found.push(path);
        }
    }
    found
}

fn contains(content: &[u8], text: &[u8]) -> bool {
    content.windows(text.len()).any(|window| window == text)
}
