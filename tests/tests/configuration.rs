//! The configuration of the programs as they are: errors and their exit codes, a running service that reads it again, and
//! what the service manager hears.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mdm_tests::processes::{Process, silent, terminate, wait_until};
use mdm_tests::world::World;

#[test]
fn a_bad_file_is_an_error_of_usage_for_every_verb_and_says_where() {
    let world = World::new().unwrap();
    let file = configure(&world, "[log]\nlevel = \"info\"\n[proxi]\nurl = \"http://proxy\"\n");
    let option = ["--config", file.to_str().unwrap()];
    for verb in [&["status", "--json"][..], &["run", "--json"], &["config", "show", "--json"], &["config", "check"]] {
        let said = world.agent.verb(option.iter().chain(verb)).unwrap();
        assert_eq!(said.code, 2, "{verb:?}");
        assert!(said.errors.contains("agent.toml, line 3, column 2: there is no table proxi; did you mean proxy?"));
    }
    let missing = world.agent.verb(["config", "check", "/nonexistent.toml"]).unwrap();
    assert_eq!(missing.code, 2);
    let shown = world.agent.json(["config", "show"]).unwrap();
    let state = shown.as_array().unwrap().iter().find(|row| row["setting"] == "paths.state").unwrap();
    assert_eq!(state["origin"], "command line, --state");
}

#[test]
fn the_service_takes_a_good_file_at_sighup_and_keeps_the_old_configuration_otherwise() {
    let world = World::enrolled().unwrap();
    let file = configure(&world, "[log]\nlevel = \"info\"\n");
    let mut command = world.agent.command();
    let service = Process::start(command.arg("--config").arg(&file).arg("run"), &silent()).unwrap();
    says(&service, "ready");
    configure(&world, "[log]\nlevel = \"loud\"\n");
    hang_up(&service);
    says(&service, "the one before stays in effect");
    configure(&world, "[log]\nlevel = \"debug\"\n[ownership]\npersonal = true\n[compliance]\nscript-timeout = 5\n");
    hang_up(&service);
    says(&service, "ownership.personal");
    configure(&world, "[log]\nlevel = \"debug\"\n[paths]\nroot = \"/elsewhere\"\n");
    hang_up(&service);
    // The root comes from the command line.
    says(&service, "log.level");
    // The proxy changes, too: the next session goes there, and nobody is there.
    configure(&world, "[proxy]\nurl = \"http://192.0.2.1:9\"\nno-proxy = [\"*\"]\n[log]\nlevel = \"debug\"\n");
    hang_up(&service);
    says(&service, "proxy.url");
    world.agent.json(["sync"]).unwrap();
    says(&service, "sending a message");
}

#[test]
fn the_service_manager_hears_of_start_life_reload_and_end() {
    let world = World::enrolled().unwrap();
    let socket = world.folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = world.agent.command();
    command.arg("run").env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000");
    let service = Process::start(&mut command, &silent()).unwrap();
    hears(&manager, "READY=1");
    hears(&manager, "WATCHDOG=1");
    world.agent.json(["sync"]).unwrap();
    hears(&manager, "STATUS=Enrolled; the last check-in was completed");
    hears(&manager, "WATCHDOG=1");
    hang_up(&service);
    hears(&manager, "RELOADING=1");
    hears(&manager, "READY=1");
    terminate(service.id());
    hears(&manager, "STOPPING=1");
}

#[test]
fn without_a_service_manager_and_its_watchdog_nothing_is_said() {
    let world = World::enrolled().unwrap();
    let socket = world.folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let mut command = world.agent.command();
    let mut service = Process::start(command.arg("run").env("NOTIFY_SOCKET", &socket), &silent()).unwrap();
    hears(&manager, "READY=1");
    let mut buffer = [0; 4096];
    while let Ok(length) = manager.recv(&mut buffer) {
        assert!(!String::from_utf8_lossy(&buffer[..length]).contains("WATCHDOG"));
    }
    assert!(!service.has_ended());
}

#[test]
fn a_state_of_a_newer_program_is_refused_and_nothing_is_lost() {
    let world = World::enrolled().unwrap();
    let version = world.agent.state.join("version");
    let own = std::fs::read(&version).unwrap();
    std::fs::write(&version, "9 4.5.6\n").unwrap();
    for verb in ["run", "status", "sync", "unenroll"] {
        let said = world.agent.verb([verb]).unwrap();
        assert_eq!(said.code, 1, "{verb}: {}", said.errors);
        assert!(said.errors.contains("mdm-agent 4.5.6 (form 9)"), "{verb}: {}", said.errors);
    }
    std::fs::write(&version, own).unwrap();
    world.agent.json(["sync"]).unwrap();
}

fn configure(world: &World, text: &str) -> PathBuf {
    let path = world.folder.path().join("agent.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn says(service: &Process, words: &str) {
    let heard = wait_until(Duration::from_secs(20), || {
        Ok(service.output().iter().any(|line| line.contains(words)).then_some(()))
    });
    assert!(heard.is_ok(), "the service should say {words:?}: {:#?}", service.output());
}

fn hears(manager: &UnixDatagram, words: &str) {
    let begun = Instant::now();
    let mut buffer = [0; 4096];
    while begun.elapsed() < Duration::from_secs(20) {
        let length = manager.recv(&mut buffer).unwrap();
        if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == words) {
            return;
        }
    }
    panic!("the service manager does not hear {words}");
}

fn hang_up(service: &Process) {
    let id = rustix::process::Pid::from_raw(service.id().cast_signed()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
}
