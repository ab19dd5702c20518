//! Stores for tests, and a search for what is in their files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mdm_protocol::LocUri;
use mdm_protocol::syncml::Format;
use tempfile::TempDir;

use super::{ProfileStore, StorePlace};
use crate::engine::profile::{Changes, Owner, Profile, Stored};
use crate::engine::tree::Node;

/// The result of a search without a hit.
pub(super) const NO_FILE: [PathBuf; 0] = [];

/// A place for a store, in a folder of its own.
pub(super) fn place() -> (TempDir, StorePlace) {
    let folder = tempfile::tempdir().unwrap();
    let place = place_in(folder.path());
    (folder, place)
}

pub(super) fn place_in(folder: &Path) -> StorePlace {
    StorePlace { directory: folder.join("store"), quarantine: folder.join("quarantine") }
}

/// Opens a store that is not damaged.
pub(super) fn open(place: &StorePlace) -> (ProfileStore, Stored) {
    let (store, opened) = ProfileStore::open(place, 0).unwrap();
    assert_eq!(opened.quarantined, None);
    (store, opened.stored)
}

/// What a store holds.
pub(super) fn read(place: &StorePlace) -> Stored {
    open(place).1
}

/// Keeps changes in an opening of their own.
pub(super) fn keep(place: &StorePlace, changes: &Changes) {
    let (mut store, _) = open(place);
    store.keep(changes).unwrap();
    store.close().unwrap();
}

/// A profile with a key and with something that never changes.
pub(super) fn put(name: &str, key: &str) -> Changes {
    let root = root(name);
    let node = |value: &str| Node::new(&Format::Chr, value);
    let nodes = BTreeMap::from([("Key".to_owned(), node(key)), ("Suffix".to_owned(), node("contoso.example"))]);
    let profile = Profile::new(root.clone(), &Owner::default(), nodes, 1);
    Changes { profiles: BTreeMap::from([(root.to_string(), profile)]), ..Changes::default() }
}

pub(super) fn remove(name: &str) -> Changes {
    Changes { profiles: BTreeMap::from([(root(name).to_string(), None)]), ..Changes::default() }
}

pub(super) fn set(address: &str, value: Option<&str>) -> Changes {
    let node = value.map(|value| Node::new(&Format::Chr, value));
    Changes { settings: BTreeMap::from([(address.to_owned(), node)]), ..Changes::default() }
}

/// The keys of the profiles, by name.
pub(super) fn keys(stored: &Stored) -> BTreeMap<String, String> {
    let key = |profile: &Profile| (profile.root.name().to_owned(), profile.nodes["Key"].value.clone());
    stored.profiles.iter().map(key).collect()
}

/// The files below a folder that contain a text.
pub(super) fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let contains = |path: &PathBuf| {
        let content = std::fs::read(path).unwrap();
        content.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files(folder).into_iter().filter(contains).collect()
}

/// Copies a folder as it is, which is what a process that is killed leaves.
pub(super) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn root(name: &str) -> LocUri {
    LocUri::parse(&format!("./Device/Vendor/MSFT/VPNv2/{name}")).unwrap()
}
