//! The machine that profiles are applied on, and how it is brought to what is stored. A session's changes are applied in
//! `change`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdm_protocol::syncml::{Format, StatusCode};

use super::apply::Site;
use super::assembly::{Assembly, Translations};
use super::attempt::{Attempt, Set};
use super::issued;
use super::ledger::{Drift, Ledger, LedgerError, Standing};
use super::look::{fingerprint, is_untouched, retained, stored_digest};
use super::machine::Machine;
use super::messenger::{Messenger, Silent, Tools};
use super::path::MachinePath;
use super::remote::{Host, OtherRoot, SystemHost};
use super::root::{Root, RootError};
use super::shares::Shares;
use super::site::Surroundings;
use super::survey::survey;
use super::translate::{NoUnsealer, Unsealer};
use crate::engine::application::MachineReport;
use crate::engine::profile::Profile;
use crate::engine::tree::Refusal;

/// The most files that are named at once.
const MOST_NAMED: usize = 5;

/// The machine that profiles are put in force on.
#[derive(Debug, Clone)]
pub struct Platform {
    root: PathBuf,
    state: PathBuf,
    messenger: Arc<dyn Messenger>,
    host: Arc<dyn Host>,
    /// The enrolled user.
    user: Option<String>,
    unsealer: Arc<dyn Unsealer>,
    shares: Arc<Shares>,
    translations: Arc<Translations>,
}

/// Why nothing at all can be put in force.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The root directory cannot be used.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The list of what was made on the machine could not be read.
    #[error(
        "the list of what the agent made on this machine was damaged and is {} now; look for what is left, then remove \
         it: find /etc /usr/local /usr/share -name '*mdm-agent*'",
        path.display()
    )]
    LedgerLost {
        /// Where it is now.
        path: PathBuf,
    },
    /// Not everything could be taken off the machine.
    #[error("{} left on the machine: {why}", named(left))]
    Left {
        /// The files.
        left: Vec<MachinePath>,
        /// Why the first of them is.
        why: String,
    },
}

/// The first of some files by name, and how many there are more.
fn named(files: &[MachinePath]) -> String {
    let shown: Vec<&str> = files.iter().take(MOST_NAMED).map(MachinePath::as_str).collect();
    match files.len() {
        0 => "something is".to_owned(),
        1 => format!("{} is", shown[0]),
        count if count > MOST_NAMED => format!("{} and {} other files are", shown.join(", "), count - MOST_NAMED),
        _ => format!("{} are", shown.join(", ")),
    }
}

impl PlatformError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Ledger(LedgerError::File(error)) => error.is_full(),
            Self::Ledger(LedgerError::Damaged { .. } | LedgerError::OtherRoot { .. }) => false,
            Self::Root(error) => error.is_full(),
            Self::Left { .. } | Self::LedgerLost { .. } => false,
        }
    }
}

/// How the machine was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Convergence {
    /// What somebody else had changed; it is put back.
    pub drift: Vec<Drift>,
    /// The same, and what was found before and the server does not know yet.
    pub unreported: Vec<Drift>,
    /// What could not be put in force, by the address of the profile.
    pub refused: BTreeMap<String, Refusal>,
    /// Applied profiles, by their address, and the hash of their content.
    pub applied: BTreeMap<String, String>,
    /// Profiles that keep what they had although it could not be applied again, in the same form.
    pub held: BTreeMap<String, String>,
    /// What the server may read of the profiles: address, format, value.
    pub nodes: Vec<(String, Format, String)>,
}

/// What becomes of what the ledger has of profiles that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It goes.
    Go,
    /// It stays: the store was lost, and the server will bring the profiles again.
    Stay,
}

impl Platform {
    /// The machine below `root`, with the ledger in `state`. Only where that is this machine itself are its programs
    /// told.
    pub fn of(root: PathBuf, state: &Path) -> Self {
        if root == Path::new("/") {
            Self { host: Arc::new(SystemHost), ..Self::new(root, state, Arc::new(Tools)) }
        } else {
            Self::new(root, state, Arc::new(Silent))
        }
    }

    /// The machine below `root`, with the ledger in `state`.
    pub fn new(root: impl Into<PathBuf>, state: impl Into<PathBuf>, messenger: Arc<dyn Messenger>) -> Self {
        Self {
            root: root.into(),
            state: state.into(),
            messenger,
            host: Arc::new(OtherRoot),
            user: None,
            unsealer: Arc::new(NoUnsealer),
            shares: Arc::default(),
            translations: Arc::default(),
        }
    }

    /// The same machine, with another host.
    #[must_use]
    pub fn with_host(self, host: Arc<dyn Host>) -> Self {
        Self { host, ..self }
    }

    pub(super) fn host(&self) -> &dyn Host {
        &*self.host
    }

    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// The same machine, with the user it is enrolled for and whoever opens what is sealed for it.
    #[must_use]
    pub fn for_device(&self, user: Option<String>, unsealer: Arc<dyn Unsealer>) -> Self {
        Self { user, unsealer, ..self.clone() }
    }

    /// The same machine, which remembers what was worked out at expense, for as long as the caller does.
    #[must_use]
    pub fn remembering(self, shares: Arc<Shares>) -> Self {
        Self { shares, ..self }
    }

    /// The same machine, with what was found when the changes were judged.
    #[must_use]
    pub fn with_translations(self, translations: Translations) -> Self {
        Self { translations: Arc::new(translations), ..self }
    }

    pub(super) fn translations(&self) -> &Translations {
        &self.translations
    }

    /// What these profiles meet on this machine.
    pub(super) fn surroundings<'a>(
        &self,
        root: &Root,
        ledger: &Ledger,
        machine: &Arc<Machine>,
        profiles: impl Iterator<Item = &'a Profile>,
    ) -> Result<Surroundings, RootError> {
        Ok(Surroundings {
            machine: Arc::clone(machine),
            user: self.user.clone(),
            unsealer: Arc::clone(&self.unsealer),
            issued: Arc::new(issued::read(&self.state, profiles)),
            retained: retained(root, ledger),
            ledger: ledger.clone(),
            root: Some(Root::open(root.directory())?),
            seen: std::sync::Mutex::default(),
            obstructed: std::sync::Mutex::default(),
            shares: Arc::clone(&self.shares),
        })
    }

    pub(super) fn assembly(
        &self,
        root: &Root,
        ledger: &Ledger,
        machine: &Arc<Machine>,
        profiles: &[Arc<Profile>],
    ) -> Result<Assembly, RootError> {
        let surroundings = self.surroundings(root, ledger, machine, profiles.iter().map(|profile| &**profile))?;
        Ok(Assembly::of_stored(surroundings, profiles.iter().cloned()))
    }

    /// The directory that stands for the machine's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the agent made on this machine.
    pub fn ledger(&self) -> Result<Ledger, LedgerError> {
        Ledger::read(&self.state, &self.root)
    }

    /// Brings the machine to what these profiles say, whatever it was before. Blocks.
    pub fn converge(&self, profiles: &[Profile], others: Others) -> Result<Convergence, PlatformError> {
        self.converge_in(&Root::open(&self.root)?, profiles, others)
    }

    /// As [`Self::converge`], on a root that is open.
    pub fn converge_in(&self, root: &Root, profiles: &[Profile], others: Others) -> Result<Convergence, PlatformError> {
        let site = self.site(root);
        let mut ledger = self.ledger_for(profiles, others)?;
        let machine = Arc::new(survey(root, &ledger));
        let fingerprint = fingerprint(&machine, profiles.iter(), &self.state);
        let is_settled = ledger.applied.is_some() && ledger.settled.as_ref() == Some(&fingerprint);
        if is_settled && ledger.unrecorded.is_empty() && is_untouched(root, &ledger) {
            return Ok(convergence(&ledger, Vec::new()));
        }
        ledger.go_by(&stored_digest(profiles.iter()));
        let profiles: Vec<Arc<Profile>> = profiles.iter().cloned().map(Arc::new).collect();
        let assembly = self.assembly(root, &ledger, &machine, &profiles)?;
        let attempt =
            Attempt::settle(&site, &mut ledger, &Set { assembly: &assembly, open: &BTreeSet::new(), others })?;
        attempt.conclude(&site, &mut ledger, &fingerprint)?;
        if others == Others::Go {
            issued::forget_others(&self.state, profiles.iter().map(|profile| &**profile));
        }
        Ok(convergence(&ledger, attempt.drift))
    }

    pub(super) fn site<'a>(&'a self, root: &'a Root) -> Site<'a> {
        Site { root, state: &self.state, messenger: &*self.messenger }
    }

    /// How the machine was found or left last. Looks at nothing.
    pub fn recorded(&self) -> Result<MachineReport, LedgerError> {
        Ok(convergence(&self.ledger()?, Vec::new()).report())
    }
}

/// How the machine is, as the ledger has it.
pub(super) fn convergence(ledger: &Ledger, drift: Vec<Drift>) -> Convergence {
    let nodes = ledger.nodes.iter();
    let nodes = nodes.map(|(address, format, value)| (address.clone(), Format::parse(format), value.clone()));
    let both = ledger.applied.iter().flatten().map(|(root, content)| (root.clone(), content.clone()));
    let (held, applied) = both.partition(|(root, _)| ledger.profiles.contains_key(root));
    let refused = ledger.profiles.iter().filter_map(|(root, standing)| match standing {
        Standing::Refused { status, reason } => {
            Some((root.clone(), Refusal { status: StatusCode(*status), reason: reason.clone() }))
        }
        Standing::Waiting { .. } => None,
    });
    let unreported = ledger.unreported.clone();
    Convergence { drift, unreported, refused: refused.collect(), applied, held, nodes: nodes.collect() }
}

impl Convergence {
    /// What the engine needs to know of it.
    pub fn report(self) -> MachineReport {
        let [drift, unreported] = [&self.drift, &self.unreported].map(|list| list.iter().map(Drift::report).collect());
        let Self { refused, applied, held, nodes, .. } = self;
        MachineReport { drift, unreported, refused, applied, held, nodes }
    }
}
