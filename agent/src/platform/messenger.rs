//! Telling consumers that their files changed, by the machine's own tools.

use std::time::Duration;

use super::consumer::Consumer;
use super::path::MachinePath;
use super::root::Root;
use crate::shell::tool::{self, ToolError, find};

/// How long a tool may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What changed for a consumer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Files that are new or different.
    pub changed: Vec<MachinePath>,
    /// Whether files were removed, or a restart came in between so that it is not known.
    pub removed: bool,
}

/// A consumer that did not take a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declined {
    /// The file that it did not take; `None` if it is all of them.
    pub path: Option<MachinePath>,
    /// Why, in words.
    pub reason: String,
}

/// Whoever tells consumers.
pub trait Messenger: Send + Sync + std::fmt::Debug {
    /// Tells one consumer. `Err` names what it did not take.
    fn tell(&self, consumer: Consumer, news: &News, root: &Root) -> Result<(), Vec<Declined>>;
}

/// Tells nobody: for a root that is not this machine's own.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Messenger for Silent {
    fn tell(&self, _consumer: Consumer, _news: &News, _root: &Root) -> Result<(), Vec<Declined>> {
        Ok(())
    }
}

/// Tells by the machine's own tools.
#[derive(Debug, Clone, Copy)]
pub struct Tools;

impl Messenger for Tools {
    fn tell(&self, consumer: Consumer, news: &News, root: &Root) -> Result<(), Vec<Declined>> {
        let all = |reason: String| vec![Declined { path: None, reason }];
        match consumer {
            Consumer::Nobody => Ok(()),
            Consumer::NetworkManager => tell_network_manager(news),
            Consumer::Strongswan => {
                run("swanctl", &["--load-all", "--noprompt"]).or_else(unless_not_running).map_err(all)
            }
            Consumer::TrustStore => tell_trust_store(news, root).map_err(all),
            Consumer::Dconf => tell_dconf(root).map_err(all),
            Consumer::Udev => run("udevadm", &["control", "--reload"])
                .and_then(|()| run_outside("udevadm", &["trigger", "--action=change", "--subsystem-match=usb"]))
                .and_then(|()| run_outside("udevadm", &["trigger", "--action=change", "--subsystem-match=rfkill"]))
                .or_else(unless_not_running)
                .map_err(all),
            Consumer::HostName => tell_host_name(root).map_err(all),
            Consumer::Sysctl => {
                let files = news
                    .changed
                    .iter()
                    .try_for_each(|path| run_outside("sysctl", &["--quiet", "--load", path.as_str()]));
                files.map_err(all)
            }
        }
    }
}

/// A file that NetworkManager cannot use is left out of its list without an error of the tool, so the list is read.
fn tell_network_manager(news: &News) -> Result<(), Vec<Declined>> {
    let all = |reason: String| vec![Declined { path: None, reason }];
    match ask("nmcli", &["--terse", "--fields", "RUNNING", "general"]) {
        Ok(answer) if answer.trim() == "running" => {}
        // It reads its files when it starts.
        Ok(_) => return Ok(()),
        // Neither does it run where there is no bus.
        Err(ToolError::Failed { said, .. }) if said.contains("not running") || said.contains("Could not connect") => {
            return Ok(());
        }
        Err(error) => return Err(all(error.to_string())),
    }
    if news.removed {
        run("nmcli", &["connection", "reload"]).map_err(all)?;
    }
    if news.changed.is_empty() {
        return Ok(());
    }
    let files: Vec<&str> = news.changed.iter().map(MachinePath::as_str).collect();
    let said = run("nmcli", &[&["connection", "load"], files.as_slice()].concat()).err();
    let known = ask("nmcli", &["--terse", "--fields", "FILENAME", "connection", "show"]);
    let known = known.map_err(|error| all(error.to_string()))?;
    let missing = news.changed.iter().filter(|path| !known.lines().any(|line| line == path.as_str()));
    let declined: Vec<Declined> = missing
        .map(|path| Declined {
            path: Some(path.clone()),
            reason: format!("NetworkManager does not take {path}: {}", said.as_deref().unwrap_or("see its journal")),
        })
        .collect();
    if declined.is_empty() { Ok(()) } else { Err(declined) }
}

fn tell_trust_store(news: &News, root: &Root) -> Result<(), String> {
    if root.has("/usr/bin/update-ca-trust") {
        return run("update-ca-trust", &["extract"]);
    }
    // Without this, links to certificates that are gone stay behind.
    run("update-ca-certificates", if news.removed { &["--fresh"] } else { &[] })
}

/// The database that was compiled from our settings goes with them; the user profile no longer names it by then.
fn tell_dconf(root: &Root) -> Result<(), String> {
    let databases = root.directory().join("etc/dconf/db");
    run("dconf", &["update", &databases.to_string_lossy()])?;
    let compiled = MachinePath::new("/etc/dconf/db/mdm-agent");
    if root.has(compiled.as_str()) && !root.has("/etc/dconf/db/mdm-agent.d/90-mdm-agent") {
        root.remove(&compiled).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The name itself is in the file by now; this is about the machine that runs. Without systemd's service the new name
/// counts from the next start.
fn tell_host_name(root: &Root) -> Result<(), String> {
    let text = root.read_text("/etc/hostname").unwrap_or_default();
    match text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')) {
        Some(name) => run("hostnamectl", &["--transient", "set-hostname", name]).or_else(unless_not_running),
        None => Ok(()),
    }
}

/// A service that does not run reads its configuration when it starts.
fn unless_not_running(reason: String) -> Result<(), String> {
    // charon's socket, and udev's: other files that are missing are failures.
    let not_running = [
        "connecting to 'unix:///",
        "Failed to send reload request",
        "Failed to write 'change' to",
        "Failed to connect to bus",
        "hostnamectl is not installed",
        "not been booted",
    ];
    if not_running.iter().any(|words| reason.contains(words)) { Ok(()) } else { Err(reason) }
}

/// Runs a tool that writes to `/proc/sys` or `/sys`: as a service of the agent runs in a sandbox that does not let it, the
/// tool is started by systemd, outside of it.
fn run_outside(tool: &str, arguments: &[&str]) -> Result<(), String> {
    let program = find(tool).ok_or_else(|| ToolError::Missing(tool.to_owned()).to_string())?;
    match ask_outside(&program, arguments) {
        Some(said) => said.map(drop).map_err(|error| error.to_string().replacen("systemd-run", tool, 1)),
        None => run(tool, arguments),
    }
}

/// The path of this program, by which another process of it is started; after an upgrade, that of the new one.
pub(super) fn own_program() -> Result<String, String> {
    let path = std::env::current_exe().map_err(|error| format!("the program does not find itself: {error}"))?;
    let path = path.to_string_lossy().into_owned();
    Ok(path.strip_suffix(" (deleted)").map(ToOwned::to_owned).unwrap_or(path))
}

/// Runs a program, by its path, outside of the sandbox that a service of the agent runs in, and comes back with what it
/// printed; `None` if there is no sandbox, or nobody who could do it.
pub(super) fn ask_outside(program: &str, arguments: &[&str]) -> Option<Result<String, ToolError>> {
    // Set for services only (systemd.exec(5)).
    let is_service = std::env::var_os("INVOCATION_ID").is_some();
    if !is_service || find("systemd-run").is_none() {
        return None;
    }
    let way = ["--quiet", "--wait", "--collect", "--pipe", "--setenv=LC_ALL=C.UTF-8", "--", program];
    Some(ask("systemd-run", &[&way, arguments].concat()))
}

pub(super) fn run(tool: &str, arguments: &[&str]) -> Result<(), String> {
    ask(tool, arguments).map(drop).map_err(|error| error.to_string())
}

/// Runs a tool and comes back with what it printed.
pub(super) fn ask(tool: &str, arguments: &[&str]) -> Result<String, ToolError> {
    tool::ask(tool, arguments, PATIENCE)
}
