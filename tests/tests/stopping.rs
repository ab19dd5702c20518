//! A service that is stopped, or replaced by an upgrade, while it works.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use mdm_tests::hostile::{HostileServer, Request, message};
use mdm_tests::processes::{silent, terminate, wait_until};
use mdm_tests::profiles;
use mdm_tests::world::{World, block_on};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_service_told_to_stop_ends_its_session_in_order_and_answers_whoever_waits() {
    let world = World::enrolled().unwrap();
    let service_id: Arc<OnceLock<u32>> = Arc::default();
    let last_request: Arc<Mutex<String>> = Arc::default();
    let (id, last) = (Arc::clone(&service_id), Arc::clone(&last_request));
    let server = HostileServer::start(Arc::new(move |request: &Request| {
        if request.number > 0 {
            *last.lock().unwrap() = String::from_utf8_lossy(&request.body).into_owned();
            return message(request, "");
        }
        // As systemd does it: the whole service, its store process included.
        let service = *id.get().unwrap();
        for process in children(service).into_iter().chain([service]) {
            terminate(process);
        }
        message(request, profiles::CONFIGURATION)
    }));
    world.agent.redirect_to(server.as_ref().unwrap()).unwrap();
    let mut service = world.agent.run(&silent()).unwrap();
    service_id.set(service.id()).unwrap();
    let said = world.agent.verb(["sync"]).unwrap();
    assert_eq!(said.code, 0, "{}", said.errors);
    wait_until(SOON, || Ok(service.has_ended().then_some(()))).unwrap();
    let statuses = last_request.lock().unwrap().clone();
    assert!(statuses.contains("<Data>200</Data>") && !statuses.contains("<Data>500</Data>"), "{statuses}");
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().map(Vec::len), Some(1));
}

#[test]
fn a_second_signal_ends_a_service_whose_server_hangs() {
    let world = World::enrolled().unwrap();
    let server = HostileServer::start(Arc::new(|_: &Request| {
        loop {
            std::thread::park();
        }
    }));
    let server = server.unwrap();
    world.agent.redirect_to(&server).unwrap();
    let mut service = world.agent.run(&silent()).unwrap();
    let mut sync = sync(&world);
    wait_until(SOON, || Ok((server.requests() == 1).then_some(()))).unwrap();
    terminate(service.id());
    wait_until(SOON, || Ok(service.output().iter().any(|line| line.contains("stopping")).then_some(()))).unwrap();
    assert!(!service.has_ended(), "the session is given time");
    terminate(service.id());
    wait_until(SOON, || Ok(service.has_ended().then_some(()))).unwrap();
    assert_eq!(sync.wait().unwrap().code(), Some(1));
}

#[test]
fn a_service_whose_program_was_replaced_goes_on_with_its_own() {
    let mut world = World::enrolled().unwrap();
    let program = world.folder.path().join("mdm-agent");
    std::fs::copy(&world.programs.agent, &program).unwrap();
    let built = std::mem::replace(&mut world.programs.agent, program.clone());
    let copy = mdm_tests::agent::AgentFolder::new(&world.programs, world.folder.path());
    let _service = copy.run(&silent()).unwrap();
    std::fs::remove_file(&program).unwrap();
    std::fs::copy("/bin/false", &program).unwrap();
    world.programs.agent = built;
    block_on(world.assign_all()).unwrap();
    assert_eq!(world.agent.json(["sync"]).unwrap()["completed"], true);
    assert_eq!(world.agent.json(["profiles", "list"]).unwrap().as_array().map(Vec::len), Some(5));
}

fn sync(world: &World) -> Child {
    world.agent.command().arg("sync").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The processes that a process's threads have started.
fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>()).collect();
    assert!(!children.is_empty(), "the store's process is there");
    children
}
