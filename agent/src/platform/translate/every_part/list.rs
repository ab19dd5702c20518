//! The list of all parts, as reviews read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Fate, Table, Treatment};

/// Where it is kept, from the crate's own directory.
const PLACE: &str = "doc/payload-parts.md";

const HEAD: &str = "# What becomes of every part of a payload\n\n\
    Made by `MDM_WRITE_LISTS=1 cargo test -p mdm-agent every_part`, which also tries every part in every kind of profile. A \
    part that is not listed is refused with status 406 and its name.\n";

/// Compares the list with what is kept, or keeps it.
pub(super) fn check(table: &Table) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PLACE);
    let text = text(table);
    if std::env::var_os("MDM_WRITE_LISTS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{PLACE} is not what was found; write it anew with MDM_WRITE_LISTS=1 and review it");
}

fn text(table: &Table) -> String {
    let mut text = HEAD.to_owned();
    let mut payloads: BTreeMap<&str, String> = BTreeMap::new();
    for ((payload, path), (treatment, fates)) in table {
        let rows = payloads.entry(payload).or_default();
        let becomes = match treatment {
            Treatment::Translated => translated(fates),
            Treatment::NoEffect(reason) => format!("no effect: {reason}"),
            Treatment::Only(values, reason) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| if value.is_empty() { "empty".to_owned() } else { format!("`{value}`") })
                    .collect();
                format!("only {}, which is so anyway; else refused: {reason}", values.join(", "))
            }
            Treatment::Refused(reason) => format!("refused: {reason}"),
        };
        let _ = writeln!(rows, "| `{path}` | {becomes} |");
    }
    for (payload, rows) in payloads {
        let _ = write!(text, "\n## {payload}\n\n| part | what becomes of it |\n|---|---|\n{rows}");
    }
    text
}

/// In which profiles it has an effect, and in which it is named or refused.
fn translated(fates: &BTreeMap<Fate, BTreeSet<&'static str>>) -> String {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut words = Vec::new();
    // To wait for what fits, such as another certificate, is an effect.
    let kinds = [
        (&[Fate::Effect, Fate::Waits][..], "effect"),
        (&[Fate::NoEffect], "named as without effect"),
        (&[Fate::Refused], "checked, refused where it does not fit"),
    ];
    for (kinds, word) in kinds {
        let profiles = kinds.iter().filter_map(|kind| fates.get(kind)).flatten().copied();
        let new: BTreeSet<&str> = profiles.filter(|name| !named.contains(name)).collect();
        if !new.is_empty() {
            words.push(format!("{word} ({})", new.iter().copied().collect::<Vec<_>>().join("; ")));
            named.extend(new);
        }
    }
    words.join(", ")
}
