//! The service on the machine: one user of its state, who may ask what, and what survives kill and full disks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use mdm_tests::agent::AgentFolder;
use mdm_tests::processes::{LineSink, silent, wait_until};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};
use serde_json::json;

#[test]
fn a_second_service_on_the_same_state_says_who_holds_it() {
    let world = World::enrolled().unwrap();
    let service = world.agent.run(&silent()).unwrap();
    let second = world.agent.verb(["run"]).unwrap();
    assert_eq!(second.code, 1);
    let holder = format!("process {} (mdm-agent run)", service.id());
    assert!(second.errors.contains(&holder), "{:?} should say {holder:?}", second.errors);
    assert_eq!(world.agent.json(["status"]).unwrap()["activity"], "idle");
}

#[test]
fn a_second_service_on_the_same_socket_leaves_it_to_the_first() {
    let world = World::new().unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    let mut other = world.agent.clone();
    other.state = world.folder.path().join("other");
    let second = other.verb(["run"]).unwrap();
    assert_eq!(second.code, 1);
    assert!(second.errors.contains("control.sock"), "{}", second.errors);
    assert_eq!(other.json(["profiles"]).unwrap_err().to_string().matches("not enrolled").count(), 1);
    assert!(world.agent.runtime.join("control.sock").exists());
}

#[test]
fn garbage_on_the_socket_is_refused_and_the_service_lives_on() {
    let world = World::enrolled().unwrap();
    let mut service = world.agent.run(&silent()).unwrap();
    let socket = world.agent.runtime.join("control.sock");
    let huge = format!("POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 1u64 << 40);
    for garbage in [
        &b"\0\xff\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{]",
        huge.as_bytes(),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert!(!service.has_ended());
    assert_eq!(world.agent.json(["status"]).unwrap()["activity"], "idle");
}

#[test]
#[ignore = "needs root, to be somebody else"]
fn anyone_may_look_and_check_in_and_root_alone_may_unenrol_or_see_secrets() {
    let world = World::enrolled().unwrap();
    block_on(world.server.admin.assign("wifi", profiles::WIFI)).unwrap();
    let _service = world.agent.run(&silent()).unwrap();
    // Others must be able to reach the socket, as they are in /run.
    let open = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(world.folder.path());
    let program = world.folder.path().join("mdm-agent");
    std::fs::copy(&world.programs.agent, &program).unwrap();
    open(&program);
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.uid(65534).gid(65534).arg("--runtime").arg(&world.agent.runtime).args(arguments);
        command.output().unwrap()
    };
    assert!(as_nobody(&["status"]).status.success());
    assert!(as_nobody(&["sync"]).status.success());
    let shown = as_nobody(&["profiles", "show", "Contoso Corp"]);
    assert!(shown.status.success());
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("demo-only-passphrase"));
    for forbidden in [&["unenroll"][..], &["profiles", "show", "Contoso Corp", "--reveal"]] {
        let said = as_nobody(forbidden);
        assert_eq!(said.status.code(), Some(1), "{forbidden:?}");
        assert!(String::from_utf8_lossy(&said.stderr).contains("only root"), "{forbidden:?}");
    }
    assert!(world.agent.state.join("identity/active/key.pem").exists());
}

#[test]
fn a_service_killed_again_and_again_keeps_what_it_acknowledged() {
    let world = World::enrolled().unwrap();
    for round in 0..10 {
        let (seen, moments) = std::sync::mpsc::channel();
        let mut service = world.agent.run_verbosely(&watching(seen)).unwrap();
        let fragment = profiles::CONFIGURATION.replace(
            "MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength",
            &format!("LinuxMDM/Config/Sysctl/kernel.example{round}"),
        );
        block_on(world.server.admin.assign(&format!("configuration-{round}"), &fragment)).unwrap();
        let mut sync = world.agent.command().arg("sync").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        // Killed after another step of the session in each round: sent, answered, sent, answered, over.
        for _ in 0..=round % 5 {
            moments.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        }
        service.kill();
        sync.wait().unwrap();
    }
    let held = world.agent.json(["profiles", "list"]).unwrap();
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    let path = format!("/devices/{}", devices[0]["id"].as_str().unwrap());
    let known = block_on(world.server.admin.get(&path)).unwrap()["profiles"].to_string();
    let acknowledged = known.matches("\"delivered\"").count();
    assert!(held.as_array().unwrap().len() >= acknowledged, "{acknowledged} acknowledged, held: {held}");
    world.agent.json(["sync"]).unwrap();
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().map(Vec::len), Some(10));
}

/// Hears of every step of a session in the service's log.
fn watching(seen: std::sync::mpsc::Sender<()>) -> LineSink {
    let seen = std::sync::Mutex::new(seen);
    std::sync::Arc::new(move |line| {
        if ["sending a message", "the server answered", "checked in"].iter().any(|step| line.contains(step)) {
            // Nobody listens any more once the service is killed.
            let _ = seen.lock().unwrap().send(());
        }
    })
}

#[test]
fn a_store_of_garbage_is_filled_again_by_the_server() {
    let world = World::enrolled().unwrap();
    block_on(world.assign_all()).unwrap();
    world.agent.json(["sync"]).unwrap();
    let database = world.agent.state.join("store/db");
    let length = std::fs::metadata(&database).unwrap().len();
    std::fs::write(&database, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    let record = world.agent.json(["sync"]).unwrap();
    assert_eq!(record["completed"], true);
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().map(Vec::len), Some(5));
}

#[test]
#[ignore = "needs root and mount"]
fn t4_on_a_full_disk_nothing_is_acknowledged_and_it_recovers_by_itself() {
    let world = World::new().unwrap();
    let small = world.folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs"]).arg(&small));
    let agent = AgentFolder::new(&world.programs, &small);
    let mounted = Mounted(small.clone());
    assert_eq!(agent.enrol(&world.server).unwrap().code, 0);
    let service = agent.run(&silent()).unwrap();
    let filler = small.join("filler");
    // The check-in of the start has to be over, or what it frees afterwards is room for the profiles.
    agent.json(["sync"]).unwrap();
    wait_until(Duration::from_secs(20), || Ok((!has_children(service.id())?).then_some(()))).unwrap();
    // Writing fails at the end, which is what it is for.
    let _ = std::fs::write(&filler, vec![0; 4 << 20]);
    block_on(world.assign_all()).unwrap();
    agent.verb(["sync"]).unwrap();
    let devices = block_on(world.server.admin.get("/devices")).unwrap();
    let path = format!("/devices/{}", devices[0]["id"].as_str().unwrap());
    let known = block_on(world.server.admin.get(&path)).unwrap()["profiles"].to_string();
    assert_eq!(known.matches("\"delivered\"").count(), 0, "{known}");
    assert!(!agent.json(["status"]).unwrap()["store_problem"].is_null());
    std::fs::remove_file(&filler).unwrap();
    for name in known_profiles(&known) {
        let resend = format!("{path}/profiles/{name}/resend");
        block_on(world.server.admin.post(&resend, &json!({}))).unwrap();
    }
    agent.json(["sync"]).unwrap();
    assert_eq!(agent.json(["profiles", "list"]).unwrap().as_array().map(Vec::len), Some(5));
    assert!(agent.json(["status"]).unwrap()["store_problem"].is_null());
    drop(service);
    drop(mounted);
}

/// A file system that is unmounted however the test ends.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a process that failed to end may still have a file open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Whether a process has children, such as the one that has the store open.
fn has_children(process: u32) -> anyhow::Result<bool> {
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread that has ended meanwhile has no children any more.
        let children = std::fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        if !children.trim().is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn known_profiles(known: &str) -> Vec<&'static str> {
    ["wifi", "vpn", "email", "certificate", "configuration"].into_iter().filter(|name| known.contains(name)).collect()
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}
