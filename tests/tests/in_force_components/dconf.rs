//! dconf, read and written as a user's programs do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::alone::alone;
use crate::programs::{ask, run, run_as_user};
use crate::samples::{policy, setting};

const DELAY: &str = "/org/gnome/desktop/session/idle-delay";
const CLOCK: &str = "/org/gnome/desktop/interface/clock-format";
const DATABASE: &str = "/etc/dconf/db/mdm-agent";

/// What programs of an ordinary user read, who has not set it.
fn read(key: &str) -> String {
    // It says on the other way that this user has no directory of its own.
    let answer = run_as_user("sh", &["-c", "exec dconf read \"$0\" 2>/dev/null", key]);
    assert!(answer.success, "{}", answer.said);
    answer.said.trim().to_owned()
}

/// Writes a setting on a bus of its own; says what dconf said if it declined.
fn write(key: &str, value: &str) -> Result<(), String> {
    let answer = run("dbus-run-session", &["--", "dconf", "write", key, value]);
    if answer.success { Ok(()) } else { Err(answer.said) }
}

#[test]
#[ignore = "needs dconf-cli, dconf-service, dbus, root and unshare"]
fn a_setting_is_read_by_programs_and_cannot_be_changed_until_it_is_gone() {
    alone(a_setting_is_read_by_programs_and_cannot_be_changed_until_it_is_gone, |machine| {
        assert_eq!(read(DELAY), "");
        machine.put_in_force(&[
            policy("DeviceLock/MaxInactivityTimeDeviceLock", "5"),
            setting("Dconf/org.gnome.desktop.interface.clock-format", "'24h'"),
        ]);
        assert!(Path::new(DATABASE).exists());
        assert_eq!([read(DELAY), read(CLOCK)], ["uint32 300", "'24h'"]);
        for (key, value) in [(DELAY, "uint32 1"), (CLOCK, "'12h'")] {
            let declined = write(key, value).unwrap_err();
            assert!(declined.contains("non-writable"), "{declined}");
        }
        write("/org/gnome/desktop/interface/clock-show-date", "true").unwrap();
        assert_eq!(read(DELAY), "uint32 300");
        // Of the user who wrote: with the user's own database.
        assert_eq!(ask("dconf", &["read", DELAY]).trim(), "uint32 300");
        machine.undo();
        assert!(!Path::new(DATABASE).exists(), "the database is still there");
        assert_eq!([read(DELAY), read(CLOCK)], ["", ""]);
        write(DELAY, "uint32 1").unwrap();
        assert_eq!(ask("dconf", &["read", DELAY]).trim(), "uint32 1");
    });
}

#[test]
#[ignore = "needs dconf-cli, setpriv, overlayfs, root and unshare"]
fn compliance_goes_by_what_users_get_and_not_by_what_is_written() {
    alone(compliance_goes_by_what_users_get_and_not_by_what_is_written, |machine| {
        // A desktop, which this machine does not have.
        let folder = machine.folder();
        std::fs::create_dir_all(folder.join("upper/wayland-sessions")).unwrap();
        std::fs::create_dir_all(folder.join("work")).unwrap();
        std::fs::write(folder.join("upper/wayland-sessions/gnome.desktop"), "").unwrap();
        let layers = format!("lowerdir=/usr/share,upperdir={0}/upper,workdir={0}/work", folder.to_str().unwrap());
        ask("mount", &["-t", "overlay", "none", "-o", &layers, "/usr/share"]);
        let lock = || {
            let facts =
                mdm_agent::platform::facts::gather(Path::new("/"), 0, &[], &mdm_agent::platform::facts::NoScripts);
            let mdm_agent::engine::compliance::Fact::Known { value, .. } = facts.screen_lock else { panic!() };
            value.unwrap().idle_seconds
        };
        let settings = [policy("DeviceLock/MaxInactivityTimeDeviceLock", "2")];
        assert_eq!(lock(), 300, "what GNOME does by itself");
        machine.put_in_force(&settings);
        assert_eq!(lock(), 120);
        let compiled = Path::new(DATABASE);
        std::fs::set_permissions(compiled, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(lock(), 300, "users do not get it");
        std::fs::set_permissions(compiled, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(lock(), 120);
        // The text says otherwise since; nobody has compiled it.
        let source = "/etc/dconf/db/mdm-agent.d/90-mdm-agent";
        let text = std::fs::read_to_string(source).unwrap().replace("uint32 120", "uint32 60");
        std::fs::write(source, text).unwrap();
        assert_eq!(lock(), 120);
    });
}

#[test]
#[ignore = "needs dconf-cli, root and unshare"]
fn what_dconf_cannot_compile_is_refused_and_what_was_there_stays() {
    alone(what_dconf_cannot_compile_is_refused_and_what_was_there_stays, |machine| {
        machine.put_in_force(&[policy("DeviceLock/MaxInactivityTimeDeviceLock", "5")]);
        let broken = setting("Dconf/org.gnome.desktop.interface.clock-format", "24h");
        let outcome = machine.try_to_put_in_force(std::slice::from_ref(&broken));
        assert!(outcome.failed.contains_key(&broken.root.to_string()), "{outcome:?}");
        assert_eq!([read(DELAY), read(CLOCK)], ["uint32 300", ""]);
    });
}
