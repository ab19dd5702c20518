//! The machine of one test: a root whose `/etc` is the one that the programs see, too.

use std::cell::RefCell;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mdm_agent::engine::application::{Application, ApplicationOutcome};
use mdm_agent::engine::profile::Profile;
use mdm_agent::platform::force::{Others, Platform};
use mdm_agent::platform::messenger::{Messenger, Tools};
use mdm_agent::platform::translate::NoUnsealer;
use mdm_tests::machine_root;

/// A Debian desktop; its programs are told of changes as on a real one.
pub(crate) struct Machine {
    folder: PathBuf,
    platform: Platform,
    in_force: RefCell<Vec<Profile>>,
}

impl Machine {
    pub(crate) fn new(folder: PathBuf) -> Self {
        let root = folder.join("root");
        let number = |path: &Path| path.metadata().map(|facts| (facts.dev(), facts.ino())).unwrap();
        assert_eq!(number(&root.join("etc")), number(Path::new("/etc")), "this is not the test's own /etc");
        machine_root::debian(&root).unwrap();
        let machine = Self { folder, platform: Platform::of(root, Path::new("")), in_force: RefCell::default() };
        machine.told_by(Arc::new(Tools))
    }

    /// The same machine, whose programs somebody else tells.
    pub(crate) fn told_by(&self, messenger: Arc<dyn Messenger>) -> Self {
        let platform = Platform::new(self.folder.join("root"), self.folder.join("state"), messenger);
        let platform = platform.for_device(Some("ada@example.org".to_owned()), Arc::new(NoUnsealer));
        Self { folder: self.folder.clone(), platform, in_force: self.in_force.clone() }
    }

    /// A place for what a test needs beside the machine.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes programs away.
    pub(crate) fn without(&self, programs: &[&str]) {
        for program in programs {
            std::fs::remove_file(self.folder.join("root").join(program)).unwrap();
        }
    }

    /// Puts profiles in force, beside those that are.
    pub(crate) fn try_to_put_in_force(&self, profiles: &[Profile]) -> ApplicationOutcome {
        let by_address = profiles.iter().map(|profile| (profile.root.to_string(), Some(Arc::new(profile.clone()))));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        let application = Application { profiles: by_address.collect(), now, ..Application::default() };
        let outcome = self.platform.put_in_force(&self.in_force.borrow(), &application, Others::Go).unwrap();
        let taken = profiles.iter().filter(|profile| !outcome.failed.contains_key(&profile.root.to_string()));
        self.in_force.borrow_mut().extend(taken.cloned());
        outcome
    }

    /// Puts profiles in force, all of them.
    pub(crate) fn put_in_force(&self, profiles: &[Profile]) {
        let outcome = self.try_to_put_in_force(profiles);
        let machine = outcome.machine.as_ref().expect("the machine was looked at");
        let is_applied = |profile: &Profile| machine.applied.contains_key(&profile.root.to_string());
        assert!(outcome.failed.is_empty() && profiles.iter().all(is_applied), "{outcome:?}");
    }

    /// Takes all profiles away.
    pub(crate) fn undo(&self) {
        let convergence = self.platform.converge(&[], Others::Go).unwrap();
        assert!(convergence.refused.is_empty() && convergence.drift.is_empty(), "{convergence:?}");
        assert!(self.platform.ledger().unwrap().files.is_empty());
        self.in_force.borrow_mut().clear();
    }

    /// The file of a profile in a directory, as the programs see it.
    pub(crate) fn file_of(&self, profile: &Profile, directory: &str) -> PathBuf {
        let ledger = self.platform.ledger().unwrap();
        let owner = profile.root.to_string();
        let mut files = ledger
            .files
            .iter()
            .filter(|(path, entry)| path.directory() == directory && entry.profiles.contains(&owner));
        let (path, _) = files.next().unwrap_or_else(|| panic!("{owner} has no file in {directory}: {ledger:?}"));
        assert!(files.next().is_none(), "{owner} has several files in {directory}");
        PathBuf::from(path.as_str())
    }
}
