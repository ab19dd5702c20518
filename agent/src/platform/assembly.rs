//! Which profiles can be applied together, kept up to date one change after the other. Changes nothing on the machine.
//!
//! Every profile asks for files and for entries of shared documents. A place belongs to the profile that took it first;
//! another profile that requires different content there is refused until it is free. A change is made as a whole: what
//! its profiles had before is given up, what they ask for now is placed, and only then the profiles that waited for a
//! place are tried again, so that the holder of a place keeps it when its value changes.

pub mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mdm_protocol::csp::profile::ProfileKind;

use self::places::Places;
use super::desired::{Desired, Share, Untranslatable};
use super::path::MachinePath;
use super::site::Surroundings;
use super::translate::certificate::client::ClientCertificate;
use super::translate::{self, Context};
use crate::engine::profile::Profile;
use crate::engine::verdict::Verdict;

/// Profiles, and what is asked of the machine because of them.
#[derive(Debug)]
pub struct Assembly {
    surroundings: Surroundings,
    profiles: BTreeMap<String, Placed>,
    places: Places,
    /// Certificates and templates, to which other profiles refer, in the order of their addresses.
    base: Arc<Vec<Arc<Profile>>>,
    /// Profiles that found their place taken.
    displaced: BTreeSet<String>,
}

/// A profile and what became of it.
#[derive(Debug, Clone)]
struct Placed {
    profile: Arc<Profile>,
    /// The time at which it arrived, if it just did.
    arrival: Option<i64>,
    outcome: Result<Arc<Share>, Untranslatable>,
    /// What is missing for the same translation now, where the profile keeps the former one.
    missing: Option<Untranslatable>,
}

/// Translations of profiles that refer to others, by the address of the profile's own node and the hash of its content.
pub type Translations = BTreeMap<(String, String), Arc<Share>>;

/// What has to be put back to take a change back.
#[derive(Debug)]
pub struct Undo {
    profiles: BTreeMap<String, Option<Placed>>,
    base: Arc<Vec<Arc<Profile>>>,
    displaced: BTreeSet<String>,
}

impl Assembly {
    /// Nothing, in these surroundings.
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            profiles: BTreeMap::new(),
            places: Places::default(),
            base: Arc::default(),
            displaced: BTreeSet::new(),
        }
    }

    /// Profiles as they are stored: those that are applied hold their places, the others follow in the order in which
    /// they arrived.
    pub fn of_stored(surroundings: Surroundings, profiles: impl IntoIterator<Item = Arc<Profile>>) -> Self {
        let mut assembly = Self::new(surroundings);
        let mut profiles: Vec<Arc<Profile>> = profiles.into_iter().collect();
        assembly.base = in_order(profiles.iter().filter(|profile| is_base(profile)).cloned());
        profiles.sort_by_cached_key(|profile| {
            let holds = assembly.surroundings.holds(profile);
            (!is_base(profile), !holds, profile.received, profile.session, profile.root.clone())
        });
        for profile in profiles {
            assembly.insert(profile, None);
        }
        assembly
    }

    /// Makes a change as a whole. New content is judged by this time, where that matters.
    pub fn change(&mut self, changes: &[(String, Option<Arc<Profile>>)], now: Option<i64>) -> Undo {
        let latest: BTreeMap<&str, Option<&Arc<Profile>>> =
            changes.iter().map(|(root, present)| (root.as_str(), present.as_ref())).collect();
        // In the order in which they were named; a profile that is named and not changed keeps its place.
        let mut seen = BTreeSet::new();
        let order = changes.iter().map(|(root, _)| root.as_str()).filter(|root| seen.insert(*root));
        let changes = order.map(|root| (root, latest.get(root).copied().flatten()));
        let changes: Vec<(&str, Option<&Arc<Profile>>)> = changes
            .filter(|(root, present)| {
                present.is_none_or(|present| self.content(root) != Some(present.content_hash.as_str()))
            })
            .collect();
        let base = Arc::clone(&self.base);
        let mut undo = Undo { profiles: BTreeMap::new(), base, displaced: self.displaced.clone() };
        let mut touches_base = false;
        for (root, present) in &changes {
            let former = self.remove(root);
            touches_base |= former.iter().any(|former| is_base(&former.profile));
            touches_base |= present.is_some_and(|present| is_base(present));
            undo.profiles.insert((*root).to_owned(), former);
        }
        if touches_base {
            self.change_base(&changes);
        }
        let (first, then): (Vec<_>, Vec<_>) =
            changes.iter().filter_map(|(_, present)| *present).partition(|present| is_base(present));
        for present in first.into_iter().chain(then) {
            self.insert(Arc::clone(present), now);
        }
        let mut again: BTreeSet<String> = std::mem::take(&mut self.displaced);
        if touches_base {
            again.extend(self.dependents());
        }
        self.place_again(again, &mut undo);
        undo
    }

    /// Takes a change back.
    pub fn undo(&mut self, undo: Undo) {
        let Undo { profiles, base, displaced } = undo;
        for root in profiles.keys() {
            self.remove(root);
        }
        self.base = base;
        for (root, former) in profiles {
            let Some(former) = former else { continue };
            if let Ok(share) = &former.outcome {
                self.places.take(share, &root);
            }
            self.profiles.insert(root, former);
        }
        self.displaced = displaced;
    }

    /// The verdict on a profile.
    pub fn verdict(&self, root: &str) -> Option<Verdict> {
        Some(match &self.profiles.get(root)?.outcome {
            Ok(_) => Verdict::Applicable,
            Err(Untranslatable::Waiting(reason)) => Verdict::Incomplete(reason.clone()),
            Err(Untranslatable::Refused(refusal)) if self.displaced.contains(root) => Verdict::Taken(refusal.clone()),
            Err(Untranslatable::Refused(refusal)) => Verdict::Refused(refusal.clone()),
        })
    }

    /// What can be read of applicable profiles: address, format, value.
    pub fn nodes(&self) -> Vec<translate::Readable> {
        let complete = self.profiles.iter().filter(|(_, placed)| placed.missing.is_none());
        let shares = complete.filter_map(|(root, placed)| Some((root, placed.outcome.as_ref().ok()?)));
        shares.flat_map(|(root, share)| translate::readable(share, root)).collect()
    }

    /// The same within a session in which they have changed: with what is about to be as it was before.
    pub fn nodes_to_be(&self) -> Vec<translate::Readable> {
        let mut nodes = self.nodes();
        nodes.extend(self.surroundings.former_name(&self.places));
        nodes
    }

    /// What profiles that refer to others ask of the machine; for [`Self::keep`].
    pub fn translations(&self, undo: Option<&Undo>) -> Translations {
        let former = undo.into_iter().flat_map(|undo| undo.profiles.values().flatten());
        let known = former.chain(self.profiles.values()).filter(|placed| refers_to_base(&placed.profile));
        let good = known.filter_map(|Placed { profile, outcome, .. }| {
            Some(((profile.root.to_string(), profile.content_hash.clone()), Arc::clone(outcome.as_ref().ok()?)))
        });
        good.collect()
    }

    /// Lets profiles that were found applicable keep their translation where what they refer to was deleted since: as one
    /// does that was applied before its certificate was deleted.
    pub fn keep<'a>(&mut self, translations: &Translations, roots: impl Iterator<Item = &'a String>) {
        for root in roots {
            let Some(placed) = self.profiles.get(root) else { continue };
            let key = (root.clone(), placed.profile.content_hash.clone());
            if let Some(share) = translations.get(&key) {
                self.keep_one(root, share);
            }
        }
    }

    fn keep_one(&mut self, root: &str, share: &Arc<Share>) {
        // Files of other profiles that it uses are not there any more.
        if !share.uses.is_empty() || self.places.obstacle(share, root).is_some() {
            return;
        }
        let Some(placed) = self.profiles.get_mut(root) else { return };
        if let Err(missing @ Untranslatable::Waiting(_)) = &placed.outcome {
            placed.missing = Some(missing.clone());
            placed.outcome = Ok(Arc::clone(share));
            self.places.take(share, root);
        }
    }

    /// Profiles that can be applied, and the hash of their content.
    pub fn applicable(&self) -> BTreeMap<String, String> {
        let applicable = self.profiles.iter().filter(|(_, placed)| placed.outcome.is_ok());
        applicable.map(|(root, placed)| (root.clone(), placed.profile.content_hash.clone())).collect()
    }

    /// The hash of a profile's content.
    pub fn content(&self, root: &str) -> Option<&str> {
        self.profiles.get(root).map(|placed| placed.profile.content_hash.as_str())
    }

    /// Existing files that are in the way of profiles.
    pub fn obstructed(&self) -> BTreeSet<MachinePath> {
        self.surroundings.obstructed()
    }

    /// Whether there is a profile of this address, applicable or not.
    pub fn knows(&self, root: &str) -> bool {
        self.profiles.contains_key(root)
    }

    /// What the machine should have because of these profiles.
    pub fn desired(&self) -> Desired {
        let mut desired = Desired { nodes: self.nodes(), ..Desired::default() };
        let mut courtesies = Vec::new();
        for (root, placed) in &self.profiles {
            match &placed.outcome {
                Ok(share) => {
                    desired.used.extend(share.uses.iter().cloned());
                    courtesies.extend(share.courtesies.iter().cloned());
                    if !share.without_effect.is_empty() {
                        desired.without_effect.insert(root.clone(), share.without_effect.clone());
                    }
                }
                Err(reason) => drop(desired.without.insert(root.clone(), reason.clone())),
            }
            if let Some(missing) = &placed.missing {
                desired.without.insert(root.clone(), missing.clone());
            }
        }
        desired.files = self.places.files(courtesies, self.surroundings.machine());
        desired
    }

    /// Tries profiles again that found their place taken or that refer to what has changed.
    fn place_again(&mut self, roots: BTreeSet<String>, undo: &mut Undo) {
        let mut again = Vec::new();
        for root in roots {
            let Some(former) = self.remove(&root) else { continue };
            undo.profiles.entry(root).or_insert_with(|| Some(former.clone()));
            again.push(former);
        }
        again.sort_by_cached_key(|placed| {
            let Placed { profile, outcome, .. } = placed;
            (!is_base(profile), outcome.is_err(), profile.received, profile.session, profile.root.clone())
        });
        for Placed { profile, arrival, outcome, .. } in again {
            let root = profile.root.to_string();
            self.insert(profile, arrival);
            if let Ok(share) = outcome {
                self.keep_one(&root, &share);
            }
        }
    }

    fn change_base(&mut self, changes: &[(&str, Option<&Arc<Profile>>)]) {
        let changed: BTreeSet<&str> = changes.iter().map(|(root, _)| *root).collect();
        let staying = self.base.iter().filter(|profile| !changed.contains(profile.root.to_string().as_str()));
        let present = changes.iter().filter_map(|(_, present)| *present).filter(|profile| is_base(profile));
        self.base = in_order(staying.chain(present).cloned());
    }

    /// Profiles that may refer to certificates and templates, and certificates whose chain others may complete.
    fn dependents(&self) -> impl Iterator<Item = String> {
        let refers = self.profiles.iter().filter(|(_, placed)| {
            let client = placed.outcome.as_ref().ok().and_then(|share| share.client.as_ref());
            refers_to_base(&placed.profile) || client.is_some_and(|client| !client.reaches_root())
        });
        refers.map(|(root, _)| root.clone()).collect::<Vec<_>>().into_iter()
    }

    fn remove(&mut self, root: &str) -> Option<Placed> {
        let placed = self.profiles.remove(root)?;
        if let Ok(share) = &placed.outcome {
            self.places.give_up(share, root);
        }
        self.displaced.remove(root);
        Some(placed)
    }

    fn insert(&mut self, profile: Arc<Profile>, arrival: Option<i64>) {
        let root = profile.root.to_string();
        let share = self.share(&profile, arrival).and_then(|share| {
            self.surroundings.check(&share, &self.places)?;
            Ok(share)
        });
        let outcome = share.and_then(|share| match self.places.obstacle(&share, &root) {
            Some(taken) => {
                self.displaced.insert(root.clone());
                Err(taken)
            }
            None => Ok(share),
        });
        if let Ok(share) = &outcome {
            self.places.take(share, &root);
        }
        self.profiles.insert(root, Placed { profile, arrival, outcome, missing: None });
    }

    fn share(&self, profile: &Profile, arrival: Option<i64>) -> Result<Arc<Share>, Untranslatable> {
        let clients = if refers_to_base(profile) { self.clients(profile) } else { Vec::new() };
        let context = Context { arrival, clients, ..self.surroundings.context(&self.base) };
        self.surroundings.share(profile, &context)
    }

    /// The device's own certificates that a profile may use: those of other profiles and those that stayed on the
    /// machine without a profile because something uses them.
    fn clients(&self, user: &Profile) -> Vec<ClientCertificate> {
        let shares = || self.profiles.values().filter_map(|placed| placed.outcome.as_ref().ok());
        let mut clients: Vec<ClientCertificate> = shares().filter_map(|share| share.client.clone()).collect();
        let retained = self.surroundings.retained().iter().filter(|retained| {
            let has_profile = clients.iter().any(|client| client.certificate == retained.certificate);
            let is_used = || shares().any(|share| share.uses.contains(&retained.certificate));
            !has_profile && (self.surroundings.holds(user) || is_used())
        });
        let retained: Vec<ClientCertificate> = retained.cloned().collect();
        clients.extend(retained);
        clients
    }
}

fn in_order(profiles: impl Iterator<Item = Arc<Profile>>) -> Arc<Vec<Arc<Profile>>> {
    let mut profiles: Vec<Arc<Profile>> = profiles.collect();
    profiles.sort_by(|left, right| left.root.cmp(&right.root));
    Arc::new(profiles)
}

/// Whether other profiles may refer to a profile.
fn is_base(profile: &Profile) -> bool {
    let is_certificate = profile.address().is_some_and(|address| address.kind == ProfileKind::Certificate);
    is_certificate || profile.root.segments().get(3).is_some_and(|name| name == "ConfigOperations")
}

/// Whether a profile may refer to others.
fn refers_to_base(profile: &Profile) -> bool {
    match profile.address().map(|address| address.kind) {
        Some(ProfileKind::Wifi | ProfileKind::Vpn) => true,
        // The area of a policy that comes from a template names the template.
        Some(ProfileKind::Configuration) => profile.root.segments().get(4).is_some_and(|area| area.contains('~')),
        Some(ProfileKind::Email | ProfileKind::Certificate) | None => false,
    }
}
