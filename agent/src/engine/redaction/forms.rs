//! The forms in which a secret may have been written.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mdm_protocol::base64;

/// The shortest part of an encoding that is searched for: what is shorter is found by chance.
const SHORTEST_PART: usize = 6;

/// The secret itself and every encoding of it.
pub(super) fn of(secret: &str) -> BTreeSet<String> {
    let mut forms: BTreeSet<String> = [secret.to_owned()].into();
    forms.extend(in_xml(secret));
    forms.extend(in_xml(secret).iter().flat_map(|once| in_xml(once)));
    forms.extend(in_urls(secret));
    forms.extend(in_base64(secret.as_bytes()));
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    forms.extend(in_base64(&utf16));
    forms.extend(in_hexadecimal(secret.as_bytes()));
    // Every one of them may stand in a text of JSON, or be shown as a text of Rust is.
    let quoted: BTreeSet<String> = forms.iter().flat_map(|form| in_quotes(form)).collect();
    forms.extend(quoted);
    forms
}

fn in_xml(text: &str) -> BTreeSet<String> {
    let least = text.replace('&', "&amp;").replace('<', "&lt;");
    let usual = least.replace('>', "&gt;");
    let named = usual.replace('"', "&quot;");
    [
        least,
        usual.clone(),
        named.clone(),
        named.replace('\'', "&apos;"),
        named.replace('\'', "&#39;"),
        named.replace('\'', "&#x27;"),
        usual.replace('"', "&#34;").replace('\'', "&#39;"),
    ]
    .into()
}

/// Percent-encoded: everything but letters and digits, everything but what never needs it, and as forms are.
fn in_urls(text: &str) -> BTreeSet<String> {
    let encode = |kept: &[u8], space: &str, lower: bool| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            match byte {
                b' ' => encoded.push_str(space),
                _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => encoded.push(char::from(byte)),
                _ if lower => drop(write!(encoded, "%{byte:02x}")),
                _ => drop(write!(encoded, "%{byte:02X}")),
            }
            encoded
        })
    };
    let kept: [&[u8]; 4] = [b"", b"-._~", b"-._*", b"-._~!$&'()*+,;=:@/?"];
    let mut forms = BTreeSet::new();
    for kept in kept {
        for lower in [false, true] {
            forms.extend([encode(kept, "%20", lower), encode(kept, "+", lower)]);
        }
    }
    forms
}

/// In base64, by itself or anywhere in something larger: what precedes it decides by which of three forms.
fn in_base64(bytes: &[u8]) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for before in 0..3_usize {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
        let encoded = base64::encode(&padded);
        // Characters that bits of the neighbours have a part in.
        let (first, behind) = ([0, 2, 3][before], [0, 3, 2][padded.len() % 3]);
        let Some(part) = encoded.get(first..encoded.len() - behind).filter(|part| part.len() >= SHORTEST_PART) else {
            continue;
        };
        forms.extend([part.to_owned(), part.replace('+', "-").replace('/', "_")]);
    }
    let whole = base64::encode(bytes);
    forms.extend([whole.trim_end_matches('=').to_owned(), whole]);
    forms
}

fn in_hexadecimal(bytes: &[u8]) -> [String; 2] {
    let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [lower.to_ascii_uppercase(), lower]
}

fn in_quotes(text: &str) -> Vec<String> {
    let json = serde_json::Value::from(text).to_string();
    let shown = format!("{text:?}");
    let inner = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
    let json = inner(&json);
    let twice = serde_json::Value::from(json.as_str()).to_string();
    vec![json.replace('/', "\\/"), inner(&twice), inner(&shown), json]
}
