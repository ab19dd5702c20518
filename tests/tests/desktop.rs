//! Notifications on a real session bus, as the user whose bus it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;

use std::process::Command;
use std::time::Duration;

use mdm_agent::engine::notification::Notification;
use mdm_agent::shell::desktop::{Desktop as _, SessionBuses};
use mdm_tests::processes::{Process, silent, wait_until};

/// A user who is nobody's.
const SOMEBODY: u32 = 65534;

#[test]
#[ignore = "needs dbus, busctl or gdbus, and root, to be somebody else"]
fn a_user_who_is_signed_in_is_told_on_the_bus_of_the_session() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = folder.path().join(SOMEBODY.to_string());
    std::fs::create_dir(&home).unwrap();
    chown(&home, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let bus = home.join("bus");
    let address = format!("unix:path={}", bus.display());
    let _bus =
        start("dbus-daemon", &["--session", "--nofork", "--nopidfile", &format!("--address={address}")], &address);
    wait_until(Duration::from_secs(20), || Ok(bus.exists().then_some(()))).unwrap();
    let monitor = start("dbus-monitor", &["--session", "interface='org.freedesktop.Notifications'"], &address);
    wait_until(Duration::from_secs(20), || Ok(heard(&monitor, "NameLost").then_some(()))).unwrap();
    let notification = Notification {
        title: "Sign in to your mail again".to_owned(),
        body: "--your 'mailbox' \"Contoso\" &amp; co".to_owned(),
        urgent: true,
    };
    SessionBuses::below(folder.path(), folder.path().join("logind")).show(&notification);
    wait_until(Duration::from_secs(20), || Ok(heard(&monitor, "member=Notify").then_some(()))).unwrap();
    wait_until(Duration::from_secs(20), || Ok(heard(&monitor, "byte 2").then_some(()))).unwrap();
    let said = monitor.output().join("\n");
    for part in ["string \"mdm-agent\"", &notification.title, &notification.body, "string \"urgency\""] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// Starts a program as that user.
fn start(program: &str, arguments: &[&str], address: &str) -> Process {
    let mut command = Command::new(program);
    command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", address).uid(SOMEBODY).gid(SOMEBODY);
    Process::start(&mut command, &silent()).unwrap()
}

fn heard(process: &Process, what: &str) -> bool {
    process.output().iter().any(|line| line.contains(what))
}
