//! Hardware that is forbidden: modprobe on the modules, udev on the rules.

use crate::alone::alone;
use crate::programs::{ask, run};
use crate::samples::{policy, setting};

const RULES: &str = "/etc/udev/rules.d/90-mdm-agent.rules";
const MODULES: &str = "/etc/modprobe.d/90-mdm-agent.conf";

#[test]
#[ignore = "needs kmod, root and unshare"]
fn modprobe_does_not_load_a_module_that_is_blocked() {
    alone(modprobe_does_not_load_a_module_that_is_blocked, |machine| {
        let load = |module: &str| run("modprobe", &["--dry-run", "--verbose", "--ignore-install", module]);
        let asked = |module: &str| run("modprobe", &["--dry-run", "--verbose", module]);
        machine.put_in_force(&[policy("Camera/AllowCamera", "0"), setting("KernelModule/firewire-core", "blocked")]);
        for module in ["uvcvideo", "firewire-core"] {
            let answer = asked(module);
            assert!(answer.success && answer.said.starts_with("install /bin/false"), "{module}: {}", answer.said);
            // Asked to look past our line, it does something else.
            assert!(!load(module).said.contains("/bin/false"), "{module}");
        }
        let configuration = ask("modprobe", &["--showconfig"]);
        assert!(configuration.contains("install uvcvideo /bin/false"), "{configuration}");
        let text = std::fs::read_to_string(MODULES).unwrap();
        std::fs::write(MODULES, text.replace("install ", "instal ")).unwrap();
        let answer = asked("uvcvideo");
        assert!(answer.said.contains("ignoring bad line") && !answer.said.contains("install /bin/false"));
        std::fs::write(MODULES, text).unwrap();
        machine.undo();
        assert!(!ask("modprobe", &["--showconfig"]).contains("install uvcvideo"));
    });
}

#[test]
#[ignore = "needs udev, root and unshare"]
fn udev_understands_every_rule() {
    alone(udev_understands_every_rule, |machine| {
        machine.put_in_force(&[
            policy("Camera/AllowCamera", "0"),
            policy("Connectivity/AllowBluetooth", "0"),
            policy("Connectivity/AllowUSBConnection", "0"),
            policy("System/AllowStorageCard", "0"),
            policy("Storage/RemovableDiskDenyWriteAccess", "1"),
        ]);
        let complaints = || {
            let answer = run("udevadm", &["test", "--action=change", "/sys/class/net/lo"]);
            assert!(answer.said.contains(&format!("Reading rules file: {RULES}")), "{}", answer.said);
            let about_ours = answer.said.lines().filter(|line| line.contains(&format!("{RULES}:")));
            about_ours.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(complaints(), [""; 0]);
        let text = std::fs::read_to_string(RULES).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("ACTION")).count(), 5, "{text}");
        for (part, broken) in [("ATTR{authorized}", "ATTRS{authorized}"), ("SUBSYSTEM==", "SUBSYSTEN==")] {
            std::fs::write(RULES, text.replace(part, broken)).unwrap();
            assert!(!complaints().is_empty(), "{broken}");
        }
    });
}
