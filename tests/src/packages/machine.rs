//! A machine whose files are a map: what is applied is worked out by the real translation, and written nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdm_agent::engine::Profile;
use mdm_agent::engine::application::{Application, ApplicationOutcome, MachineReport};
use mdm_agent::engine::tree::Refusal;
use mdm_agent::platform::assembly::{Assembly, Translations};
use mdm_agent::platform::consumer::Consumer;
use mdm_agent::platform::desired::{Content, Untranslatable};
use mdm_agent::platform::evaluation::Evaluator;
use mdm_agent::platform::ledger::{Entry, Ledger};
use mdm_agent::platform::machine::Machine;
use mdm_agent::platform::path::MachinePath;
use mdm_agent::platform::root::{Former, Properties, Root};
use mdm_agent::platform::site::Surroundings;
use mdm_agent::platform::survey::survey;
use mdm_protocol::base64;
use mdm_protocol::syncml::StatusCode;

use super::enrolment::USER;

/// The machine's name before anybody manages it.
const NAME: &str = "base";
const HOST_NAME: &str = "/etc/hostname";

/// Files by their path: content, and the profiles that they are there for.
pub type Files = BTreeMap<String, (String, BTreeSet<String>)>;

/// A machine whose files are a map.
#[derive(Debug, Clone)]
pub struct SimulatedMachine {
    root: PathBuf,
    machine: Machine,
    files: Files,
    /// Profiles that are applied or keep what they have, and the hash of their content.
    applied: BTreeMap<String, String>,
    /// Profiles that cannot be changed, though their verdict is good.
    pub failing: BTreeSet<String>,
}

impl SimulatedMachine {
    /// A machine on which nothing is managed; what is below the root is only read.
    pub fn new(root: &Path) -> Self {
        let opened = Root::open(root).expect("a folder of the test is there");
        Self {
            root: root.to_owned(),
            machine: survey(&opened, &Ledger::default()),
            files: Files::new(),
            applied: BTreeMap::new(),
            failing: BTreeSet::new(),
        }
    }

    /// The files that are there because of profiles.
    pub fn files(&self) -> Files {
        self.files.clone()
    }

    /// Applied profiles.
    pub fn applied(&self) -> &BTreeMap<String, String> {
        &self.applied
    }

    /// The machine's present name.
    pub fn host_name(&self) -> String {
        self.files.get(HOST_NAME).map_or_else(|| NAME.to_owned(), |(content, _)| content.trim().to_owned())
    }

    /// Gives verdicts beginning with what is stored and applied now.
    pub fn evaluator(&self, stored: &[Profile]) -> Evaluator {
        Evaluator::new(self.assembly(stored))
    }

    /// Brings the machine to what is stored.
    pub fn converge(&mut self, stored: &[Profile]) -> MachineReport {
        let assembly = self.assembly(stored);
        self.take(&assembly)
    }

    /// Applies changes; what cannot be changed stays as it was.
    pub fn apply(
        &mut self,
        stored: &[Profile],
        application: &Application,
        translations: &Translations,
    ) -> ApplicationOutcome {
        if let Some(before) = &application.applied_before {
            self.applied.clone_from(before);
        }
        let before = |root: &String| stored.iter().find(|profile| profile.root.to_string() == *root);
        let changes = application.profiles.iter().filter(|(root, present)| present.as_deref() != before(root));
        let mut failed: BTreeMap<String, Refusal> = BTreeMap::new();
        for (root, _) in changes.filter(|(root, _)| self.failing.contains(*root)) {
            failed.insert(root.clone(), Refusal { status: StatusCode::FAILED, reason: "a tool failed".to_owned() });
        }
        let mut consequences: BTreeMap<String, Refusal> = BTreeMap::new();
        loop {
            let given_up = |root: &String| failed.contains_key(root) || consequences.contains_key(root);
            let changes = application.profiles.iter().filter(|(root, _)| !given_up(root));
            let changes: Vec<_> = changes.map(|(root, present)| (root.clone(), present.clone())).collect();
            let mut assembly = self.assembly(stored);
            assembly.change(&changes, Some(application.now));
            let is_expected =
                |root: &String| application.expected.as_ref().is_none_or(|expected| expected.contains(root));
            assembly.keep(translations, changes.iter().map(|(root, _)| root).filter(|root| is_expected(root)));
            let desired = assembly.desired();
            let expected = changes.iter().filter(|(root, _)| is_expected(root));
            let refused = expected.filter_map(|(root, _)| match desired.without.get(root)? {
                Untranslatable::Refused(refusal) => Some((root.clone(), refusal.clone())),
                Untranslatable::Waiting(_) => None,
            });
            let refused: Vec<(String, Refusal)> = refused.collect();
            if refused.is_empty() {
                return ApplicationOutcome { failed, consequences, machine: Some(self.take(&assembly)) };
            }
            if failed.is_empty() { &mut failed } else { &mut consequences }.extend(refused);
        }
    }

    fn assembly(&self, stored: &[Profile]) -> Assembly {
        let root = Root::open(&self.root).expect("a folder of the test is there");
        let mut ledger = Ledger::default();
        ledger.applied = Some(self.applied.clone());
        if let Some((_, owners)) = self.files.get(HOST_NAME) {
            ledger.files.insert(MachinePath::new(HOST_NAME), host_name_entry(owners));
        }
        let surroundings = Surroundings::of(self.machine.clone()).for_user(USER).at(root, ledger);
        Assembly::of_stored(surroundings, stored.iter().cloned().map(Arc::new))
    }

    fn take(&mut self, assembly: &Assembly) -> MachineReport {
        let desired = assembly.desired();
        let (kept, mut applied): (BTreeMap<_, _>, BTreeMap<_, _>) =
            assembly.applicable().into_iter().partition(|(root, _)| desired.without.contains_key(root));
        let mut report = MachineReport {
            unreported: Vec::new(),
            drift: Vec::new(),
            refused: desired
                .without
                .iter()
                .filter_map(|(root, why)| match why {
                    Untranslatable::Refused(refusal) => Some((root.clone(), refusal.clone())),
                    Untranslatable::Waiting(_) => None,
                })
                .collect(),
            applied: applied.clone(),
            held: BTreeMap::new(),
            nodes: desired.nodes,
        };
        let held: BTreeMap<String, String> = desired
            .without
            .keys()
            .filter_map(|root| Some((root.clone(), assembly.content(root)?.to_owned())))
            .filter(|(root, content)| self.applied.get(root) == Some(content))
            .chain(kept)
            .collect();
        let used: BTreeSet<String> = desired.used.iter().map(ToString::to_string).collect();
        let former = std::mem::take(&mut self.files);
        let present = desired.files.into_iter().map(|(path, (file, owners))| {
            let content = match file.content {
                Content::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Content::Link(target) => format!("-> {target}"),
            };
            (path.to_string(), (content, owners))
        });
        // A courtesy gives way to a foreign file.
        let is_taken = |path: &str| self.root.join(path.trim_start_matches('/')).exists();
        self.files = present.filter(|(path, (_, owners))| !owners.is_empty() || !is_taken(path)).collect();
        for (path, (content, owners)) in former {
            let stays = used.contains(&path) || owners.iter().any(|owner| held.contains_key(owner));
            if stays && !self.files.contains_key(&path) {
                self.files.insert(path, (content, owners));
            }
        }
        report.held.clone_from(&held);
        applied.extend(held);
        self.applied = applied;
        report
    }
}

fn host_name_entry(owners: &BTreeSet<String>) -> Entry {
    let content = base64::encode(format!("{NAME}\n"));
    let former = Former::File { content, mode: 0o644, properties: Properties::default() };
    Entry {
        digest: String::new(),
        mode: 0o644,
        before: None,
        profiles: owners.clone(),
        consumer: Consumer::HostName,
        former: Some(former),
        stamp: None,
        noticed: None,
        real: None,
    }
}
