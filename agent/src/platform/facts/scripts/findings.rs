//! What a script printed: one JSON object of names and plain values.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::compliance::facts::ScriptValue;
use crate::engine::compliance::json;

/// The largest answer, in bytes.
pub(super) const MOST_BYTES: usize = 64 << 10;
/// The most names in an answer, and the longest of them in bytes.
const MOST_NAMES: usize = 256;
const MOST_NAME: usize = 128;

pub(super) fn read(output: &[u8]) -> Result<BTreeMap<String, ScriptValue>, String> {
    let text = std::str::from_utf8(output).map_err(|_| "what it printed is no text".to_owned())?;
    let text = text.trim().trim_start_matches('\u{feff}');
    if text.is_empty() {
        return Err("it printed nothing".to_owned());
    }
    let value =
        json::parse(text, MOST_BYTES, 4).map_err(|reason| format!("what it printed cannot be used: {reason}"))?;
    let Value::Object(object) = value else { return Err("what it printed is not an object".to_owned()) };
    if object.len() > MOST_NAMES || object.keys().any(|name| name.len() > MOST_NAME) {
        return Err(format!("it printed more than {MOST_NAMES} names, or one longer than {MOST_NAME} bytes"));
    }
    let pairs =
        object.into_iter().filter_map(|(name, value)| scalar(&name, value).transpose().map(|value| (name, value)));
    pairs.map(|(name, value)| Ok((name, value?))).collect()
}

/// A plain value; `null` is as if the name was not there.
fn scalar(name: &str, value: Value) -> Result<Option<ScriptValue>, String> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => ScriptValue::Boolean(value),
        Value::String(text) => ScriptValue::Text(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => ScriptValue::Integer(number),
            (None, Some(number)) => ScriptValue::Decimal(number),
            (None, None) => return Err(format!("{name} is not a number that can be used")),
        },
        Value::Array(_) | Value::Object(_) => return Err(format!("{name} is not text, a number, true or false")),
    }))
}
