//! Settings that only Linux has: a policy by its own name, with its value as JSON.

use mdm_protocol::syncml::StatusCode;
use serde_json::Value;

use super::target::{Browser, Level, Place};
use super::{catalogue, defaults};
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;

/// The longest value, in bytes.
const MAX_VALUE: usize = 1 << 20;

/// Sets a policy; its name ends in `_recommended` where users may choose otherwise. One that is not known passes as it is: browsers learn policies faster than their managers do.
pub(super) fn set(browser: Browser, policy: &str, text: &str, context: &Context<'_>) -> Result<Share, Untranslatable> {
    let (level, policy) = Level::of_name(policy);
    if policy.is_empty() || !policy.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let reason = "the name of a browser's policy consists of letters and digits";
        return Err(Untranslatable::refused(StatusCode::NOT_FOUND, reason));
    }
    if text.len() > MAX_VALUE {
        return Err(Untranslatable::refused(StatusCode::TOO_LARGE, format!("the value exceeds {MAX_VALUE} bytes")));
    }
    let document = browser.own_document(level, context.machine)?;
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Err(Untranslatable::refused(StatusCode::UNSUPPORTED_FORMAT, "the value is not JSON"));
    };
    let path = vec![policy.to_owned()];
    if let Some(known) = catalogue::at(browser, &path) {
        known.admit(browser, level)?;
    }
    let fragments = defaults::fragments(Place { browser, level, path }, value, &[document])?;
    Ok(Share { fragments, ..Share::default() })
}
