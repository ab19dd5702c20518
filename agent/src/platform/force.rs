//! Putting profiles in force: the whole way from what they are to what the machine has.
//!
//! What a session changes is tried with everything else that is in force. What cannot be had falls out together with
//! what it stands or falls with, and the rest is tried again, until the machine has exactly what is left: the former
//! version of what fell out, the new one of everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mdm_protocol::syncml::{Format, StatusCode};

use super::apply::Site;
use super::attempt::{Attempt, Set, hold_untranslated};
use super::desired::Untranslatable;
use super::issued;
use super::ledger::{Drift, Ledger, LedgerError, Standing};
use super::look::{fingerprint, is_untouched, retained, see};
use super::machine::Machine;
use super::messenger::{Messenger, Silent, Tools};
use super::plan::plan;
use super::preview::{Preview, preview};
use super::remote::{Host, OtherRoot, SystemHost};
use super::root::{Root, RootError};
use super::survey::survey;
use super::translate::{Context, NoUnsealer, Unsealer, translate};
use crate::engine::application::{Application, ApplicationOutcome};
use crate::engine::profile::Profile;
use crate::engine::tree::Refusal;

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
    /// Not everything could be taken off the machine.
    #[error("{left} files are left on the machine: {why}")]
    Left {
        /// How many files.
        left: usize,
        /// Why the first of them is.
        why: String,
    },
}

impl PlatformError {
    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Ledger(LedgerError::File(error)) => {
                matches!(error.source.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            }
            Self::Ledger(LedgerError::Damaged { .. } | LedgerError::OtherRoot { .. }) => false,
            Self::Root(error) => error.is_full(),
            Self::Left { .. } => false,
        }
    }
}

/// How the machine was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Convergence {
    /// What somebody else had changed; it is put back.
    pub drift: Vec<Drift>,
    /// What could not be put in force, by the address of the profile.
    pub refused: BTreeMap<String, Refusal>,
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

/// How many profiles that fell out together are tried one by one.
const MOST_SUSPECTS: usize = 20;

/// What came of an attempt: with which profiles, and which of the changed ones fell out.
struct Tried {
    attempt: Attempt,
    profiles: Vec<Profile>,
    fallen: BTreeMap<String, Refusal>,
}

/// A session's changes on their way to the machine.
struct Work<'a> {
    root: &'a Root,
    before: &'a [Profile],
    application: &'a Application,
    others: Others,
    machine: Machine,
    ledger: Ledger,
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

    fn context<'a>(
        &'a self,
        root: &Root,
        ledger: &Ledger,
        machine: &'a Machine,
        profiles: &'a [Profile],
    ) -> Context<'a> {
        let retained = retained(root, ledger);
        let issued = issued::read(&self.state, profiles);
        let user = self.user.as_deref();
        Context { user, unsealer: &*self.unsealer, issued, retained, ..Context::new(machine, profiles) }
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
        let site = Site { root, state: &self.state, messenger: &*self.messenger };
        let mut ledger = self.readable_ledger()?;
        let machine = survey(root);
        let fingerprint = fingerprint(&machine, profiles, &self.state);
        if ledger.settled.as_ref() == Some(&fingerprint) && is_untouched(root, &ledger) {
            return Ok(Convergence { nodes: nodes(&ledger), refused: refused(&ledger), drift: Vec::new() });
        }
        let set = Set { profiles, open: &BTreeSet::new(), others, arrival: None };
        let attempt =
            Attempt::settle(&site, &mut ledger, &set, |ledger| self.context(root, ledger, &machine, set.profiles))?;
        attempt.conclude(&site, &mut ledger, &fingerprint)?;
        if others == Others::Go {
            issued::forget_others(&self.state, profiles);
        }
        Ok(Convergence { drift: attempt.drift, refused: attempt.refused, nodes: attempt.desired.nodes })
    }

    /// Takes everything that the agent made off the machine, or says what is left. Blocks.
    pub fn clear(&self) -> Result<(), PlatformError> {
        let found = self.converge(&[], Others::Go)?;
        let ledger = self.readable_ledger()?;
        if ledger.is_empty() {
            return Ok(());
        }
        let why = found.refused.into_values().map(|refusal| refusal.reason).next();
        let untold = || {
            format!("{} was not told", ledger.untold.iter().filter_map(|it| it.name()).collect::<Vec<_>>().join(", "))
        };
        Err(PlatformError::Left { left: ledger.files.len(), why: why.unwrap_or_else(untold) })
    }

    /// Puts in force what a session changed. Blocks.
    pub fn put_in_force(
        &self,
        before: &[Profile],
        application: &Application,
        others: Others,
    ) -> Result<ApplicationOutcome, PlatformError> {
        self.put_in_force_in(&Root::open(&self.root)?, before, application, others)
    }

    /// As [`Self::put_in_force`], on a root that is open.
    pub fn put_in_force_in(
        &self,
        root: &Root,
        before: &[Profile],
        application: &Application,
        others: Others,
    ) -> Result<ApplicationOutcome, PlatformError> {
        let mut work =
            Work { root, before, application, others, machine: survey(root), ledger: self.readable_ledger()? };
        let mut outcome = ApplicationOutcome::default();
        loop {
            let Tried { attempt, profiles, fallen } = self.attempt(&mut work, &outcome.refused)?;
            if fallen.is_empty() {
                outcome.waiting = waiting(&attempt, &application.without(&outcome.refused));
                let fingerprint = fingerprint(&work.machine, &profiles, &self.state);
                attempt.conclude(&self.site(root), &mut work.ledger, &fingerprint)?;
                outcome.nodes = attempt.desired.nodes;
                return Ok(outcome);
            }
            if attempt.is_shared && fallen.len() <= MOST_SUSPECTS {
                self.try_one_by_one(&mut work, &fallen, &mut outcome.refused)?;
            } else {
                outcome.refused.extend(fallen);
            }
        }
    }

    fn site<'a>(&'a self, root: &'a Root) -> Site<'a> {
        Site { root, state: &self.state, messenger: &*self.messenger }
    }

    /// Tries what is left without these.
    fn attempt(&self, work: &mut Work<'_>, refused: &BTreeMap<String, Refusal>) -> Result<Tried, PlatformError> {
        let changed = work.application.without(refused);
        let profiles = apply_changes(work.before, &changed);
        let open: BTreeSet<String> = changed.keys().cloned().collect();
        let arrival = Some(work.application.now);
        let set = Set { profiles: &profiles, open: &open, others: work.others, arrival };
        let (root, machine) = (work.root, &work.machine);
        let context = |ledger: &Ledger| self.context(root, ledger, machine, &profiles);
        let attempt = Attempt::settle(&self.site(root), &mut work.ledger, &set, context)?;
        let fallen = attempt.refused.iter().filter(|(root, _)| open.contains(*root));
        let fallen = fallen.map(|(root, why)| (root.clone(), why.clone())).collect();
        Ok(Tried { attempt, profiles, fallen })
    }

    /// Of several that fell out together, finds those that are to blame: each is tried with what was found good.
    fn try_one_by_one(
        &self,
        work: &mut Work<'_>,
        suspects: &BTreeMap<String, Refusal>,
        refused: &mut BTreeMap<String, Refusal>,
    ) -> Result<(), PlatformError> {
        refused.extend(suspects.clone());
        for root in suspects.keys() {
            let Some(reason) = refused.remove(root) else { continue };
            let fallen = self.attempt(work, refused)?.fallen;
            if let Some(why) = fallen.get(root) {
                refused.insert(root.clone(), why.clone());
            } else if !fallen.is_empty() {
                refused.insert(root.clone(), reason);
            }
        }
        Ok(())
    }

    /// What would be done to bring the machine to what these profiles say. Changes nothing.
    pub fn foresee(&self, profiles: &[Profile]) -> Result<Preview, PlatformError> {
        let root = Root::open(&self.root)?;
        let ledger = Ledger::read(&self.state, &self.root)?;
        let machine = survey(&root);
        let mut desired = translate(self.context(&root, &ledger, &machine, profiles));
        hold_untranslated(&mut desired, &ledger);
        let seen = see(&root, &ledger, &desired)?;
        Ok(preview(&root, &plan(&desired, &ledger, &seen), &desired, &ledger))
    }

    /// A damaged ledger is put aside; what it would have said is found again by the names that only the agent gives.
    fn readable_ledger(&self) -> Result<Ledger, LedgerError> {
        match Ledger::read(&self.state, &self.root) {
            Err(LedgerError::Damaged { path, reason }) => {
                tracing::error!(path = %path.display(), reason, "the ledger of what was made on this machine is damaged; it is put aside");
                crate::shell::files::rename(&path, &path.with_extension("damaged"))?;
                Ok(Ledger::default())
            }
            other => other,
        }
    }
}

/// What the server may read of profiles that are in force, as the ledger has it.
fn nodes(ledger: &Ledger) -> Vec<(String, Format, String)> {
    let nodes = ledger.nodes.iter();
    nodes.map(|(address, format, value)| (address.clone(), Format::parse(format), value.clone())).collect()
}

/// What of the changed profiles waits for something.
fn waiting(attempt: &Attempt, changed: &BTreeMap<String, Option<Profile>>) -> BTreeMap<String, String> {
    let waiting = attempt.desired.without.iter().filter(|(root, _)| changed.contains_key(*root));
    let waiting = waiting.filter_map(|(root, why)| match why {
        Untranslatable::Waiting(reason) => Some((root.clone(), reason.clone())),
        Untranslatable::Refused(_) => None,
    });
    waiting.collect()
}

/// What is not in force, as the ledger has it.
fn refused(ledger: &Ledger) -> BTreeMap<String, Refusal> {
    let standing = ledger.profiles.iter().filter_map(|(root, standing)| match standing {
        Standing::Refused { status, reason } => {
            Some((root.clone(), Refusal { status: StatusCode(*status), reason: reason.clone() }))
        }
        Standing::Waiting { .. } => None,
    });
    standing.collect()
}

fn apply_changes(before: &[Profile], changed: &BTreeMap<String, Option<Profile>>) -> Vec<Profile> {
    let mut profiles: Vec<Profile> =
        before.iter().filter(|profile| !changed.contains_key(&profile.root.to_string())).cloned().collect();
    profiles.extend(changed.values().flatten().cloned());
    profiles.sort_by(|left, right| left.root.cmp(&right.root));
    profiles
}
