//! Identities that are cut short while they come or go.

use super::*;
use crate::engine::testing;

#[test]
fn an_identity_comes_back_as_it_was_put_in_place() {
    let (_folder, paths) = empty();
    Identity::install(&paths, &key(), &installation()).unwrap();
    let identity = Identity::load(&paths).unwrap().unwrap();
    assert_eq!(identity.active.private_key.as_slice(), key().as_bytes());
    assert_eq!(identity.account, testing::account());
    assert_eq!(entries(&paths), ["identity"]);
}

#[test]
fn an_installation_that_fails_leaves_no_key() {
    let (_folder, paths) = empty();
    // Something is in the way that is no identity and is not ours to remove.
    std::fs::create_dir_all(paths.identity().join("something")).unwrap();
    assert!(Identity::install(&paths, &key(), &installation()).is_err());
    assert_eq!(entries(&paths), ["identity"]);
}

#[test]
fn a_store_of_an_earlier_enrolment_is_gone_before_the_identity_is_there() {
    let (_folder, paths) = empty();
    fill(&paths);
    Identity::install(&paths, &key(), &installation()).unwrap();
    assert_eq!(entries(&paths), ["identity"]);
}

#[test]
fn a_removal_cut_short_at_any_step_is_brought_to_its_end() {
    let cuts: [fn(&Paths); 4] = [
        |_| {},
        |paths| files::remove_dir(&paths.state.join(OLD).join(ACTIVE)).unwrap(),
        |paths| files::remove_dir(&paths.store()).unwrap(),
        |paths| files::remove_dir(&paths.quarantine()).unwrap(),
    ];
    for steps in 0..=cuts.len() {
        let (_folder, paths) = empty();
        Identity::install(&paths, &key(), &installation()).unwrap();
        fill(&paths);
        std::fs::rename(paths.identity(), paths.state.join(OLD)).unwrap();
        cuts.iter().take(steps).for_each(|cut| cut(&paths));
        Identity::clean_up(&paths).unwrap();
        assert!(entries(&paths).is_empty(), "{:?} after {steps} steps", entries(&paths));
    }
}

#[test]
fn an_installation_cut_short_is_cleaned_up_and_what_is_in_use_stays() {
    let (_folder, paths) = empty();
    Identity::install(&paths, &key(), &installation()).unwrap();
    fill(&paths);
    files::create_private_dir(&paths.state.join(NEW).join(ACTIVE)).unwrap();
    Identity::clean_up(&paths).unwrap();
    assert_eq!(entries(&paths), ["identity", "quarantine", "store"]);
}

#[test]
fn whatever_is_missing_from_an_identity_the_whole_of_it_is_what_has_to_go() {
    for name in [ACCOUNT, "active/key.pem", "active/certificate.pem"] {
        let (_folder, paths) = empty();
        Identity::install(&paths, &key(), &installation()).unwrap();
        std::fs::remove_file(paths.identity().join(name)).unwrap();
        let error = Identity::load(&paths).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
        assert!(error.contains(&format!("remove {} and enrol", paths.identity().display())), "{error}");
    }
}

#[test]
fn a_recovery_replaces_key_and_account_and_keeps_the_store() {
    let (_folder, paths) = empty();
    Identity::install(&paths, &key(), &installation()).unwrap();
    fill(&paths);
    Identity::restore(&paths, &Zeroizing::new("another key".to_owned()), &recovered()).unwrap();
    let identity = Identity::load(&paths).unwrap().unwrap();
    assert_eq!(identity.active.private_key.as_slice(), b"another key");
    assert_eq!(identity.account, recovered().account);
    assert_eq!(entries(&paths), ["identity", "quarantine", "store"]);
}

#[test]
fn a_recovery_of_a_device_that_is_not_enrolled_leaves_nothing_behind() {
    let (_folder, paths) = empty();
    assert!(Identity::restore(&paths, &key(), &recovered()).is_err());
    assert!(entries(&paths).is_empty());
}

#[test]
fn a_recovery_cut_short_at_any_step_leaves_the_former_identity_or_the_new_one() {
    type Cut = fn(&Paths);
    let name = |paths: &Paths, name| paths.state.join(name);
    let build: Cut = |paths| Identity::build(&paths.state.join(NEW), None, &key(), &recovered()).unwrap();
    let aside: Cut = |paths| files::rename(&paths.identity(), &paths.state.join(REPLACED)).unwrap();
    let in_place: Cut = |paths| files::rename(&paths.state.join(NEW), &paths.identity()).unwrap();
    let half_built: Cut = |paths| files::create_private_dir(&paths.state.join(NEW).join(ACTIVE)).unwrap();
    let exchange: Cut = |paths| files::exchange(&paths.state.join(NEW), &paths.identity()).unwrap();
    let former = testing::account().name;
    let cases: [(&[Cut], &str); 7] = [
        (&[half_built], &former),
        (&[build], &former),
        (&[build, exchange], "recovered"),
        (&[build, aside], "recovered"),
        (&[build, aside, in_place], "recovered"),
        // The disk may have been full: what was to come is gone.
        (&[aside], &former),
        (&[build, aside, in_place, build], "recovered"),
    ];
    for (number, (cuts, expected)) in cases.into_iter().enumerate() {
        let (_folder, paths) = empty();
        Identity::install(&paths, &key(), &installation()).unwrap();
        fill(&paths);
        cuts.iter().for_each(|cut| cut(&paths));
        for _ in 0..2 {
            Identity::clean_up(&paths).unwrap();
            assert_eq!(Identity::load(&paths).unwrap().unwrap().account.name, expected, "case {number}");
            assert_eq!(entries(&paths), ["identity", "quarantine", "store"], "case {number}");
        }
        assert!(!name(&paths, NEW).exists());
    }
}

#[test]
fn a_removal_leaves_no_identity_that_could_come_back() {
    let (_folder, paths) = empty();
    for leftover in [REPLACED, NEW] {
        Identity::build(&paths.state.join(leftover), None, &key(), &installation()).unwrap();
    }
    Identity::install(&paths, &key(), &installation()).unwrap();
    Identity::build(&paths.state.join(REPLACED), None, &key(), &installation()).unwrap();
    Identity::remove(&paths).unwrap();
    assert!(entries(&paths).is_empty());
}

#[test]
fn a_changed_account_is_kept_whatever_an_earlier_attempt_left_behind() {
    let (_folder, paths) = empty();
    Identity::install(&paths, &key(), &installation()).unwrap();
    files::write_new(&paths.identity().join("account.json.new"), b"half", 0o600).unwrap();
    Identity::save_account(&paths, &recovered().account).unwrap();
    assert_eq!(Identity::load(&paths).unwrap().unwrap().account.name, "recovered");
    assert!(!paths.identity().join("account.json.new").exists());
}

fn recovered() -> Installation {
    let mut installation = installation();
    installation.account.name = "recovered".to_owned();
    installation
}

fn empty() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths { state: folder.path().join("state"), runtime: folder.path().join("run") };
    files::create_private_dir(&paths.state).unwrap();
    (folder, paths)
}

fn fill(paths: &Paths) {
    for directory in [paths.store(), paths.quarantine()] {
        files::create_private_dir(&directory).unwrap();
        files::write_new(&directory.join("content"), b"secret", 0o600).unwrap();
    }
}

fn key() -> Zeroizing<String> {
    Zeroizing::new("a private key".to_owned())
}

fn installation() -> Installation {
    Installation { account: testing::account(), certificate: vec![1, 2, 3], intermediates: vec![vec![4]] }
}

fn entries(paths: &Paths) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(&paths.state)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
