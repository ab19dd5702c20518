//! Facts about this machine, from files under /etc, /proc, /sys and /run. What cannot be read is left out.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::files;
use crate::engine::facts::DeviceFacts;

const SMALL_FILE: u64 = 64 << 10;
/// What systemd-timesyncd(8) leaves once it has set the clock in this boot. Other time services leave nothing that could be
/// read without a system call of their own.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";

/// Whether this machine keeps track of who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// logind does, if it is there.
    Tracked,
    /// Nobody does, or what logind knows does not count.
    Untracked,
}

/// Gathers everything.
pub fn gather(sessions: Sessions) -> DeviceFacts {
    let os = read("/etc/os-release").or_else(|| read("/usr/lib/os-release")).unwrap_or_default();
    let dmi = |name: &str| read(&format!("/sys/class/dmi/id/{name}"));
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let storage = rustix::fs::statvfs("/").ok();
    let megabytes = |blocks: u64, size: u64| blocks.saturating_mul(size) >> 20;
    DeviceFacts {
        host_name: text(uname.nodename()),
        manufacturer: dmi("sys_vendor").unwrap_or_default(),
        model: dmi("product_name").unwrap_or_default(),
        serial_number: dmi("product_serial").filter(|serial| !serial.is_empty()),
        os_name: os_release(&os, "NAME").unwrap_or_else(|| "Linux".to_owned()),
        os_version: os_release(&os, "VERSION_ID").unwrap_or_default(),
        kernel: text(uname.release()),
        firmware: dmi("bios_version"),
        architecture: text(uname.machine()),
        language: language(),
        memory_mb: memory_mb(),
        storage_mb: storage.as_ref().map(|file_system| megabytes(file_system.f_blocks, file_system.f_frsize)),
        free_storage_mb: storage.as_ref().map(|file_system| megabytes(file_system.f_bavail, file_system.f_frsize)),
        mac_addresses: mac_addresses(),
        machine_id: machine_id().unwrap_or_default(),
        clock_is_synchronized: Path::new(SYNCHRONIZED).exists(),
        misses_sign_ins: !Path::new(SESSIONS).exists(),
        signed_in: signed_in().filter(|_| sessions == Sessions::Tracked),
    }
}

fn read(path: &str) -> Option<String> {
    let content = files::read_bounded(Path::new(path), SMALL_FILE).ok()??;
    Some(String::from_utf8_lossy(&content).trim().to_owned())
}

fn os_release(content: &str, key: &str) -> Option<String> {
    let line = content.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(line.trim().trim_matches(['"', '\'']).to_owned())
}

fn language() -> String {
    let locale = read("/etc/locale.conf").or_else(|| read("/etc/default/locale")).unwrap_or_default();
    let name = os_release(&locale, "LANG").unwrap_or_default();
    let name = name.split('.').next().unwrap_or_default().replace('_', "-");
    if matches!(name.as_str(), "" | "C" | "POSIX") { "en-US".to_owned() } else { name }
}

fn memory_mb() -> Option<u64> {
    let content = read("/proc/meminfo")?;
    let line = content.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024)
}

/// Cards with hardware behind them; virtual ones come and go.
fn mac_addresses() -> Vec<String> {
    let entries = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut addresses: Vec<String> = entries
        .filter(|entry| entry.path().join("device").exists())
        .filter_map(|entry| read(&entry.path().join("address").to_string_lossy()))
        .filter(|address| !address.is_empty() && address != "00:00:00:00:00:00")
        .map(|address| address.to_ascii_uppercase().replace(':', "-"))
        .take(16)
        .collect();
    addresses.sort();
    addresses
}

/// The machine-id itself must not leave the machine (machine-id(5)): a digest bound to this program may.
fn machine_id() -> Option<String> {
    let id = read("/etc/machine-id").filter(|id| id.len() == 32)?;
    let digest = Sha256::new().chain_update("mdm-agent device id\n").chain_update(id).finalize();
    Some(digest.iter().take(16).map(|byte| format!("{byte:02X}")).collect())
}

/// Where logind files sessions.
pub const SESSIONS: &str = "/run/systemd/sessions";

/// Names of the users with a session, as logind files them; `None` where there is no logind.
fn signed_in() -> Option<Vec<String>> {
    signed_in_by(Path::new(SESSIONS))
}

/// Names of the users with a session, by the directory in which logind files sessions.
pub(super) fn signed_in_by(directory: &Path) -> Option<Vec<String>> {
    let entries = std::fs::read_dir(directory).ok()?;
    // Beside the file of a session there is a pipe by which logind notices its end; who reads that waits as long.
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut users: Vec<String> = files.filter_map(|entry| user_of(&read(&entry.path().to_string_lossy())?)).collect();
    users.sort();
    users.dedup();
    Some(users)
}

/// The user of a session as logind files it; `None` where nobody is signed in, or is not any more.
fn user_of(session: &str) -> Option<String> {
    let is_person = os_release(session, "CLASS").is_some_and(|class| class.starts_with("user"));
    let is_over = os_release(session, "STATE").is_some_and(|state| state == "closing");
    os_release(session, "USER").filter(|_| is_person && !is_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pipe_beside_a_session_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("1"), "USER=alice\nCLASS=user\nSTATE=active\n").unwrap();
        let pipe = folder.path().join("1.ref");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert_eq!(signed_in_by(folder.path()), Some(vec!["alice".to_owned()]));
    }

    #[test]
    fn a_session_has_a_user_while_somebody_is_signed_in() {
        let session = |class: &str, state: &str| format!("UID=1000\nUSER=alice\nSTATE={state}\nCLASS={class}");
        assert_eq!(user_of(&session("user", "active")), Some("alice".to_owned()));
        assert_eq!(user_of(&session("user-early", "online")), Some("alice".to_owned()));
        assert_eq!(user_of(&session("user", "closing")), None, "signed out, something still runs");
        assert_eq!(user_of(&session("greeter", "active")), None);
        assert_eq!(user_of(&session("manager", "active")), None);
    }
}
