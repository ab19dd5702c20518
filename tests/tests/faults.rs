//! The service while the machine fails it: a thread, a file, a connection, a write or a process that cannot be had, once or
//! for a moment, at any call of libc in a check-in; what rustix asks the kernel for itself is out of reach. Whatever fails,
//! the next check-in works, and nothing is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use mdm_tests::processes::{Process, silent, wait_until};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::Value;

/// The calls that are failed, by their numbers in `tests/faults/shim.c`; how many in a row.
const KINDS: [(i64, &str, i64); 8] = [
    // More than are asked for again.
    (1, "threads", 12),
    (2, "files", 1),
    (3, "connections", 1),
    (4, "writes", 1),
    (5, "processes", 1),
    (6, "fsync", 1),
    (7, "renames", 1),
    (8, "sockets", 1),
];
const MINIMUM: &str = "etc/security/pwquality.conf.d/90-mdm-agent.conf";

#[test]
fn whatever_fails_once_in_a_check_in_the_next_one_works() {
    Trial::begin().run(24, 1);
}

#[test]
#[ignore = "takes minutes"]
fn whatever_fails_once_in_a_hundred_check_ins_the_next_one_works() {
    // More of them, or others: MDM_FAULT_RUNS=10000 MDM_SEED=7 cargo test -p mdm-tests --test faults -- --ignored
    let number = |name: &str, usual: u64| std::env::var(name).map_or(usual, |number| number.parse().unwrap());
    Trial::begin().run(number("MDM_FAULT_RUNS", 100), number("MDM_SEED", 2));
}

/// What the shim is told, in the file that it has mapped: five numbers.
struct Faults {
    file: File,
    path: PathBuf,
}

impl Faults {
    fn set(&self, numbers: [i64; 5]) {
        // The kind goes last, so that nothing counts before all of it is there.
        for place in (0..numbers.len()).rev() {
            self.file.write_all_at(&numbers[place].to_ne_bytes(), place as u64 * 8).unwrap();
        }
    }

    /// How many calls were seen, and how many of them failed.
    fn seen(&self) -> (i64, i64) {
        let read = |place: u64| {
            let mut number = [0; 8];
            self.file.read_exact_at(&mut number, place * 8).unwrap();
            i64::from_ne_bytes(number)
        };
        (read(3), read(4))
    }
}

struct Trial {
    world: World,
    shim: PathBuf,
    faults: Faults,
    service: Process,
    device: Value,
    /// What the password policy of the device asks for now.
    minimum: u32,
}

impl Trial {
    fn begin() -> Self {
        let world = World::enrolled().unwrap();
        block_on(world.assign_all()).unwrap();
        world.agent.json(["sync"]).unwrap();
        let device = world.agent.json(["status"]).unwrap()["account"]["device_id"].clone();
        let shim = world.folder.path().join("shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/faults/shim.c");
        let made = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).status().unwrap();
        assert!(made.success(), "cc");
        let path = world.folder.path().join("faults");
        std::fs::write(&path, [0; 4096]).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let faults = Faults { file, path };
        let service = start(&world, &shim, &faults);
        Self { world, shim, faults, service, device, minimum: 12 }
    }

    fn run(mut self, trials: u64, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut calls = [0; KINDS.len()];
        for (place, (kind, ..)) in KINDS.iter().enumerate() {
            // How many of them a check-in has.
            self.change();
            self.faults.set([*kind, i64::MAX, 0, 0, 0]);
            self.must_sync(&format!("counting, kind {kind}"));
            calls[place] = self.faults.seen().0.max(1);
        }
        let mut failed = [0; KINDS.len()];
        for trial in 0..trials {
            let place = usize::try_from(trial).unwrap() % KINDS.len();
            let (kind, name, count) = KINDS[place];
            let first = random.i64(1..=calls[place]);
            let context = format!("trial {trial} of seed {seed}: {name} {first} of {}", calls[place]);
            self.change();
            self.faults.set([kind, first, count, 0, 0]);
            let cut = self.sync();
            // Some comes only when the store is closed, after the answer.
            let _ = wait_until(Duration::from_secs(1), || Ok((self.faults.seen().1 > 0).then_some(())));
            failed[place] += self.faults.seen().1;
            self.faults.set([0; 5]);
            if self.service.has_ended() {
                // The service manager would do the same.
                self.service = start(&self.world, &self.shim, &self.faults);
            }
            self.must_sync(&format!("{context}; the one before said: {cut}"));
            self.nothing_is_lost(&context);
        }
        assert!(failed.iter().all(|failed| *failed > 0), "failed calls: {failed:?} of {calls:?} in a check-in");
        self.service.stop().unwrap();
    }

    /// Gives the next check-in something to do on the machine.
    fn change(&mut self) {
        self.minimum = if self.minimum == 12 { 10 } else { 12 };
        let fragment = profiles::CONFIGURATION.replace(">12<", &format!(">{}<", self.minimum));
        block_on(self.world.server.admin.assign("configuration", &fragment)).unwrap();
    }

    /// A check-in, which has to come to an end; what it said.
    fn sync(&self) -> String {
        let mut command = Process::start(self.world.agent.command().arg("sync"), &silent()).unwrap();
        wait_until(Duration::from_secs(120), || Ok(command.has_ended().then_some(()))).unwrap();
        command.output().join("; ")
    }

    fn must_sync(&self, context: &str) {
        let said = self.world.agent.verb(["sync"]).unwrap();
        assert_eq!(said.code, 0, "{context}: {}", said.errors);
    }

    fn nothing_is_lost(&self, context: &str) {
        let status = self.world.agent.json(["status"]).unwrap();
        assert_eq!(status["account"]["device_id"], self.device, "{context}");
        let rows = self.world.agent.json(["profiles", "list"]).unwrap();
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 5, "{context}: {rows:?}");
        assert!(rows.iter().all(|row| row["not_in_force"].is_null()), "{context}: {rows:?}");
        let file = std::fs::read_to_string(self.world.agent.root.join(MINIMUM)).unwrap();
        assert!(file.contains(&format!("minlen = {}\n", self.minimum)), "{context}: {file}");
    }
}

/// Starts the service with the shim, and waits until it can be asked things.
fn start(world: &World, shim: &PathBuf, faults: &Faults) -> Process {
    let socket = world.agent.runtime.join("control.sock");
    let _ = std::fs::remove_file(&socket);
    let mut command = world.agent.command();
    command.arg("run").env("LD_PRELOAD", shim).env("MDM_FAULTS", &faults.path);
    let mut service = Process::start(&mut command, &silent()).unwrap();
    wait_until(Duration::from_secs(20), || {
        assert!(!service.has_ended(), "{}", service.output().join("\n"));
        Ok(std::os::unix::net::UnixStream::connect(&socket).is_ok().then_some(()))
    })
    .unwrap();
    service
}
