//! What looks like a secret by what stands around it: private keys, passwords in addresses, values with such names.

use super::CONCEALED;
use super::buried::is_secret_name;

const KEY_BEGINS: &str = "-----BEGIN ";
const KEY: &str = "PRIVATE KEY-----";
const KEY_ENDS: &str = "-----END ";
/// What credentials stand behind in headers.
const HEADERS: &[&str] = &["uthorization: ", "UTHORIZATION: ", "Bearer "];

/// The text without them, and how many there were.
pub(super) fn conceal(text: &str) -> (String, usize) {
    let (text, keys) = conceal_keys(text);
    let (text, addresses) = conceal_in_addresses(&text);
    let (text, values) = conceal_values(&text);
    (text, keys + addresses + values)
}

/// Whole blocks of private keys; one without an end goes to the end of the text.
fn conceal_keys(text: &str) -> (String, usize) {
    let (mut clean, mut rest, mut count) = (String::new(), text, 0);
    while let Some(begin) = rest.find(KEY_BEGINS) {
        let (before, block) = rest.split_at(begin);
        clean.push_str(before);
        let head = block[KEY_BEGINS.len()..].find("-----").map(|end| KEY_BEGINS.len() + end + 5);
        let Some(head) = head.filter(|head| block[..*head].ends_with(KEY)) else {
            clean.push_str(KEY_BEGINS);
            rest = &block[KEY_BEGINS.len()..];
            continue;
        };
        let end = block[head..].find(KEY_ENDS).and_then(|end| {
            let from = head + end + KEY_ENDS.len();
            block[from..].find("-----").map(|tail| from + tail + 5)
        });
        clean.push_str(CONCEALED);
        count += 1;
        rest = end.map_or("", |end| &block[end..]);
    }
    clean.push_str(rest);
    (clean, count)
}

/// What stands before the `@` of an address.
fn conceal_in_addresses(text: &str) -> (String, usize) {
    let (mut clean, mut rest, mut count) = (String::new(), text, 0);
    while let Some(begin) = rest.find("://") {
        let (before, after) = rest.split_at(begin + 3);
        clean.push_str(before);
        let ends = |character: char| character.is_whitespace() || "/?#\"'<>\\,".contains(character);
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        match authority.rfind('@') {
            Some(at) => {
                clean.push_str(CONCEALED);
                count += 1;
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    clean.push_str(rest);
    (clean, count)
}

/// A place at which a value begins, and where it ends.
struct Value {
    begin: usize,
    /// Whether it goes to the end of the line, as a header does, or only as far as a word.
    is_header: bool,
}

/// `password=…`, `Authorization: …` and the like, as logs have them.
fn conceal_values(text: &str) -> (String, usize) {
    let (mut clean, mut count) = (String::with_capacity(text.len()), 0);
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while let Some(found) = next_value(rest) {
            let (before, after) = rest.split_at(found.begin);
            clean.push_str(before);
            let is_quoted = after.starts_with('"');
            let value = &after[usize::from(is_quoted)..];
            let ends = |character: char| match (is_quoted, found.is_header) {
                (true, _) => character == '"',
                (false, true) => "\n\r\"'".contains(character),
                (false, false) => character.is_whitespace() || ",;&\"'}".contains(character),
            };
            let end = value.find(ends).unwrap_or(value.len());
            rest = after;
            if end > 0 && value[..end] != *CONCEALED {
                clean.push_str(if is_quoted { "\"" } else { "" });
                clean.push_str(CONCEALED);
                count += 1;
                rest = &value[end..];
            }
        }
        clean.push_str(rest);
    }
    (clean, count)
}

/// The first value with the name of a secret.
fn next_value(text: &str) -> Option<Value> {
    let named = text.match_indices('=').find_map(|(at, _)| {
        let is_part = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
        let name = &text[text[..at].trim_end_matches(is_part).len()..at];
        is_secret_name(name).then_some(Value { begin: at + 1, is_header: false })
    });
    let headers = HEADERS
        .iter()
        .filter_map(|header| text.find(header).map(|at| Value { begin: at + header.len(), is_header: true }));
    named.into_iter().chain(headers).min_by_key(|value| value.begin)
}
