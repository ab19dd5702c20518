//! Sets a policy of a template: checks the parts that the server sent against the template's elements, and says which
//! values that makes. Reasons name elements and ranges, never what the server sent, which may be secret.

use std::collections::BTreeMap;

use mdm_protocol::csp::policy::{AdmxValue, LIST_SEPARATOR};
use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::{Element, Item, Kind, Policy, Raw};
use crate::platform::desired::Untranslatable;

/// A value that a policy sets.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Setting<'d> {
    /// The key of the registry.
    pub(in super::super) key: &'d str,
    /// The name below it; `None` if the value is the whole key.
    pub(in super::super) name: Option<&'d str>,
    pub(in super::super) value: Value,
    /// Whether the value is text that may stand for JSON.
    pub(in super::super) may_be_json: bool,
}

/// What the policy sets when it has this value; nothing if that means "not configured".
pub(in super::super) fn settings<'d>(
    policy: &Policy<'d>,
    value: &AdmxValue,
) -> Result<Vec<Setting<'d>>, Untranslatable> {
    let data = match value {
        AdmxValue::Disabled => return Ok(policy.disabled.iter().filter_map(item).collect()),
        AdmxValue::Enabled(data) => by_id(policy, data)?,
    };
    let mut settings: Vec<Setting<'d>> = policy.enabled.iter().filter_map(item).collect();
    for element in &policy.elements {
        match data.get(element.id.to_ascii_lowercase().as_str()) {
            Some(text) => settings.extend(set(element, text)?),
            None if element.required => return Err(missing(element)),
            None => {}
        }
    }
    if settings.is_empty() && data.is_empty() && !policy.elements.is_empty() {
        return Err(Untranslatable::refused(
            StatusCode::BAD_REQUEST,
            format!("the policy is on but none of its elements is set: {}", ids(policy)),
        ));
    }
    Ok(settings)
}

/// The parts by the ids of elements, in lower case.
fn by_id<'v>(policy: &Policy<'_>, data: &'v [(String, String)]) -> Result<BTreeMap<String, &'v str>, Untranslatable> {
    let mut by_id = BTreeMap::new();
    for (id, value) in data {
        let Some(element) = policy.elements.iter().find(|element| element.id.eq_ignore_ascii_case(id)) else {
            let known = if policy.elements.is_empty() { "none".to_owned() } else { ids(policy) };
            let reason = format!("an element is set that the policy does not have; it has {known}");
            return Err(Untranslatable::refused(StatusCode::BAD_REQUEST, reason));
        };
        if by_id.insert(element.id.to_ascii_lowercase(), value.as_str()).is_some() {
            return Err(Untranslatable::refused(StatusCode::BAD_REQUEST, format!("{} is set twice", element.id)));
        }
    }
    Ok(by_id)
}

fn ids(policy: &Policy<'_>) -> String {
    policy.elements.iter().map(|element| element.id).collect::<Vec<_>>().join(", ")
}

fn item<'d>(item: &Item<'d>) -> Option<Setting<'d>> {
    let value = match item.value {
        Raw::Number(number) if item.is_switch => Value::Bool(number == 1),
        other => json(other)?,
    };
    Some(Setting { key: item.key, name: Some(item.name), value, may_be_json: false })
}

fn json(raw: Raw<'_>) -> Option<Value> {
    match raw {
        Raw::Number(number) => Some(Value::from(number)),
        Raw::Text(text) => Some(Value::from(text)),
        Raw::Delete => None,
    }
}

/// What one element sets.
fn set<'d>(element: &Element<'d>, text: &str) -> Result<Option<Setting<'d>>, Untranslatable> {
    if element.required && text.trim().is_empty() {
        return Err(missing(element));
    }
    let plain = |value: Value| Some(Setting { key: element.key, name: Some(element.name), value, may_be_json: false });
    Ok(match &element.kind {
        Kind::Text { longest } => {
            within(element, "characters", text.chars().count(), *longest)?;
            plain(Value::from(text)).map(|setting| Setting { may_be_json: true, ..setting })
        }
        Kind::Lines { longest, most } => {
            let lines = lines(text);
            within(element, "lines", lines.len(), *most)?;
            lines
                .iter()
                .try_for_each(|line| within(element, "characters in a line", line.chars().count(), *longest))?;
            plain(Value::from(lines)).map(|setting| Setting { may_be_json: true, ..setting })
        }
        Kind::Number { least, most } => {
            let number = text.trim().parse().ok().filter(|number| (least..=most).contains(&number));
            let number: u64 = number.ok_or_else(|| wrong(element, &format!("a number from {least} to {most}")))?;
            plain(Value::from(number))
        }
        Kind::Boolean { on, off } => {
            let yes = mdm_protocol::csp::boolean(text).ok_or_else(|| wrong(element, "true or false"))?;
            match (on, off) {
                (Raw::Number(0 | 1) | Raw::Delete, Raw::Number(0 | 1) | Raw::Delete) => {
                    let value = if yes { *on } else { *off };
                    json(value).and_then(|value| plain(Value::Bool(value == 1)))
                }
                _ => json(if yes { *on } else { *off }).and_then(plain),
            }
        }
        Kind::Choice { items } => {
            let chosen = items.iter().find(|item| is_chosen(**item, text.trim()));
            json(*chosen.ok_or_else(|| wrong(element, &format!("one of {}", choices(items))))?).and_then(plain)
        }
        Kind::List { named } => Some(Setting {
            key: element.key,
            name: None,
            value: if *named { pairs(element, text)? } else { Value::from(list(text)) },
            may_be_json: false,
        }),
        Kind::Other => {
            let reason = format!("{} is of a kind that is not known here", element.id);
            return Err(Untranslatable::unsupported(reason));
        }
    })
}

fn is_chosen(item: Raw<'_>, text: &str) -> bool {
    match item {
        Raw::Number(number) => text.parse() == Ok(number),
        Raw::Text(choice) => text == choice,
        Raw::Delete => false,
    }
}

fn choices(items: &[Raw<'_>]) -> String {
    let name = |item: &Raw<'_>| match item {
        Raw::Number(number) => Some(number.to_string()),
        Raw::Text(text) => Some((*text).to_owned()),
        Raw::Delete => None,
    };
    items.iter().filter_map(name).collect::<Vec<_>>().join(", ")
}

fn within(element: &Element<'_>, what: &str, is: usize, most: Option<usize>) -> Result<(), Untranslatable> {
    match most {
        Some(most) if is > most => Err(wrong(element, &format!("at most {most} {what}"))),
        _ => Ok(()),
    }
}

fn wrong(element: &Element<'_>, expected: &str) -> Untranslatable {
    Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, format!("{} has to be {expected}", element.id))
}

fn missing(element: &Element<'_>) -> Untranslatable {
    Untranslatable::refused(StatusCode::BAD_REQUEST, format!("{} has to be set", element.id))
}

fn lines(text: &str) -> Vec<String> {
    let separator = if text.contains(LIST_SEPARATOR) { LIST_SEPARATOR } else { '\n' };
    text.split(separator).map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

/// A list of plain values. By the book they come as pairs of number and value; servers also leave the numbers out.
pub(in super::super) fn list(text: &str) -> Vec<String> {
    let entries: Vec<&str> = text.split(LIST_SEPARATOR).collect();
    let (pairs, rest) = entries.as_chunks::<2>();
    let numbered: Option<Vec<(u64, &str)>> =
        pairs.iter().map(|[number, value]| Some((number.parse().ok()?, *value))).collect();
    match numbered {
        Some(mut numbered) if rest.is_empty() && !numbered.is_empty() => {
            numbered.sort_by_key(|(number, _)| *number);
            numbered.into_iter().map(|(_, value)| value.to_owned()).collect()
        }
        _ => entries.into_iter().filter(|entry| !entry.is_empty()).map(str::to_owned).collect(),
    }
}

/// A list of names and values.
fn pairs(element: &Element<'_>, text: &str) -> Result<Value, Untranslatable> {
    let entries: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(LIST_SEPARATOR).collect() };
    let (pairs, rest) = entries.as_chunks::<2>();
    if !rest.is_empty() || pairs.iter().any(|[name, _]| name.is_empty()) {
        return Err(wrong(element, "a list of names, each followed by its value"));
    }
    Ok(Value::Object(pairs.iter().map(|[name, value]| ((*name).to_owned(), Value::from(*value))).collect()))
}
