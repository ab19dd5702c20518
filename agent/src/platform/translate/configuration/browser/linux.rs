//! Settings that only Linux has: a policy by its own name, with its value as JSON.

use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::catalogue;
use super::target::{Browser, Place};
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;

/// The longest value, in bytes.
const MAX_VALUE: usize = 1 << 20;

/// Sets a policy. One that is not known passes as it is: browsers learn policies faster than their managers do.
pub(super) fn set(browser: Browser, policy: &str, text: &str, context: &Context<'_>) -> Result<Share, Untranslatable> {
    if policy.is_empty() || !policy.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let reason = "the name of a browser's policy consists of letters and digits";
        return Err(Untranslatable::refused(StatusCode::NOT_FOUND, reason));
    }
    if text.len() > MAX_VALUE {
        return Err(Untranslatable::refused(StatusCode::TOO_LARGE, format!("the value exceeds {MAX_VALUE} bytes")));
    }
    let document = browser.own_document(context.machine)?;
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, "the value is not JSON"));
    };
    let path = vec![policy.to_owned()];
    check(browser, &path, &value)?;
    let fragments = Place { browser, path }.fragments(value, &[document])?;
    for fragment in &fragments {
        check(browser, &fragment.key, &fragment.value)?;
    }
    Ok(Share { fragments, ..Share::default() })
}

/// Checks a value if its type is known.
fn check(browser: Browser, path: &[String], value: &Value) -> Result<(), Untranslatable> {
    match catalogue::at(browser, path) {
        Some(known) if !known.value_type.admits(value) => {
            let reason = format!("{} has to be {}", path.join("/"), known.value_type);
            Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason))
        }
        None if catalogue::is_above(browser, path) && !value.is_object() => {
            let reason = format!("{} has to be a JSON object", path.join("/"));
            Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, reason))
        }
        _ => Ok(()),
    }
}
