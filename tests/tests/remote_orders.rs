//! What an administrator has done to a machine from afar, from the request to the machine and back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use mdm_tests::processes::{silent, wait_until};
use mdm_tests::world::{World, block_on};
use serde_json::{Value, json};

/// A machine whose service runs.
struct Machine {
    world: World,
    path: String,
    _service: mdm_tests::processes::Process,
}

impl Machine {
    fn new() -> Self {
        let world = World::enrolled().unwrap();
        let service = world.agent.run(&silent()).unwrap();
        let devices = block_on(world.server.admin.get("/devices")).unwrap();
        let path = format!("/devices/{}", devices[0]["id"].as_str().unwrap());
        Self { world, path, _service: service }
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        block_on(self.world.server.admin.post(&format!("{}/{what}", self.path), body)).unwrap()
    }

    /// The newest order as the server knows it, once it is of this kind and the device has told how it stands.
    fn told(&self, kind: &str) -> Value {
        wait_until(Duration::from_secs(20), || {
            let device = block_on(self.world.server.admin.get(&self.path))?;
            let order = device["orders"].as_array().and_then(|orders| orders.last()).cloned();
            Ok(order.filter(|order| order["kind"] == kind && order["state"] != "queued"))
        })
        .unwrap()
    }

    fn sync(&self) {
        self.world.agent.json(["sync"]).unwrap();
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.world.agent.root.join(path)).ok()
    }

    fn unlock(&self, code: &str) -> (i32, String) {
        let mut command = self.world.agent.command();
        command.arg("unlock").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{code}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn s76_a_lock_from_the_console_holds_is_told_and_ends_with_its_code() {
    let machine = Machine::new();
    let locked = machine.post("lock", &json!({ "message": "Call 555-0100" }));
    machine.sync();
    let told = machine.told("lock");
    assert_eq!(told["state"], "done", "{told}");
    assert!(machine.read("etc/nologin").unwrap().contains("555-0100"));
    assert!(machine.world.agent.json(["status"]).unwrap()["locked_since"].is_i64());
    let (code, said) = machine.unlock("0000-0000-0000");
    assert!(code == 1 && said.contains("not the code"), "{said}");
    assert_eq!(machine.unlock(locked["unlock_code"].as_str().unwrap()).0, 0);
    assert_eq!(machine.read("etc/nologin"), None);
    assert_eq!(machine.told("unlock")["state"], "done");
    assert!(machine.world.agent.json(["status"]).unwrap()["locked_since"].is_null());
    let history = machine.world.agent.json(["history"]).unwrap().to_string();
    assert!(history.contains("order-accepted") && history.contains("unlocked-by-code"), "{history}");
}

#[test]
fn a_lock_holds_when_the_service_is_started_again_and_ends_by_order_or_with_the_enrolment() {
    let mut machine = Machine::new();
    machine.post("lock", &json!({}));
    machine.sync();
    machine.told("lock");
    machine._service.kill();
    std::fs::remove_file(machine.world.agent.root.join("etc/nologin")).unwrap();
    machine._service = machine.world.agent.run(&silent()).unwrap();
    wait_until(Duration::from_secs(10), || Ok(machine.read("etc/nologin"))).unwrap();
    machine.post("unlock", &json!({}));
    machine.sync();
    assert_eq!(machine.told("unlock")["state"], "done");
    assert_eq!(machine.read("etc/nologin"), None);
    machine.post("lock", &json!({}));
    machine.sync();
    wait_until(Duration::from_secs(10), || Ok(machine.read("etc/nologin"))).unwrap();
    machine.world.agent.json(["unenroll"]).unwrap();
    assert_eq!(machine.read("etc/nologin"), None, "nobody would be left who could unlock it");
}

#[test]
fn a_wipe_is_told_as_a_plan_confirmed_and_done_once() {
    let machine = Machine::new();
    let letters = machine.world.agent.root.join("home/ada/letters");
    std::fs::create_dir_all(&letters).unwrap();
    std::fs::write(letters.join("1"), "dear").unwrap();
    machine.post("wipe", &json!({}));
    machine.sync();
    let told = machine.told("wipe");
    assert_eq!(told["state"], "awaiting-confirmation", "{told}");
    assert!(told["detail"].as_str().unwrap().contains("remove everything in /home"), "{told}");
    assert!(letters.join("1").exists());
    machine.post("wipe/confirm", &json!({}));
    machine.sync();
    let done = wait_until(Duration::from_secs(20), || {
        let told = machine.told("wipe");
        Ok((told["state"] != "awaiting-confirmation").then_some(told))
    });
    assert_eq!(done.unwrap()["state"], "done");
    assert!(!letters.exists() && machine.world.agent.root.join("home").exists());
}

#[test]
fn a_directory_cannot_be_restarted_and_the_server_is_told_so() {
    let machine = Machine::new();
    machine.post("reboot", &json!({}));
    machine.sync();
    let told = machine.told("reboot");
    assert_eq!(told["state"], "failed");
    assert!(told["detail"].as_str().unwrap().contains("cannot be restarted"), "{told}");
}

#[test]
fn a_machine_gets_a_new_name_and_its_old_one_back_at_the_end() {
    let machine = Machine::new();
    let before = machine.read("etc/hostname");
    machine.post("rename", &json!({ "name": "lap-0042" }));
    machine.sync();
    assert_eq!(machine.read("etc/hostname").as_deref(), Some("lap-0042\n"));
    let refused = machine.post("rename", &json!({ "name": "<no name>" }));
    machine.sync();
    let command = block_on(machine.world.server.admin.get(&format!("{}/commands/{}", machine.path, refused["id"])));
    assert_eq!(command.unwrap()["statuses"][0]["code"], 415);
    machine.world.agent.json(["unenroll"]).unwrap();
    assert_eq!(machine.read("etc/hostname"), before);
}
