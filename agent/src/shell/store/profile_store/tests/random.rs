//! Random sequences of commits, rewrites that are interrupted, and openings, against a model.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use tempfile::TempDir;

use super::super::super::testing::{copy_tree, files_with, keys, open, place_in, put, remove};
use super::*;
use crate::shell::files::FileError;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

#[test]
fn whatever_happens_the_store_has_what_was_acknowledged_and_a_closed_one_nothing_else() {
    for seed in 0..6 {
        let mut life = Life::begin(seed);
        (0..12).for_each(|_| life.step());
        // An interrupted rewrite is made at the next close.
        open(&place_in(life.folder.path())).0.close().unwrap();
        life.check(true);
    }
}

/// A store and what should be in it.
struct Life {
    folder: TempDir,
    random: fastrand::Rng,
    /// The keys of the profiles, by name.
    live: BTreeMap<String, String>,
    /// Keys that were removed.
    removed: BTreeSet<String>,
    keys: usize,
    seed: u64,
}

impl Life {
    fn begin(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let random = fastrand::Rng::with_seed(seed);
        Self { folder, random, live: BTreeMap::new(), removed: BTreeSet::new(), keys: 0, seed }
    }

    /// One opening of the store, a few commits, and some end of it.
    fn step(&mut self) {
        let place = place_in(self.folder.path());
        let (mut store, stored) = open(&place);
        assert_eq!(keys(&stored), self.live, "seed {}", self.seed);
        for _ in 0..self.random.usize(..4) {
            self.commit(&mut store);
        }
        match self.random.u8(..4) {
            0 => self.kill_during_close(store),
            1 => self.fail_during_close(store),
            _ => {
                store.close().unwrap();
                self.check(true);
            }
        }
    }

    fn commit(&mut self, store: &mut ProfileStore) {
        let name = NAMES[self.random.usize(..NAMES.len())];
        let replaced = if self.random.u8(..3) == 0 {
            store.keep(&remove(name)).unwrap();
            self.live.remove(name)
        } else {
            self.keys += 1;
            let length = if self.random.u8(..8) == 0 { 40_000 } else { 2 };
            let key = format!("<key-{}-{}>", self.seed, self.keys).repeat(length);
            store.keep(&put(name, &key)).unwrap();
            self.live.insert(name.to_owned(), key)
        };
        self.removed.extend(replaced);
    }

    /// Goes on with what is on the disk at some step of the close.
    fn kill_during_close(&mut self, mut store: ProfileStore) {
        let killed = tempfile::tempdir().unwrap();
        let (last, mut steps) = (self.random.usize(..7), 0);
        let from = self.folder.path().to_owned();
        // Not every close is a rewrite.
        copy_tree(&from, killed.path());
        let mut watch = |_| {
            if steps <= last {
                std::fs::remove_dir_all(killed.path()).unwrap();
                copy_tree(&from, killed.path());
            }
            steps += 1;
            Ok(())
        };
        store.finish(&mut watch).unwrap();
        drop(store);
        self.folder = killed;
        self.check(false);
    }

    fn fail_during_close(&mut self, mut store: ProfileStore) {
        let (last, mut steps) = (self.random.usize(..7), 0);
        let mut watch = |_| {
            steps += 1;
            if steps > last {
                return Err(FileError::of("write", Path::new("store"))(ErrorKind::StorageFull.into()));
            }
            Ok(())
        };
        let _ = store.finish(&mut watch);
        drop(store);
        self.check(false);
    }

    /// Searches the files for what should be there and, in a store that was closed, for what should not.
    fn check(&self, is_closed: bool) {
        let is_in_a_file = |key: &String| !files_with(self.folder.path(), &key[..key.len().min(20)]).is_empty();
        for key in self.live.values() {
            assert!(is_in_a_file(key), "seed {}: {} is lost", self.seed, &key[..20.min(key.len())]);
        }
        if is_closed {
            let left: Vec<&String> = self.removed.iter().filter(|key| is_in_a_file(key)).collect();
            assert_eq!(left, [""; 0], "seed {}", self.seed);
        }
    }
}
