//! `cargo run --release -p mdm-tests --bin measure`: what the programs cost, on this machine, now.
//!
//! Enrolment, start, one session of two round trips and the agent at rest, read from /proc; beside the session, a bare
//! HTTPS POST by the same libraries in the same run, so that the figures can be compared across machines. The sizes of the
//! packages, too, if `packaging/build` has made them.

#![expect(clippy::print_stdout, reason = "the figures are its purpose")]

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mdm_agent::shell::control::{ControlRequest, client};
use mdm_agent::shell::http::{HttpsClient, ProxySettings};
use mdm_agent::shell::identity::Identity;
use mdm_agent::shell::paths::Paths;
use mdm_tests::container::workspace;
use mdm_tests::processes::{Process, silent};
use mdm_tests::profiles;
use mdm_tests::world::World;

const SESSIONS: u32 = 200;
const CHANGES: u32 = 50;
const STARTS: usize = 20;
const REST: Duration = Duration::from_secs(60);
/// Clock ticks in a second as `/proc/PID/stat` counts them (proc(5)): a constant of the kernel's interface on Linux.
const TICKS: f64 = 100.0;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(measure())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        println!("This is a debug build; its figures mean nothing. Use --release.");
    }
    let world = World::new()?;
    row("binary, mdm-agent", &format!("{:.1} MB", megabytes(std::fs::metadata(&world.programs.agent)?.len())));
    enrolments(&world)?;
    starts(&world)?;
    ready(&world)?;
    packages()?;
    let service = world.agent.run(&silent())?;
    sessions(&world, service.id()).await?;
    changes(&world, service.id()).await?;
    posts(&world).await?;
    at_rest("at rest", service.id())?;
    holding(&world).await?;
    at_rest("with 50 profiles", service.id())
}

/// From the start of the process until it tells the service manager that it is ready.
fn ready(world: &World) -> anyhow::Result<()> {
    let path = world.folder.path().join("notify");
    let manager = UnixDatagram::bind(&path)?;
    manager.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut command = world.agent.command();
        let mut service = Process::start(command.arg("run").env("NOTIFY_SOCKET", &path), &silent())?;
        let mut message = [0; 4096];
        loop {
            let length = manager.recv(&mut message)?;
            if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == "READY=1") {
                break;
            }
        }
        times.push(begun.elapsed());
        service.stop()?;
    }
    row("start, from exec to READY=1", &format!("{} ms, median of {STARTS}", median(&mut times).as_millis()));
    Ok(())
}

/// The packages, if `packaging/build` has made them.
fn packages() -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(workspace().join("target/packages")) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".deb") && !name.ends_with(".rpm") {
            continue;
        }
        row(&name, &format!("{:.1} MB", megabytes(entry.metadata()?.len())));
        if name.ends_with(".deb") {
            let query = ["--field", &entry.path().to_string_lossy(), "Installed-Size"].map(str::to_owned);
            let size = std::process::Command::new("dpkg-deb").args(query).output()?;
            let kilobytes: f64 = String::from_utf8_lossy(&size.stdout).trim().parse()?;
            row("  installed", &format!("{:.1} MB", kilobytes / 1024.0));
        }
    }
    Ok(())
}

/// Fifty profiles: each policy is one.
async fn holding(world: &World) -> anyhow::Result<()> {
    for number in 0..50 {
        let fragment = profiles::CONFIGURATION.replace(
            "MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength",
            &format!("LinuxMDM/Config/Sysctl/kernel.example{number}"),
        );
        world.server.admin.assign(&format!("configuration-{number}"), &fragment).await?;
    }
    check_in(world).await?;
    let held = world.agent.json(["profiles", "list"])?;
    ensure!(held.as_array().is_some_and(|held| held.len() == 50), "not all profiles are held");
    Ok(())
}

fn enrolments(world: &World) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..5 {
        if !world.agent.is_blank() {
            world.agent.json(["unenroll"])?;
        }
        let begun = Instant::now();
        let said = world.agent.enrol(&world.server)?;
        ensure!(said.code == 0, "enrolment failed: {}", said.errors);
        times.push(begun.elapsed());
    }
    row("enrolment, first session included", &format!("{} ms, median of 5", median(&mut times).as_millis()));
    Ok(())
}

/// From the start of the process until its socket answers.
fn starts(world: &World) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut service = world.agent.run(&silent())?;
        times.push(begun.elapsed());
        service.stop()?;
    }
    row("start, from exec to ready", &format!("{} ms, median of {STARTS}", median(&mut times).as_millis()));
    Ok(())
}

/// Sessions of two round trips, each on a new connection with a full mutual TLS handshake.
async fn sessions(world: &World, service: u32) -> anyhow::Result<()> {
    let devices = world.server.admin.get("/devices").await?;
    let id = devices[0]["id"].as_str().context("the server lists no device")?.to_owned();
    let get = "<Get><CmdID>1</CmdID><Item><Target><LocURI>./DevInfo/DevId</LocURI></Target></Item></Get>";
    let begun = Instant::now();
    let (own, children) = processor_time(service)?;
    let mut waited = Duration::ZERO;
    for _ in 0..SESSIONS {
        world.server.admin.post_text(&format!("/devices/{id}/commands"), get).await?;
        let started = Instant::now();
        let record = check_in(world).await?;
        waited += started.elapsed();
        ensure!(record["rounds"] == 2, "the session had {} rounds instead of 2", record["rounds"]);
    }
    let (own_after, children_after) = processor_time(service)?;
    let each = |ticks: u64| ticks as f64 / TICKS * 1000.0 / f64::from(SESSIONS);
    row("session, processor time of the agent", &format!("{:.2} ms, mean of {SESSIONS}", each(own_after - own)));
    row("  and of its store process", &format!("{:.2} ms", each(children_after - children)));
    row("  from order to outcome", &format!("{:.1} ms", waited.as_secs_f64() * 1000.0 / f64::from(SESSIONS)));
    let total = begun.elapsed().as_secs_f64();
    row("  all of them, with the administrator's part", &format!("{total:.1} s"));
    Ok(())
}

/// Sessions that each change ten kernel parameters, five of them in an Atomic, and read one.
async fn changes(world: &World, service: u32) -> anyhow::Result<()> {
    let devices = world.server.admin.get("/devices").await?;
    let id = devices[0]["id"].as_str().context("the server lists no device")?.to_owned();
    let (own, children) = processor_time(service)?;
    let (calls, bytes) = written(service)?;
    let mut waited = Duration::ZERO;
    for round in 0..CHANGES {
        world.server.admin.post_text(&format!("/devices/{id}/commands"), &change(round)).await?;
        let started = Instant::now();
        check_in(world).await?;
        waited += started.elapsed();
    }
    let (own_after, children_after) = processor_time(service)?;
    let (calls_after, bytes_after) = written(service)?;
    let each = |sum: u64| sum as f64 / f64::from(CHANGES);
    row(
        "session that changes ten settings",
        &format!(
            "{:.1} ms from order to outcome, mean of {CHANGES}",
            waited.as_secs_f64() * 1000.0 / f64::from(CHANGES)
        ),
    );
    let spent = |ticks: u64| each(ticks) / TICKS * 1000.0;
    row("  processor time of the agent", &format!("{:.2} ms", spent(own_after - own)));
    row("  and of its store process", &format!("{:.2} ms", spent(children_after - children)));
    row("  write calls, store process and sockets too", &format!("{:.1}", each(calls_after - calls)));
    row("  written to the disk", &format!("{:.1} kB", each(bytes_after - bytes) / 1024.0));
    Ok(())
}

fn change(round: u32) -> String {
    let address = |name| format!("./Device/Vendor/LinuxMDM/Config/Sysctl/kernel.example{name}");
    let set = |name| {
        format!(
            "<Replace><CmdID>{}</CmdID><Item><Target><LocURI>{}</LocURI></Target><Meta><Format xmlns=\"syncml:metinf\">chr\
             </Format></Meta><Data>{round}</Data></Item></Replace>",
            name + 2,
            address(name)
        )
    };
    let alone: String = (0..5).map(set).collect();
    let together: String = (5..10).map(set).collect();
    let read = format!("<Get><CmdID>20</CmdID><Item><Target><LocURI>{}</LocURI></Target></Item></Get>", address(0));
    format!("{alone}<Atomic><CmdID>1</CmdID>{together}</Atomic>{read}")
}

async fn check_in(world: &World) -> anyhow::Result<serde_json::Value> {
    let stream =
        client::connect(&world.agent.runtime.join("control.sock")).await.context("the agent does not listen")?;
    client::ask(stream, &ControlRequest::CheckIn).await.map_err(|error| anyhow::anyhow!(error.message))
}

/// One POST on a new connection with the same client and certificate, for comparison.
async fn posts(world: &World) -> anyhow::Result<()> {
    let paths = Paths { state: world.agent.state.clone(), runtime: world.agent.runtime.clone() };
    let identity = Identity::load(&paths)?.context("the agent is not enrolled")?;
    let (account, proxy) = (&identity.account, ProxySettings::none());
    let before = processor_time(std::process::id())?.0;
    for _ in 0..SESSIONS {
        let client = HttpsClient::authenticated(&identity.active, &account.trust, &account.device_id, &proxy)?;
        let reply = client.post(&identity.account.management_url, b"<x/>".to_vec()).await;
        ensure!(reply.is_ok(), "the server does not answer: {reply:?}");
    }
    let spent = processor_time(std::process::id())?.0 - before;
    let each = spent as f64 / TICKS * 1000.0 / f64::from(SESSIONS);
    row("bare POST on a new mutual TLS connection", &format!("{each:.2} ms, mean of {SESSIONS}"));
    Ok(())
}

fn at_rest(how: &str, service: u32) -> anyhow::Result<()> {
    // Threads that did the last session's work end by themselves after two seconds.
    std::thread::sleep(Duration::from_secs(5));
    let (before, used_before) = (wake_ups(service)?, nanoseconds_used(service)?);
    std::thread::sleep(REST);
    let (woken, used) = (wake_ups(service)? - before, nanoseconds_used(service)? - used_before);
    let status = std::fs::read_to_string(format!("/proc/{service}/status"))?;
    let rollup = std::fs::read_to_string(format!("/proc/{service}/smaps_rollup"))?;
    row(&format!("{how}, resident"), &format!("{:.1} MB", kilobytes(&status, "VmRSS:")? / 1024.0));
    row(&format!("{how}, proportional (PSS)"), &format!("{:.1} MB", kilobytes(&rollup, "Pss:")? / 1024.0));
    row(&format!("{how}, private anonymous"), &format!("{:.1} MB", kilobytes(&status, "RssAnon:")? / 1024.0));
    row(&format!("{how}, threads"), &field(&status, "Threads:")?);
    row(&format!("{how}, wake-ups in a minute"), &woken.to_string());
    let hour = Duration::from_nanos(used * 60);
    row(&format!("{how}, processor time in an hour like this minute"), &format!("{:.1} ms", hour.as_secs_f64() * 1e3));
    Ok(())
}

fn row(what: &str, figure: &str) {
    println!("{what:<44} {figure}");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Processor time of a process and of its children that have ended, in clock ticks (proc(5), stat).
fn processor_time(process: u32) -> anyhow::Result<(u64, u64)> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("stat has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number =
        |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).context("stat is too short");
    Ok((number(11)? + number(12)?, number(13)? + number(14)?))
}

/// Calls that write, and bytes that they sent to a disk: by the process and by its children that have ended (proc(5), io).
fn written(process: u32) -> anyhow::Result<(u64, u64)> {
    let io = std::fs::read_to_string(format!("/proc/{process}/io"))?;
    Ok((field(&io, "syscw:")?.parse()?, field(&io, "write_bytes:")?.parse()?))
}

/// Processor time by the scheduler's own account, which is finer than clock ticks.
fn nanoseconds_used(process: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let account = std::fs::read_to_string(task?.path().join("schedstat"))?;
        sum += account.split_whitespace().next().context("the kernel keeps no account")?.parse::<u64>()?;
    }
    Ok(sum)
}

/// How often the process's threads were scheduled of their own will.
fn wake_ups(process: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let status = std::fs::read_to_string(task?.path().join("status"))?;
        sum += field(&status, "voluntary_ctxt_switches:")?.parse::<u64>()?;
    }
    Ok(sum)
}

fn field(content: &str, name: &str) -> anyhow::Result<String> {
    let line = content.lines().find_map(|line| line.strip_prefix(name));
    Ok(line.with_context(|| format!("there is no {name}"))?.trim().to_owned())
}

fn kilobytes(content: &str, name: &str) -> anyhow::Result<f64> {
    Ok(field(content, name)?.trim_end_matches("kB").trim().parse()?)
}
