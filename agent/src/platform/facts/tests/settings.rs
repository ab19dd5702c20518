use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::engine::compliance::facts::{Firewall, PasswordPolicy, ScreenLock};

const STACK: &str = "/etc/pam.d/common-password";

fn password(stack: &str, configuration: &str) -> PasswordPolicy {
    let tree = Tree::new().file(STACK, stack).file("/etc/security/pwquality.conf", configuration);
    known(&tree.facts().password).0
}

#[test]
fn pwquality_counts_where_pam_uses_it() {
    let stack = "password requisite pam_pwquality.so retry=3\npassword [success=1 default=ignore] pam_unix.so obscure yescrypt\n";
    let configuration = "# minlen = 99\nminlen = 14\ndcredit=-1\nucredit = -2\nminclass = 3\n";
    let expected = PasswordPolicy { length: 14, digits: 1, uppercase: 2, classes: 3, ..PasswordPolicy::default() };
    assert_eq!(password(stack, configuration), expected);
    assert_eq!(password(stack, "").length, 8, "the library's own minimum");
    let unused = password("password [success=1 default=ignore] pam_unix.so obscure yescrypt\n", configuration);
    assert_eq!(unused, PasswordPolicy { length: 6, ..PasswordPolicy::default() }, "the file alone enforces nothing");
    assert_eq!(password("password required pam_unix.so minlen=10\n", "").length, 10);
    for harmless in [
        "#password requisite pam_pwquality.so",
        "auth requisite pam_pwquality.so",
        "password optional pam_pwquality.so",
    ] {
        assert_eq!(
            password(&format!("{harmless}\npassword required pam_unix.so\n"), configuration).length,
            0,
            "{harmless}"
        );
    }
}

#[test]
fn later_settings_win_and_credits_shorten_passwords() {
    let tree = Tree::new()
        .file("/etc/pam.d/system-auth", "password\trequisite\t/usr/lib64/security/pam_pwquality.so minlen=12\n")
        .file("/etc/security/pwquality.conf.d/10-a.conf", "minlen = 20\nocredit = -1\n")
        .file("/etc/security/pwquality.conf.d/20-b.conf", "ocredit = -3\n")
        .file("/etc/security/pwquality.conf.d/30-c.txt", "ocredit = -9\n")
        .file("/etc/security/pwquality.conf", "lcredit = 2\n");
    let (policy, evidence) = known(&tree.facts().password);
    assert_eq!((policy.length, policy.symbols, policy.lowercase), (10, 3, 0), "12, less 2 for small letters");
    assert!(evidence.contains("/etc/pam.d/system-auth"));
    assert_eq!(
        password("password requisite pam_pwquality.so", "enforcing = 0\nminlen = 20"),
        PasswordPolicy::default()
    );
    assert_eq!(
        password(
            "password requisite pam_pwquality.so",
            "minlen = -9223372036854775808\ndcredit = -9223372036854775808"
        )
        .length,
        6
    );
}

#[test]
fn what_the_vendor_configures_counts_where_the_administrator_says_nothing() {
    let facts = gather(&case("70/root-pw"), 0, &[], &NoScripts);
    let (policy, evidence) = known(&facts.password);
    assert_eq!(policy.length, 14);
    assert_eq!(evidence, "/usr/lib/security/pwquality.conf, /etc/pam.d/common-password", "the files that were read");

    let stack = "password requisite pam_pwquality.so\n";
    let tree = Tree::new()
        .file("/usr/share/pam.d/common-password", stack)
        .file("/usr/lib/security/pwquality.conf", "minlen = 14\nminclass = 2\n")
        .file("/usr/lib/security/pwquality.conf.d/10-a.conf", "dcredit = -1\n")
        .file("/usr/lib/security/pwquality.conf.d/20-b.conf", "ucredit = -1\n")
        .file("/etc/security/pwquality.conf.d/10-a.conf", "lcredit = -1\n");
    let (policy, evidence) = known(&tree.facts().password);
    let expected = PasswordPolicy { length: 14, classes: 2, lowercase: 1, uppercase: 1, ..PasswordPolicy::default() };
    assert_eq!(policy, expected, "of two drop-ins of one name the administrator's");
    assert!(evidence.ends_with("/usr/lib/security/pwquality.conf, /usr/share/pam.d/common-password"), "{evidence}");
    let tree = tree
        .file("/etc/security/pwquality.conf", "")
        .file("/etc/pam.d/common-password", "password required pam_unix.so\n");
    assert_eq!(known(&tree.facts().password), (PasswordPolicy::default(), "/etc/pam.d/common-password".to_owned()));
    let tree = tree.file("/etc/pam.d/common-password", stack);
    let (policy, evidence) = known(&tree.facts().password);
    assert_eq!((policy.length, policy.classes), (8, 0), "an administrator's file hides the vendor's, empty or not");
    assert!(!evidence.contains("/usr/lib/security/pwquality.conf,"), "{evidence}");
    assert_eq!(known(&Tree::new().file("/usr/etc/pam.d/passwd", stack).facts().password).1, "/usr/etc/pam.d/passwd");
}

#[test]
fn other_stacks_are_not_guessed() {
    let with = |stack: &str| Tree::new().file(STACK, stack).facts().password;
    assert!(unknown(&with("password requisite pam_passwdqc.so min=disabled,24,11,8,7\n")).contains("another kind"));
    assert!(unknown(&with("password sufficient pam_sss.so\n")).contains("no module"));
    assert!(unknown(&Tree::new().facts().password).contains("no PAM stack"));
}

fn firewall(tree: Tree) -> (bool, String) {
    let Firewall { active, tool } = known(&tree.facts().firewall).0;
    (active, tool)
}

fn running(service: &str) -> Tree {
    Tree::new().link(&format!("/run/systemd/units/invocation:{service}.service"), "0123456789abcdef")
}

#[test]
fn a_firewall_is_one_that_runs_and_refuses_something() {
    assert_eq!(firewall(running("firewalld")), (true, "firewalld".to_owned()));
    assert_eq!(firewall(running("cron")), (false, String::new()));
    let installed = running("cron").file("/usr/lib/systemd/system/firewalld.service", "");
    assert_eq!(firewall(installed), (false, "firewalld".to_owned()), "there, but not at work");
    let ufw = |enabled: &str| running("ufw").file("/etc/ufw/ufw.conf", format!("# ENABLED=yes\nENABLED={enabled}\n"));
    assert_eq!(firewall(ufw("yes")), (true, "ufw".to_owned()));
    assert_eq!(firewall(ufw("no")), (false, "ufw".to_owned()), "its service runs even if it is off");
    assert!(
        unknown(&Tree::new().file("/etc/ufw/ufw.conf", "ENABLED=yes\n").facts().firewall).contains("service manager")
    );
    let saved = |rules: &str| {
        let tree = Tree::new().link("/run/openrc/started/iptables", "/etc/init.d/iptables");
        tree.file("/etc/iptables/rules.v4", format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n"))
    };
    assert_eq!(firewall(saved("-A INPUT -p tcp -j REJECT\n")), (true, "iptables".to_owned()));
    assert_eq!(firewall(saved("")), (false, "iptables".to_owned()), "a service that loads no rules");
    assert!(unknown(&running("netfilter-persistent").facts().firewall).contains("cannot be read"));
}

#[test]
fn a_firewall_that_lets_everything_in_is_none() {
    let trusted = running("firewalld").file("/etc/firewalld/firewalld.conf", "DefaultZone=trusted\n");
    assert_eq!(firewall(trusted), (false, "firewalld".to_owned()));
    let open = running("ufw").file("/etc/ufw/ufw.conf", "ENABLED=yes\n");
    let open = open.file("/etc/default/ufw", "DEFAULT_INPUT_POLICY=\"ACCEPT\"\n");
    assert_eq!(firewall(open), (false, "ufw".to_owned()));
}

#[test]
fn nftables_as_it_is_shipped_is_no_firewall() {
    let with = |rules: &str| running("nftables").file("/etc/nftables.conf", rules);
    let shipped = "table inet filter {\n chain input {\n type filter hook input priority filter;\n }\n}\n";
    assert_eq!(firewall(with(shipped)), (false, "nftables".to_owned()));
    assert_eq!(firewall(with(&format!("{shipped}# policy drop\n"))), (false, "nftables".to_owned()));
    let named = shipped.replace("chain input", "chain drop");
    assert_eq!(firewall(with(&named)), (false, "nftables".to_owned()), "a name is no rule");
    let closed = shipped.replace("filter;\n", "filter; policy drop;\n");
    assert_eq!(firewall(with(&closed)), (true, "nftables".to_owned()));
    assert!(unknown(&with("include \"/etc/nftables.d/*.nft\"\n").facts().firewall).contains("includes"));
    assert!(unknown(&running("nftables").facts().firewall).contains("cannot be read"));
}

fn desktop() -> Tree {
    Tree::new()
        .file("/usr/share/wayland-sessions/gnome.desktop", "")
        .file("/etc/dconf/profile/user", "user-db:user\nsystem-db:local\n")
        .file("/etc/dconf/db/local", "compiled")
}

fn lock(tree: &Tree) -> ScreenLock {
    known(&tree.facts().screen_lock).0.unwrap()
}

#[test]
fn a_screen_lock_is_enforced_where_it_is_locked() {
    let settings = "[org/gnome/desktop/session]\nidle-delay=uint32 240\n[org/gnome/desktop/screensaver]\nlock-enabled=true\nlock-delay=uint32 30\n";
    let keys = "/org/gnome/desktop/session/idle-delay\n/org/gnome/desktop/screensaver/lock-enabled\n/org/gnome/desktop/screensaver/lock-delay\n";
    let tree = desktop().file("/etc/dconf/db/local.d/90", settings);
    let expected = ScreenLock { enabled: true, idle_seconds: 240, delay_seconds: 30, enforced: false };
    assert_eq!(lock(&tree), expected);
    let tree = tree.file("/etc/dconf/db/local.d/locks/90", keys);
    assert_eq!(lock(&tree), ScreenLock { enforced: true, ..expected });
    let compiled = tree.root().join("etc/dconf/db/local");
    std::fs::set_permissions(&compiled, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!lock(&tree).enforced, "one that users cannot read is not in effect");
    std::fs::set_permissions(&compiled, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(lock(&tree).enforced);
    std::fs::remove_file(compiled).unwrap();
    assert!(!lock(&tree).enforced, "a database that was not compiled is not in effect");
    let usual = lock(&desktop());
    assert_eq!((usual.idle_seconds, usual.enforced), (300, false));
}

#[test]
fn the_profile_of_dconf_may_be_the_vendor_s() {
    let tree = Tree::new()
        .file("/usr/share/xsessions/gnome.desktop", "")
        .file("/usr/share/dconf/profile/user", "user-db:user\nsystem-db:vendor\n")
        .file("/etc/dconf/db/vendor", "compiled")
        .file("/etc/dconf/db/vendor.d/90", "[org/gnome/desktop/session]\nidle-delay=uint32 240\n");
    assert_eq!(lock(&tree).idle_seconds, 240);
    let (_, evidence) = known(&tree.facts().screen_lock);
    assert_eq!(evidence, "/usr/share/dconf/profile/user, /etc/dconf/db/vendor.d");
    let tree = tree.file("/etc/dconf/profile/user", "user-db:user\n");
    assert_eq!(lock(&tree).idle_seconds, 300, "the administrator's hides it");
}

#[test]
fn other_desktops_are_not_guessed_and_none_is_none() {
    assert_eq!(known(&Tree::new().facts().screen_lock).0, None);
    let plasma = desktop().file("/usr/share/wayland-sessions/plasma.desktop", "");
    assert!(unknown(&plasma.facts().screen_lock).contains("plasma.desktop"));
}
