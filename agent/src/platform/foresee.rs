//! What would be done, without changing anything: because of what is held, or because of profiles that are tried without a
//! server. These are worked through by the real session with the real verdicts, and foreseen by the attempt that would apply
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::syncml::StatusCode;

use super::attempt::{Attempt, Set};
use super::force::{Others, Platform, PlatformError};
use super::look::stored_digest;
use super::preview::{Preview, preview};
use super::root::Root;
use super::survey::survey;
use crate::engine::profile::{Profile, Stored};
use crate::engine::trial::{Trial, TrialError, try_fragments};
use crate::engine::verdict::Verdicts;

/// Why nothing can be foreseen.
#[derive(Debug, thiserror::Error)]
pub enum ForeseeError {
    /// The fragments cannot be tried.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// The machine cannot be looked at.
    #[error(transparent)]
    Machine(#[from] PlatformError),
}

impl Platform {
    /// What would be done to bring the machine to what these profiles say. Changes nothing.
    pub fn foresee(&self, profiles: &[Profile]) -> Result<Preview, PlatformError> {
        let root = Root::open(self.root())?;
        let mut ledger = self.ledger_to_foresee(profiles)?;
        ledger.go_by(&stored_digest(profiles.iter()));
        let machine = Arc::new(survey(&root, &ledger));
        let profiles: Vec<Arc<Profile>> = profiles.iter().cloned().map(Arc::new).collect();
        let assembly = self.assembly(&root, &ledger, &machine, &profiles)?;
        let set = Set { assembly: &assembly, open: &BTreeSet::new(), others: Others::Go };
        let (attempt, plan) = Attempt::foresee(&root, &mut ledger, &set)?;
        Ok(preview(&root, &plan, &attempt, &ledger))
    }

    /// What a session with the commands of these fragments of SyncML would do, besides what is due anyway. `now` is in
    /// seconds since 1970. Blocks.
    pub fn foresee_fragments(&self, stored: &Stored, fragments: &[String], now: i64) -> Result<Preview, ForeseeError> {
        let machine = self.recorded().map_err(PlatformError::from)?;
        let mut evaluator = self.evaluator(&stored.profiles)?;
        let mut reasons = BTreeMap::new();
        let Trial { application, refused } = try_fragments(stored, &machine, fragments, now, |request| {
            if request.from_store {
                match self.evaluator(&stored.profiles) {
                    Ok(fresh) => evaluator = fresh,
                    Err(_) => return Verdicts { lost: true, ..Verdicts::default() },
                }
            }
            let verdicts = evaluator.evaluate(request);
            let refusals = verdicts.verdicts.iter().filter_map(|(root, verdict)| Some((root, verdict.refusal()?)));
            reasons.extend(refusals.map(|(root, refusal)| (root.clone(), refusal.reason.clone())));
            verdicts
        })?;
        let platform = self.clone().with_translations(evaluator.translations());
        let mut preview = platform.foresee_change(&stored.profiles, &application)?;
        preview.refused.extend(refused.into_iter().map(|(address, status)| {
            let is_of = |root: &&String| address == **root || address.starts_with(&format!("{root}/"));
            let reason = reasons.keys().find(is_of).and_then(|root| reasons.get(root));
            let reason = match (status, reason) {
                (StatusCode::ATOMIC_FAILED, _) => "a command in it would fail",
                (StatusCode::ROLLED_BACK | StatusCode::NOT_EXECUTED, _) => "another command of its Atomic would fail",
                (_, Some(reason)) => reason,
                (_, None) => "it would be refused",
            };
            (address.clone(), format!("{reason} ({})", status.0))
        }));
        Ok(preview)
    }
}
