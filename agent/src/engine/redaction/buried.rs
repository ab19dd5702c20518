//! Secrets inside larger values: a key in a WLAN profile, a private key in a tunnel's configuration.

use std::collections::BTreeSet;

/// What the names of secrets have in them, in lower case.
const NAMES: &[&str] = &[
    "key",
    "pass",
    "secret",
    "psk",
    "pwd",
    "token",
    "challenge",
    "pin",
    "auth-user",
    "tls-auth",
    "tls-crypt",
    "credential",
];
/// Values of such names that say how a secret is kept, not what it is.
const WORDS: &[&str] = &["true", "false", "yes", "none", "passPhrase", "networkKey"];
/// The shortest line of a key that is searched for by itself.
const KEY_LINE: usize = 16;
/// The shortest run of characters of base64 or hexadecimal digits that is taken for a key wherever it stands.
const KEY_RUN: usize = 32;

/// Whether something of this name is a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

/// Whether a value of such a name says how a secret is kept, not what it is.
pub(super) fn is_setting(value: &str) -> bool {
    WORDS.contains(&value)
}

/// The secrets in a value that has other things in it as well.
pub(super) fn buried(value: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    elements(value, &mut found);
    for line in value.lines() {
        if let Some((_, value)) = line.split_once('=').filter(|(name, _)| is_secret_name(name)) {
            found.insert(value.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
    let is_key = |character: char| character.is_ascii_alphanumeric() || "+/=".contains(character);
    let runs = value.split(|character| !is_key(character)).filter(|run| run.len() >= KEY_RUN);
    found.extend(runs.map(str::to_owned));
    found.retain(|secret| !secret.is_empty() && !is_setting(secret));
    found
}

/// The text of elements with such names, as it stands and as it is meant.
fn elements(value: &str, found: &mut BTreeSet<String>) {
    for (start, _) in value.match_indices('<') {
        let Some((tag, rest)) = value[start + 1..].split_once('>') else { continue };
        let name = tag.split_whitespace().next().unwrap_or_default();
        if name.starts_with(['/', '!', '?']) || !is_secret_name(name) {
            continue;
        }
        let Some((text, _)) = rest.split_once(&format!("</{name}")) else { continue };
        // An element with others in it is gone through by itself.
        if !text.contains("</") {
            found.insert(text.trim().to_owned());
            found.insert(unescape(text.trim()));
        }
    }
}

pub(super) fn unescape(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// The lines of a key or of anything else that is wrapped, and all of them as one.
pub fn key_lines(text: &str) -> Vec<String> {
    let text = text.replace("\\n", "\n");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----") && !line.starts_with('<'));
    let lines: Vec<String> = lines.filter(|line| line.len() >= KEY_LINE).map(str::to_owned).collect();
    match lines.len() {
        0 | 1 => lines,
        _ => lines.iter().cloned().chain([lines.concat()]).collect(),
    }
}
