//! The service is killed at random moments, while it renews its certificate or moves to another authority. Whatever
//! the moment, it is the same device afterwards and holds what it held.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Stdio;
use std::time::Duration;

use mdm_agent::shell::identity::Identity;
use mdm_agent::shell::paths::Paths;
use mdm_tests::processes::{Process, silent};
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

/// The latest moment of a kill after the order was given, in milliseconds: a whole renewal fits in.
const LATEST_MS: u64 = 150;
/// Check-ins by hand until one is completed: the one that was cut short may have left its mark on the server.
const ATTEMPTS: usize = 4;

#[test]
fn a_service_that_is_killed_a_few_times_goes_on_as_the_same_device() {
    Trial::begin(1).run(8);
}

#[test]
#[ignore = "takes a minute"]
fn a_service_that_is_killed_a_hundred_times_goes_on_as_the_same_device() {
    // Other moments: MDM_SEED=7 cargo test -p mdm-tests --test killed -- --ignored
    let seed = std::env::var("MDM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2);
    Trial::begin(seed).run(100);
}

/// A device and what it must never lose.
struct Trial {
    world: World,
    service: Option<Process>,
    random: fastrand::Rng,
    device: String,
    profiles: Vec<String>,
    authority: &'static str,
    /// Check-ins that were cut short.
    cut: usize,
    /// The latest moment of the next kill, in milliseconds.
    latest: u64,
}

impl Trial {
    fn begin(seed: u64) -> Self {
        let world = World::enrolled().unwrap();
        block_on(world.assign_all()).unwrap();
        world.agent.json(["sync"]).unwrap();
        let device = world.agent.json(["status"]).unwrap()["account"]["device_id"].as_str().unwrap().to_owned();
        let profiles = profiles(&world);
        assert_eq!(profiles.len(), 5);
        let service = Some(world.agent.run(&silent()).unwrap());
        Self {
            world,
            service,
            random: fastrand::Rng::with_seed(seed),
            device,
            profiles,
            authority: "intune",
            cut: 0,
            latest: LATEST_MS,
        }
    }

    fn run(mut self, kills: usize) {
        for number in 0..kills {
            let before = self.certificate();
            let renewing = number % 2 == 0;
            if renewing {
                self.order(json!(null));
            } else {
                self.authority = if self.authority == "intune" { "co-management" } else { "intune" };
                self.order(json!({ "authority": self.authority }));
            }
            let delay = self.kill();
            let context = format!("kill {number} after {delay} ms of a {}", if renewing { "renewal" } else { "move" });
            self.goes_on(&context);
            if renewing {
                assert_ne!(self.certificate(), before, "{context}: the order was lost");
            }
        }
        assert!(self.cut >= kills / 4, "only {} of {kills} check-ins were cut short", self.cut);
        self.service.take().unwrap().stop().unwrap();
    }

    /// The administrator orders a renewal, or a change of the tenant.
    fn order(&self, change: Value) {
        let admin = &self.world.server.admin;
        let ordered = match change {
            Value::Null => block_on(admin.post(&format!("/devices/{}/renew", self.device), &json!({}))),
            change => block_on(admin.patch("/tenant", &change)),
        };
        ordered.unwrap();
    }

    /// A person asks for a check-in, and at some moment the service is killed; how many milliseconds later.
    fn kill(&mut self) -> u64 {
        let mut sync = self.world.agent.command();
        let mut sync = sync.arg("sync").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let delay = self.random.u64(0..=self.latest);
        // The moment itself is what is tried; nothing is waited for.
        std::thread::sleep(Duration::from_millis(delay));
        self.service.take().unwrap().kill();
        let was_cut = !sync.wait().unwrap().success();
        self.cut += usize::from(was_cut);
        // A check-in that was over by then calls for an earlier moment, however fast this machine is.
        self.latest = if was_cut { (self.latest * 2).clamp(1, LATEST_MS) } else { delay / 2 };
        delay
    }

    /// The service starts again, checks in, and is who it was.
    fn goes_on(&mut self, context: &str) {
        self.service = Some(self.world.agent.run(&silent()).unwrap_or_else(|error| panic!("{context}: {error:#}")));
        let agent = &self.world.agent;
        let tries: Vec<String> = (0..ATTEMPTS)
            .map_while(|_| Some(agent.verb(["sync"]).unwrap()).filter(|said| said.code != 0).map(|said| said.errors))
            .collect();
        assert!(tries.len() < ATTEMPTS, "{context}: {tries:?}");
        agent.json(["sync"]).unwrap_or_else(|error| panic!("{context}: {error:#}"));

        let paths = Paths { state: agent.state.clone(), runtime: agent.runtime.clone() };
        let identity = Identity::load(&paths).unwrap().unwrap_or_else(|| panic!("{context}: not enrolled"));
        assert!(identity.active.key_pair().is_ok() && identity.active.terms().is_ok(), "{context}");
        assert!(identity.pending.is_none() && !agent.state.join("identity/pending").exists(), "{context}: pending");
        assert_eq!(identity.account.device_id, self.device, "{context}");

        let devices = block_on(self.world.server.admin.get("/devices")).unwrap();
        let ids: Vec<&str> = devices.as_array().unwrap().iter().map(|device| device["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [self.device.as_str()], "{context}");
        assert_eq!(profiles(&self.world), self.profiles, "{context}");
        let told = agent.json(["status"]).unwrap()["account"]["authority"].as_str().unwrap().to_lowercase();
        assert_eq!(told, self.authority, "{context}");
        let history = agent.verb(["history", "--limit", "100000"]).unwrap();
        assert_eq!(history.code, 0, "{context}: {}", history.output);
    }

    fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.world.agent.state.join("identity/active/certificate.pem")).unwrap()
    }
}

/// Every profile with what it holds, whoever manages the device by now.
fn profiles(world: &World) -> Vec<String> {
    let held = world.agent.json(["profiles", "list"]).unwrap();
    let told = |profile: &Value| ["kind", "name", "content_hash", "received"].map(|name| profile[name].to_string());
    held.as_array().unwrap().iter().map(|profile| told(profile).join(" ")).collect()
}
