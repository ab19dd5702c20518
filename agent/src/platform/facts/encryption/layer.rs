//! What is known of one layer of storage, and of several that belong together.

use crate::engine::compliance::facts::Encryption;

/// The most characters that say what something is made of.
const MOST_WORDS: usize = 400;

/// Where data ends up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// In memory only.
    Nowhere,
    /// On disks, encrypted.
    Encrypted,
    /// Where it cannot be told.
    CannotTell(String),
    /// On a disk, in the clear.
    Plain(String),
}

impl Kept {
    fn weight(&self) -> u8 {
        match self {
            Self::Nowhere => 0,
            Self::Encrypted => 1,
            Self::CannotTell(_) => 2,
            Self::Plain(_) => 3,
        }
    }
}

/// A layer of storage with all that is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) kept: Kept,
    /// The devices from here down, in words.
    pub(super) devices: String,
    /// Whether all disks below can be taken out.
    pub(super) removable: bool,
}

impl Layer {
    pub(super) fn new(kept: Kept, devices: impl Into<String>) -> Self {
        Self { kept, devices: devices.into(), removable: false }
    }

    pub(super) fn unclear(why: impl Into<String>, devices: impl Into<String>) -> Self {
        Self::new(Kept::CannotTell(why.into()), devices)
    }

    /// Several that hold one thing together: it is encrypted only if all of them are.
    pub(super) fn together(layers: Vec<Self>) -> Self {
        let names: Vec<&str> = layers.iter().map(|layer| layer.devices.as_str()).collect();
        let devices = if names.len() == 1 { names[0].to_owned() } else { format!("({})", names.join(" + ")) };
        let removable = !layers.is_empty() && layers.iter().all(|layer| layer.removable);
        let worst = layers.into_iter().map(|layer| layer.kept).reduce(|one, other| {
            // Of two that weigh the same, the first is named.
            if other.weight() > one.weight() { other } else { one }
        });
        let kept = worst.unwrap_or_else(|| Kept::CannotTell("nothing is known of what it is made of".to_owned()));
        Self { kept, devices: clip(devices), removable }
    }

    /// The same with another device on top.
    pub(super) fn below(self, top: &str) -> Self {
        Self { devices: clip(format!("{top} on {}", self.devices)), ..self }
    }

    pub(super) fn encryption(&self) -> Encryption {
        match &self.kept {
            Kept::Nowhere | Kept::Encrypted => Encryption::Encrypted,
            Kept::CannotTell(why) => Encryption::CannotTell(why.clone()),
            Kept::Plain(what) => Encryption::Plain(what.clone()),
        }
    }
}

fn clip(words: String) -> String {
    match words.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
