//! What the life of a device brings: another authority, another certificate.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mdm_tests::agent::AgentFolder;
use mdm_tests::processes::wait_until;
use mdm_tests::profiles;
use mdm_tests::server::ServerProcess;
use serde_json::{Value, json};

use crate::show::{Log, Machine, detail, say, table};

/// The tenant's authority changes, a ring brings the device over, a profile of the same name is overwritten and the
/// others become redundant.
pub(crate) async fn authority_changes(
    agent: &AgentFolder,
    server: &ServerProcess,
    machine: &Machine,
    log: &Log,
) -> anyhow::Result<()> {
    status_with(agent, |status| status["push"] == "up").context("the push link does not come up")?;
    say("The administrator readies a Wi-Fi profile of the same name for the next authority");
    let stronger = profiles::WIFI.replace("<connectionMode>auto", "<connectionMode>manual");
    server.admin.assign_under("co-management", "wifi-next", &stronger).await?;
    say("The tenant's authority changes from Intune to Configuration Manager with Intune; every device is rung");
    let rung = Instant::now();
    server.admin.patch("/tenant", &json!({ "authority": "co-management" })).await?;
    let moved = log.when(rung, &["checked in", "authority-moved"])?;
    let status = status_with(agent, |status| status["account"]["authority"] == "Co-management")?;
    detail(&format!("the device is with {} now", status["account"]["server"].as_str().unwrap_or_default()));
    detail(&format!("from the administrator's order to the completed move: {:.0} ms", milliseconds(moved - rung)));
    let held = agent.json(["profiles", "list"])?;
    let of = |authority: &str| {
        let rows = held.as_array().into_iter().flatten();
        rows.filter(|row| row["authority"] == authority).map(|row| row["kind"].as_str().unwrap_or_default()).collect()
    };
    let (overwritten, redundant): (Vec<&str>, Vec<&str>) = (of("Co-management"), of("Intune"));
    ensure!(overwritten == ["wifi"], "the new authority should own the Wi-Fi profile alone and owns {overwritten:?}");
    ensure!(redundant.len() == 4, "four profiles should be redundant and {redundant:?} are");
    detail(&format!("overwritten by its name: {}", overwritten.join(", ")));
    detail(&format!("redundant, kept until their own deadline: {}", redundant.join(", ")));
    println!("\n{}", table(&held));
    detail("on the machine:");
    machine.show_changes()?;
    Ok(())
}

/// A file that a profile made is changed by hand, told of and put back.
pub(crate) async fn somebody_changes_a_file(
    agent: &AgentFolder,
    server: &ServerProcess,
    machine: &Machine,
) -> anyhow::Result<()> {
    say("Somebody changes a managed file; `mdm-agent plan` shows what will happen");
    std::fs::write(agent.root.join("etc/security/pwquality.conf.d/90-mdm-agent.conf"), "minlen = 1\n")?;
    agent.verb(["plan"])?.output.lines().for_each(detail);
    say("The next check-in puts it back and tells the server");
    agent.json(["sync"])?;
    machine.show_changes()?;
    let devices = server.admin.get("/devices").await?;
    let id = devices[0]["id"].as_str().context("the server lists no device")?;
    let device = server.admin.get(&format!("/devices/{id}")).await?;
    let mut reports = device["reports"].as_array().into_iter().flatten();
    let drift = reports.rfind(|report| report["kind"] == "org.linuxmdm:drift");
    detail(&format!("the server knows: {}", drift.context("the server was not told")?["data"]));
    Ok(())
}

/// The enrolment ends, and the machine is as it was.
pub(crate) fn enrolment_ends(agent: &AgentFolder, machine: &Machine) -> anyhow::Result<()> {
    say("Unenrolling: everything the agent made goes");
    let said = agent.verb(["unenroll"])?;
    ensure!(said.code == 0, "unenrolment failed: {}", said.errors.trim());
    machine.show_changes()?;
    ensure!(machine.is_as_it_was(), "something is left on the machine");
    detail("the machine is byte for byte as it was");
    Ok(())
}

/// The administrator orders a renewal and rings.
pub(crate) async fn certificate_is_renewed(
    agent: &AgentFolder,
    server: &ServerProcess,
    log: &Log,
) -> anyhow::Result<()> {
    say("The administrator has the certificate renewed");
    let before = agent.json(["status"])?["account"]["certificate_ends"].clone();
    let device = agent.json(["status"])?["account"]["device_id"].as_str().context("no device id")?.to_owned();
    server.admin.post(&format!("/devices/{device}/renew"), &json!({})).await?;
    let rung = Instant::now();
    server.admin.post(&format!("/devices/{device}/ring"), &json!({})).await?;
    let done = log.when(rung, &["checked in", "certificate-due"])?;
    let status = status_with(agent, |status| status["renewal"] == "succeeded")?;
    detail(&format!(
        "from the ring to the first session with the new certificate: {:.0} ms",
        milliseconds(done - rung)
    ));
    detail(&format!("it ended at {before} and ends at {} now", status["account"]["certificate_ends"]));
    let history = agent.verb(["history", "--limit", "8"])?;
    ensure!(history.code == 0, "the history does not hold: {}", history.output);
    say("What the device remembers of it (mdm-agent history)");
    history.output.lines().for_each(detail);
    Ok(())
}

fn status_with(agent: &AgentFolder, there: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    wait_until(Duration::from_secs(20), || {
        let status = agent.json(["status"])?;
        Ok((there(&status) && status["activity"] == "idle").then_some(status))
    })
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
