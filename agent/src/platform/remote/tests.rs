//! Orders carried out on directories that stand for a machine's root: done, done again, cut off, undone.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::lock::LockError;
use super::*;
use crate::engine::remote::{LockTerms, RemoteState};
use crate::platform::messenger::Silent;

const NOW: i64 = 1_790_000_000;
const CODE: &str = "K7QX-2M4P-9TRD";

/// A host that writes down what it is told.
#[derive(Debug, Default)]
struct Listener {
    heard: Mutex<Vec<&'static str>>,
    sessions_fail: bool,
}

impl Host for Listener {
    fn lock_sessions(&self) -> Result<String, String> {
        self.heard.lock().unwrap().push("lock");
        if self.sessions_fail { Err("no logind".to_owned()) } else { Ok("1 session".to_owned()) }
    }

    fn release_sessions(&self) -> Result<(), String> {
        self.heard.lock().unwrap().push("release");
        Ok(())
    }

    fn ask_for_code(&self, _: &LockTerms) {}

    fn reboot(&self) -> Result<String, String> {
        self.heard.lock().unwrap().push("reboot");
        Ok("soon".to_owned())
    }

    fn begin_wipe(&self, _: &Path) -> Result<bool, String> {
        Ok(false)
    }
}

struct Machine {
    folder: tempfile::TempDir,
    host: Arc<Listener>,
    platform: Platform,
}

impl Machine {
    fn new() -> Self {
        Self::with(Listener::default())
    }

    fn with(host: Listener) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("root/etc")).unwrap();
        std::fs::create_dir_all(folder.path().join("root/run")).unwrap();
        let host = Arc::new(host);
        let platform = Platform::new(folder.path().join("root"), folder.path().join("state"), Arc::new(Silent));
        Self { folder, platform: platform.with_host(Arc::clone(&host) as Arc<dyn Host>), host }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path.trim_start_matches('/'))
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.path(path)).ok()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), text).unwrap();
    }

    fn carry_out(&self, kind: RemoteKind) -> RemoteOutcome {
        self.platform.carry_out(&order(kind), false, NOW)
    }

    /// A wipe that is planned, confirmed and carried out.
    fn wipe(&self) -> RemoteOutcome {
        let order = order(RemoteKind::Wipe { token: "t".to_owned() });
        assert!(matches!(self.platform.carry_out(&order, false, NOW), RemoteOutcome::Planned(_)));
        self.platform.carry_out(&order, true, NOW)
    }

    /// Everything below the root: path, permissions, size and links.
    fn tree(&self) -> BTreeMap<PathBuf, (u32, u64)> {
        let mut found = BTreeMap::new();
        let mut waiting = vec![self.path("/")];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                let facts = entry.metadata().unwrap();
                found.insert(entry.path(), (facts.permissions().mode(), if facts.is_dir() { 0 } else { facts.size() }));
                waiting.extend(facts.is_dir().then(|| entry.path()));
            }
        }
        found
    }
}

fn order(kind: RemoteKind) -> RemoteOrder {
    RemoteOrder {
        id: "1".to_owned(),
        is_named: true,
        kind,
        state: RemoteState::Accepted,
        detail: String::new(),
        accepted: NOW,
        boot: 1,
        heard: false,
        begun: false,
        reported: false,
        under_way: false,
    }
}

fn lock_with_code() -> RemoteKind {
    let verifier = verifier(CODE, b"saltsaltsalt", NonZeroU32::new(10_000).unwrap());
    RemoteKind::Lock(LockTerms { message: "Call 555-0100".to_owned(), verifier: Some(verifier) })
}

#[test]
fn a_locked_machine_refuses_logins_says_why_and_is_as_it_was_after_unlocking() {
    let machine = Machine::new();
    let before = machine.tree();
    assert!(matches!(machine.carry_out(lock_with_code()), RemoteOutcome::Done(detail) if detail.contains("1 session")));
    let nologin = machine.read("/etc/nologin").unwrap();
    assert!(nologin.contains("locked by its administrator") && nologin.contains("555-0100"), "{nologin}");
    let state = std::fs::metadata(machine.folder.path().join("state/lock.json")).unwrap();
    assert_eq!(state.permissions().mode() & 0o777, 0o600);
    assert!(matches!(machine.carry_out(RemoteKind::Unlock), RemoteOutcome::Done(_)));
    assert_eq!(machine.tree(), before);
    assert_eq!(*machine.host.heard.lock().unwrap(), ["lock", "release"]);
    assert_eq!(machine.platform.lock_state().unwrap(), None);
    assert!(matches!(machine.carry_out(RemoteKind::Unlock), RemoteOutcome::Done(_)), "unlocking again does no harm");
}

#[test]
fn a_lock_holds_over_a_start_of_the_machine_even_if_somebody_took_the_file_away() {
    let machine = Machine::new();
    machine.carry_out(lock_with_code());
    std::fs::remove_file(machine.path("/etc/nologin")).unwrap();
    machine.platform.stay_locked().unwrap();
    assert!(machine.read("/etc/nologin").unwrap().contains("555-0100"));
    machine.platform.unlock_with(CODE, NOW).unwrap();
    machine.platform.stay_locked().unwrap();
    assert_eq!(machine.read("/etc/nologin"), None, "once unlocked it stays unlocked");
}

#[test]
fn a_file_that_keeps_people_out_and_was_there_first_stays() {
    let machine = Machine::new();
    machine.write("/etc/nologin", "maintenance\n");
    assert!(
        matches!(machine.carry_out(lock_with_code()), RemoteOutcome::Done(detail) if detail.contains("there first"))
    );
    machine.carry_out(RemoteKind::Unlock);
    assert_eq!(machine.read("/etc/nologin").as_deref(), Some("maintenance\n"));
}

#[test]
fn sessions_that_cannot_be_locked_are_a_failure_that_says_so_and_logins_are_refused_all_the_same() {
    let machine = Machine::with(Listener { sessions_fail: true, ..Listener::default() });
    let RemoteOutcome::Failed(reason) = machine.carry_out(lock_with_code()) else { panic!("it says that it is done") };
    assert!(reason.contains("new logins are refused") && reason.contains("no logind"), "{reason}");
    assert!(machine.path("/etc/nologin").exists());
}

#[test]
fn the_code_unlocks_however_it_is_written_and_only_once() {
    let machine = Machine::new();
    machine.carry_out(lock_with_code());
    machine.platform.unlock_with("k7qx 2m4p-9trd", NOW).unwrap();
    assert!(matches!(machine.platform.unlock_with(CODE, NOW), Err(LockError::NotLocked)));
}

#[test]
fn wrong_codes_cost_time_and_do_not_unlock() {
    let machine = Machine::new();
    machine.carry_out(lock_with_code());
    for _ in 0..5 {
        assert!(matches!(machine.platform.unlock_with("0000", NOW), Err(LockError::WrongCode)));
    }
    assert!(matches!(machine.platform.unlock_with(CODE, NOW), Err(LockError::Wait(60))), "the right one waits, too");
    assert!(machine.path("/etc/nologin").exists());
    machine.platform.unlock_with(CODE, NOW + 60).unwrap();
}

#[test]
fn a_lock_without_a_code_is_undone_by_the_server_only_and_a_new_lock_brings_a_new_code() {
    let machine = Machine::new();
    machine.carry_out(RemoteKind::Lock(LockTerms::default()));
    assert!(matches!(machine.platform.unlock_with(CODE, NOW), Err(LockError::NoCode)));
    machine.carry_out(lock_with_code());
    machine.platform.unlock_with(CODE, NOW).unwrap();
    assert_eq!(machine.read("/etc/nologin"), None);
}

#[test]
fn a_damaged_lock_file_is_named_and_the_server_can_still_unlock_and_lock() {
    let machine = Machine::new();
    machine.carry_out(lock_with_code());
    std::fs::write(machine.folder.path().join("state/lock.json"), "{").unwrap();
    let error = machine.platform.unlock_with(CODE, NOW).unwrap_err().to_string();
    assert!(error.contains("lock.json"), "{error}");
    assert!(matches!(machine.carry_out(RemoteKind::Unlock), RemoteOutcome::Done(_)));
    assert_eq!(machine.read("/etc/nologin"), None);
}

#[test]
fn a_reboot_is_the_hosts_business_and_a_directory_has_no_power_switch() {
    let machine = Machine::new();
    assert!(matches!(machine.carry_out(RemoteKind::Reboot), RemoteOutcome::Begun(_)));
    let alone = Platform::new(machine.path("/"), machine.folder.path().join("state"), Arc::new(Silent));
    assert!(matches!(alone.carry_out(&order(RemoteKind::Reboot), false, NOW), RemoteOutcome::Failed(_)));
}

/// A machine with people's files, a link out of it, and a network share.
fn lived_in() -> Machine {
    let machine = Machine::new();
    machine.write("/home/ada/letters/1.txt", "dear");
    machine.write("/home/ada/.ssh/id_ed25519", "key");
    machine.write("/root/.bash_history", "ls");
    machine.write("/usr/bin/true", "program");
    machine.write("/etc/passwd", "root:x:0:0");
    machine.write("/data/photos/1.jpg", "picture");
    machine.write("/mnt/share/precious", "not ours");
    std::fs::write(machine.folder.path().join("outside"), "precious").unwrap();
    std::os::unix::fs::symlink(machine.folder.path(), machine.path("/home/ada/escape")).unwrap();
    std::os::unix::fs::symlink("/home", machine.path("/var-home")).unwrap();
    let mounts = "22 1 8:2 / / rw - ext4 /dev/sda2 rw\n30 22 8:3 / /data rw - xfs /dev/sda3 rw\n\
                  31 22 0:44 / /mnt/share rw - nfs4 server:/x rw\n32 22 8:4 / /boot rw - ext4 /dev/sda4 rw\n";
    machine.write("/proc/self/mountinfo", mounts);
    machine
}

#[test]
fn a_plan_names_every_step_and_changes_nothing() {
    let machine = lived_in();
    let before = machine.tree();
    let outcome = machine.platform.carry_out(&order(RemoteKind::Wipe { token: "t".to_owned() }), false, NOW);
    let RemoteOutcome::Planned(lines) = outcome else { panic!("{outcome:?}") };
    let lines = lines.join("\n");
    for expected in ["everything in /home", "everything in /root", "everything in /data", "no disk is encrypted"] {
        assert!(lines.contains(expected), "{lines}");
    }
    assert!(!lines.contains("share") && !lines.contains("/boot"), "{lines}");
    assert_eq!(machine.tree(), before);
}

#[test]
fn a_confirmed_wipe_removes_what_people_have_and_nothing_else() {
    let machine = lived_in();
    let deep: PathBuf = std::iter::repeat_n("d", 450).collect();
    std::fs::create_dir_all(machine.path("/home/ada").join(&deep)).unwrap();
    let outcome = machine.wipe();
    assert_eq!(outcome, RemoteOutcome::Done("wiped".to_owned()));
    for emptied in ["/home", "/root", "/data"] {
        assert_eq!(std::fs::read_dir(machine.path(emptied)).unwrap().count(), 0, "{emptied}");
    }
    for kept in ["/usr/bin/true", "/etc/passwd", "/mnt/share/precious"] {
        assert!(machine.path(kept).exists(), "{kept}");
    }
    assert!(machine.folder.path().join("outside").exists(), "a link is not followed");
    let root = Root::open(&machine.path("/")).unwrap();
    assert!(wipe::carry_out(&root, &machine.folder.path().join("state")).is_err(), "and it is not done again");
}

#[test]
fn the_keys_of_an_encrypted_disk_go_first() {
    let machine = lived_in();
    machine.write("/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123-root\n");
    machine.write("/sys/class/block/dm-0/slaves/sda2", "");
    machine.write("/sys/class/block/dm-1/dm/uuid", "LVM-abc\n");
    machine.write("/sys/class/block/dm-1/slaves/dm-0", "");
    let root = Root::open(&machine.path("/")).unwrap();
    let lines = wipe::plan(&root, Path::new("/var/lib/mdm-agent")).lines();
    assert!(lines[0].contains("keys of /dev/sda2"), "{lines:?}");
    assert!(!lines.join("").contains("dm-0") && !lines.join("").contains("no disk is encrypted"), "{lines:?}");
}

#[test]
#[ignore = "needs cryptsetup"]
fn after_a_wipe_no_passphrase_opens_an_encrypted_disk_any_more() {
    use std::io::Write as _;
    let machine = lived_in();
    machine.write("/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123-root\n");
    machine.write("/sys/class/block/dm-0/slaves/sda2", "");
    machine.write("/dev/sda2", "");
    std::fs::File::options().write(true).open(machine.path("/dev/sda2")).unwrap().set_len(32 << 20).unwrap();
    let cryptsetup = |arguments: &[&str]| {
        let mut command = std::process::Command::new("cryptsetup");
        command.args(arguments).arg("--disable-locks").arg("--key-file=-").arg(machine.path("/dev/sda2"));
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"secret").unwrap();
        child.wait().unwrap().success()
    };
    let weak = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000"];
    assert!(cryptsetup(&[&["luksFormat", "--batch-mode"], &weak[..]].concat()));
    assert!(cryptsetup(&["open", "--test-passphrase"]));
    let outcome = machine.wipe();
    assert_eq!(outcome, RemoteOutcome::Done("wiped".to_owned()));
    assert!(!cryptsetup(&["open", "--test-passphrase"]));
}

#[test]
fn what_was_not_planned_is_not_wiped_and_a_plan_is_carried_out_as_it_was_told() {
    let machine = lived_in();
    let wipe = order(RemoteKind::Wipe { token: "t".to_owned() });
    let outcome = machine.platform.carry_out(&wipe, true, NOW);
    assert!(matches!(outcome, RemoteOutcome::Failed(reason) if reason.contains("order the wipe again")));
    assert!(matches!(machine.platform.carry_out(&wipe, false, NOW), RemoteOutcome::Planned(_)));
    std::fs::create_dir_all(machine.path("/srv/new")).unwrap();
    std::fs::remove_file(machine.path("/proc/self/mountinfo")).unwrap();
    machine.platform.carry_out(&wipe, true, NOW);
    assert!(!machine.path("/data/photos").exists(), "what was told is done");
    assert!(machine.path("/srv/new").exists(), "what was not told is not done");
}

#[test]
fn homes_behind_a_link_are_emptied_and_the_system_behind_one_is_not() {
    let machine = Machine::new();
    machine.write("/elsewhere/home/ada/letter", "dear");
    machine.write("/usr/lib/program", "program");
    std::os::unix::fs::symlink("/elsewhere/home", machine.path("/home")).unwrap();
    std::os::unix::fs::symlink("/usr/lib", machine.path("/srv")).unwrap();
    assert_eq!(machine.wipe(), RemoteOutcome::Done("wiped".to_owned()));
    assert!(!machine.path("/elsewhere/home/ada").exists());
    assert!(machine.path("/usr/lib/program").exists());
}

#[test]
fn nothing_that_the_system_is_made_of_is_emptied_for_being_mounted() {
    let machine = lived_in();
    machine.write("/sys/class/block/sdb1/removable", "1\n");
    let mount = |device: &str, top: &str, point: &str, kind: &str, source: &str| {
        machine.write(&format!("{point}/file"), "x");
        format!("9 1 {device} {top} {point} rw - {kind} {source} rw\n")
    };
    let mounts = [
        mount("8:2", "/", "/", "ext4", "/dev/sda2"),
        mount("8:2", "/usr/local/share", "/usr/local/share/ca-certificates", "ext4", "/dev/sda2"),
        mount("8:2", "/var/lib/mdm-agent", "/var/lib/mdm-agent", "ext4", "/dev/sda2"),
        mount("8:2", "/", "/mnt/root", "ext4", "/dev/sda2"),
        mount("8:2", "/etc", "/jail/etc", "ext4", "/dev/sda2"),
        mount("8:9", "/", "/nix/store", "ext4", "/dev/sda9"),
        mount("8:7", "/", "/var/lib", "ext4", "/dev/sda7"),
        mount("8:17", "/", "/media/stick", "ext4", "/dev/sdb1"),
        mount("43:0", "/", "/network", "ext4", "/dev/nbd0"),
        mount("8:5", "/", "/data", "xfs", "/dev/sda5"),
    ];
    machine.write("/proc/self/mountinfo", &mounts.concat());
    let root = Root::open(&machine.path("/")).unwrap();
    let lines = wipe::plan(&root, Path::new("/var/lib/mdm-agent")).lines().join("\n");
    assert!(lines.contains("everything in /data\n"), "{lines}");
    for kept in ["/usr", "/var/lib/mdm-agent\n", "/mnt", "/jail", "/nix", "in /var/lib\n", "/media", "/network"] {
        assert!(
            !lines.contains(&format!("everything in {kept}")) && !lines.contains(&format!("in {kept}")),
            "{kept}: {lines}"
        );
    }
}

#[test]
#[ignore = "needs root and mount"]
fn what_is_mounted_below_a_place_is_left_alone_even_if_it_is_the_same_file_system() {
    let machine = lived_in();
    machine.write("/etc/keep", "precious");
    std::fs::create_dir_all(machine.path("/home/ada/jail/etc")).unwrap();
    let mount = |arguments: &[&std::ffi::OsStr]| {
        assert!(std::process::Command::new(arguments[0]).args(&arguments[1..]).status().unwrap().success());
    };
    let (from, to) = (machine.path("/etc"), machine.path("/home/ada/jail/etc"));
    mount(&["mount".as_ref(), "--bind".as_ref(), from.as_os_str(), to.as_os_str()]);
    let outcome = machine.wipe();
    mount(&["umount".as_ref(), to.as_os_str()]);
    assert_eq!(outcome, RemoteOutcome::Done("wiped".to_owned()));
    assert!(machine.path("/etc/keep").exists());
    assert!(!machine.path("/home/ada/letters").exists());
}
