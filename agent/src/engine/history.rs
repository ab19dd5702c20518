//! The record of what happened to this device, as a chain: every entry carries the digest of the one before it, so
//! what is changed, left out or put in between later does not fit any more. The chain shows tampering; it cannot
//! prevent it, and whoever can write the file can begin a new one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[cfg(test)]
mod tests;

/// What the digest is over besides the entry, so that it is no digest of anything else.
const CONTEXT: &[u8] = b"mdm-agent history 1\n";
const LONGEST_NAME: usize = 64;
const LONGEST_VALUE: usize = 512;
const MOST_DETAILS: usize = 16;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub sequence: u64,
    /// When, seconds since 1970.
    pub time: i64,
    /// What, in a word that stays the same.
    #[serde(rename = "event")]
    pub what: String,
    /// What else there is to say. Never a secret (rule R7).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
    /// The digest of the entry before; empty for the first.
    pub previous: String,
    /// The digest of this entry.
    pub hash: String,
}

impl Entry {
    /// What the digest must be: SHA-256 in lower-case hexadecimal. Every part has its length before it, so that no two
    /// entries read the same.
    fn digest(&self) -> String {
        let mut digest = Sha256::new_with_prefix(CONTEXT);
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        add(&self.sequence.to_be_bytes());
        add(&self.time.to_be_bytes());
        add(self.what.as_bytes());
        add(self.previous.as_bytes());
        for (name, value) in &self.detail {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The chain's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    sequence: u64,
    hash: String,
}

impl Chain {
    /// The chain that ends with this entry.
    pub fn after(entry: &Entry) -> Self {
        Self { sequence: entry.sequence, hash: entry.hash.clone() }
    }

    /// Adds an entry. What is too long is cut: an entry has to fit into a line.
    pub fn append(&mut self, time: i64, what: &str, detail: BTreeMap<String, String>) -> Entry {
        let detail = detail.into_iter().take(MOST_DETAILS);
        let detail = detail.map(|(name, value)| (cut(&name, LONGEST_NAME), cut(&value, LONGEST_VALUE))).collect();
        let mut entry = Entry {
            sequence: self.sequence.saturating_add(1),
            time,
            what: cut(what, LONGEST_NAME),
            detail,
            previous: self.hash.clone(),
            hash: String::new(),
        };
        entry.hash = entry.digest();
        *self = Self::after(&entry);
        entry
    }
}

fn cut(text: &str, longest: usize) -> String {
    text[..text.floor_char_boundary(longest)].to_owned()
}

/// A chain that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the history was changed at entry {sequence}, or just before it")]
pub struct Broken {
    /// The first entry that does not fit.
    pub sequence: u64,
}

/// Checks entries that follow one another. What came before the first is not known, unless it is the very first.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), Broken> {
    let mut end: Option<Chain> = None;
    for entry in entries {
        let follows = match &end {
            Some(end) => entry.previous == end.hash && Some(entry.sequence) == end.sequence.checked_add(1),
            None => entry.sequence > 1 || (entry.sequence == 1 && entry.previous.is_empty()),
        };
        if !follows || entry.hash != entry.digest() {
            return Err(Broken { sequence: entry.sequence });
        }
        end = Some(Chain::after(entry));
    }
    Ok(())
}
