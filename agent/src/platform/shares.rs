//! What was worked out for profiles whose translation is expensive, for as long as one session: opening a PKCS#12 file
//! takes as long as its maker wanted guessing its password to take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::desired::{Share, Untranslatable};
use super::translate::{self, Context, certificate};
use crate::engine::profile::Profile;

/// The most that are remembered.
const MAX_SHARES: usize = 256;

/// Translations by the address of the profile's own node and the hash of its content.
#[derive(Debug, Default)]
pub struct Shares(Mutex<BTreeMap<(String, String), Arc<Share>>>);

impl Shares {
    /// What a profile asks of the machine.
    pub(super) fn share(&self, profile: &Profile, context: &Context<'_>) -> Result<Arc<Share>, Untranslatable> {
        if !is_expensive(profile) {
            return translate::share(profile, context).map(Arc::new);
        }
        let key = (profile.root.to_string(), profile.content_hash.clone());
        // A thread that died in here left nothing half-done: entries are put in whole.
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(completed(known, context));
        }
        let share = Arc::new(translate::share(profile, context)?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_SHARES {
            known.insert(key, Arc::clone(&share));
        }
        Ok(share)
    }
}

/// What is known, with the authorities that are there now: they may have changed since.
fn completed(known: &Arc<Share>, context: &Context<'_>) -> Arc<Share> {
    match &known.client {
        Some(client) if !client.reaches_root() => Arc::new(certificate::completed((**known).clone(), context)),
        _ => Arc::clone(known),
    }
}

fn is_expensive(profile: &Profile) -> bool {
    profile.root.segments().get(3).is_some_and(|name| name == "PFXCertInstall")
}
