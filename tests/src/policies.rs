//! The README's tables of every policy that is understood, made from the agent's own lists.

use std::collections::BTreeMap;

use mdm_agent::platform::document::Document;
use mdm_agent::platform::translate::configuration::browser::catalogue::{ValueType, understood};
use mdm_agent::platform::translate::configuration::catalogue::policies;

/// The line before the tables in the README.
pub const BEGIN: &str = "<!-- policies: made by `cargo run -p mdm-tests --bin policies` -->";
/// The line after them.
pub const END: &str = "<!-- end of policies -->";

const BROWSERS: [(Document, &str); 5] = [
    (Document::Chrome, "Chrome"),
    (Document::Chromium, "Chromium"),
    (Document::Edge, "Edge"),
    (Document::Firefox, "Firefox"),
    (Document::Thunderbird, "Thunderbird"),
];

/// Both tables.
pub fn tables() -> String {
    format!("{BEGIN}\n{}\n{}{END}\n", system(), browsers())
}

fn system() -> String {
    let mut text = "| policy | takes | becomes |\n|---|---|---|\n".to_owned();
    for policy in policies() {
        let place = if policy.vendor { "LinuxMDM/Config" } else { "MSFT/Policy/Config" };
        let name = policy.name.replace('<', "&lt;").replace('>', "&gt;");
        let becomes = policy.becomes.replace("install <> /bin/false", "install NAME /bin/false");
        text.push_str(&format!("| {place}/{}/{name} | {} | {becomes} |\n", policy.area, policy.takes));
    }
    text
}

fn browsers() -> String {
    let mut rows: BTreeMap<(String, String), (Vec<Document>, Vec<Document>)> = BTreeMap::new();
    for known in understood() {
        let (documents, recommended) = rows.entry((known.policy.to_owned(), takes(known.value_type))).or_default();
        if known.recommended {
            recommended.extend(&known.documents);
        }
        documents.extend(known.documents);
    }
    let names = |documents: &[Document]| {
        let names = BROWSERS.iter().filter(|(document, _)| documents.contains(document)).map(|(_, name)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let mut text = "| browser policy | takes | where | can be recommended |\n|---|---|---|---|\n".to_owned();
    for ((policy, takes), (documents, recommended)) in rows {
        text.push_str(&format!("| {policy} | {takes} | {} | {} |\n", names(&documents), names(&recommended)));
    }
    text
}

fn takes(value_type: ValueType) -> String {
    match value_type {
        ValueType::Boolean => "true or false".to_owned(),
        ValueType::Number { least, most } => format!("a number of {least} to {most}"),
        ValueType::Choice(choices) => {
            let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
            format!("one of {}", choices.join(", "))
        }
        ValueType::TextOf(choices) => format!("one of {}", choices.join(", ")),
        ValueType::Text => "text".to_owned(),
        ValueType::List => "a list of texts".to_owned(),
        ValueType::Object => "a JSON object".to_owned(),
        ValueType::Array => "a JSON array".to_owned(),
    }
}
