//! `cargo demo`: the whole way through, with two real processes on loopback.
//!
//! Starts a simulated tenant and an agent in a temporary folder, enrols, delivers one profile of each kind and shows the
//! files that appear, changes the tenant's authority, changes a file by hand, renews the certificate and unenrols, and
//! leaves nothing behind. `--stay` keeps both running to look around.

#![expect(clippy::print_stdout, reason = "the demo's output is its purpose")]

mod acts;
mod show;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mdm_tests::agent::AgentFolder;
use mdm_tests::processes::wait_until;
use mdm_tests::server::{ServerProcess, USER};
use mdm_tests::{profiles, programs};
use serde_json::Value;

use show::{Log, Machine, detail, say, table};

fn main() -> ExitCode {
    let stay = std::env::args().any(|argument| argument == "--stay");
    if std::env::args().any(|argument| argument == "--help") {
        println!("cargo demo            play the demo\ncargo demo -- --stay  keep server and agent running afterwards");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(until_interrupted(stay)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C ends the demo like a failure does: both processes stop and the folder goes.
async fn until_interrupted(stay: bool) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        outcome = play(stay) => outcome,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("it was interrupted"),
    }
}

async fn play(stay: bool) -> anyhow::Result<()> {
    say("Building the agent and the server");
    let programs = programs::build()?;
    let begun = Instant::now();
    let log = Log::default();
    let folder = tempfile::Builder::new().prefix("mdm-demo-").tempdir()?;
    say("Starting a simulated tenant whose MDM authority is Intune");
    let mut server = ServerProcess::start(&programs, folder.path(), "intune", &log.of("server"))?;
    detail(&format!("devices reach it at {}", server.device_url));
    let agent = AgentFolder::new(&programs, folder.path());
    let machine = Machine::new(&agent);
    detail("its machine is a folder with what a Debian desktop has; nothing else is touched");
    say("Starting the agent's service");
    let mut service = agent.run(&log.of("agent"))?;

    say(&format!("Enrolling for {USER}"));
    let enrolled = agent.enrol(&server)?;
    ensure!(enrolled.code == 0, "enrolment failed: {}", enrolled.errors.trim());
    detail(enrolled.output.trim());
    first_check_in(&agent)?;

    say("The administrator assigns one profile of each kind");
    for (name, fragment) in profiles::all()? {
        server.admin.assign(name, &fragment).await?;
        detail(&format!("{name}: {} bytes of SyncML", fragment.len()));
    }
    say("The agent checks in: one OMA-DM session over mutual TLS");
    let record = agent.json(["sync"])?;
    let done = &record["succeeded"];
    detail(&format!("{done} commands done, {} refused, {} messages", record["refused"], record["rounds"]));

    let held = agent.json(["profiles", "list"])?;
    check(&held, &server).await?;
    println!("\n{}", table(&held));
    say("What is in force on the machine now");
    machine.show_changes()?;
    acts::authority_changes(&agent, &server, &machine, &log).await?;
    acts::somebody_changes_a_file(&agent, &server, &machine).await?;
    acts::certificate_is_renewed(&agent, &server, &log).await?;
    if !stay {
        acts::enrolment_ends(&agent, &machine)?;
    }
    println!(
        "\nDone in {:.1} s: enrolled, five profiles in force, moved to another authority by a ring, a changed file put back, certificate renewed{}.",
        begun.elapsed().as_secs_f64(),
        if stay { "" } else { ", unenrolled without a trace" }
    );
    if stay {
        look_around(&agent, &server).await?;
    }
    service.stop()?;
    server.process.stop()?;
    remove(folder)
}

fn first_check_in(agent: &AgentFolder) -> anyhow::Result<()> {
    let status = wait_until(Duration::from_secs(20), || {
        let status = agent.json(["status"])?;
        Ok((!status["last_session"].is_null() && status["activity"] == "idle").then_some(status))
    })
    .context("the agent does not check in after enrolment")?;
    ensure!(
        status["last_session"]["completed"] == true,
        "the first check-in failed: {}",
        status["last_session"]["detail"]
    );
    detail("the first check-in, right after enrolment, is completed");
    Ok(())
}

/// The agent holds one profile of each kind, and the server knows that it was delivered.
async fn check(held: &Value, server: &ServerProcess) -> anyhow::Result<()> {
    let rows = held.as_array().context("profiles list is no list")?;
    let kinds: BTreeSet<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    let expected = BTreeSet::from(["certificate", "configuration", "email", "vpn", "wifi"]);
    ensure!(kinds == expected && rows.len() == 5, "the agent should hold one profile of each kind and holds {kinds:?}");
    for row in rows {
        let summary = row["summary"].as_str().unwrap_or_default();
        ensure!(!summary.starts_with("incomplete"), "the {} profile is not usable: {summary}", row["kind"]);
    }
    let devices = server.admin.get("/devices").await?;
    let id = devices[0]["id"].as_str().context("the server lists no device")?;
    let device = server.admin.get(&format!("/devices/{id}")).await?;
    let delivered = device["profiles"].to_string().matches("\"delivered\"").count();
    ensure!(
        delivered == 5,
        "the server should know of 5 delivered profiles and knows of {delivered}: {}",
        device["profiles"]
    );
    Ok(())
}

async fn look_around(agent: &AgentFolder, server: &ServerProcess) -> anyhow::Result<()> {
    println!("\nBoth keep running. In another terminal:");
    for verb in ["status", "history", "profiles list", "profiles show 'Contoso Corp'", "plan", "sync", "unenroll"] {
        println!("  {} {verb}", agent.command_line());
    }
    let token = server.ca_file.with_file_name("admin-token");
    println!("  curl -H \"Authorization: Bearer $(cat {})\" {}/devices", token.display(), server.admin.base());
    println!("Ctrl-C ends it.");
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn remove(folder: tempfile::TempDir) -> anyhow::Result<()> {
    let path = folder.path().to_owned();
    folder.close().context("the temporary folder cannot be removed")?;
    ensure!(!Path::new(&path).exists(), "{} was left behind", path.display());
    Ok(())
}
