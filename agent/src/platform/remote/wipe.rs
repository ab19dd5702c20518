//! Erasing what is on the machine: a plan that can be read before anything happens, then the plan and nothing else.
//!
//! The keys of encrypted disks go first, because that makes everything on them unreadable at once; then every file below
//! the places where people and programs keep what is theirs, and the agent's own state last, so that a wipe that was cut
//! off goes on after the next start. Nothing is followed out of a directory: neither a link nor a mount, so that the
//! files of a network share are safe.

mod empty;
mod places;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::host::Host;
use crate::engine::remote::RemoteOutcome;
use crate::platform::messenger::{ask_outside, own_program, run};
use crate::platform::root::Root;
use crate::shell::files;

/// The verb that carries a wipe out that was written down; it is not shown in the help.
pub const VERB: &str = "wipe-worker";
/// Where a plan is kept until it is confirmed, and where from then on.
const PLANNED: &str = "wipe-plan.json";
const FILE: &str = "wipe.json";
const MAX_FILE: u64 = 1 << 20;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// Make a LUKS device unreadable by erasing its keys.
    EraseKeys(String),
    /// Remove everything in a directory.
    Empty(String),
    /// Remove the agent's own state.
    Forget(String),
}

/// What would be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WipePlan {
    steps: Vec<Step>,
}

impl WipePlan {
    /// The plan in words, a line for each step.
    pub fn lines(&self) -> Vec<String> {
        let encrypted = self.steps.iter().any(|step| matches!(step, Step::EraseKeys(_)));
        let hint = "no disk is encrypted: what is removed may be recovered from the disk with the right tools";
        let mut lines: Vec<String> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::EraseKeys(device) => {
                    format!("erase the encryption keys of {device}; all of it becomes unreadable")
                }
                Step::Empty(directory) => format!("remove everything in {directory}"),
                Step::Forget(directory) => format!("remove {directory}, with the identity of this device"),
            })
            .collect();
        lines.extend((!encrypted).then(|| hint.to_owned()));
        lines.push("restart the machine".to_owned());
        lines
    }
}

/// What a wipe would do to the machine below a root. For the machine itself this is to be asked outside of the service's
/// sandbox, whose mounts are not the machine's.
pub fn plan(root: &Root, state: &Path) -> WipePlan {
    let state = state.to_string_lossy().into_owned();
    let mut steps: Vec<Step> = places::encrypted_devices(root).into_iter().map(Step::EraseKeys).collect();
    steps.extend(places::directories(root, &state).into_iter().map(Step::Empty));
    steps.push(Step::Forget(state));
    WipePlan { steps }
}

/// Makes a plan, and keeps it for the case that the server confirms it.
pub(super) fn prepare(root: &Root, state: &Path) -> Result<RemoteOutcome, String> {
    let outside = if root.is_machine() {
        ask_outside(&own_program()?, &[VERB, "--plan", "--state", &state.to_string_lossy()])
    } else {
        None
    };
    let plan = match outside {
        Some(printed) => {
            let printed = printed.map_err(|error| format!("the wipe cannot be planned: {error}"))?;
            // What went to standard error is there as well.
            let line = printed.lines().find(|line| line.starts_with('{')).unwrap_or_default();
            serde_json::from_str(line).map_err(|error| format!("the plan of the wipe cannot be read: {error}"))?
        }
        None => plan(root, state),
    };
    write(state, PLANNED, &plan)?;
    Ok(RemoteOutcome::Planned(plan.lines()))
}

fn write(state: &Path, name: &str, plan: &WipePlan) -> Result<(), String> {
    let content = serde_json::to_vec(plan).expect("text can always be written");
    files::create_private_dir(state).map_err(|error| error.to_string())?;
    files::replace(&state.join(name), &content, 0o600).map_err(|error| error.to_string())
}

/// Has the plan that was confirmed carried out: by a unit of its own where this is the machine itself, else here.
pub(super) fn begin(root: &Root, state: &Path, host: &dyn Host) -> Result<RemoteOutcome, String> {
    let (planned, confirmed) = (state.join(PLANNED), state.join(FILE));
    if planned.exists() {
        files::rename(&planned, &confirmed).map_err(|error| error.to_string())?;
    }
    if !confirmed.exists() {
        return Err("the plan that was confirmed is not there any more; order the wipe again".to_owned());
    }
    match host.begin_wipe(state) {
        Ok(true) => return Ok(RemoteOutcome::Begun("the machine is being wiped".to_owned())),
        Ok(false) => {}
        Err(error) => {
            // Nobody is to come across it later.
            files::remove_file(&confirmed).map_err(|error| error.to_string())?;
            return Err(error);
        }
    }
    let left = carry_out(root, state)?;
    Ok(if left.is_empty() {
        RemoteOutcome::Done("wiped".to_owned())
    } else {
        RemoteOutcome::Failed(format!("not everything could be removed: {}", left.join("; ")))
    })
}

/// Carries a wipe out that was written down, or goes on with one; comes back with what could not be done. Below another
/// root the agent's state stays, for it is not below that root.
pub fn carry_out(root: &Root, state: &Path) -> Result<Vec<String>, String> {
    let path = state.join(FILE);
    let content = files::read_bounded(&path, MAX_FILE).map_err(|error| error.to_string())?;
    let content = content.ok_or_else(|| format!("{} is not there: no wipe was confirmed", path.display()))?;
    let plan: WipePlan = serde_json::from_slice(&content).map_err(|error| format!("{}: {error}", path.display()))?;
    if root.is_machine() {
        // What still runs would make files again, the agent among it. What is not there needs no stopping.
        let _ = run("systemctl", &["stop", "mdm-agent.service", "user.slice", "machine.slice"]);
    }
    let mut left = Vec::new();
    for step in &plan.steps {
        let done = match step {
            Step::EraseKeys(device) => erase_keys(root, device),
            Step::Empty(directory) => empty::empty(root, directory),
            Step::Forget(directory) if root.is_machine() => empty::empty(root, directory),
            Step::Forget(_) => files::remove_file(&path).map_err(|error| error.to_string()),
        };
        left.extend(done.err());
    }
    Ok(left)
}

/// Below another root there may be this machine's own devices, as in a chroot: only what is a file there is erased.
fn erase_keys(root: &Root, device: &str) -> Result<(), String> {
    let path = root.directory().join(device.trim_start_matches('/'));
    let is_file = std::fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_file());
    if !root.is_machine() && !is_file {
        return Err(format!("{device}: a disk is not erased from another root than the machine's own"));
    }
    run("cryptsetup", &["erase", "--batch-mode", &path.to_string_lossy()])
}

/// Restarts a machine that was wiped; nothing else is left to do on it. Another root has no power switch.
pub fn restart(root: &Root) {
    if root.is_machine() {
        // Services may hang on files that are gone, so none is waited for.
        let _ = run("systemctl", &["reboot", "--force", "--force"]);
    }
}
