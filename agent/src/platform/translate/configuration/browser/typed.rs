//! Policies that are known without a template: a value as a server sends it for a template, by the type in the table.

use mdm_protocol::csp::policy::AdmxValue;
use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::admx::list;
use super::catalogue::{Known, ValueType};
use super::defaults;
use super::target::{Browser, Level, Place};
use super::template::compound;
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;

/// Sets a known policy.
pub(super) fn set(
    known: &Known,
    browser: Browser,
    level: Level,
    value: &AdmxValue,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let documents = browser.documents(level, context.machine)?;
    known.admit(browser, level)?;
    let mut share = Share::default();
    if let Some(value) = json(known, value)? {
        let path = known.path.iter().map(|part| (*part).to_owned()).collect();
        let place = Place { browser, level, path };
        share.fragments = defaults::fragments(place, value, &documents)?;
    }
    Ok(share)
}

fn json(known: &Known, value: &AdmxValue) -> Result<Option<Value>, Untranslatable> {
    let is_boolean = matches!(known.value_type, ValueType::Boolean);
    let value = match value {
        AdmxValue::Disabled => return Ok(is_boolean.then_some(Value::Bool(false))),
        AdmxValue::Enabled(data) => match data.as_slice() {
            [] if is_boolean => return Ok(Some(Value::Bool(true))),
            [(id, value)] if !is_boolean && is_id(known, id) => value,
            _ => return Err(elements(known)),
        },
    };
    let json = match known.value_type {
        ValueType::Boolean => None,
        ValueType::Number { .. } | ValueType::Choice(_) => value.trim().parse::<i64>().ok().map(Value::from),
        ValueType::Text | ValueType::TextOf(_) => Some(Value::from(value.as_str())),
        ValueType::List => Some(Value::from(list(value))),
        ValueType::Object | ValueType::Array => compound(value),
    };
    match json.filter(|json| known.value_type.admits(json)) {
        Some(json) => Ok(Some(json)),
        None => Err(Untranslatable::refused(
            StatusCode::UNSUPPORTED_FORMAT,
            format!("{} has to be {}", known.policy, known.value_type),
        )),
    }
}

/// The names that templates give the one element of a policy.
fn is_id(known: &Known, id: &str) -> bool {
    let rest = id.get(..known.policy.len()).filter(|head| head.eq_ignore_ascii_case(known.policy));
    let described = rest.is_some() && ["", "Desc"].iter().any(|end| id[known.policy.len()..].eq_ignore_ascii_case(end));
    // Mozilla's templates call the element so where it is an object or an array.
    let is_json = matches!(known.value_type, ValueType::Object | ValueType::Array) && id.eq_ignore_ascii_case("JSON");
    is_json || described || known.path.last().is_some_and(|last| id.eq_ignore_ascii_case(last))
}

fn elements(known: &Known) -> Untranslatable {
    let expected = match known.value_type {
        ValueType::Boolean => "it has no elements".to_owned(),
        _ => format!("it has exactly one, {}", known.policy),
    };
    Untranslatable::refused(
        StatusCode::BAD_REQUEST,
        format!("the policy's elements are not set as they are: {expected}"),
    )
}
