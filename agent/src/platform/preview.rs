//! A plan in a form that people and programs can read: which files, why, and what would be different in them. Secrets are
//! concealed; nothing here can reveal them.

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use super::attempt::Attempt;
use super::desired::Content;
use super::ledger::{Drift, Ledger, Standing};
use super::path::MachinePath;
use super::plan::Plan;
use super::root::{Former, Root};
use crate::engine::application::DriftOutcome;

/// What stands in the place of a secret.
const CONCEALED: &str = "********";
/// What stands in the place of a difference to a content that its owner lets nobody else read.
const WITHHELD: &str = "  what is there may not be read by everybody, and is not shown";
/// What the names of secret values have in them, in whatever form the file has. Better one too many is concealed.
const SECRET_NAMES: &[&str] = &["psk", "pass", "key", "pin", "secret", "token"];
/// Names that have such a part and are no secret.
const PUBLIC_NAMES: &[&str] = &["key-mgmt", "publickey"];
/// The most lines of a difference that are shown of one file.
const MAX_LINES: usize = 200;

/// What would be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What would be done with files.
    pub steps: Vec<PreviewedStep>,
    /// Profiles that would not be in force: address, and why.
    pub refused: Vec<(String, String)>,
    /// Profiles that wait for something: address, and for what.
    pub waiting: Vec<(String, String)>,
    /// Files that somebody changed: path, what was done to it, and what would be done about it.
    pub drift: Vec<(String, String, DriftOutcome)>,
    /// Parts of profiles that would have no effect on this machine: the profile's address, the part and why. What was so
    /// before is left out.
    #[serde(default)]
    pub without_effect: Vec<(String, String)>,
    /// Who would be told.
    pub told: Vec<String>,
}

/// What would be done with one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewedStep {
    /// `create`, `replace`, `put-aside`, `remove` or `bring-back`.
    pub action: String,
    /// The file.
    pub path: String,
    /// Its permission bits, as in `chmod`.
    pub mode: Option<String>,
    /// The profiles that it is for.
    pub profiles: Vec<String>,
    /// What would be different: lines that begin with `+`, `-` or a space.
    pub difference: Vec<String>,
}

/// Describes a plan.
pub(super) fn preview(root: &Root, plan: &Plan, attempt: &Attempt, ledger: &Ledger) -> Preview {
    let mut preview = Preview::default();
    let mut told = std::collections::BTreeSet::new();
    for write in &plan.writes {
        let present = root.read(&write.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let is_new_aside = write.former.is_some() && !ledger.files.contains_key(&write.path);
        let action = match (&write.over, is_new_aside) {
            (None, _) => "create",
            (Some(_), true) => "put-aside",
            (Some(_), false) => "replace",
        };
        told.insert(write.file.consumer);
        preview.steps.push(PreviewedStep {
            action: action.to_owned(),
            path: write.path.to_string(),
            mode: Some(format!("{:04o}", write.file.mode)),
            profiles: write.profiles.iter().cloned().collect(),
            difference: if root.is_withheld(&write.path, write.file.mode) {
                vec![WITHHELD.to_owned()]
            } else {
                difference(&present.unwrap_or_default(), &text(&write.file.content), write.file.mode)
            },
        });
    }
    // What a change that was cut off never made is not removed either.
    let is_there = |path: &&MachinePath| {
        root.stamp(path).is_some() || ledger.files.get(path).is_some_and(|entry| entry.former.is_some())
    };
    for path in plan.removals.iter().filter(is_there) {
        preview.steps.push(removal(root, path, ledger));
        told.extend(ledger.files.get(path).map(|entry| entry.consumer));
    }
    for (root, standing) in attempt.standing() {
        match standing {
            Standing::Refused { status, reason } => preview.refused.push((root, format!("{reason} ({status})"))),
            Standing::Waiting { reason } => preview.waiting.push((root, reason)),
        }
    }
    let is_news = |(root, parts): &(&String, &Vec<String>)| ledger.without_effect.get(*root) != Some(*parts);
    let parts = attempt.desired.without_effect.iter().filter(is_news);
    let parts = parts.flat_map(|(root, parts)| parts.iter().map(|part| (root.clone(), part.clone())));
    preview.without_effect = parts.collect();
    preview.drift = attempt.drift.iter().map(Drift::brief).collect();
    told.extend(&ledger.untold);
    preview.told = told.into_iter().filter_map(|consumer| consumer.name()).map(str::to_owned).collect();
    preview
}

fn removal(root: &Root, path: &MachinePath, ledger: &Ledger) -> PreviewedStep {
    let entry = ledger.files.get(path);
    let former = entry.and_then(|entry| entry.former.as_ref());
    let mode = entry.map_or(0o600, |entry| entry.mode);
    let present = root.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let later = match former {
        Some(former @ Former::File { .. }) => String::from_utf8_lossy(&former.bytes()).into_owned(),
        Some(Former::Link(link)) => format!("-> {}\n", link.target),
        None => String::new(),
    };
    PreviewedStep {
        action: if former.is_some() { "bring-back" } else { "remove" }.to_owned(),
        path: path.to_string(),
        mode: None,
        profiles: entry.map(|entry| entry.profiles.iter().cloned().collect()).unwrap_or_default(),
        difference: if root.is_withheld(path, mode) || former.is_some_and(|former| !former.is_public()) {
            vec![WITHHELD.to_owned()]
        } else {
            difference(&present, &later, mode)
        },
    }
}

fn text(content: &Content) -> String {
    match content {
        Content::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Content::Link(target) => format!("-> {target}\n"),
    }
}

/// What is different between two texts, a few lines round it included.
fn difference(before: &str, after: &str, mode: u32) -> Vec<String> {
    let is_private = mode & 0o077 == 0;
    let conceal = |text: &str| if is_private { concealed(text) } else { text.to_owned() };
    let (shown_before, shown_after) = (conceal(before), conceal(after));
    if before != after && shown_before == shown_after {
        return vec![format!("  only concealed values differ ({CONCEALED})")];
    }
    let compared = TextDiff::from_lines(&shown_before, &shown_after);
    let mut lines: Vec<String> = Vec::new();
    for group in compared.grouped_ops(2) {
        for operation in group {
            lines.extend(compared.iter_changes(&operation).map(|change| {
                let sign = match change.tag() {
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                    ChangeTag::Equal => ' ',
                };
                format!("{sign} {}", change.value().trim_end_matches('\n'))
            }));
        }
    }
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("  ... and {more} lines more"));
    }
    lines
}

/// A private text without what is secret in it: values of secret names, and whatever is inside of blocks.
fn concealed(text: &str) -> String {
    let mut inside = false;
    let mut shown = String::new();
    for line in text.lines() {
        let trimmed = line.trim();
        let begins = trimmed.starts_with("-----BEGIN") || (trimmed.starts_with('<') && !trimmed.starts_with("</"));
        let ends = trimmed.starts_with("-----END") || trimmed.starts_with("</");
        let secret = trimmed.split_once('=').filter(|(name, _)| is_secret(name));
        match secret {
            _ if ends => {
                inside = false;
                shown.push_str(line);
            }
            _ if inside => shown.push_str(CONCEALED),
            _ if begins => {
                inside = true;
                shown.push_str(line);
            }
            Some((name, _)) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(CONCEALED);
            }
            None => shown.push_str(line),
        }
        shown.push('\n');
    }
    shown
}

fn is_secret(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let is_public = PUBLIC_NAMES.contains(&name.as_str()) || name.ends_with("-flags") || name.starts_with('[');
    !is_public && SECRET_NAMES.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_of_a_private_file_is_shown_whatever_its_form() {
        for (text, secret) in [
            ("[wifi-security]\nkey-mgmt=sae\npsk=hunter2\n", "hunter2"),
            ("[802-1x]\neap=tls\nprivate-key-password=hunter2\n", "hunter2"),
            ("[802-1x]\npin=hunter2\n", "hunter2"),
            ("[wifi-security]\nwep-key0=hunter2\n", "hunter2"),
            ("[Interface]\nPrivateKey = hunter2\nMTU = 1400\n", "hunter2"),
            ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n", "hunter2"),
            ("client\n<tls-auth>\nhunter2\n</tls-auth>\nverb 3\n", "hunter2"),
        ] {
            let shown = difference("", text, 0o600).join("\n");
            assert!(!shown.contains(secret) && shown.contains(CONCEALED), "{shown}");
            let other = text.replace("hunter2", "other");
            assert_eq!(difference(text, &other, 0o600).len(), 1, "that they differ is said, and no more");
            assert!(difference("", text, 0o644).join("\n").contains(secret), "public files are shown");
        }
    }

    #[test]
    fn a_long_file_shows_what_differs_and_a_little_round_it() {
        let before: String = (0..100).map(|number| format!("line {number}\n")).collect();
        let after = before.replace("line 50\n", "line fifty\n");
        let expected = ["  line 48", "  line 49", "- line 50", "+ line fifty", "  line 51", "  line 52"];
        assert_eq!(difference(&before, &after, 0o644), expected);
    }
}
