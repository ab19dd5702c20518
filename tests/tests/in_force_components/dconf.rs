//! dconf, read and written as a user's programs do.

use std::path::Path;

use crate::alone::alone;
use crate::programs::{ask, run};
use crate::samples::{policy, setting};

const DELAY: &str = "/org/gnome/desktop/session/idle-delay";
const CLOCK: &str = "/org/gnome/desktop/interface/clock-format";
const DATABASE: &str = "/etc/dconf/db/mdm-agent";

fn read(key: &str) -> String {
    ask("dconf", &["read", key]).trim().to_owned()
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
        machine.undo();
        assert!(!Path::new(DATABASE).exists(), "the database is still there");
        assert_eq!([read(DELAY), read(CLOCK)], ["", ""]);
        write(DELAY, "uint32 1").unwrap();
        assert_eq!(read(DELAY), "uint32 1");
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
