//! Locking of screens and other settings of desktops, by dconf: a database of its own, and locks, so that users cannot
//! change them.

use mdm_protocol::syncml::StatusCode;

use super::catalogue::Value;
use super::require;
use crate::platform::desired::{Fragment, Share, Untranslatable};
use crate::platform::document::Document;
use crate::platform::machine::DconfPlace;
use crate::platform::translate::Context;

type Outcome = Result<Share, Untranslatable>;

const SESSION: &str = "org/gnome/desktop/session";
const SCREENSAVER: &str = "org/gnome/desktop/screensaver";

/// Settings: path of the schema, name, value in GVariant's text form.
fn settings(context: &Context<'_>, settings: &[(&str, &str, String)]) -> Outcome {
    require(context.machine.dconf.is_some(), "dconf is not installed on this machine")?;
    let mut share = Share::default();
    for (path, name, value) in settings {
        let key = path.split('/').chain([*name]).map(str::to_owned).collect();
        let value = serde_json::Value::String(value.clone());
        share.fragments.push(Fragment { document: Document::Dconf, key, value });
        share.fragments.push(Fragment::text(Document::DconfLocks, &format!("{path}/{name}"), ""));
    }
    if context.machine.dconf == Some(DconfPlace::Own) {
        for (number, line) in [("1", "user-db:user"), ("2", "system-db:mdm-agent")] {
            share.fragments.push(Fragment::text(Document::DconfProfile, number, line));
        }
    }
    Ok(share)
}

pub(super) fn inactivity_minutes(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    lock_after(value.number() * 60, true, context)
}

pub(super) fn idle_seconds(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    lock_after(value.number(), false, context)
}

/// No time at all is no rule: the user decides.
fn lock_after(seconds: i64, at_once: bool, context: &Context<'_>) -> Outcome {
    if seconds == 0 {
        return Ok(Share::default());
    }
    let mut all =
        vec![(SESSION, "idle-delay", format!("uint32 {seconds}")), (SCREENSAVER, "lock-enabled", "true".to_owned())];
    if at_once {
        all.push((SCREENSAVER, "lock-delay", "uint32 0".to_owned()));
    }
    settings(context, &all)
}

pub(super) fn delay_seconds(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    settings(context, &[(SCREENSAVER, "lock-delay", format!("uint32 {}", value.number()))])
}

/// Any setting: `org.gnome.desktop.interface.clock-format`.
pub(super) fn any(value: &Value, name: &str, context: &Context<'_>) -> Outcome {
    let parts: Vec<&str> = name.split('.').collect();
    let is_sound = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let [path @ .., key] = parts.as_slice() else { return Err(no_such(name)) };
    if path.is_empty() || !parts.iter().all(is_sound) {
        return Err(no_such(name));
    }
    settings(context, &[(&path.join("/"), key, value.text().to_owned())])
}

fn no_such(_: &str) -> Untranslatable {
    Untranslatable::refused(StatusCode::NOT_FOUND, "Dconf: the name is not a key's path with dots for slashes")
}
