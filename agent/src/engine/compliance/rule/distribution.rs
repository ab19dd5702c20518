//! Distributions that a rule allows: a JSON list of type, minimumversion and maximumversion.

use serde_json::{Map, Value};

use super::super::{json, version};

/// The most distributions that one rule may name.
const MOST: usize = 64;

/// A distribution that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedDistribution {
    /// Its id in os-release.
    pub id: String,
    /// The least version; `None` for any.
    pub minimum: Option<String>,
    /// The highest version; `None` for any.
    pub maximum: Option<String>,
}

impl std::fmt::Display for AllowedDistribution {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.id)?;
        match (&self.minimum, &self.maximum) {
            (Some(minimum), Some(maximum)) => write!(formatter, " {minimum} to {maximum}"),
            (Some(minimum), None) => write!(formatter, " {minimum} or later"),
            (None, Some(maximum)) => write!(formatter, " up to {maximum}"),
            (None, None) => Ok(()),
        }
    }
}

pub(super) fn read(text: &str) -> Result<Vec<AllowedDistribution>, String> {
    let list =
        json::parse(text, super::MOST_VALUE, 3).map_err(|reason| format!("its value cannot be used: {reason}"))?;
    let list = list.as_array().ok_or("its value is not a list of distributions")?;
    if list.is_empty() || list.len() > MOST {
        return Err(format!("it names {} distributions; 1 to {MOST} are possible", list.len()));
    }
    list.iter().map(entry).collect()
}

fn entry(value: &Value) -> Result<AllowedDistribution, String> {
    let entry = value.as_object().ok_or("an entry of its list is not an object")?;
    for name in entry.keys() {
        if !["type", "$type", "minimumversion", "maximumversion"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return Err(format!("an entry has a member {}", name.chars().take(64).collect::<String>()));
        }
    }
    let id = text(entry, "type")?.or(text(entry, "$type")?).ok_or("an entry does not say the type of distribution")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.len() > 64 || !id.bytes().all(plain) {
        return Err("a type of distribution is not an id as in os-release".to_owned());
    }
    let bound = |name: &str| match text(entry, name)? {
        Some(bound) if version::exact(bound).is_none() => Err(format!("{name} of {id} is not numbers with dots")),
        bound => Ok(bound.map(str::to_owned)),
    };
    Ok(AllowedDistribution {
        id: id.to_lowercase(),
        minimum: bound("minimumversion")?,
        maximum: bound("maximumversion")?,
    })
}

/// A member that is text. Empty, `null` and missing are the same: servers write an open bound in all three ways.
fn text<'a>(entry: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match entry.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        // As a number, 22.10 would be 22.1.
        Some(_) => Err(format!("{name} is not text in quotation marks")),
    }
}
