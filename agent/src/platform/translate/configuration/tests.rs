use mdm_protocol::syncml::StatusCode;

use super::catalogue::{Takes, policies};
use crate::platform::machine::{DconfPlace, Machine, UpdateTool};
use crate::platform::testing::{desired_on, everything, only_file, profile, refusal};

fn windows(policy: &str, value: &str) -> crate::engine::Profile {
    profile(&format!("./Device/Vendor/MSFT/Policy/Config/{policy}"), &[("", value)])
}

fn linux(policy: &str, value: &str) -> crate::engine::Profile {
    profile(&format!("./Device/Vendor/LinuxMDM/Config/{policy}"), &[("", value)])
}

#[test]
fn rules_for_passwords_share_one_file_each() {
    let profiles = [
        windows("DeviceLock/MinDevicePasswordLength", "12"),
        windows("DeviceLock/MinDevicePasswordComplexCharacters", "3"),
        windows("DeviceLock/DevicePasswordHistory", "5"),
        windows("DeviceLock/MaxDevicePasswordFailedAttempts", "4"),
        linux("Password/UnlockSeconds", "900"),
    ];
    let desired = desired_on(&everything(), &profiles);
    let quality = only_file(&desired, "/etc/security/pwquality.conf.d");
    assert!(quality.ends_with("minclass = 3\nminlen = 12\n"), "{quality}");
    let faillock = desired.files.iter().find(|(path, _)| path.name() == "faillock.conf").unwrap();
    assert_eq!(faillock.1.1.len(), 2, "both profiles answer for it");
    assert!(desired.nodes.iter().any(|(address, _, value)| {
        address == "./Device/Vendor/MSFT/Policy/Result/DeviceLock/MinDevicePasswordLength" && value == "12"
    }));
}

#[test]
fn a_locked_screen_is_a_setting_and_a_lock_in_a_database_of_its_own() {
    let desired = desired_on(&everything(), &[windows("DeviceLock/MaxInactivityTimeDeviceLock", "5")]);
    let settings = only_file(&desired, "/etc/dconf/db/mdm-agent.d");
    assert!(settings.contains("[org/gnome/desktop/session]\nidle-delay=uint32 300\n"), "{settings}");
    let locks = only_file(&desired, "/etc/dconf/db/mdm-agent.d/locks");
    assert!(
        locks.ends_with(
            "/org/gnome/desktop/screensaver/lock-delay\n/org/gnome/desktop/screensaver/lock-enabled\n\
         /org/gnome/desktop/session/idle-delay\n"
        ),
        "{locks}"
    );
    assert!(only_file(&desired, "/etc/dconf/profile").ends_with("user-db:user\nsystem-db:mdm-agent\n"));
    let existing = Machine { dconf: Some(DconfPlace::Existing("local".to_owned())), ..everything() };
    let desired = desired_on(&existing, &[windows("DeviceLock/MaxInactivityTimeDeviceLock", "5")]);
    assert!(desired.files.keys().all(|path| path.directory().starts_with("/etc/dconf/db/local.d")), "{desired:?}");
}

#[test]
fn hardware_that_is_forbidden_is_refused_by_udev_and_its_module_not_loaded() {
    let profiles = [
        windows("Camera/AllowCamera", "0"),
        windows("Connectivity/AllowBluetooth", "0"),
        linux("Hardware/RemovableStorage", "0"),
    ];
    let desired = desired_on(&everything(), &profiles);
    let rules = only_file(&desired, "/etc/udev/rules.d");
    for part in ["ATTR{bInterfaceClass}==\"0e\"", "ATTR{bInterfaceClass}==\"08\"", "ATTR{type}==\"bluetooth\""] {
        assert!(rules.contains(part), "{part}: {rules}");
    }
    let modules = only_file(&desired, "/etc/modprobe.d");
    for module in ["uvcvideo", "btusb", "usb-storage", "uas"] {
        assert!(modules.contains(&format!("install {module} /bin/false\n")), "{modules}");
    }
    assert!(desired_on(&everything(), &[windows("Camera/AllowCamera", "1")]).files.is_empty());
}

#[test]
fn the_rest_of_the_catalogue_ends_where_its_reader_looks() {
    let desired = desired_on(&everything(), &[windows("TimeLanguageSettings/ConfigureTimeZone", "Europe/Berlin")]);
    assert_eq!(only_file(&desired, "/etc"), "-> /usr/share/zoneinfo/Europe/Berlin");
    let desired = desired_on(&everything(), &[linux("Sysctl/kernel.dmesg_restrict", "1")]);
    assert!(only_file(&desired, "/etc/sysctl.d").ends_with("\nkernel.dmesg_restrict = 1\n"));
    let desired = desired_on(&everything(), &[windows("Update/AllowAutoUpdate", "5")]);
    assert!(only_file(&desired, "/etc/apt/apt.conf.d").contains("APT::Periodic::Unattended-Upgrade \"0\";\n"));
    let fedora = Machine { updates: Some(UpdateTool::DnfAutomatic), ..Machine::default() };
    let desired = desired_on(&fedora, &[linux("Updates/Automatic", "true")]);
    assert!(only_file(&desired, "/etc/systemd/system/timers.target.wants").ends_with("dnf-automatic-install.timer"));
    let desired = desired_on(&everything(), &[linux("Dconf/org.gnome.desktop.interface.clock-format", "'24h'")]);
    assert!(
        only_file(&desired, "/etc/dconf/db/mdm-agent.d")
            .contains("[org/gnome/desktop/interface]\nclock-format='24h'\n")
    );
}

#[test]
fn two_settings_of_one_thing_are_not_both_in_force() {
    let profiles = [windows("DeviceLock/MinDevicePasswordLength", "12"), linux("Password/MinimumLength", "14")];
    let desired = desired_on(&everything(), &profiles);
    assert_eq!(desired.without.len(), 1, "{desired:?}");
}

#[test]
fn every_policy_takes_what_it_says_and_nothing_else() {
    for policy in policies() {
        let name = match (policy.name, policy.area) {
            ("<>", "Sysctl") => "kernel.x",
            ("<>", "Dconf") => "a.b",
            ("<>", _) => "name",
            (name, _) => name,
        };
        let make = if policy.vendor { linux } else { windows };
        let path = format!("{}/{name}", policy.area);
        let wrong: Vec<String> = match policy.takes {
            Takes::Number(least, most) => {
                vec![(least - 1).to_string(), (most + 1).to_string(), "x".to_owned(), "99999999999999999999".to_owned()]
            }
            Takes::Flag => vec!["2".to_owned(), "yes".to_owned()],
            Takes::Text(_) => vec!["a\nb".to_owned(), "x".repeat(5000)],
        };
        for value in wrong {
            let (code, reason) = refusal(&everything(), &make(&path, &value));
            assert_eq!(code, StatusCode::UNSUPPORTED_FORMAT, "{path}: {reason}");
        }
        let right = match policy.takes {
            Takes::Number(least, _) => least.to_string(),
            Takes::Flag => "false".to_owned(),
            Takes::Text(_) if policy.area == "KernelModule" => "blocked".to_owned(),
            Takes::Text(_) if policy.area == "Device" => "lap-42".to_owned(),
            Takes::Text(_) => "Europe/Berlin".to_owned(),
        };
        let desired = desired_on(&everything(), &[make(&path, &right)]);
        assert!(desired.without.is_empty(), "{path} = {right}: {desired:?}");
    }
}

#[test]
fn what_is_unknown_or_dangerous_or_not_here_is_told_apart() {
    for (profile, status) in [
        (windows("Experience/AllowCortana", "0"), StatusCode::NOT_FOUND),
        (linux("Nonsense/X", "0"), StatusCode::NOT_FOUND),
        (linux("Sysctl/kernel.core_pattern", "|/bin/sh"), StatusCode::NOT_SUPPORTED),
        (linux("Sysctl/..%2F..%2Fx", "1"), StatusCode::NOT_FOUND),
        (linux("KernelModule/a%20b", "blocked"), StatusCode::NOT_FOUND),
        (windows("TimeLanguageSettings/ConfigureTimeZone", "../../etc/shadow"), StatusCode::UNSUPPORTED_FORMAT),
        (windows("TimeLanguageSettings/ConfigureTimeZone", "W. Europe Standard Time"), StatusCode::UNSUPPORTED_FORMAT),
    ] {
        let (code, reason) = refusal(&everything(), &profile);
        assert_eq!(code, status, "{}: {reason}", profile.root);
    }
    for policy in [
        "DeviceLock/MinDevicePasswordLength",
        "DeviceLock/DevicePasswordHistory",
        "DeviceLock/MaxInactivityTimeDeviceLock",
    ] {
        let (code, _) = refusal(&Machine::default(), &windows(policy, "5"));
        assert_eq!(code, StatusCode::NOT_SUPPORTED, "{policy}");
    }
}

#[test]
fn a_machine_is_renamed_to_a_name_that_programs_can_live_with() {
    let desired = desired_on(&everything(), &[linux("Device/Name", "LAP-0042.corp")]);
    assert_eq!(only_file(&desired, "/etc"), "LAP-0042.corp\n");
    for bad in ["", "a b", "-x", "x-", "a..b", "ü", "127.0.0.1", "localhost", "a/../b", &"x".repeat(65), "%RAND:5%"] {
        let (status, _) = refusal(&everything(), &linux("Device/Name", bad));
        assert_eq!(status, StatusCode::UNSUPPORTED_FORMAT, "{bad:?}");
    }
}
