//! Erasing what is on the machine: a plan that can be read before anything happens, then the plan and nothing else.
//!
//! The keys of encrypted disks go first, because that makes everything on them unreadable at once; then every file below
//! the places where people and programs keep what is theirs, and the agent's own state last, so that a wipe that was cut
//! off goes on after the next start. Nothing is followed out of a directory: neither a link nor a mount, so that the
//! files of a network share are safe.

mod empty;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::host::Host;
use crate::engine::remote::RemoteOutcome;
use crate::platform::messenger::run;
use crate::platform::root::Root;
use crate::shell::files;

/// The verb that carries a wipe out that was written down; it is not shown in the help.
pub const VERB: &str = "wipe-worker";
/// Where a confirmed wipe is written down.
const FILE: &str = "wipe.json";
const MAX_FILE: u64 = 1 << 20;

/// Where people and programs keep what is theirs. What is a link into another of them is emptied once.
const PLACES: &[&str] = &[
    "/home",
    "/var/home",
    "/root",
    "/var/roothome",
    "/srv",
    "/var/mail",
    "/var/spool",
    "/var/log",
    "/var/tmp",
    "/tmp",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/libvirt",
    "/var/lib/machines",
    "/var/lib/mysql",
    "/var/lib/postgresql",
    "/var/lib/NetworkManager",
    "/var/lib/bluetooth",
    "/var/lib/fprint",
    "/var/lib/AccountsService",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    "/etc/openvpn/client",
    "/etc/swanctl",
    "/etc/mdm-agent/certificates",
    "/etc/ssl/private",
];
/// File systems on a disk of this machine. What is mounted from anywhere else is nobody's business here.
const LOCAL: &[&str] =
    &["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "ntfs3", "vfat", "exfat"];
/// Mounts that the system needs to say that it was wiped, and that hold nothing of a person's.
const SYSTEM: &[&str] = &[
    "/",
    "/usr",
    "/boot",
    "/boot/efi",
    "/efi",
    "/var",
    "/etc",
    "/opt",
    "/nix",
    "/snap",
    "/sysroot",
    "/ostree",
    "/gnu",
];
/// The most mounts and devices that are looked at.
const MOST: usize = 256;

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

/// What a wipe would do to this machine.
pub fn plan(root: &Root, state: &Path) -> WipePlan {
    let mut steps: Vec<Step> = encrypted_devices(root).into_iter().map(Step::EraseKeys).collect();
    let mut places: Vec<String> = Vec::new();
    let mounts = local_mounts(root);
    for place in PLACES.iter().map(|place| (*place).to_owned()).chain(mounts) {
        let is_new = places.iter().all(|known| *known != place);
        // A link to another place, such as /home on ostree, is emptied there.
        if is_new && root.open_directory(&place).is_ok() && !empty::is_link(root, &place) {
            places.push(place);
        }
    }
    steps.extend(places.into_iter().map(Step::Empty));
    steps.push(Step::Forget(state.to_string_lossy().into_owned()));
    WipePlan { steps }
}

/// Devices below LUKS mappings that are open, by what sysfs says.
fn encrypted_devices(root: &Root) -> Vec<String> {
    let mut devices = Vec::new();
    for name in root.names_in("/sys/class/block").into_iter().filter(|name| name.starts_with("dm-")).take(MOST) {
        let uuid = root.read_text(&format!("/sys/class/block/{name}/dm/uuid")).unwrap_or_default();
        if uuid.starts_with("CRYPT-LUKS") {
            let below = root.names_in(&format!("/sys/class/block/{name}/slaves"));
            devices.extend(
                below.into_iter().filter(|name| name != "." && !name.contains('/')).map(|name| format!("/dev/{name}")),
            );
        }
    }
    devices.sort();
    devices.dedup();
    devices
}

/// Mount points of data on this machine's own disks.
fn local_mounts(root: &Root) -> Vec<String> {
    let mounts = root.read_text("/proc/self/mountinfo").unwrap_or_default();
    let mut found = Vec::new();
    for line in mounts.lines().take(4096) {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (before.split(' ').nth(4), after.split(' ').next()) else { continue };
        // Names with blanks are escaped by the kernel, and the escapes are octal digits.
        let point = unescaped(point);
        let is_system = SYSTEM.contains(&point.as_str())
            || ["/proc", "/sys", "/dev", "/run"]
                .iter()
                .any(|top| point == *top || point.starts_with(&format!("{top}/")));
        if LOCAL.contains(&kind) && !is_system && found.len() < MOST && !found.contains(&point) {
            found.push(point);
        }
    }
    found
}

fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// Writes a confirmed wipe down and has it carried out: by a unit of its own where this is the machine itself, else here.
pub(super) fn begin(root: &Root, state: &Path, host: &dyn Host) -> Result<RemoteOutcome, String> {
    let plan = plan(root, state);
    let content = serde_json::to_vec(&plan).expect("text can always be written");
    files::create_private_dir(state).map_err(|error| error.to_string())?;
    files::replace(&state.join(FILE), &content, 0o600).map_err(|error| error.to_string())?;
    if host.begin_wipe(state)? {
        return Ok(RemoteOutcome::Begun("the machine is being wiped".to_owned()));
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
            Step::EraseKeys(device) => {
                let device = root.directory().join(device.trim_start_matches('/'));
                run("cryptsetup", &["erase", "--batch-mode", &device.to_string_lossy()])
            }
            Step::Empty(directory) => empty::empty(root, directory),
            Step::Forget(directory) if root.is_machine() => empty::empty(root, directory),
            Step::Forget(_) => files::remove_file(&path).map_err(|error| error.to_string()),
        };
        left.extend(done.err());
    }
    Ok(left)
}

/// Restarts a machine that was wiped; nothing else is left to do on it. Another root has no power switch.
pub fn restart(root: &Root) {
    if root.is_machine() {
        // Services may hang on files that are gone, so none is waited for.
        let _ = run("systemctl", &["reboot", "--force", "--force"]);
    }
}
