//! The last filter before something leaves the machine: known secrets, in every form in which they may have been
//! written, and what looks like a secret by its surroundings. It makes up for mistakes; what is known to be a secret is
//! not to be written in the first place.

mod buried;
mod forms;
mod held;
mod inside;
mod patterns;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use buried::key_lines;
pub use held::held;
pub use inside::conceal_inside;

/// What stands in the place of a secret.
pub const CONCEALED: &str = "********";
/// The shortest secret that is searched for, in bytes: what is shorter is found everywhere.
const SHORTEST: usize = 4;
/// Bytes by which places are found at which a secret may begin.
const HEAD: usize = 4;

/// Everything that must not be seen.
#[derive(Clone, Default)]
pub struct Redactor {
    /// What is searched for, by its first bytes, longest first.
    needles: BTreeMap<[u8; HEAD], Vec<String>>,
    too_short: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Redactor({} beginnings)", self.needles.len())
    }
}

impl Redactor {
    /// A filter for these secrets.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets: BTreeSet<String> = secrets.into_iter().flat_map(|secret| with_lines(&secret)).collect();
        let mut redactor = Self::default();
        let mut all = BTreeSet::new();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if secret.len() < SHORTEST {
                redactor.too_short += 1;
                continue;
            }
            all.extend(forms::of(secret).into_iter().filter(|form| form.len() >= SHORTEST));
        }
        for needle in all {
            if let Some(head) = needle.as_bytes().first_chunk::<HEAD>() {
                redactor.needles.entry(*head).or_default().push(needle);
            }
        }
        redactor.needles.values_mut().for_each(|needles| needles.sort_by_key(|needle| std::cmp::Reverse(needle.len())));
        redactor
    }

    /// How many secrets are too short to be searched for.
    pub fn too_short(&self) -> usize {
        self.too_short
    }

    /// The text without secrets, and how many were found in it.
    pub fn redact(&self, text: &str) -> (String, usize) {
        let (without, known) = self.without_known(text);
        let (without, looked_like) = patterns::conceal(&without);
        (without, known + looked_like)
    }

    fn without_known(&self, text: &str) -> (String, usize) {
        let (mut clean, mut count, mut copied, mut at) = (String::with_capacity(text.len()), 0, 0, 0);
        let bytes = text.as_bytes();
        while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
            let found = self
                .needles
                .get(head)
                .and_then(|needles| needles.iter().find(|needle| bytes[at..].starts_with(needle.as_bytes())));
            match found {
                Some(needle) => {
                    // A needle is whole characters, so both of its ends are between characters.
                    clean.push_str(&text[copied..at]);
                    clean.push_str(CONCEALED);
                    at += needle.len();
                    (copied, count) = (at, count + 1);
                }
                None => at += 1,
            }
        }
        clean.push_str(&text[copied..]);
        (clean, count)
    }
}

/// A secret, and its lines if it has several: what is wrapped here may not be wrapped there.
fn with_lines(secret: &str) -> Vec<String> {
    let mut all = vec![secret.trim().to_owned()];
    all.extend(key_lines(secret));
    all
}
