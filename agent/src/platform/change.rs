//! A session's changes on their way to the machine. What fails all the same, because the disk is full or a tool does not
//! take it, falls out, and the rest is tried again, until the machine has the former version of what fell out and the new
//! one of everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assembly::Assembly;
use super::attempt::{Attempt, Set};
use super::force::{Others, Platform, PlatformError, convergence};
use super::ledger::{Before, Drift, Ledger};
use super::look::{fingerprint, stored_digest};
use super::machine::Machine;
use super::plan::Plan;
use super::preview::{Preview, preview};
use super::root::Root;
use super::survey::survey;
use crate::engine::application::{Application, ApplicationOutcome};
use crate::engine::profile::Profile;
use crate::engine::tree::Refusal;

/// How many profiles that fell out together are tried one by one.
const MOST_SUSPECTS: usize = 20;

/// What came of an attempt: with which profiles, and which of the changed ones fell out.
struct Tried {
    attempt: Attempt,
    /// What would be done first, where it is only foreseen.
    plan: Plan,
    profiles: Vec<Arc<Profile>>,
    fallen: BTreeMap<String, Refusal>,
}

/// A session's changes on their way to the machine.
struct Work<'a> {
    root: &'a Root,
    before: &'a [Profile],
    application: &'a Application,
    others: Others,
    machine: Arc<Machine>,
    ledger: Ledger,
    /// What somebody else had changed, as the attempts found it.
    drift: Vec<Drift>,
    /// Whether nothing is changed.
    foresees: bool,
}

/// What a session's changes come to.
struct WorkedOut {
    tried: Tried,
    failed: BTreeMap<String, Refusal>,
    consequences: BTreeMap<String, Refusal>,
}

impl Platform {
    /// Puts in force what a session changed. Blocks.
    pub fn put_in_force(
        &self,
        before: &[Profile],
        application: &Application,
        others: Others,
    ) -> Result<ApplicationOutcome, PlatformError> {
        self.put_in_force_in(&Root::open(self.root())?, before, application, others)
    }

    /// As [`Self::put_in_force`], on a root that is open.
    pub fn put_in_force_in(
        &self,
        root: &Root,
        before: &[Profile],
        application: &Application,
        others: Others,
    ) -> Result<ApplicationOutcome, PlatformError> {
        let ledger = self.ledger_for(before, others)?;
        let machine = Arc::new(survey(root, &ledger));
        let mut work = Work { root, before, application, others, machine, ledger, drift: Vec::new(), foresees: false };
        let WorkedOut { tried: Tried { attempt, profiles, .. }, failed, consequences } = self.work_out(&mut work)?;
        let fingerprint = fingerprint(&work.machine, profiles.iter().map(|profile| &**profile), self.state());
        attempt.conclude(&self.site(root), &mut work.ledger, &fingerprint)?;
        let machine = Some(convergence(&work.ledger, work.drift).report());
        Ok(ApplicationOutcome { failed, consequences, machine })
    }

    /// What [`Self::put_in_force`] would do. Changes nothing.
    pub fn foresee_change(&self, before: &[Profile], application: &Application) -> Result<Preview, PlatformError> {
        let root = Root::open(self.root())?;
        let ledger = self.ledger_to_foresee(before)?;
        let machine = Arc::new(survey(&root, &ledger));
        let (root, others) = (&root, Others::Go);
        let mut work = Work { root, before, application, others, machine, ledger, drift: Vec::new(), foresees: true };
        let WorkedOut { tried: Tried { attempt, plan, .. }, failed, consequences } = self.work_out(&mut work)?;
        let mut preview = preview(root, &plan, &attempt, &work.ledger);
        let fallen = failed.into_iter().chain(consequences);
        preview.refused.extend(fallen.map(|(root, why)| (root, format!("{} ({})", why.reason, why.status.0))));
        Ok(preview)
    }

    /// Tries until nothing falls out any more.
    fn work_out(&self, work: &mut Work<'_>) -> Result<WorkedOut, PlatformError> {
        let stored = stored_digest(work.before.iter());
        work.ledger.go_by(&stored);
        if let Some(before) = &work.application.applied_before {
            // No profile keeps what a former attempt applied.
            work.ledger.applied = Some(before.clone());
        }
        work.ledger.before = work.ledger.applied.clone().map(|applied| Before { stored, applied });
        let (mut failed, mut consequences) = (BTreeMap::new(), BTreeMap::new());
        loop {
            let given_up = failed.iter().chain(&consequences);
            let given_up = given_up.map(|(root, why): (&String, &Refusal)| (root.clone(), why.clone())).collect();
            let tried = self.attempt(work, &given_up)?;
            if tried.fallen.is_empty() {
                return Ok(WorkedOut { tried, failed, consequences });
            }
            let Tried { attempt, fallen, .. } = tried;
            // Every change had its verdict: what has another one now has it because of what failed.
            let is_consequence = |root: &String| !failed.is_empty() && attempt.desired.without.contains_key(root);
            let (caused, fallen): (BTreeMap<_, _>, BTreeMap<_, _>) =
                fallen.into_iter().partition(|(root, _)| is_consequence(root));
            consequences.extend(caused);
            if attempt.is_shared && fallen.len() <= MOST_SUSPECTS {
                self.try_one_by_one(work, &fallen, &mut failed)?;
            } else {
                failed.extend(fallen);
            }
        }
    }

    /// Tries what is left without these.
    fn attempt(&self, work: &mut Work<'_>, failed: &BTreeMap<String, Refusal>) -> Result<Tried, PlatformError> {
        let changed = work.application.profiles.iter().filter(|(root, _)| !failed.contains_key(*root));
        let changed: Vec<_> = changed.map(|(root, profile)| (root.clone(), profile.clone())).collect();
        let before: Vec<Arc<Profile>> = work.before.iter().cloned().map(Arc::new).collect();
        let profiles = apply_changes(&before, &changed);
        let surroundings =
            self.surroundings(work.root, &work.ledger, &work.machine, profiles.iter().map(|it| &**it))?;
        let mut assembly = Assembly::of_stored(surroundings, before);
        assembly.change(&changed, Some(work.application.now));
        let is_expected =
            |root: &String| work.application.expected.as_ref().is_none_or(|expected| expected.contains(root));
        let open: BTreeSet<String> = changed.into_iter().map(|(root, _)| root).filter(is_expected).collect();
        assembly.keep(self.translations(), open.iter());
        let set = Set { assembly: &assembly, open: &open, others: work.others };
        let (attempt, plan) = if work.foresees {
            Attempt::foresee(work.root, &mut work.ledger, &set)?
        } else {
            (Attempt::settle(&self.site(work.root), &mut work.ledger, &set)?, Plan::default())
        };
        let news = attempt.drift.iter().filter(|drift| !work.drift.contains(drift));
        work.drift.extend(news.cloned().collect::<Vec<_>>());
        let fallen = attempt.refused.iter().filter(|(root, _)| open.contains(*root));
        let fallen = fallen.map(|(root, why)| (root.clone(), why.clone())).collect();
        Ok(Tried { attempt, plan, profiles, fallen })
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
}

fn apply_changes(before: &[Arc<Profile>], changed: &[(String, Option<Arc<Profile>>)]) -> Vec<Arc<Profile>> {
    let roots: BTreeSet<&str> = changed.iter().map(|(root, _)| root.as_str()).collect();
    let staying = before.iter().filter(|profile| !roots.contains(profile.root.to_string().as_str()));
    let mut profiles: Vec<Arc<Profile>> =
        staying.chain(changed.iter().flat_map(|(_, present)| present)).cloned().collect();
    profiles.sort_by(|left, right| left.root.cmp(&right.root));
    profiles
}
