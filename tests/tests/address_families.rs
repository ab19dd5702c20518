//! Servers with addresses of both families, of which only one answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;
use std::time::{Duration, Instant};

use mdm_tests::agent::AgentFolder;
use mdm_tests::container::{alone, run};
use mdm_tests::processes::silent;
use mdm_tests::programs;
use mdm_tests::server::ServerProcess;

/// Connections to addresses that do not answer are given up after 20 seconds; nobody waits for that here.
const SOON: Duration = Duration::from_secs(15);
/// An interface behind which nobody is, and a neighbour there that seems to be known: what is sent to it is lost.
const BLACK_HOLE: &str = "ip link add hole type veth peer name bottom && ip link set hole up && \
    ip link set bottom up && ip address add 2001:db8::1/64 dev hole nodad && \
    ip neighbour add 2001:db8::9 lladdr 02:00:00:00:00:09 dev hole";

#[test]
#[ignore = "needs root, ip and unshare"]
fn a_server_that_is_there_by_ipv6_alone_is_found() {
    alone(a_server_that_is_there_by_ipv6_alone_is_found, || enrol("[::1]:0", "::1 localhost\n"));
}

#[test]
#[ignore = "needs root, ip and unshare"]
fn a_first_address_that_refuses_does_not_keep_from_the_second() {
    alone(a_first_address_that_refuses_does_not_keep_from_the_second, || {
        enrol("127.0.0.1:0", "::1 localhost\n127.0.0.1 localhost\n")
    });
}

#[test]
#[ignore = "needs root, ip and unshare"]
fn a_first_address_that_never_answers_does_not_keep_from_the_second() {
    alone(a_first_address_that_never_answers_does_not_keep_from_the_second, || {
        run(Command::new("sh").args(["-c", BLACK_HOLE]))?;
        enrol("127.0.0.1:0", "2001:db8::9 localhost\n127.0.0.1 localhost\n")
    });
}

/// Enrols and checks in with a server, its name being known by a file of hosts.
fn enrol(listen: &str, hosts: &str) -> anyhow::Result<()> {
    let programs = programs::build()?;
    let folder = tempfile::tempdir()?;
    let server = ServerProcess::start_at(listen, &programs, folder.path(), "intune", &silent())?;
    let file = folder.path().join("hosts");
    std::fs::write(&file, hosts)?;
    run(Command::new("mount").arg("--bind").args([file.as_os_str(), "/etc/hosts".as_ref()]))?;
    let known = Command::new("getent").args(["ahosts", "localhost"]).output()?;
    let known = String::from_utf8_lossy(&known.stdout).into_owned();
    let first = hosts.split(' ').next().unwrap();
    assert!(known.starts_with(first), "{known} should begin with {first}");
    let agent = AgentFolder::new(&programs, folder.path());
    let begun = Instant::now();
    let said = agent.enrol(&server)?;
    assert_eq!(said.code, 0, "{}", said.errors);
    agent.json(["sync"])?;
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    Ok(())
}
