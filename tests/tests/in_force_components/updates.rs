//! Automatic updates, as APT reads what is to be done.

use crate::alone::alone;
use crate::programs::{ask, run};
use crate::samples::policy;

#[test]
#[ignore = "needs apt, root and unshare"]
fn apt_reads_what_is_to_be_updated_by_itself() {
    alone(apt_reads_what_is_to_be_updated_by_itself, |machine| {
        let update = || {
            let said = ask(
                "apt-config",
                &[
                    "shell",
                    "LISTS",
                    "APT::Periodic::Update-Package-Lists",
                    "INSTALL",
                    "APT::Periodic::Unattended-Upgrade",
                ],
            );
            said.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        let before = update();
        for (value, expected) in [
            ("0", ["LISTS='1'", "INSTALL='0'"]),
            ("4", ["LISTS='1'", "INSTALL='1'"]),
            ("5", ["LISTS='0'", "INSTALL='0'"]),
        ] {
            machine.put_in_force(&[policy("Update/AllowAutoUpdate", value)]);
            assert_eq!(update(), expected);
            machine.undo();
        }
        assert_eq!(update(), before);
        machine.put_in_force(&[policy("Update/AllowAutoUpdate", "5")]);
        let path = "/etc/apt/apt.conf.d/90mdm-agent";
        let broken = std::fs::read_to_string(path).unwrap().replace(';', "");
        std::fs::write(path, broken).unwrap();
        let answer = run("apt-config", &["dump"]);
        assert!(!answer.success && answer.said.contains("90mdm-agent"), "{}", answer.said);
    });
}
