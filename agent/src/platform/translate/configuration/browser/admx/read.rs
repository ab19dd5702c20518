//! Takes one policy out of a template. Refuses a policy without name or key; what it does not know inside a policy it
//! keeps as such, so that only those who use it are refused.

use mdm_protocol::csp::PayloadError;
use mdm_protocol::xml::Element as Xml;

use super::{Class, Element, Item, Kind, Policy, Raw};

pub(super) fn policy<'d>(xml: Xml<'d>) -> Result<Policy<'d>, PayloadError> {
    required(xml, "name")?;
    let key = required(xml, "key")?;
    let class = match xml.attribute("class") {
        Some("Machine") => Class::Machine,
        Some("User") => Class::User,
        _ => Class::Both,
    };
    let category = xml.child("parentCategory").and_then(|parent| parent.attribute("ref"));
    let value_name = xml.attribute("valueName").filter(|name| !name.is_empty());
    let enabled = xml.child("enabledValue").map(raw).transpose()?;
    let disabled = xml.child("disabledValue").map(raw).transpose()?;
    // What a template leaves out is 1 for on, and no value for off.
    let (on, off) = (enabled.unwrap_or(Raw::Number(1)), disabled.unwrap_or(Raw::Delete));
    let is_switch = is_switch(on, off);
    let own = |value: Raw<'d>| value_name.map(|name| Item { key, name, value, is_switch });
    let elements = xml.children_named("elements").flat_map(Xml::children).map(|xml| element(xml, key));
    Ok(Policy {
        class,
        key,
        category,
        enabled: own(on).into_iter().chain(items(xml, "enabledList", key)?).collect(),
        disabled: own(off).into_iter().chain(items(xml, "disabledList", key)?).collect(),
        elements: elements.collect::<Result<_, _>>()?,
    })
}

fn required<'d>(xml: Xml<'d>, name: &str) -> Result<&'d str, PayloadError> {
    let value = xml.attribute(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| flaw(format!("an element of the kind that policies are made of has no {name}")))
}

fn flaw(reason: impl Into<String>) -> PayloadError {
    PayloadError::format("the template", reason)
}

/// Whether two values say yes and no, rather than being numbers.
fn is_switch(on: Raw<'_>, off: Raw<'_>) -> bool {
    let is_bit = |value| matches!(value, Raw::Number(0 | 1) | Raw::Delete);
    is_bit(on) && is_bit(off)
}

/// The value inside `<enabledValue>`, `<value>` and the like.
fn raw(xml: Xml<'_>) -> Result<Raw<'_>, PayloadError> {
    let inner = xml.children().next().ok_or_else(|| flaw("a value is empty"))?;
    match inner.name() {
        "decimal" | "longDecimal" => {
            let number = inner.attribute("value").and_then(|value| value.trim().parse().ok());
            number.map(Raw::Number).ok_or_else(|| flaw("a decimal is no number"))
        }
        "string" => Ok(Raw::Text(inner.trimmed())),
        "delete" => Ok(Raw::Delete),
        _ => Err(flaw("a value is neither decimal nor string nor delete")),
    }
}

fn items<'d>(xml: Xml<'d>, list: &str, policy_key: &'d str) -> Result<Vec<Item<'d>>, PayloadError> {
    let Some(list) = xml.child(list) else { return Ok(Vec::new()) };
    let default_key = list.attribute("defaultKey").unwrap_or(policy_key);
    let item = |item: Xml<'d>| {
        let value = raw(item.child("value").ok_or_else(|| flaw("an item has no value"))?)?;
        let key = item.attribute("key").unwrap_or(default_key);
        Ok(Item { key, name: required(item, "valueName")?, value, is_switch: is_switch(value, Raw::Delete) })
    };
    list.children_named("item").map(item).collect()
}

fn element<'d>(xml: Xml<'d>, policy_key: &'d str) -> Result<Element<'d>, PayloadError> {
    let id = required(xml, "id")?;
    let key = xml.attribute("key").filter(|key| !key.is_empty()).unwrap_or(policy_key);
    let name = xml.attribute("valueName").unwrap_or_default();
    let required = xml.attribute("required").and_then(mdm_protocol::csp::boolean).unwrap_or(false);
    let kind = kind(xml)?;
    if name.is_empty() && !matches!(kind, Kind::List { .. } | Kind::Other) {
        return Err(flaw("an element has no valueName"));
    }
    Ok(Element { id, key, name, required, kind })
}

fn kind(xml: Xml<'_>) -> Result<Kind<'_>, PayloadError> {
    let flag = |name: &str| xml.attribute(name).and_then(mdm_protocol::csp::boolean).unwrap_or(false);
    Ok(match xml.name() {
        "text" => Kind::Text { longest: bound(xml, "maxLength")? },
        "multiText" => Kind::Lines { longest: bound(xml, "maxLength")?, most: bound(xml, "maxStrings")? },
        "decimal" | "longDecimal" => Kind::Number {
            least: bound(xml, "minValue")?.unwrap_or(0),
            most: bound(xml, "maxValue")?.unwrap_or(u64::from(u32::MAX)),
        },
        "boolean" if xml.child("trueList").is_some() || xml.child("falseList").is_some() => Kind::Other,
        "boolean" => Kind::Boolean {
            on: xml.child("trueValue").map(raw).transpose()?.unwrap_or(Raw::Number(1)),
            off: xml.child("falseValue").map(raw).transpose()?.unwrap_or(Raw::Number(0)),
        },
        "enum" if xml.children_named("item").any(|item| item.child("valueList").is_some()) => Kind::Other,
        "enum" => Kind::Choice { items: xml.children_named("item").map(choice).collect::<Result<_, _>>()? },
        "list" => Kind::List { named: flag("explicitValue") },
        _ => Kind::Other,
    })
}

fn choice(item: Xml<'_>) -> Result<Raw<'_>, PayloadError> {
    raw(item.child("value").ok_or_else(|| flaw("an item has no value"))?)
}

fn bound<N: std::str::FromStr>(xml: Xml<'_>, name: &str) -> Result<Option<N>, PayloadError> {
    let parse = |value: &str| value.trim().parse().map_err(|_| flaw(format!("a {name} is no number")));
    xml.attribute(name).map(parse).transpose()
}
