//! Which items of an Atomic a profile is refused for. The Atomic is judged as a whole; who is to blame is found by looking
//! at the profile as it was after each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::atomic::{AtomicRun, Member};
use crate::engine::profile::Profile;
use crate::engine::tree::Refusal;
use crate::engine::verdict::{Verdict, Verdicts};

/// The search for the items that refused profiles are refused for.
#[derive(Debug)]
pub(super) struct Blame {
    refused: BTreeMap<String, Refusal>,
    /// Versions still to be looked at, the last one first.
    suspects: Vec<usize>,
    culprits: BTreeMap<String, usize>,
}

impl AtomicRun {
    /// Of several items of a refused profile, those are suspects that may have made it so; the last is, if no other is.
    pub(super) fn begin_to_blame(&mut self, refused: BTreeMap<String, Refusal>) {
        let (mut suspects, mut culprits) = (Vec::new(), BTreeMap::new());
        for root in refused.keys() {
            let of_root: Vec<usize> =
                (0..self.versions.len()).filter(|index| self.versions[*index].root == *root).collect();
            if let Some((last, others)) = of_root.split_last() {
                culprits.insert(root.clone(), *last);
                suspects.extend(others);
            }
        }
        suspects.reverse();
        self.blame = Some(Blame { refused, suspects, culprits });
    }

    /// The profile as it was after the next suspect.
    pub(super) fn suspect(&mut self) -> Option<(String, Option<Arc<Profile>>)> {
        let index = *self.blame.as_ref()?.suspects.last()?;
        let version = &self.versions[index];
        Some((version.root.clone(), version.profile.clone()))
    }

    /// Takes the verdict on the suspect: the first after which the profile was refused as it was at the end is to blame.
    pub(super) fn blame(&mut self, verdicts: &Verdicts) {
        let Some(blame) = &mut self.blame else { return };
        let Some(index) = blame.suspects.pop() else { return };
        let root = &self.versions[index].root;
        let is_it = verdicts
            .verdicts
            .get(root)
            .and_then(Verdict::refusal)
            .is_some_and(|why| Some(why) == blame.refused.get(root));
        if is_it {
            blame.culprits.insert(root.clone(), index);
            let versions = &self.versions;
            blame.suspects.retain(|suspect| versions[*suspect].root != *root);
        }
    }

    pub(super) fn mark_culprits(&mut self) {
        let Some(blame) = self.blame.take() else { return };
        for (root, index) in blame.culprits {
            let version = &self.versions[index];
            if let (Some(why), Some(Member::Items(items))) =
                (blame.refused.get(&root), self.members.get_mut(version.member))
            {
                items[version.item] = why.clone().into();
            }
        }
    }
}
