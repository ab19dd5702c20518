use super::*;
use crate::engine::compliance::facts::ScriptValue;
use crate::platform::facts::ScriptRunner;
use rustix::fs::{CWD, FileType, Mode};

const READ: &[&str] = &[
    "/etc/apt/apt.conf",
    "/etc/dconf/profile/user",
    "/etc/nftables.conf",
    "/etc/os-release",
    "/etc/pam.d/common-password",
    "/etc/samba/smb.conf",
    "/etc/security/pwquality.conf",
    "/etc/sssd/sssd.conf",
    "/etc/ufw/ufw.conf",
    "/proc/net/fib_trie",
    "/proc/net/if_inet6",
    "/proc/net/route",
    "/proc/self/mountinfo",
    "/proc/swaps",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/version",
    "/run/systemd/units/invocation:nftables.service",
    "/run/systemd/units/invocation:ufw.service",
    "/sys/class/net/eth0/address",
    "/sys/class/net/eth0/device",
    "/sys/class/power_supply/BAT0/type",
    "/sys/class/tpm/tpm0/caps",
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
    "/usr/bin/unattended-upgrade",
    "/usr/share/xsessions/gnome.desktop",
    "/var/log/dpkg.log",
    "/var/log/pacman.log",
];

#[test]
fn an_empty_root_tells_nothing_and_no_root_neither() {
    let facts = Tree::new().facts();
    assert!(facts.volumes.value().is_none() && facts.distribution.value().is_none() && facts.kernel.value().is_none());
    let gone = gather(Path::new("/nonexistent/root"), 5, &[], &NoScripts);
    assert_eq!(gone, Facts { gathered_at: 5, ..Facts::default() });
}

#[test]
fn pipes_in_place_of_files_hold_nobody_up() {
    let tree = Tree::new();
    for path in READ {
        rustix::fs::mknodat(CWD, tree.at(path), FileType::Fifo, Mode::RWXU, 0).unwrap();
    }
    assert!(tree.facts().volumes.value().is_none());
}

#[test]
fn rubbish_in_place_of_files_breaks_nothing() {
    let contents: [&[u8]; 6] = [
        b"\xff\xfe\0\x01\n\n=\n[\n[]\n[/\nID=\xff",
        "ää=ü\n|-- ä\n/32 host LOCAL\npassword\npassword [\npassword [x] \nAPT::Periodic::Unattended-Upgradeä\n"
            .as_bytes(),
        b"1 2 3:4 5 6 - 7\n - \n\\\n\\9\n\\400 - x y\n",
        b"-9223372036854775808\n",
        b"99999999999999999999999999999999\n",
        b"",
    ];
    for content in contents {
        let mut tree = Tree::new();
        for path in READ {
            tree = tree.file(path, content);
        }
        let facts = tree.facts();
        assert!(facts.tpm.value().is_none(), "a TPM that says nothing sensible has no version: {:?}", facts.tpm);
    }
}

#[test]
fn links_out_of_the_root_are_not_followed() {
    let tree =
        Tree::new().link("/etc/os-release", "/../../../../../../etc/os-release").link("/proc/self", "/proc/self");
    assert!(tree.facts().distribution.value().is_none());
    assert!(!tree.source().has("/etc/os-release"));
}

#[test]
fn scripts_are_run_by_the_runner_alone() {
    struct Echo;
    impl ScriptRunner for Echo {
        fn run(&self, script: &str) -> Result<Vec<u8>, String> {
            Ok(format!("{{\"said\":\"{script}\"}}").into_bytes())
        }
    }
    let id = "linux_customcompliance_a".to_owned();
    let facts = gather(Tree::new().root(), 0, &[(id.clone(), "hello".to_owned())], &Echo);
    assert_eq!(facts.scripts[&id].value().unwrap()["said"], ScriptValue::Text("hello".to_owned()));
}

#[test]
fn this_machine_itself_can_be_looked_at() {
    let facts = gather(Path::new("/"), 1_700_000_000, &[], &NoScripts);
    assert!(facts.kernel.value().is_some(), "{:?}", facts.kernel);
    let stored = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&stored).unwrap(), facts);
}
