//! The person at the machine, and the administrator far away: on a fresh Debian with systemd, with the package installed.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use mdm_tests::container::{Container, alone, package, prepare};
use mdm_tests::processes::{silent, wait_until};
use mdm_tests::programs;
use mdm_tests::server::{ServerProcess, USER};
use mdm_tests::world::block_on;
use serde_json::{Value, json};

/// Asks only whether an account may have a session, as sshd does.
const PROBE: &str = "account required pam_nologin.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
const SCRIPT: &str = "#!/bin/sh\nif [ -e /opt/scanner ]; then state=on; else state=off; fi\n\
                      echo \"{\\\"Scanner\\\": \\\"$state\\\", \\\"User\\\": \\\"$(id -u)\\\"}\"\n";

#[test]
#[ignore = "needs root, debootstrap, systemd-nspawn, cargo-deb and cargo-generate-rpm"]
fn s60_a_new_user_installs_enrols_checks_breaks_a_rule_and_repairs_it() {
    prepare().unwrap();
    alone(s60_a_new_user_installs_enrols_checks_breaks_a_rule_and_repairs_it, || {
        let folder = tempfile::tempdir()?;
        let world = World::enrolled(folder.path())?;
        world.rule("linux_passwordpolicy_minimumlength", "<Data>12</Data>")?;
        world.custom_rule()?;
        world.write("/etc/security/pwquality.conf", "minlen = 8\n")?;
        let (code, said) = world.check()?;
        ensure!(code == 4, "{said}");
        for expected in ["Password length", "at least 12", "pwquality", "Scanner", "turn the scanner on"] {
            ensure!(said.contains(expected), "{expected} is not in:\n{said}");
        }
        ensure!(world.device()?["compliance"]["compliant"] == false, "the directory does not know");
        world.write("/etc/security/pwquality.conf", "minlen = 12\n")?;
        world.write("/opt/scanner", "")?;
        let (code, said) = world.check()?;
        ensure!(code == 0 && said.contains("This machine complies"), "{said}");
        ensure!(world.device()?["compliance"]["compliant"] == true, "the directory does not know");
        world.rule("linux_deviceencryption_required", "<Data>true</Data>")?;
        let (_, said) = world.check()?;
        let encryption = said.lines().find(|line| line.starts_with("Disk encryption")).context(said.clone())?;
        // The layers of this machine are in memory; of the mounts that the service's sandbox adds none is named.
        ensure!(!said.contains("/root") && !said.contains("inaccessible"), "{encryption}\n{said}");
        // Somebody else on the machine, without any right.
        let other = ["runuser", "-u", "nobody", "--", "mdm-agent", "check-compliance", "--last"];
        let said = world.container.try_to(&other)?;
        ensure!(String::from_utf8_lossy(&said.stdout).contains("RULE"), "{said:?}");
        Ok(())
    });
}

#[test]
#[ignore = "needs root, debootstrap, systemd-nspawn, cargo-deb and cargo-generate-rpm"]
fn s76_a_machine_is_locked_restarted_unlocked_and_wiped_from_afar() {
    prepare().unwrap();
    alone(s76_a_machine_is_locked_restarted_unlocked_and_wiped_from_afar, || {
        let folder = tempfile::tempdir()?;
        let mut world = World::enrolled(folder.path())?;
        world.write("/etc/pam.d/probe", PROBE)?;
        world.container.to(&["useradd", "--create-home", "ada"])?;
        let session = ["systemd-run", "--unit=ada", "--property=PAMName=login", "--property=User=ada", "sleep", "1000"];
        world.container.to(&session)?;
        ensure!(world.may_sign_in()?, "nobody may sign in even before the lock");
        let code = world.locked()?;
        let frozen = ["systemctl", "show", "--property=FreezerState", "--value", "user-1000.slice"];
        let state = world.container.to(&frozen)?;
        ensure!(state.trim() == "frozen", "the session is {state}");
        world.container.reboot()?;
        wait_until(Duration::from_secs(30), || Ok(world.status()?["locked_since"].is_i64().then_some(())))?;
        ensure!(!world.may_sign_in()?, "a restart has unlocked the machine");
        let unlock = format!("echo {code} | mdm-agent unlock");
        world.container.to(&["sh", "-c", &unlock])?;
        ensure!(world.may_sign_in()?, "the code has not unlocked the machine");
        world.told("unlock", "done")?;
        world.restarted()?;
        world.wiped()
    });
}

struct World {
    container: Container,
    server: ServerProcess,
    path: String,
}

impl World {
    fn enrolled(folder: &Path) -> anyhow::Result<Self> {
        let programs = programs::build()?;
        let package = package(&programs, folder)?;
        let server = ServerProcess::start(&programs, folder, "intune", &silent())?;
        let mut container = Container::new(folder)?;
        for (from, to) in
            [(&package, "mdm-agent.deb"), (&server.ca_file, "ca.pem"), (&server.password_file, "password")]
        {
            std::fs::copy(from, container.path("/root").join(to))?;
        }
        container.boot()?;
        container.to(&["dpkg", "--install", "/root/mdm-agent.deb"])?;
        let enrol = ["--server", &server.device_url, "--ca-file", "/root/ca.pem", "--user", USER];
        let proof = ["--password-file", "/root/password"];
        container.to(&[&["mdm-agent", "enroll"], &enrol[..], &proof[..]].concat())?;
        let devices = block_on(server.admin.get("/devices"))?;
        let path = format!("/devices/{}", devices[0]["id"].as_str().context("the server knows no device")?);
        Ok(Self { container, server, path })
    }

    fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.container.path(path), text).with_context(|| path.to_owned())
    }

    fn rule(&self, id: &str, value: &str) -> anyhow::Result<()> {
        let address = format!("./Device/Vendor/LinuxMDM/Compliance/{id}");
        let fragment = format!("<Replace><Item><Target><LocURI>{address}</LocURI></Target>{value}</Item></Replace>");
        block_on(self.server.admin.assign(id, &fragment)).map(drop)
    }

    fn custom_rule(&self) -> anyhow::Result<()> {
        let setting = |name: &str, operator: &str, operand: &str| {
            json!({
                "SettingName": name, "Operator": operator, "DataType": "String", "Operand": operand,
                "MoreInfoUrl": "https://help.example",
                "RemediationStrings": [{ "Language": "en_US", "Title": name, "Description": "turn the scanner on" }],
            })
        };
        let rules = json!({ "Rules": [setting("Scanner", "IsEquals", "on"), setting("User", "NotEquals", "0")] });
        let base = "./Device/Vendor/LinuxMDM/Compliance/linux_customcompliance_scanner";
        let leaf = |name: &str, value: &str| {
            format!(
                "<Replace><Item><Target><LocURI>{base}/{name}</LocURI></Target><Data><![CDATA[{value}]]></Data></Item></Replace>"
            )
        };
        let fragment = format!("<Atomic>{}{}</Atomic>", leaf("Script", SCRIPT), leaf("Rules", &rules.to_string()));
        block_on(self.server.admin.assign("scanner", &fragment)).map(drop)
    }

    /// What a person at the machine sees, and the exit code.
    fn check(&self) -> anyhow::Result<(i32, String)> {
        let output = self.container.try_to(&["mdm-agent", "check-compliance"])?;
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        Ok((output.status.code().unwrap_or(-1), format!("$ mdm-agent check-compliance\n{text}")))
    }

    fn device(&self) -> anyhow::Result<Value> {
        block_on(self.server.admin.get(&self.path))
    }

    fn status(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.container.to(&["mdm-agent", "status", "--json"])?)?)
    }

    fn order(&self, what: &str) -> anyhow::Result<Value> {
        let ordered = block_on(self.server.admin.post(&format!("{}/{what}", self.path), &json!({})))?;
        self.container.to(&["mdm-agent", "sync"])?;
        Ok(ordered)
    }

    /// Waits until the device has told that the newest order is of this kind and stands like that.
    fn told(&self, kind: &str, state: &str) -> anyhow::Result<Value> {
        wait_until(Duration::from_secs(60), || {
            let device = self.device()?;
            let order = device["orders"].as_array().and_then(|orders| orders.last()).cloned();
            Ok(order.filter(|order| order["kind"] == kind && order["state"] == state))
        })
        .with_context(|| {
            let orders = self.device().unwrap_or_default()["orders"].to_string();
            let journal = self.container.to(&["journalctl", "--no-pager", "--lines=60"]).unwrap_or_default();
            let jobs = self
                .container
                .to(&[
                    "sh",
                    "-c",
                    "ps axf; systemctl list-jobs; cat /sys/fs/cgroup/user.slice/user-1000.slice/cgroup.events",
                ])
                .unwrap_or_default();
            format!("{kind} is not {state}: {orders}\n{journal}{jobs}")
        })
    }

    fn locked(&self) -> anyhow::Result<String> {
        let ordered = self.order("lock")?;
        let told = self.told("lock", "done")?;
        ensure!(told["detail"].as_str().is_some_and(|detail| detail.contains("1 held")), "{told}");
        ensure!(!self.may_sign_in()?, "the machine is not locked");
        Ok(ordered["unlock_code"].as_str().context("no code")?.to_owned())
    }

    /// Whether a user who is not root gets a session.
    fn may_sign_in(&self) -> anyhow::Result<bool> {
        let session =
            ["systemd-run", "--quiet", "--wait", "--property=PAMName=probe", "--property=User=ada", "/bin/true"];
        Ok(self.container.try_to(&session)?.status.success())
    }

    fn restarted(&self) -> anyhow::Result<()> {
        self.order("reboot")?;
        let planned = wait_until(Duration::from_secs(20), || {
            let seen = self.container.try_to(&["cat", "/run/systemd/shutdown/scheduled"])?;
            Ok(seen.status.success().then(|| String::from_utf8_lossy(&seen.stdout).into_owned()))
        })?;
        ensure!(planned.contains("MODE=reboot"), "{planned}");
        // A container's kernel is not restarted with it, so that the agent could not tell that it was done.
        self.container.to(&["shutdown", "-c"]).map(drop)
    }

    fn wiped(&mut self) -> anyhow::Result<()> {
        self.write("/home/ada/letter", "dear")?;
        self.order("wipe")?;
        let told = self.told("wipe", "awaiting-confirmation")?;
        let plan = told["detail"].as_str().unwrap_or_default();
        ensure!(plan.contains("everything in /home"), "{told}");
        // Every path that the unit may write to is a mount to the service, and none of them is data for that.
        ensure!(!plan.contains("in /usr") && !plan.contains("in /var/lib/mdm-agent"), "{told}");
        ensure!(self.container.path("/home/ada/letter").exists(), "it was wiped without a confirmation");
        block_on(self.server.admin.post(&format!("{}/wipe/confirm", self.path), &json!({})))?;
        // The machine may be gone before the command has its answer.
        let _ = self.container.try_to(&["mdm-agent", "sync"])?;
        wait_until(Duration::from_secs(60), || Ok(self.container.is_off().then_some(()))).context("it still runs")?;
        for gone in ["/home/ada", "/root/password", "/var/lib/mdm-agent/identity"] {
            ensure!(!self.container.path(gone).exists(), "{gone} is still there");
        }
        for kept in ["/usr/bin/mdm-agent", "/usr/local/share", "/etc/passwd", "/var/lib/dpkg/status"] {
            ensure!(self.container.path(kept).exists(), "more was removed than the plan said: {kept}");
        }
        Ok(())
    }
}
