//! Which profile holds which place on the machine: files, and entries of documents that many profiles share.
//! Profiles that require the same content in one place hold it together.

use std::collections::{BTreeMap, BTreeSet};

use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use crate::platform::desired::{DesiredFile, Fragment, Share, Untranslatable};
use crate::platform::document::{Document, Entries};
use crate::platform::machine::Machine;
use crate::platform::path::MachinePath;

/// Something in a place, and the profiles that hold it, by the address of their own node.
type Held<T> = (T, BTreeSet<String>);

/// Which profile holds which place.
#[derive(Debug, Default)]
pub struct Places {
    files: BTreeMap<MachinePath, Held<DesiredFile>>,
    entries: BTreeMap<Document, BTreeMap<Vec<String>, Held<Value>>>,
}

impl Places {
    /// What is in the way of a profile, if anything is.
    pub(in crate::platform) fn obstacle(&self, share: &Share, root: &str) -> Option<Untranslatable> {
        let taken = |what: String, by: &BTreeSet<String>| {
            let by = by.first().map_or("", String::as_str);
            Untranslatable::refused(StatusCode::ALREADY_EXISTS, format!("{what} is already set by {by}"))
        };
        for (path, file) in &share.files {
            if let Some((present, owners)) = self.files.get(path).filter(|(_, owners)| !owners.contains(root))
                && present != file
            {
                return Some(taken(path.to_string(), owners));
            }
        }
        share.fragments.iter().find_map(|fragment| {
            let (key, owners) = self.in_the_way(fragment)?;
            Some(taken(key.join("/"), owners))
        })
    }

    /// An entry cannot have two values, nor be a value and hold other entries.
    fn in_the_way(&self, fragment: &Fragment) -> Option<(&Vec<String>, &BTreeSet<String>)> {
        let entries = self.entries.get(&fragment.document)?;
        let key = &fragment.key;
        let same = entries.get_key_value(key).filter(|(_, (value, _))| *value != fragment.value);
        let above = (1..key.len()).find_map(|depth| entries.get_key_value(&key[..depth]));
        let below = || {
            let after = entries.range(key.clone()..).find(|(other, _)| *other != key);
            after.filter(|(other, _)| other.starts_with(key))
        };
        same.or(above).or_else(below).map(|(key, (_, owners))| (key, owners))
    }

    /// Gives a profile its places; nothing is in the way.
    pub(in crate::platform) fn take(&mut self, share: &Share, root: &str) {
        for (path, file) in &share.files {
            let (_, owners) = self.files.entry(path.clone()).or_insert_with(|| (file.clone(), BTreeSet::new()));
            owners.insert(root.to_owned());
        }
        for fragment in &share.fragments {
            let entries = self.entries.entry(fragment.document).or_default();
            let entry = entries.entry(fragment.key.clone());
            let (_, owners) = entry.or_insert_with(|| (fragment.value.clone(), BTreeSet::new()));
            owners.insert(root.to_owned());
        }
    }

    /// Takes a profile's places from it.
    pub(in crate::platform) fn give_up(&mut self, share: &Share, root: &str) {
        for (path, _) in &share.files {
            if let Some((_, owners)) = self.files.get_mut(path) {
                owners.remove(root);
                if owners.is_empty() {
                    self.files.remove(path);
                }
            }
        }
        for fragment in &share.fragments {
            let Some(entries) = self.entries.get_mut(&fragment.document) else { continue };
            if let Some((_, owners)) = entries.get_mut(&fragment.key) {
                owners.remove(root);
                if owners.is_empty() {
                    entries.remove(&fragment.key);
                }
            }
            if entries.is_empty() {
                self.entries.remove(&fragment.document);
            }
        }
    }

    /// The file that is wanted at a path by a profile of its own.
    pub fn file(&self, path: &MachinePath) -> Option<&DesiredFile> {
        self.files.get(path).map(|(file, _)| file)
    }

    /// A document as it would be with these entries added.
    pub fn document(&self, document: Document, added: &[Fragment]) -> DesiredFile {
        let mut entries: Entries = BTreeMap::new();
        for (key, (value, _)) in self.entries.get(&document).into_iter().flatten() {
            entries.insert(key.clone(), value.clone());
        }
        for fragment in added.iter().filter(|fragment| fragment.document == document) {
            entries.entry(fragment.key.clone()).or_insert_with(|| fragment.value.clone());
        }
        document.render(&entries)
    }

    /// All files, documents among them, with what is added where it can be had.
    pub(in crate::platform) fn files(
        &self,
        mut courtesies: Vec<Fragment>,
        machine: &Machine,
    ) -> BTreeMap<MachinePath, Held<DesiredFile>> {
        courtesies.retain(|fragment| {
            let path = fragment.document.path(machine);
            path.is_some_and(|path| machine.read_only(path.directory()).is_none())
        });
        let mut files = self.files.clone();
        let wanted: BTreeSet<Document> =
            self.entries.keys().copied().chain(courtesies.iter().map(|fragment| fragment.document)).collect();
        for document in wanted {
            let Some(path) = document.path(machine) else { continue };
            let owners = self.entries.get(&document).into_iter().flat_map(BTreeMap::values);
            let owners = owners.flat_map(|(_, owners)| owners.iter().cloned()).collect();
            files.insert(path, (self.document(document, &courtesies), owners));
        }
        files
    }
}
