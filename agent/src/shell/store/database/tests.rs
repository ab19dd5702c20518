//! The store under damage: what comes back is everything, or it says that it is not.

use std::collections::BTreeMap;

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;
use tempfile::TempDir;

use super::super::testing::place;
use super::super::{ProfileStore, StorePlace};
use super::*;
use crate::engine::profile::Owner;

#[test]
fn what_was_kept_is_there_after_reopening() {
    let (folder, place) = place();
    let changes = fill(&place, 5);
    let (_, opened) = ProfileStore::open(&place, 0).unwrap();
    assert_eq!(opened.quarantined, None);
    assert_eq!(opened.stored.profiles.len(), 5);
    assert_eq!(opened.stored.settings.len(), 1);
    assert_eq!(opened.stored.progress, changes.progress);
    drop(folder);
}

#[test]
fn a_removed_profile_is_gone_and_the_count_agrees() {
    let (_folder, place) = place();
    fill(&place, 3);
    let (mut store, opened) = ProfileStore::open(&place, 0).unwrap();
    let root = opened.stored.profiles[0].root.to_string();
    let changes = Changes { profiles: BTreeMap::from([(root, None)]), ..Changes::default() };
    store.keep(&changes).unwrap();
    drop(store);
    let (_, opened) = ProfileStore::open(&place, 0).unwrap();
    assert_eq!((opened.stored.profiles.len(), opened.quarantined), (2, None));
}

#[test]
fn a_record_that_vanished_or_changed_or_is_foreign_is_noticed() {
    let damages: [fn(&sled::Db); 4] = [
        |database| drop(database.remove(first_profile(database)).unwrap()),
        |database| drop(database.insert(first_profile(database), b"nonsense").unwrap()),
        |database| drop(database.insert("unknown", b"record").unwrap()),
        |database| drop(database.remove(COUNT).unwrap()),
    ];
    for damage in damages {
        let (_folder, place) = place();
        fill(&place, 3);
        let database = open_when_free(&place.directory).unwrap();
        damage(&database);
        database.flush().unwrap();
        drop(database);
        let (_, opened) = ProfileStore::open(&place, 7).unwrap();
        assert!(opened.quarantined.is_some_and(|path| path.join("db").exists()));
        assert_eq!(opened.stored, Stored::default());
    }
}

#[test]
fn a_database_cut_or_flipped_anywhere_gives_back_everything_or_says_that_it_does_not() {
    let (_folder, pristine) = place();
    fill(&pristine, 40);
    let database = std::fs::read(pristine.directory.join("db")).unwrap();
    let used = database.iter().rposition(|byte| *byte != 0).unwrap();
    let mut untouched = 0;
    for step in 0..24 {
        let position = used * step / 24;
        for cut in [true, false] {
            let (_copied, place) = copy_of(&pristine);
            let mut damaged = database.clone();
            if cut {
                damaged.truncate(position)
            } else {
                damaged[position] ^= 0x40
            };
            std::fs::write(place.directory.join("db"), damaged).unwrap();
            let (_, opened) = ProfileStore::open(&place, 0).unwrap();
            // Without progress the engine knows that the store lost everything.
            let says_so = opened.quarantined.is_some() || opened.stored.progress.is_none();
            assert!(says_so || opened.stored.profiles.len() == 40, "at {position}, cut: {cut}");
            untouched += usize::from(!says_so);
        }
    }
    assert!(untouched < 48, "no damage was ever noticed");
}

#[test]
fn a_database_that_went_back_in_time_is_noticed() {
    let (_folder, place) = place();
    fill(&place, 3);
    let older = std::fs::read(place.directory.join("db")).unwrap();
    fill(&place, 4);
    std::fs::write(place.directory.join("db"), older).unwrap();
    let (_, opened) = ProfileStore::open(&place, 0).unwrap();
    assert!(opened.quarantined.is_some());
}

#[test]
fn only_the_last_damaged_stores_are_kept() {
    let (_folder, place) = place();
    for moment in 0..6 {
        fill(&place, 1);
        let database = open_when_free(&place.directory).unwrap();
        database.insert("unknown", b"record").unwrap();
        drop(database);
        ProfileStore::open(&place, moment).unwrap();
    }
    let mut kept: Vec<_> =
        std::fs::read_dir(&place.quarantine).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["store-000000000003-0", "store-000000000004-0", "store-000000000005-0"]);
}

#[test]
fn a_second_opener_is_refused_and_nothing_is_put_aside() {
    let (_folder, place) = place();
    fill(&place, 1);
    let _first = ProfileStore::open(&place, 0).unwrap();
    assert!(matches!(ProfileStore::open(&place, 0), Err(StoreFailure::Unusable(_))));
    assert!(!place.quarantine.exists());
}

fn copy_of(place: &StorePlace) -> (TempDir, StorePlace) {
    let (folder, copy) = self::place();
    std::fs::create_dir(&copy.directory).unwrap();
    std::fs::create_dir(copy.directory.join("blobs")).unwrap();
    for entry in std::fs::read_dir(&place.directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, copy.directory.join(path.file_name().unwrap())).unwrap();
        }
    }
    (folder, copy)
}

/// Keeps profiles one by one, a setting, and progress.
fn fill(place: &StorePlace, count: u32) -> Changes {
    let (mut store, _) = ProfileStore::open(place, 0).unwrap();
    for number in 0..count {
        let root = LocUri::parse(&format!("./Device/Vendor/MSFT/VPNv2/tunnel-{number}")).unwrap();
        let nodes = BTreeMap::from([("DnsSuffix".to_owned(), Node::new(&Format::Chr, "contoso.example".repeat(40)))]);
        let profile =
            Profile::new(root.clone(), &Owner { authority: "authority".to_owned(), ..Owner::default() }, nodes, 1);
        let profiles = BTreeMap::from([(root.to_string(), profile)]);
        store.keep(&Changes { profiles, ..Changes::default() }).unwrap();
    }
    let changes = Changes {
        settings: BTreeMap::from([("./x".to_owned(), Some(Node::new(&Format::Int, "1")))]),
        progress: Some(Progress { session_id: 9, ..Progress::default() }),
        ..Changes::default()
    };
    store.keep(&changes).unwrap();
    changes
}

fn first_profile(database: &sled::Db) -> sled::IVec {
    database.scan_prefix(PROFILE).keys().next().unwrap().unwrap()
}
