mod firmware;
mod hostile;
mod settings;
mod surroundings;
mod system;

use std::fs;
use std::path::{Path, PathBuf};

use super::source::Source;
use super::{NoScripts, gather};
use crate::engine::compliance::{Fact, Facts};

/// A directory that looks like a machine's root.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, path: &str) -> PathBuf {
        let at = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        at
    }

    fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.at(path), content).unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        std::os::unix::fs::symlink(target, self.at(path)).unwrap();
        self
    }

    fn directory(self, path: &str) -> Self {
        fs::create_dir_all(self.at(path)).unwrap();
        self
    }

    /// When a file was last changed.
    fn modified(self, path: &str, moment: u64) -> Self {
        let file = fs::File::options().write(true).open(self.at(path)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(moment)).unwrap();
        self
    }

    fn facts(&self) -> Facts {
        gather(self.root(), 1_700_000_000, &[], &NoScripts)
    }

    fn source(&self) -> Source {
        Source::open(self.root()).unwrap()
    }
}

/// The root of a machine from the field.
fn case(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases").join(path)
}

#[track_caller]
fn known<T: Clone + std::fmt::Debug>(fact: &Fact<T>) -> (T, String) {
    let Fact::Known { value, evidence } = fact else { panic!("{fact:?}") };
    (value.clone(), evidence.clone())
}

#[track_caller]
fn unknown<T: std::fmt::Debug>(fact: &Fact<T>) -> String {
    let Fact::Unknown { reason } = fact else { panic!("{fact:?}") };
    reason.clone()
}
