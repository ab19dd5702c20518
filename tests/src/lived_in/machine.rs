//! The real platform on a root in a folder, and what it says during one session.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdm_agent::engine::application::{Application, ApplicationOutcome, DriftReport, MachineReport};
use mdm_agent::engine::profile::Stored;
use mdm_agent::engine::tree::Refusal;
use mdm_agent::engine::{Note, Profile};
use mdm_agent::platform::assembly::Translations;
use mdm_agent::platform::evaluation::Evaluator;
use mdm_agent::platform::force::{Others, Platform, PlatformError};
use mdm_agent::platform::messenger::Silent;
use mdm_agent::platform::preview::Preview;
use mdm_agent::platform::root::Root;
use mdm_agent::platform::translate::NoUnsealer;
use mdm_protocol::syncml::StatusCode;

use super::trouble::{Cast, Spell, Trouble};
use crate::packages::enrolment::USER;
use crate::packages::managed::ManagedMachine;

/// The notes that speak of a file that somebody changed.
const NOTES: [&str; 3] = ["file-put-back", "file-left-alone", "file-removed"];

/// What was said during one session, or one start.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Files of which the history says that somebody had changed them.
    pub(super) noted: Vec<String>,
    /// Files of which the server was told the same.
    pub(super) told: Vec<String>,
    /// How the machine was in the end; nothing if that is not known.
    pub(super) report: Option<MachineReport>,
}

/// A machine in a folder.
pub(super) struct LivedInMachine {
    _folder: tempfile::TempDir,
    root: PathBuf,
    state: PathBuf,
    platform: Platform,
    spell: Arc<Spell>,
    said: Said,
    told: Vec<DriftReport>,
}

impl LivedInMachine {
    pub(super) fn new() -> std::io::Result<Self> {
        // In memory, where nothing waits for a disk, if there is such a place.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }?;
        let (root, state) = (folder.path().join("root"), folder.path().join("state"));
        std::fs::create_dir_all(&root)?;
        let platform = Platform::new(&root, &state, Arc::new(Silent));
        let platform = platform.for_device(Some(USER.to_owned()), Arc::new(NoUnsealer));
        Ok(Self {
            _folder: folder,
            root,
            state,
            platform,
            spell: Spell::new(Trouble::Nothing, None),
            said: Said::default(),
            told: Vec::new(),
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// A process begins, in this trouble.
    pub(super) fn begin(&mut self, spell: Arc<Spell>) {
        self.spell = spell;
        self.said = Said::default();
        self.told = Vec::new();
    }

    /// What was said since then.
    pub(super) fn said(&mut self) -> Said {
        std::mem::take(&mut self.said)
    }

    pub(super) fn foresee(&self, profiles: &[Profile]) -> Option<Preview> {
        self.platform.foresee(profiles).ok()
    }

    /// What a session with these commands would do.
    pub(super) fn foresee_fragments(&self, stored: &Stored, fragments: &[String], now: i64) -> Option<Preview> {
        self.platform.foresee_fragments(stored, fragments, now).ok()
    }

    pub(super) fn clear(&mut self) -> Result<(), PlatformError> {
        let mut drift = Vec::new();
        let cleared = self.platform.clear_in(&self.opened()?, &mut drift);
        // The history has it; there is no server any more.
        self.said.noted.extend(drift.into_iter().map(|drift| drift.path));
        cleared
    }

    fn opened(&self) -> Result<Root, PlatformError> {
        Ok(Root::open(&self.root)?.with_interference(Box::new(Cast(Arc::clone(&self.spell)))))
    }
}

impl ManagedMachine for LivedInMachine {
    fn converge(&mut self, stored: &[Profile]) -> MachineReport {
        let found = self.opened().and_then(|root| self.platform.converge_in(&root, stored, Others::Go));
        let report = match found {
            Ok(found) => found.report(),
            Err(error) => {
                let refusal = refusal(&error);
                let refused = stored.iter().map(|profile| (profile.root.to_string(), refusal.clone())).collect();
                MachineReport { refused, ..MachineReport::default() }
            }
        };
        self.said.report = Some(report.clone());
        report
    }

    fn evaluator(&mut self, stored: &[Profile]) -> Option<Evaluator> {
        self.platform.evaluator(stored).ok()
    }

    fn apply(
        &mut self,
        stored: &[Profile],
        application: &Application,
        translations: &Translations,
    ) -> ApplicationOutcome {
        let platform = self.platform.clone().with_translations(translations.clone());
        let outcome = self.opened().and_then(|root| platform.put_in_force_in(&root, stored, application, Others::Go));
        outcome.unwrap_or_else(|error| {
            let refusal = refusal(&error);
            let failed = application.profiles.keys().map(|root| (root.clone(), refusal.clone())).collect();
            ApplicationOutcome { failed, ..ApplicationOutcome::default() }
        })
    }

    fn host_name(&self) -> String {
        let path = self.root.join("etc/hostname");
        // A pipe would keep everybody waiting.
        let name = if path.is_file() { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        name.trim().to_owned()
    }

    fn close(&mut self, stored: &[Profile]) -> Vec<DriftReport> {
        let told = std::mem::take(&mut self.told);
        if !told.is_empty() && !self.is_dead() {
            // What cannot be written down is told again.
            let _ = self.platform.drift_reported(&told);
        }
        self.converge(stored).drift
    }

    fn drift_reported(&mut self, told: &[DriftReport]) {
        self.told = told.to_vec();
        self.said.told.extend(told.iter().map(|drift| drift.path.clone()));
    }

    fn noted(&mut self, notes: &[Note]) {
        let notes = notes.iter().filter(|note| NOTES.contains(&note.what));
        self.said.noted.extend(notes.filter_map(|note| note.particular("file").map(str::to_owned)));
    }

    fn is_dead(&self) -> bool {
        self.spell.has_killed()
    }
}

fn refusal(error: &PlatformError) -> Refusal {
    let status = if error.is_full() { StatusCode::DEVICE_FULL } else { StatusCode::FAILED };
    Refusal { status, reason: error.to_string() }
}
