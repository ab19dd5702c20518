//! The answer to `plan`: what would be done on this machine, by the code that would do it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::questions::{Reply, answer};
use super::{Agent, Stored, clock};
use crate::engine::trial::{Trial, try_fragments};
use crate::engine::verdict::Verdicts;
use crate::platform::force::{Platform, PlatformError};
use crate::platform::preview::Preview;
use crate::platform::shares::Shares;
use crate::shell::control::{ControlError, ControlResult, ErrorCode};
use crate::shell::unseal::{IdentityUnsealer, OnlyStored};

impl Agent {
    /// What would be done on the machine. On one that is not enrolled nothing is held, but profiles can be tried.
    pub(super) fn plan(&self, fragments: Vec<String>, reply: Reply) {
        let (platform, identity) = (self.platform(), self.identity.clone());
        let foresee = move |stored: &Stored| -> ControlResult {
            if fragments.is_empty() {
                return platform
                    .foresee(&stored.profiles)
                    .map(|preview| json!(preview))
                    .map_err(|error| failed(&error));
            }
            // What is only tried may be anybody's: nothing else than what is held is opened with the key of this machine.
            let platform = match &identity {
                Some(identity) => {
                    let inner = Arc::new(IdentityUnsealer(Arc::clone(identity)));
                    let user = identity.account.user.clone();
                    platform
                        .for_device(user, Arc::new(OnlyStored::of(stored, inner)))
                        .remembering(Arc::new(Shares::default()))
                }
                None => platform.clone(),
            };
            foresee_fragments(&platform, stored, &fragments).map(|preview| json!(preview))
        };
        let present = match (&self.snapshot, self.engine.account()) {
            (Some(snapshot), _) => snapshot.clone(),
            (None, None) => Stored::default(),
            (None, Some(_)) => return self.read(reply, move |stored, _| foresee(stored)),
        };
        // Looking through the machine takes time that a session should not wait for.
        tokio::task::spawn_blocking(move || answer(reply, foresee(&present)));
    }
}

fn failed(error: &PlatformError) -> ControlError {
    ControlError::new(ErrorCode::Failed, error.to_string())
}

fn foresee_fragments(platform: &Platform, stored: &Stored, fragments: &[String]) -> Result<Preview, ControlError> {
    let machine = platform.recorded().map_err(|error| failed(&error.into()))?;
    let mut evaluator = platform.evaluator(&stored.profiles).map_err(|error| failed(&error))?;
    let mut reasons = BTreeMap::new();
    let trial = try_fragments(stored, &machine, fragments, clock::now().wall, |request| {
        if request.from_store {
            match platform.evaluator(&stored.profiles) {
                Ok(fresh) => evaluator = fresh,
                Err(_) => return Verdicts { lost: true, ..Verdicts::default() },
            }
        }
        let verdicts = evaluator.evaluate(request);
        let refusals = verdicts.verdicts.iter().filter_map(|(root, verdict)| Some((root, verdict.refusal()?)));
        reasons.extend(refusals.map(|(root, refusal)| (root.clone(), refusal.reason.clone())));
        verdicts
    });
    let Trial { application, refused } =
        trial.map_err(|error| ControlError::new(ErrorCode::Usage, error.to_string()))?;
    let platform = platform.clone().with_translations(evaluator.translations());
    let mut preview = platform.foresee_change(&stored.profiles, &application).map_err(|error| failed(&error))?;
    preview.refused.extend(refused.into_iter().map(|(address, status)| {
        let of_profile = |root: &&String| address == **root || address.starts_with(&format!("{root}/"));
        let reason = reasons.keys().find(of_profile).and_then(|root| reasons.get(root));
        (
            address.clone(),
            reason.map_or_else(|| format!("refused ({})", status.0), |why| format!("{why} ({})", status.0)),
        )
    }));
    Ok(preview)
}
