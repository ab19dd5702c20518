//! What people and other tools do to managed files: nothing of theirs is lost, and nothing of the agent's stays.

use std::os::unix::fs::{FileTypeExt as _, chown, symlink};

use super::*;
use crate::engine::application::{DriftOutcome, DriftReport};
use crate::platform::quarantine;

pub(super) const SYSCTL: &str = "etc/sysctl.d/90-mdm-agent.conf";
pub(super) const FAILLOCK: &str = "etc/security/faillock.conf";
const PWHISTORY: &str = "etc/security/pwhistory.conf";
pub(super) const LOCALTIME: &str = "etc/localtime";
const DCONF: &str = "etc/dconf/profile/user";

pub(super) fn zone(name: &str) -> Profile {
    policy("TimeLanguageSettings/ConfigureTimeZone", name)
}

pub(super) fn attempts() -> Profile {
    policy("DeviceLock/MaxDevicePasswordFailedAttempts", "5")
}

impl Site {
    /// What is in the quarantine.
    pub(super) fn quarantined(&self) -> Vec<String> {
        let names = std::fs::read_dir(quarantine::place(&self.state)).into_iter().flatten();
        let mut found: Vec<String> =
            names.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        found.sort();
        found
    }

    /// Brings the machine in line, and says what others had changed.
    pub(super) fn drift(&self, profiles: &[Profile]) -> Vec<(String, String, DriftOutcome)> {
        let found = self.platform.converge(profiles, Others::Go).unwrap();
        described(&found.drift.iter().map(crate::platform::ledger::Drift::report).collect::<Vec<_>>())
    }

    pub(super) fn clear(&self) -> Vec<(String, String, DriftOutcome)> {
        let mut drift = Vec::new();
        self.platform.clear(&mut drift).unwrap();
        described(&drift)
    }

    pub(super) fn replace(&self, path: &str, make: impl FnOnce(&Path)) {
        let path = self.root.join(path);
        std::fs::remove_file(&path).unwrap();
        make(&path);
    }
}

fn described(drift: &[DriftReport]) -> Vec<(String, String, DriftOutcome)> {
    drift.iter().map(|drift| (drift.path.clone(), drift.what.clone(), drift.outcome)).collect()
}

pub(super) fn one(path: &str, what: &str, outcome: DriftOutcome) -> Vec<(String, String, DriftOutcome)> {
    vec![(format!("/{path}"), what.to_owned(), outcome)]
}

#[test]
fn what_is_put_in_the_place_of_a_managed_file_is_left_alone_and_reported_once() {
    let rule = sysctl("kernel.sysrq", "0");
    let makes: [fn(&Path); 3] = [
        |path| std::fs::create_dir(path).unwrap(),
        |path| symlink("/etc/other", path).unwrap(),
        |path| {
            let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
            rustix::fs::mknodat(rustix::fs::CWD, path, fifo, mode, 0).unwrap();
        },
    ];
    for make in makes {
        for is_wanted in [true, false] {
            let site = Site::new();
            site.apply(&[], std::slice::from_ref(&rule));
            site.replace(SYSCTL, make);
            let theirs = stamps(&site.root)[SYSCTL];
            let wanted = if is_wanted { std::slice::from_ref(&rule) } else { &[] };
            assert_eq!(site.drift(wanted), one(SYSCTL, "replaced", DriftOutcome::LeftAlone));
            assert_eq!(site.drift(wanted), [], "it is reported once");
            assert_eq!(site.clear(), []);
            assert_eq!(stamps(&site.root)[SYSCTL], theirs);
            assert!(!site.tree().keys().any(|path| path.contains("mdm-agent-new")), "{:?}", site.tree());
        }
    }
}

#[test]
fn a_directory_above_a_managed_file_that_becomes_a_file_is_left_alone() {
    let site = Site::new();
    let rule = sysctl("kernel.sysrq", "0");
    site.apply(&[], std::slice::from_ref(&rule));
    std::fs::remove_dir_all(site.root.join("etc/sysctl.d")).unwrap();
    site.write("etc/sysctl.d", "mine");
    let profiles = std::slice::from_ref(&rule);
    assert_eq!(site.drift(profiles), one(SYSCTL, "removed", DriftOutcome::LeftAlone));
    assert_eq!(site.drift(profiles), []);
    let refused = site.platform.converge(profiles, Others::Go).unwrap().refused;
    assert!(refused.values().all(|refusal| refusal.reason.contains("/etc/sysctl.d is no directory")), "{refused:?}");
    std::fs::remove_file(site.root.join("etc/sysctl.d")).unwrap();
    assert_eq!(site.platform.converge(profiles, Others::Go).unwrap().refused, BTreeMap::new(), "the place is free");
    assert!(site.read(SYSCTL).is_some());
}

#[test]
fn an_edit_is_kept_before_it_is_overwritten_or_removed() {
    let site = Site::new();
    let network = wifi("Corp", "correct horse");
    site.apply(&[], std::slice::from_ref(&network));
    let keyfile = site.tree().into_keys().find(|path| path.ends_with(".nmconnection")).unwrap();
    site.write(&keyfile, "[connection]\nid=mine\n");
    assert_eq!(site.drift(std::slice::from_ref(&network)), one(&keyfile, "changed", DriftOutcome::PutBack));
    assert_eq!(site.quarantined(), ["[connection]\nid=mine\n"]);
    // Nobody can say what should be in it while the program is not there.
    std::fs::remove_file(site.root.join("usr/sbin/NetworkManager")).unwrap();
    site.write(&keyfile, "[connection]\nid=again\n");
    assert_eq!(site.drift(std::slice::from_ref(&network)), one(&keyfile, "changed", DriftOutcome::LeftAlone));
    assert_eq!(site.drift(std::slice::from_ref(&network)), []);
    assert_eq!(site.drift(&[]), [], "it is kept and recorded already");
    assert_eq!(site.quarantined(), ["[connection]\nid=again\n", "[connection]\nid=mine\n"]);
    assert!(site.read(&keyfile).is_none());
    let facts = std::fs::metadata(quarantine::place(&site.state)).unwrap();
    assert_eq!(facts.permissions().mode() & 0o777, 0o700);
    for entry in std::fs::read_dir(quarantine::place(&site.state)).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn owner_group_and_further_names_of_a_secret_are_watched() {
    let site = Site::new();
    let network = [wifi("Corp", "correct horse")];
    site.apply(&[], &network);
    let keyfile = site.tree().into_keys().find(|path| path.ends_with(".nmconnection")).unwrap();
    let place = site.root.join(&keyfile);
    chown(&place, Some(1234), None).unwrap();
    assert_eq!(site.drift(&network), one(&keyfile, "owner", DriftOutcome::PutBack));
    chown(&place, None, Some(1234)).unwrap();
    assert_eq!(site.drift(&network), one(&keyfile, "owner", DriftOutcome::PutBack));
    std::fs::hard_link(&place, site.root.join("etc/copy")).unwrap();
    assert_eq!(site.drift(&network), one(&keyfile, "linked", DriftOutcome::PutBack));
    let facts = std::fs::metadata(&place).unwrap();
    assert_eq!((facts.nlink(), facts.uid(), facts.gid(), facts.mode() & 0o777), (1, 0, 0, 0o600));
    assert_eq!(site.drift(&network), []);
    assert_eq!(site.quarantined(), [] as [&str; 0], "nothing was lost");
}

#[test]
fn a_deleted_file_of_the_agents_is_no_sign_that_the_machine_lacks_what_reads_it() {
    let site = Site::new();
    site.write("etc/pam.d/common-password", "password required pam_pwhistory.so use_authtok\n");
    site.write(PWHISTORY, "# remember = 10\n");
    let memory = [policy("DeviceLock/DevicePasswordHistory", "5")];
    assert_eq!(site.apply(&[], &memory).failed, BTreeMap::new());
    std::fs::remove_file(site.root.join(PWHISTORY)).unwrap();
    assert_eq!(site.drift(&memory), one(PWHISTORY, "removed", DriftOutcome::PutBack));
    assert!(site.read(PWHISTORY).unwrap().contains("remember = 5"));
    site.clear();
    assert_eq!(site.read(PWHISTORY).as_deref(), Some("# remember = 10\n"));
}

#[test]
fn a_module_that_names_its_file_reads_it_though_the_default_was_deleted() {
    let site = Site::new();
    site.write("etc/pam.d/common-password", "password required pam_pwhistory.so use_authtok\n");
    let memory = [policy("DeviceLock/DevicePasswordHistory", "5")];
    assert_eq!(site.apply(&[], &memory).failed.len(), 1);
    site.write("usr/lib/x86_64-linux-gnu/security/pam_pwhistory.so", "\0/etc/security/pwhistory.conf\0");
    assert_eq!(site.apply(&[], &memory).failed, BTreeMap::new());
}

#[test]
fn settings_of_desktops_do_not_move_because_another_tool_rewrote_a_file_of_the_agents() {
    let site = Site::new();
    let lock = [policy("DeviceLock/MaxInactivityTimeDeviceLock", "5")];
    site.apply(&[], &lock);
    let ours = site.read(DCONF).unwrap();
    site.write(DCONF, "user-db:user\nsystem-db:site\n");
    assert_eq!(site.drift(&lock), one(DCONF, "changed", DriftOutcome::PutBack));
    assert_eq!(site.read(DCONF).unwrap(), ours);
    assert!(!site.tree().keys().any(|path| path.contains("db/site")));
    assert_eq!(site.quarantined(), ["user-db:user\nsystem-db:site\n"]);
    assert_eq!(site.drift(&lock), []);
}

#[test]
fn the_words_that_the_agent_made_a_file_are_no_proof_of_it() {
    let site = Site::new();
    let copy = "# Made by mdm-agent from the profiles of another machine\nkernel.sysrq = 1\nmine = 1\n";
    site.write(SYSCTL, copy);
    let rule = [sysctl("kernel.sysrq", "0")];
    assert_eq!(site.apply(&[], &rule).failed.len(), 1);
    site.clear();
    assert_eq!(site.read(SYSCTL).as_deref(), Some(copy));
}

#[test]
fn an_edit_that_a_lost_ledger_cannot_tell_from_the_agents_text_is_kept() {
    let site = Site::new();
    let rule = [sysctl("kernel.sysrq", "0")];
    site.apply(&[], &rule);
    let edited = format!("{}mine = 1\n", site.read(SYSCTL).unwrap());
    site.write(SYSCTL, &edited);
    std::fs::write(site.state.join("ledger.json"), "nonsense").unwrap();
    assert_eq!(site.drift(&rule), one(SYSCTL, "changed", DriftOutcome::PutBack));
    assert_eq!(site.quarantined(), [edited]);
    assert_eq!(site.drift(&rule), []);
}

#[test]
fn what_is_too_large_to_be_kept_is_left_alone() {
    let site = Site::new();
    let rule = [sysctl("kernel.sysrq", "0")];
    site.apply(&[], &rule);
    let large = "#".repeat((16 << 20) + 1);
    site.write(SYSCTL, &large);
    assert_eq!(site.drift(&rule), one(SYSCTL, "changed", DriftOutcome::LeftAlone));
    assert!(site.read(SYSCTL).unwrap() == large && site.quarantined().is_empty());
    let found = site.platform.converge(&rule, Others::Go).unwrap();
    assert!(found.refused.values().all(|refusal| refusal.reason.contains("larger than")), "{found:?}");
    assert!(site.platform.clear(&mut Vec::new()).is_err(), "it is said that it is still there");
    site.write(SYSCTL, "# smaller\n");
    site.clear();
    assert_eq!(site.quarantined(), ["# smaller\n"]);
}

#[test]
fn a_directory_that_gives_its_own_group_to_files_is_no_change_by_others() {
    let site = Site::new();
    let directory = site.root.join("usr/local/share/ca-certificates");
    std::fs::create_dir_all(&directory).unwrap();
    chown(&directory, None, Some(1234)).unwrap();
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o2775)).unwrap();
    let profiles = [authority()];
    assert_eq!(site.apply(&[], &profiles).failed, BTreeMap::new());
    // As the service leaves it, which may not give files away.
    let place = site.tree().into_keys().find(|path| path.ends_with(".crt")).unwrap();
    chown(site.root.join(place), None, Some(1234)).unwrap();
    assert_eq!(site.drift(&profiles), []);
}

/// Somebody saves the file just before it is overwritten or removed.
#[derive(Debug)]
struct Saving(PathBuf);

impl crate::platform::root::Interference for Saving {
    fn before(&self, operation: &crate::platform::root::Operation) -> std::io::Result<()> {
        match operation {
            crate::platform::root::Operation::WriteLedger => std::fs::write(&self.0, "just now\n"),
            _ => Ok(()),
        }
    }
}

#[test]
fn what_somebody_saves_at_the_last_moment_is_not_lost() {
    for is_wanted in [true, false] {
        let site = Site::new();
        let rule = sysctl("kernel.sysrq", "0");
        site.apply(&[], std::slice::from_ref(&rule));
        let path = site.root.join(SYSCTL);
        let root =
            crate::platform::root::Root::open(&site.root).unwrap().with_interference(Box::new(Saving(path.clone())));
        let changed = [sysctl("kernel.sysrq", "1")];
        let wanted = if is_wanted { &changed[..] } else { &[] };
        site.platform.converge_in(&root, wanted, Others::Go).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "just now\n");
        site.platform.converge(wanted, Others::Go).unwrap();
        assert_eq!(site.quarantined(), ["just now\n"]);
        assert_eq!(path.exists(), is_wanted);
    }
}

#[test]
fn a_link_that_leads_nowhere_for_a_while_does_not_make_the_agent_forget_its_file() {
    let site = Site::new();
    std::fs::create_dir_all(site.root.join("srv/kept")).unwrap();
    symlink("/srv/kept", site.root.join("etc/sysctl.d")).unwrap();
    let rule = [sysctl("kernel.sysrq", "0")];
    site.apply(&[], &rule);
    std::fs::rename(site.root.join("srv/kept"), site.root.join("srv/away")).unwrap();
    assert_eq!(site.drift(&rule), one(SYSCTL, "removed", DriftOutcome::LeftAlone));
    std::fs::rename(site.root.join("srv/away"), site.root.join("srv/kept")).unwrap();
    assert_eq!(site.platform.converge(&rule, Others::Go).unwrap().refused, BTreeMap::new());
    site.clear();
    assert!(!site.tree().keys().any(|path| path.contains("90-mdm-agent")), "{:?}", site.tree());
}

#[test]
fn an_authority_reaches_firefox_as_soon_as_the_place_of_its_policies_is_free() {
    const POLICIES: &str = "etc/firefox/policies/policies.json";
    let site = Site::new();
    site.write(POLICIES, "{\"policies\":{}}");
    let profiles = [authority()];
    site.apply(&[], &profiles);
    assert_eq!(site.platform.foresee(&profiles).unwrap().steps, []);
    std::fs::remove_file(site.root.join(POLICIES)).unwrap();
    let planned = site.platform.foresee(&profiles).unwrap();
    assert_eq!(planned.steps.iter().map(|step| step.path.as_str()).collect::<Vec<_>>(), [format!("/{POLICIES}")]);
    assert_eq!(site.drift(&profiles), []);
    assert!(site.read(POLICIES).unwrap().contains("ca-certificates"));
    assert_eq!(site.platform.foresee(&profiles).unwrap().steps, []);
}

#[test]
fn a_change_that_cannot_be_put_back_is_reported_once() {
    #[derive(Debug)]
    struct Immutable;
    impl crate::platform::root::Interference for Immutable {
        fn before(&self, operation: &crate::platform::root::Operation) -> std::io::Result<()> {
            match operation {
                crate::platform::root::Operation::PutInPlace(_) => Err(std::io::ErrorKind::PermissionDenied.into()),
                _ => Ok(()),
            }
        }
    }
    let site = Site::new();
    let rule = [sysctl("kernel.sysrq", "0")];
    site.apply(&[], &rule);
    site.write(SYSCTL, "kernel.sysrq = 1\n");
    let root = || crate::platform::root::Root::open(&site.root).unwrap().with_interference(Box::new(Immutable));
    let found = site.platform.converge_in(&root(), &rule, Others::Go).unwrap();
    assert_eq!((found.drift.len(), found.unreported.len()), (1, 1));
    let reported: Vec<_> = found.unreported.iter().map(crate::platform::ledger::Drift::report).collect();
    site.platform.drift_reported(&reported).unwrap();
    let found = site.platform.converge_in(&root(), &rule, Others::Go).unwrap();
    assert_eq!((found.drift.len(), found.unreported.len()), (0, 0));
    site.write(SYSCTL, "kernel.sysrq = 2\n");
    let found = site.platform.converge_in(&root(), &rule, Others::Go).unwrap();
    assert_eq!((found.drift.len(), found.unreported.len()), (1, 1), "another change");
}

#[test]
fn a_fifo_in_the_place_of_a_directory_keeps_nobody_waiting() {
    let site = Site::new();
    let path = site.root.join("etc/sysctl.d");
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    assert_eq!(site.apply(&[], &[sysctl("kernel.sysrq", "0")]).failed.len(), 1);
    assert!(path.symlink_metadata().unwrap().file_type().is_fifo());
}
