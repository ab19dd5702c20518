//! Documents to which many profiles contribute: where each is, who reads it, and how its entries become text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::consumer::Consumer;
use super::desired::{DesiredFile, WhereTaken};
use super::machine::{DconfPlace, Machine};
use super::path::MachinePath;

/// As the part of a key before the last: the entry is one of a list.
pub const ITEM: &str = "[]";
/// The first line of every document that may have comments.
const HEADER: &str = "Made by mdm-agent from the profiles of this machine's MDM server; changes are put back.";

/// A document to which many profiles contribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// Managed policies of Google Chrome.
    Chrome,
    /// Managed policies of Chromium.
    Chromium,
    /// Managed policies of Microsoft Edge.
    Edge,
    /// Recommended policies of Google Chrome.
    ChromeRecommended,
    /// Recommended policies of Chromium.
    ChromiumRecommended,
    /// Recommended policies of Microsoft Edge.
    EdgeRecommended,
    /// Managed policies of Firefox.
    Firefox,
    /// Managed policies of Thunderbird.
    Thunderbird,
    /// Rules for passwords.
    PwQuality,
    /// Locking after failed attempts.
    Faillock,
    /// Memory of former passwords.
    PwHistory,
    /// Settings of desktops (dconf); a key is `path/name`, a value is GVariant text.
    Dconf,
    /// Which of these the user cannot change.
    DconfLocks,
    /// The user profile of dconf.
    DconfProfile,
    /// Kernel parameters.
    Sysctl,
    /// Kernel modules; a value is one or more lines.
    Modprobe,
    /// Devices; a value is one or more lines.
    Udev,
    /// Automatic updates by APT.
    AptPeriodic,
}

/// The entries of a document by their names.
pub type Entries = BTreeMap<Vec<String>, Value>;

impl Document {
    /// Where the document is on a machine; `None` where nothing would read it.
    pub fn path(self, machine: &Machine) -> Option<MachinePath> {
        let path = match self {
            Self::Chrome => "/etc/opt/chrome/policies/managed/mdm-agent.json".to_owned(),
            Self::Chromium => format!("{}/managed/mdm-agent.json", machine.chromium.as_ref()?),
            Self::Edge => "/etc/opt/edge/policies/managed/mdm-agent.json".to_owned(),
            Self::ChromeRecommended => "/etc/opt/chrome/policies/recommended/mdm-agent.json".to_owned(),
            Self::ChromiumRecommended => format!("{}/recommended/mdm-agent.json", machine.chromium.as_ref()?),
            Self::EdgeRecommended => "/etc/opt/edge/policies/recommended/mdm-agent.json".to_owned(),
            Self::Firefox => "/etc/firefox/policies/policies.json".to_owned(),
            Self::Thunderbird => "/etc/thunderbird/policies/policies.json".to_owned(),
            Self::PwQuality => "/etc/security/pwquality.conf.d/90-mdm-agent.conf".to_owned(),
            Self::Faillock => "/etc/security/faillock.conf".to_owned(),
            Self::PwHistory => "/etc/security/pwhistory.conf".to_owned(),
            Self::Dconf => format!("{}/90-mdm-agent", dconf_directory(machine)?),
            Self::DconfLocks => format!("{}/locks/90-mdm-agent", dconf_directory(machine)?),
            Self::DconfProfile => "/etc/dconf/profile/user".to_owned(),
            Self::Sysctl => "/etc/sysctl.d/90-mdm-agent.conf".to_owned(),
            Self::Modprobe => "/etc/modprobe.d/90-mdm-agent.conf".to_owned(),
            Self::Udev => "/etc/udev/rules.d/90-mdm-agent.rules".to_owned(),
            Self::AptPeriodic => "/etc/apt/apt.conf.d/90mdm-agent".to_owned(),
        };
        Some(MachinePath::new(path))
    }

    /// Who has to be told when the document changes.
    pub fn consumer(self) -> Consumer {
        match self {
            Self::Chrome | Self::Chromium | Self::Edge | Self::Firefox | Self::Thunderbird => Consumer::Nobody,
            Self::ChromeRecommended | Self::ChromiumRecommended | Self::EdgeRecommended => Consumer::Nobody,
            Self::PwQuality | Self::Faillock | Self::PwHistory | Self::AptPeriodic => Consumer::Nobody,
            Self::Dconf | Self::DconfLocks | Self::DconfProfile => Consumer::Dconf,
            Self::Sysctl => Consumer::Sysctl,
            Self::Modprobe => Consumer::Nobody,
            Self::Udev => Consumer::Udev,
        }
    }

    /// The document with these entries.
    pub fn render(self, entries: &Entries) -> DesiredFile {
        let text =
            match self {
                Self::Chrome | Self::Chromium | Self::Edge => json(entries),
                Self::ChromeRecommended | Self::ChromiumRecommended | Self::EdgeRecommended => json(entries),
                Self::Firefox | Self::Thunderbird => {
                    let below = entries.iter().map(|(key, value)| {
                        let key = std::iter::once("policies".to_owned()).chain(key.iter().cloned()).collect();
                        (key, value.clone())
                    });
                    json(&below.collect())
                }
                Self::PwQuality | Self::Faillock | Self::PwHistory | Self::Sysctl => lines(
                    "#",
                    entries,
                    |key, value| if value.is_empty() { key.to_owned() } else { format!("{key} = {value}") },
                ),
                Self::Dconf => dconf(entries),
                Self::DconfLocks => lines("#", entries, |key, _| format!("/{key}")),
                Self::DconfProfile => lines("#", entries, |_, value| value.to_owned()),
                Self::Modprobe | Self::Udev => lines("#", entries, |_, value| value.to_owned()),
                Self::AptPeriodic => lines("//", entries, |key, value| format!("{key} \"{value}\";")),
            };
        DesiredFile { where_taken: self.where_taken(), ..DesiredFile::public(text, self.consumer()) }
    }

    /// What is done where there is a file that the agent did not make.
    pub fn where_taken(self) -> WhereTaken {
        match self {
            Self::Faillock | Self::PwHistory => WhereTaken::PutAsideInert,
            _ => WhereTaken::Refuse,
        }
    }
}

fn dconf_directory(machine: &Machine) -> Option<String> {
    Some(match machine.dconf.as_ref()? {
        DconfPlace::Existing(database) => format!("/etc/dconf/db/{database}.d"),
        DconfPlace::Own => "/etc/dconf/db/mdm-agent.d".to_owned(),
    })
}

fn lines(comment: &str, entries: &Entries, line: impl Fn(&str, &str) -> String) -> String {
    let mut text = format!("{comment} {HEADER}\n");
    for (key, value) in entries {
        text.push_str(&line(&key.join("/"), value.as_str().unwrap_or_default()));
        text.push('\n');
    }
    text
}

/// A keyfile: a section for every path.
fn dconf(entries: &Entries) -> String {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in entries {
        if let [path @ .., name] = key.as_slice() {
            let value = value.as_str().unwrap_or_default();
            sections.entry(path.join("/")).or_default().push(format!("{name}={value}"));
        }
    }
    let sections = sections.into_iter().map(|(path, names)| format!("\n[{path}]\n{}\n", names.join("\n")));
    format!("# {HEADER}\n{}", sections.collect::<String>())
}

/// One object; the parts of a key are the names of the objects round it.
fn json(entries: &Entries) -> String {
    let mut root = serde_json::Map::new();
    entries.iter().for_each(|(key, value)| insert(&mut root, key, value));
    // The deepest first: an array may be inside another one.
    let mut numbered: Vec<&[String]> = entries.keys().flat_map(|key| above_numbers(key)).collect();
    numbered.sort_by_key(|path| std::cmp::Reverse(path.len()));
    numbered.dedup();
    numbered.into_iter().for_each(|path| number(&mut root, path));
    let mut text = serde_json::to_string_pretty(&Value::Object(root)).expect("an object of values has a text");
    text.push('\n');
    text
}

fn insert(object: &mut serde_json::Map<String, Value>, key: &[String], value: &Value) {
    match key {
        [] => {}
        [name, item, _] if item == ITEM => {
            let list = object.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(list) = list {
                list.push(value.clone());
            }
        }
        [name] => drop(object.insert(name.clone(), value.clone())),
        [name, rest @ ..] => {
            let below = object.entry(name.clone()).or_insert_with(|| Value::Object(serde_json::Map::new()));
            if let Value::Object(below) = below {
                insert(below, rest, value);
            }
        }
    }
}

/// The places in a key whose names are numbers, each by the path above it.
fn above_numbers(key: &[String]) -> impl Iterator<Item = &[String]> {
    (1..key.len()).filter(|place| key[*place].parse::<u64>().is_ok()).map(|place| &key[..place])
}

/// Makes an array of an object whose names are all numbers, in their order: so do browsers with keys of the Windows
/// registry, from which such names come.
fn number(object: &mut serde_json::Map<String, Value>, path: &[String]) {
    match path {
        [] => {}
        [name] => {
            let Some(Value::Object(members)) = object.get(name) else { return };
            let entries = members.iter().map(|(name, value)| Some((name.parse::<u64>().ok()?, value.clone())));
            if let Some(entries) = entries.collect::<Option<Vec<_>>>() {
                let entries: BTreeMap<u64, Value> = entries.into_iter().collect();
                object.insert(name.clone(), Value::Array(entries.into_values().collect()));
            }
        }
        [name, rest @ ..] => {
            if let Some(Value::Object(below)) = object.get_mut(name) {
                number(below, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policies(entries: &[(&str, Value)]) -> Value {
        let entries = entries.iter().map(|(key, value)| (key.split('/').map(str::to_owned).collect(), value.clone()));
        let file = Document::Firefox.render(&entries.collect());
        let super::super::desired::Content::Bytes(bytes) = file.content else { panic!("a document is a file") };
        serde_json::from_slice::<Value>(&bytes).unwrap()["policies"].take()
    }

    #[test]
    fn names_that_are_numbers_become_an_array_in_their_order() {
        let made = policies(&[
            ("Bookmarks/10/Title", json!("last")),
            ("Bookmarks/2/Title", json!("first")),
            ("Bookmarks/2/URL", json!("https://a.example")),
        ]);
        assert_eq!(made, json!({"Bookmarks": [{"Title": "first", "URL": "https://a.example"}, {"Title": "last"}]}));
    }

    #[test]
    fn an_object_with_other_names_too_stays_an_object_and_so_does_a_value_that_is_one() {
        let made = policies(&[("A/1", json!(1)), ("A/b", json!(2)), ("C", json!({"1": true}))]);
        assert_eq!(made, json!({"A": {"1": 1, "b": 2}, "C": {"1": true}}));
    }
}
