//! Support bundles: what somebody needs who helps from afar, and nothing that must stay here.
//!
//! Only what is known to be harmless is gathered; contents of keys, of profiles and of the files made for them never
//! are. What was gathered goes through a filter for every secret that the agent knows before it is written.

mod archive;
mod contents;
mod log;
mod secrets;

use serde_json::{Value, json};

pub use archive::{ArchiveError, write};
pub use contents::{configuration, files, ledger, machine, store};
pub use log::{from_file, from_journal};
pub use secrets::known;

use crate::engine::redaction::Redactor;

/// A file of the bundle, before the filter.
#[derive(Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What is in it; `Err` says why there is nothing.
    pub content: Result<Content, String>,
}

/// What is in a file.
#[derive(Debug)]
pub enum Content {
    /// One value.
    Json(Value),
    /// A value on each line.
    Lines(Vec<Value>),
    /// Text.
    Text(String),
}

/// A file of the bundle as it is written.
#[derive(Debug)]
pub struct Packed {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// Filters the parts, and writes down what there is, and what is missing and why.
pub fn pack(parts: Vec<Part>, redactor: &Redactor, filter: &str, now: i64) -> Vec<Packed> {
    let (mut packed, mut listed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for Part { name, content } in parts {
        match content {
            Ok(content) => {
                let (text, redacted) = filtered(content, redactor);
                listed.push(json!({ "file": name, "bytes": text.len(), "redacted": redacted }));
                packed.push(Packed { name: name.to_owned(), content: text.into_bytes() });
            }
            Err(reason) => missing.push(json!({ "file": name, "reason": redactor.redact(&reason).0 })),
        }
    }
    let manifest = json!({
        "program": "mdm-agent",
        "version": env!("CARGO_PKG_VERSION"),
        "made": crate::engine::nodes::oma_time(now),
        "files": listed,
        "missing": missing,
        "filter": filter,
        "secrets_too_short_to_look_for": redactor.too_short(),
    });
    packed.insert(0, Packed { name: "manifest.json".to_owned(), content: pretty(&manifest).into_bytes() });
    packed
}

fn filtered(content: Content, redactor: &Redactor) -> (String, usize) {
    match content {
        Content::Text(text) => redactor.redact(&text),
        Content::Json(mut value) => {
            let redacted = conceal(&mut value, redactor);
            (pretty(&value), redacted)
        }
        Content::Lines(values) => {
            let (mut text, mut redacted) = (String::new(), 0);
            for mut value in values {
                redacted += conceal(&mut value, redactor);
                text.push_str(&value.to_string());
                text.push('\n');
            }
            (text, redacted)
        }
    }
}

/// Texts and names alone, so that what is left is still JSON.
fn conceal(value: &mut Value, redactor: &Redactor) -> usize {
    match value {
        Value::String(text) => {
            let (clean, redacted) = redactor.redact(text);
            *text = clean;
            redacted
        }
        Value::Array(values) => values.iter_mut().map(|value| conceal(value, redactor)).sum(),
        Value::Object(members) => {
            let mut redacted = 0;
            let clean = std::mem::take(members).into_iter().map(|(name, mut value)| {
                let (name, found) = redactor.redact(&name);
                redacted += found + conceal(&mut value, redactor);
                (name, value)
            });
            *members = clean.collect();
            redacted
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filtered_is_still_json_and_says_what_is_missing() {
        let redactor = Redactor::new(["1234".to_owned(), "hush \"hush\"".to_owned()]);
        let value = json!({ "time": 12_345, "what": "said hush \"hush\"", "hush \"hush\"": ["1234"] });
        let parts = vec![
            Part { name: "a.json", content: Ok(Content::Json(value.clone())) },
            Part { name: "b.jsonl", content: Ok(Content::Lines(vec![value])) },
            Part { name: "c.txt", content: Err("needs root".to_owned()) },
        ];
        let packed = pack(parts, &redactor, "complete", 0);
        let read = |at: usize| serde_json::from_slice::<Value>(&packed[at].content).unwrap();
        let expected = json!({ "time": 12_345, "what": "said ********", "********": ["********"] });
        assert_eq!((read(1), read(2)), (expected.clone(), expected));
        assert_eq!(read(0)["missing"][0]["file"], "c.txt");
        assert_eq!(read(0)["files"][0]["redacted"], 3);
    }
}
