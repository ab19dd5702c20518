//! Which changes cause a rewrite, and what is in the files after it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;

use super::super::super::testing::{NO_FILE, files_with, keep, keys, open, place, put, read, remove, set};
use super::*;
use crate::engine::Progress;
use crate::engine::claim::Claim;
use crate::engine::retries::{Accepted, RefusedCommand, Retries};

#[test]
fn the_key_of_a_replaced_and_of_a_removed_profile_is_in_no_file() {
    // The long one is more than sled keeps in its log: it gets files of its own.
    for length in [1, 1 << 16] {
        let [first, second, other] = ["first-passphrase", "second-passphrase", "other-passphrase"];
        let (folder, place) = place();
        keep(&place, &put("other", &other.repeat(length)));
        keep(&place, &put("tunnel", &first.repeat(length)));
        assert!(!files_with(folder.path(), first).is_empty(), "the search finds what is there");
        keep(&place, &put("tunnel", &second.repeat(length)));
        assert_eq!(files_with(folder.path(), first), NO_FILE, "replaced");
        assert!(!files_with(folder.path(), second).is_empty());
        keep(&place, &remove("tunnel"));
        assert_eq!(files_with(folder.path(), second), NO_FILE, "removed");
        let stored = read(&place);
        assert_eq!(keys(&stored), [("other".to_owned(), other.repeat(length))].into());
    }
}

#[test]
fn a_store_that_is_dropped_erases_too() {
    let (folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    let (mut store, _) = open(&place);
    store.keep(&remove("tunnel")).unwrap();
    assert!(!files_with(folder.path(), "passphrase").is_empty(), "not before it is closed");
    drop(store);
    assert_eq!(files_with(folder.path(), "passphrase"), NO_FILE);
}

#[test]
fn the_value_of_a_replaced_and_of_a_removed_setting_is_in_no_file() {
    let (folder, place) = place();
    keep(&place, &set("./Token", Some("first-token")));
    keep(&place, &set("./Token", Some("second-token")));
    assert_eq!(files_with(folder.path(), "first-token"), NO_FILE);
    assert_eq!(read(&place).settings["./Token"].value, "second-token");
    keep(&place, &set("./Token", None));
    assert_eq!(files_with(folder.path(), "second-token"), NO_FILE);
}

#[test]
fn the_value_of_a_setting_that_no_longer_waits_for_its_place_is_in_no_file() {
    let (folder, place) = place();
    let claim = Claim {
        root: "./x".to_owned(),
        node: "./x/Key".to_owned(),
        format: "chr".to_owned(),
        value: "waiting-key".to_owned(),
        authority: "authority".to_owned(),
    };
    let progress = |claims: Option<Vec<Claim>>| Changes {
        progress: Some(Progress { claims: claims.map(Box::new), ..Progress::default() }),
        ..Changes::default()
    };
    keep(&place, &progress(Some(vec![claim])));
    keep(&place, &progress(None));
    assert_eq!(files_with(folder.path(), "waiting-key"), NO_FILE);
}

#[test]
fn the_value_of_a_command_that_is_no_longer_tried_again_is_in_no_file() {
    let (folder, place) = place();
    let command = RefusedCommand {
        message: "<Data>refused-key</Data>".to_owned(),
        nodes: BTreeSet::new(),
        refused: BTreeSet::new(),
        authority: "authority".to_owned(),
    };
    let progress = |commands: Vec<RefusedCommand>| {
        let accepted = Accepted { status: 200, authority: "authority".to_owned() };
        let retries = Retries { commands, accepted: BTreeMap::from([("./x".to_owned(), accepted)]) };
        let progress = Progress { retries: Some(Box::new(retries)), ..Progress::default() };
        Changes { progress: Some(progress), ..Changes::default() }
    };
    keep(&place, &progress(vec![command]));
    keep(&place, &progress(Vec::new()));
    assert_eq!(files_with(folder.path(), "refused-key"), NO_FILE);
}

#[test]
fn the_rewrite_keeps_everything_and_goes_on_counting() {
    let (_folder, place) = place();
    for number in 0..50 {
        keep(&place, &put(&format!("tunnel-{number}"), &format!("key-{number}")));
    }
    let progress = Progress { session_id: 9, ..Progress::default() };
    keep(&place, &Changes { progress: Some(progress), ..set("./x", Some("1")) });
    let before = read(&place);
    let sequence = open(&place).0.database.as_ref().unwrap().sequence();
    keep(&place, &remove("tunnel-7"));
    let (store, after) = open(&place);
    assert_eq!(store.database.as_ref().unwrap().sequence(), sequence + 1);
    drop(store);
    assert_eq!((keys(&after).len(), after.settings, after.progress), (49, before.settings, before.progress));
    // The mark is behind no record: an older copy of the database is recognized.
    let older = std::fs::read(place.directory.join("db")).unwrap();
    keep(&place, &put("another", "key"));
    std::fs::write(place.directory.join("db"), older).unwrap();
    let (_, opened) = ProfileStore::open(&place, 0).unwrap();
    assert!(opened.quarantined.is_some());
}

#[test]
fn nothing_is_rewritten_unless_a_payload_was_removed() {
    let (_folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    keep(&place, &set("./x", Some("1")));
    let before = identity(&place);
    let harmless = [
        Changes::default(),
        put("tunnel", "passphrase"),
        put("another", "passphrase"),
        set("./x", Some("1")),
        set("./y", Some("1")),
        set("./unknown", None),
        remove("unknown"),
        Changes { progress: Some(Progress::default()), tombstones: Some(Vec::new()), ..Changes::default() },
        Changes { progress: Some(Progress { session_id: 2, ..Progress::default() }), ..Changes::default() },
    ];
    for changes in harmless {
        keep(&place, &changes);
        assert_eq!(identity(&place), before, "{changes:?}");
    }
    read(&place);
    assert_eq!(identity(&place), before, "an opening without a change");
    keep(&place, &set("./x", Some("2")));
    let after = identity(&place);
    assert_ne!(after, before);
    read(&place);
    assert_eq!(identity(&place), after, "a rewrite is made once");
}

#[test]
fn a_store_of_a_version_without_the_marker_is_rewritten_once() {
    let (folder, place) = place();
    keep(&place, &put("tunnel", "first-passphrase"));
    let (mut store, _) = open(&place);
    store.keep(&put("tunnel", "second-passphrase")).unwrap();
    // What that version does on closing: nothing.
    store.has_failed = true;
    store.close().unwrap();
    assert!(!files_with(folder.path(), "first-passphrase").is_empty());
    read(&place);
    assert_eq!(files_with(folder.path(), "first-passphrase"), NO_FILE);
    assert_eq!(keys(&read(&place))["tunnel"], "second-passphrase");
}

/// By what a directory is recognized that was not replaced.
fn identity(place: &StorePlace) -> u64 {
    std::fs::metadata(&place.directory).unwrap().ino()
}
