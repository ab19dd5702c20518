//! Every change fails once, or is the last that the process makes.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::platform::root::{Interference, Operation, Root};
use mdm_protocol::syncml::StatusCode;

/// Lets so many changes happen; then everything fails, or only writing does because the disk is full.
#[derive(Debug)]
struct Budget {
    left: AtomicUsize,
    full: bool,
}

impl Interference for Budget {
    fn before(&self, operation: &Operation) -> io::Result<()> {
        let writes = matches!(operation, Operation::Stage(_) | Operation::MakeDirectory(_) | Operation::WriteLedger);
        if self.full && !writes {
            return Ok(());
        }
        let spent = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
        match (spent, self.full) {
            (false, _) => Ok(()),
            (true, true) => Err(io::ErrorKind::StorageFull.into()),
            (true, false) => Err(io::Error::other("the process was killed")),
        }
    }
}

fn interrupted(site: &Site, steps: usize, full: bool) -> Root {
    Root::open(&site.root).unwrap().with_interference(Box::new(Budget { left: AtomicUsize::new(steps), full }))
}

/// Two states of a machine that have a bit of everything, and differ in everything.
fn states() -> [Vec<Profile>; 2] {
    let old = vec![
        wifi("Corp", "correct horse"),
        wifi("Old", "correct horse"),
        sysctl("kernel.sysrq", "1"),
        policy("TimeLanguageSettings/ConfigureTimeZone", "Europe/Berlin"),
    ];
    let new = vec![
        wifi("Corp", "battery staple"),
        wifi("New", "correct horse"),
        sysctl("kernel.sysrq", "0"),
        policy("DeviceLock/MaxInactivityTimeDeviceLock", "5"),
        policy("DeviceLock/MaxDevicePasswordFailedAttempts", "5"),
    ];
    [old, new]
}

#[test]
fn a_process_that_ends_at_any_step_leaves_whole_files_and_the_next_one_brings_it_to_its_end() {
    let [old, new] = states();
    let mut steps = 0;
    loop {
        let site = Site::new();
        site.write("etc/security/faillock.conf", "# nothing\n");
        let bare = site.tree();
        site.platform.converge(&old, Others::Go).unwrap();
        let was = site.tree();
        let completed = site
            .platform
            .converge_in(&interrupted(&site, steps, false), &new, Others::Go)
            .is_ok_and(|found| found.refused.is_empty());
        let half = site.tree();
        let target = site_with(&new);
        for (path, (mode, content)) in half.iter().filter(|(path, _)| !path.contains(".mdm-agent-new")) {
            let known = [&bare, &was, &target]
                .iter()
                .any(|tree| tree.get(path).is_some_and(|known| known == &(*mode, content.clone())));
            assert!(known, "{path} is neither what it was nor what it should be after {steps} steps");
        }
        site.platform.converge(&new, Others::Go).unwrap();
        assert_eq!(site.tree(), target, "going on after {steps} steps");
        site.platform.converge(&[], Others::Go).unwrap();
        assert_eq!(site.tree(), bare, "undone after {steps} steps");
        if completed {
            break;
        }
        steps += 1;
        assert!(steps < 200);
    }
    assert!(steps > 20, "only {steps} steps were interrupted");
}

#[test]
fn an_undo_that_ends_at_any_step_is_brought_to_its_end() {
    let [old, _] = states();
    for steps in 0..40 {
        let site = Site::new();
        let bare = site.tree();
        site.platform.converge(&old, Others::Go).unwrap();
        let _ = site.platform.converge_in(&interrupted(&site, steps, false), &[], Others::Go);
        site.platform.converge(&[], Others::Go).unwrap();
        assert_eq!(site.tree(), bare, "after {steps} steps");
    }
}

#[test]
fn a_change_that_ends_at_any_step_can_be_undone_instead_of_finished() {
    let [old, new] = states();
    for steps in 0..60 {
        let site = Site::new();
        let bare = site.tree();
        site.platform.converge(&old, Others::Go).unwrap();
        let _ = site.platform.converge_in(&interrupted(&site, steps, false), &new, Others::Go);
        site.platform.clear(&mut Vec::new()).unwrap();
        assert_eq!(site.tree(), bare, "after {steps} steps");
    }
}

/// Somebody makes a file just before the agent's own is put in its place.
#[derive(Debug)]
struct Overtaking(PathBuf);

impl Interference for Overtaking {
    fn before(&self, operation: &Operation) -> io::Result<()> {
        match operation {
            Operation::PutInPlace(_) if !self.0.exists() => std::fs::write(&self.0, "mine\n"),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_file_that_somebody_makes_at_the_last_moment_is_theirs() {
    let site = Site::new();
    let path = site.root.join("etc/sysctl.d/90-mdm-agent.conf");
    let root = Root::open(&site.root).unwrap().with_interference(Box::new(Overtaking(path.clone())));
    let changes = application(&[sysctl("kernel.sysrq", "0")]);
    let outcome = site.platform.put_in_force_in(&root, &[], &changes, Others::Go).unwrap();
    let codes: Vec<StatusCode> = outcome.failed.values().map(|refusal| refusal.status).collect();
    assert_eq!(codes, [StatusCode::ALREADY_EXISTS], "{outcome:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine\n");
    site.platform.clear(&mut Vec::new()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine\n");
}

#[test]
fn a_disk_that_is_full_at_any_write_changes_nothing_and_is_told_as_such() {
    let [old, new] = states();
    for steps in 0..40 {
        let site = Site::new();
        site.write("etc/security/faillock.conf", "# nothing\n");
        site.platform.converge(&old, Others::Go).unwrap();
        let was = site.tree();
        let changes = application(&new);
        let outcome = site.platform.put_in_force_in(&interrupted(&site, steps, true), &old, &changes, Others::Go);
        match outcome {
            Ok(outcome) if outcome.failed.is_empty() => {}
            Ok(outcome) => {
                assert!(
                    outcome.failed.values().all(|refusal| refusal.status == StatusCode::DEVICE_FULL),
                    "{outcome:?}"
                );
                // The session takes the whole message back where nothing of it can be kept.
                site.platform.converge(&old, Others::Go).unwrap();
                assert_eq!(site.tree(), was, "after {steps} writes");
            }
            Err(error) => {
                assert!(error.is_full(), "{error}");
                // Only the last word of the ledger is missing, or nothing was begun.
                site.platform.converge(&old, Others::Go).unwrap();
                assert_eq!(site.tree(), was, "after {steps} writes");
            }
        }
        site.platform.converge(&[], Others::Go).unwrap();
    }
}

fn site_with(profiles: &[Profile]) -> BTreeMap<String, (u32, String)> {
    let site = Site::new();
    site.write("etc/security/faillock.conf", "# nothing\n");
    site.platform.converge(profiles, Others::Go).unwrap();
    site.tree()
}
