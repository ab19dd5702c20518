//! Damaged stores hold payloads too.

use super::super::super::testing::{NO_FILE, files_with, keep, place, put, read, remove};
use super::*;
use crate::engine::profile::RETENTION_WINDOW;

#[test]
fn a_damaged_store_is_kept_until_a_payload_is_removed() {
    let (folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    let quarantined = damage(&place, 7).unwrap();
    assert!(quarantined.join("db").exists());
    keep(&place, &put("tunnel", "passphrase"));
    assert!(quarantined.exists(), "the server has sent again what was lost");
    keep(&place, &remove("tunnel"));
    assert!(!place.quarantine.exists());
    assert_eq!(files_with(folder.path(), "passphrase"), NO_FILE);
}

#[test]
fn a_damaged_store_that_should_have_been_rewritten_is_not_kept() {
    let (folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    clean::unmark(&place.directory).unwrap();
    damage(&place, 7).unwrap();
    assert!(!place.quarantine.exists());
    assert_eq!(files_with(folder.path(), "passphrase"), NO_FILE);
    assert!(clean::is_marked(&place.directory));
}

#[test]
fn a_process_that_is_killed_while_it_replaces_a_damaged_store_leaves_no_removed_payload() {
    let (folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    clean::unmark(&place.directory).unwrap();
    quarantine::put(&place, 7).unwrap();
    read(&place);
    assert!(!place.quarantine.exists());
    assert_eq!(files_with(folder.path(), "passphrase"), NO_FILE);
}

#[test]
fn a_damaged_store_is_kept_for_a_week_at_most() {
    let (_folder, place) = place();
    keep(&place, &put("tunnel", "passphrase"));
    let quarantined = damage(&place, 1000).unwrap();
    ProfileStore::open(&place, 1000 + RETENTION_WINDOW).unwrap();
    assert!(quarantined.exists());
    ProfileStore::open(&place, 1001 + RETENTION_WINDOW).unwrap();
    assert!(!quarantined.exists());
    read(&place);
}

/// Damages a store and opens it; says where the damaged one was moved.
fn damage(place: &StorePlace, now: i64) -> Option<std::path::PathBuf> {
    // The mark says that there is more than the database has.
    let file = place.directory.join("db");
    let length = std::fs::metadata(&file).unwrap().len();
    let mut content = std::fs::read(&file).unwrap();
    let used = content.iter().rposition(|byte| *byte != 0).unwrap();
    content[used / 2..].fill(0);
    assert_eq!(content.len() as u64, length);
    std::fs::write(&file, content).unwrap();
    ProfileStore::open(place, now).unwrap().1.quarantined
}
