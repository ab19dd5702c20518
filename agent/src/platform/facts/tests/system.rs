use super::*;
use crate::engine::compliance::facts::{AutomaticUpdates, Kernel};

const DAY: i64 = 1_714_694_400;

#[test]
fn the_distribution_is_what_os_release_says() {
    let text = "# ID=other\nPRETTY_NAME=\"Linux Mint 21.3\"\nNAME='Linux Mint'\nVERSION_ID=\"21.3\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
    let (mint, evidence) = known(&Tree::new().file("/usr/lib/os-release", text).facts().distribution);
    assert_eq!((mint.id.as_str(), mint.version.as_str(), mint.name.as_str()), ("linuxmint", "21.3", "Linux Mint 21.3"));
    assert_eq!((mint.like, evidence.as_str()), (vec!["ubuntu".to_owned(), "debian".to_owned()], "/usr/lib/os-release"));
    let arch = known(&Tree::new().file("/etc/os-release", "ID=arch\nBUILD_ID=rolling\n").facts().distribution).0;
    assert_eq!(arch.version, "");
    assert!(unknown(&Tree::new().file("/etc/os-release", "NAME=x").facts().distribution).contains("no ID"));
}

#[test]
fn the_kernel_and_its_day() {
    let tree = Tree::new()
        .file("/proc/sys/kernel/osrelease", "6.1.0-21-amd64\n")
        .file("/proc/sys/kernel/version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)\n");
    let kernel = Kernel { release: "6.1.0-21-amd64".to_owned(), built_at: Some(DAY) };
    assert_eq!(known(&tree.facts().kernel).0, kernel);
}

#[test]
fn the_last_update_is_an_upgrade_and_not_an_installation() {
    let log =
        "2024-05-03 10:00:00 upgrade libc6:amd64 2.36-9 2.36-10\n2024-06-01 10:00:00 install vim:amd64 <none> 9\n";
    let tree = Tree::new().file("/var/log/dpkg.log", log).file("/var/lib/dpkg/status", "");
    assert_eq!(known(&tree.facts().updated_at), (DAY + 36_000, "/var/log/dpkg.log".to_owned()));
    let rotated = Tree::new().file("/var/log/dpkg.log", "").file("/var/log/dpkg.log.1", log);
    assert_eq!(known(&rotated.facts().updated_at).1, "/var/log/dpkg.log.1");
    let pacman = "[2024-05-03T10:00:00+0000] [ALPM] upgraded linux (6.8-1 -> 6.9-1)\n[2024-06-01T10:00:00+0000] [ALPM] installed vim (9)\n";
    assert_eq!(known(&Tree::new().file("/var/log/pacman.log", pacman).facts().updated_at).0, DAY + 36_000);
}

#[test]
fn without_a_log_a_data_base_tells_its_age() {
    let path = "/usr/lib/sysimage/rpm/rpmdb.sqlite";
    let rpm = Tree::new().file(path, "").modified(path, 1_600_000_000);
    assert_eq!(known(&rpm.facts().updated_at), (1_600_000_000, path.to_owned()));
    let origin = "/ostree/deploy/fedora/deploy/abc.0.origin";
    let image = rpm.file(origin, "").modified(origin, 1_500_000_000);
    assert_eq!(known(&image.facts().updated_at).0, 1_500_000_000, "in an image, the data base is the image's");
    assert!(unknown(&Tree::new().facts().updated_at).contains("no log"));
}

#[test]
fn a_restart_is_needed_where_the_kernel_is_gone_or_somebody_says_so() {
    let tree = || {
        Tree::new()
            .file("/proc/sys/kernel/osrelease", "6.8.0-45-generic\n")
            .directory("/usr/lib/modules/6.8.0-45-generic")
    };
    assert!(!known(&tree().facts().restart_required).0);
    assert!(known(&tree().file("/run/reboot-required", "").facts().restart_required).0);
    let replaced = Tree::new().file("/proc/sys/kernel/osrelease", "6.8.1\n").directory("/lib/modules/6.9.0");
    assert!(known(&replaced.facts().restart_required).0);
    assert!(
        unknown(&Tree::new().file("/proc/sys/kernel/osrelease", "6.8.1\n").facts().restart_required)
            .contains("compared")
    );
}

fn automatic(tree: Tree) -> (bool, String) {
    let AutomaticUpdates { enabled, tool } = known(&tree.facts().automatic_updates).0;
    (enabled, tool)
}

#[test]
fn unattended_upgrades_need_both_settings_and_their_timer() {
    let with = |text: &str| {
        Tree::new().file("/usr/bin/unattended-upgrade", "").file("/etc/apt/apt.conf.d/20auto-upgrades", text)
    };
    let on = "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n";
    let tool = "unattended-upgrades".to_owned();
    assert_eq!(automatic(with(on)), (true, tool.clone()));
    assert_eq!(
        automatic(with(&on.replace("Unattended-Upgrade \"1\"", "Unattended-Upgrade \"0\""))),
        (false, tool.clone())
    );
    let later = with(on).file("/etc/apt/apt.conf.d/99off", "APT::Periodic::Unattended-Upgrade \"0\";\n");
    assert_eq!(automatic(later), (false, tool.clone()), "later files win");
    let commented = with(&on.replace("APT::Periodic::U", "//APT::Periodic::U"));
    assert_eq!(automatic(commented), (false, tool.clone()));
    assert_eq!(automatic(with(on).directory("/run/systemd/system")), (false, tool.clone()), "no timer is wanted");
    let timer = "/etc/systemd/system/timers.target.wants/apt-daily-upgrade.timer";
    let wanted =
        || with(on).directory("/run/systemd/system").link(timer, "/lib/systemd/system/apt-daily-upgrade.timer");
    assert_eq!(automatic(wanted()), (true, tool.clone()));
    assert_eq!(
        automatic(wanted().link("/etc/systemd/system/apt-daily-upgrade.timer", "/dev/null")),
        (false, tool),
        "masked"
    );
    assert!(
        unknown(&with("APT {\n Periodic { Unattended-Upgrade \"1\"; };\n};").facts().automatic_updates)
            .contains("nested")
    );
    assert_eq!(automatic(Tree::new()), (false, String::new()));
}

#[test]
fn dnf_and_image_based_systems() {
    let wants = "/etc/systemd/system/timers.target.wants";
    let dnf =
        |apply: &str| Tree::new().file("/etc/dnf/automatic.conf", format!("[commands]\napply_updates = {apply}\n"));
    assert_eq!(automatic(dnf("yes")), (false, "dnf-automatic".to_owned()), "no timer");
    let timed = |apply: &str| dnf(apply).link(&format!("{wants}/dnf-automatic.timer"), "/x");
    assert!(automatic(timed("yes")).0);
    assert!(!automatic(timed("no")).0);
    assert!(automatic(dnf("no").link(&format!("{wants}/dnf-automatic-install.timer"), "/x")).0);
    let vendor = || {
        Tree::new()
            .file("/usr/share/dnf5/dnf5-plugins/automatic.conf", "[commands]\napply_updates = yes\n")
            .link(&format!("{wants}/dnf5-automatic.timer"), "/x")
    };
    let (updates, evidence) = known(&vendor().facts().automatic_updates);
    assert!(updates.enabled && evidence.ends_with("/usr/share/dnf5/dnf5-plugins/automatic.conf"), "{evidence}");
    let own = |text: &str| vendor().file("/etc/dnf/dnf5-plugins/automatic.conf", text);
    assert!(!automatic(own("[commands]\napply_updates = no\n")).0, "the administrator's setting goes before it");
    assert!(automatic(own("[emitters]\n")).0, "where there is one");
    let ostree = |policy: &str| {
        Tree::new()
            .file("/run/ostree-booted", "")
            .file(
                "/etc/rpm-ostreed.conf",
                format!("[Daemon]\n#AutomaticUpdatePolicy=none\nAutomaticUpdatePolicy={policy}\n"),
            )
            .link(&format!("{wants}/rpm-ostreed-automatic.timer"), "/x")
    };
    assert_eq!(automatic(ostree("stage")), (true, "rpm-ostree".to_owned()));
    assert!(!automatic(ostree("check")).0, "looking is not installing");
}
