//! What the tree's changes ask of the machine, and how they are taken back where the machine refused.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::LocUri;
use mdm_protocol::csp::profile::ProfileAddress;

use super::{Deed, Tree};
use crate::engine::application::Application;
use crate::engine::profile::Changes;

impl Tree {
    /// Says that what follows belongs to an Atomic, or no longer does.
    pub fn set_group(&mut self, group: Option<u32>) {
        self.group = group;
    }

    /// What the changes ask of the machine.
    pub fn application(&self, changes: &Changes, now: i64) -> Application {
        let mut units: Vec<BTreeSet<String>> = Vec::new();
        for roots in self.touched_by_groups().into_values() {
            // Groups that touch the same profile stand or fall together.
            let (joined, apart): (Vec<_>, Vec<_>) = units.into_iter().partition(|unit| !unit.is_disjoint(&roots));
            units = apart;
            units.push(joined.into_iter().fold(roots, |mut all, unit| {
                all.extend(unit);
                all
            }));
        }
        Application { profiles: changes.profiles.clone(), units, now }
    }

    /// What has to be in force again if the changes cannot be kept.
    pub fn restoration(&self, changes: &Changes, now: i64) -> Application {
        let former = changes.profiles.keys().map(|root| {
            let known = LocUri::parse(root).ok().and_then(|root| self.profiles.get(&root).cloned());
            (root.clone(), known)
        });
        Application { profiles: former.collect(), units: Vec::new(), now }
    }

    /// Takes back what was changed in these profiles, and whatever the same Atomics changed. Answers with the Atomics.
    pub fn take_back(&mut self, fallen: &BTreeSet<String>) -> BTreeSet<u32> {
        let touched = self.touched_by_groups();
        let groups: BTreeSet<u32> =
            touched.into_iter().filter(|(_, roots)| !roots.is_disjoint(fallen)).map(|(group, _)| group).collect();
        let mut kept = self.journal.split_off(self.kept);
        let mut staying = Vec::new();
        while let Some(deed) = kept.pop() {
            let falls = match &deed {
                Deed::Changed(uri, _, group) => {
                    group.is_some_and(|group| groups.contains(&group))
                        || root_of(uri).is_some_and(|root| fallen.contains(&root))
                }
                Deed::TakenOver(root) => fallen.contains(&root.to_string()),
            };
            if falls {
                self.undo(deed);
            } else {
                staying.push(deed);
            }
        }
        self.journal.extend(staying.into_iter().rev());
        groups
    }

    fn touched_by_groups(&self) -> BTreeMap<u32, BTreeSet<String>> {
        let mut touched: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for deed in &self.journal[self.kept..] {
            if let Deed::Changed(uri, _, Some(group)) = deed
                && let Some(root) = root_of(uri)
            {
                touched.entry(*group).or_default().insert(root);
            }
        }
        touched
    }
}

fn root_of(uri: &LocUri) -> Option<String> {
    ProfileAddress::locate(uri).map(|address| address.root.to_string())
}
