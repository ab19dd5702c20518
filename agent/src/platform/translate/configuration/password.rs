//! Rules for passwords: pam_pwquality, pam_pwhistory and pam_faillock, by their own configuration files.

use super::catalogue::Value;
use super::require;
use crate::platform::desired::{Fragment, Share, Untranslatable};
use crate::platform::document::Document;
use crate::platform::translate::Context;

type Outcome = Result<Share, Untranslatable>;

fn quality(context: &Context<'_>, entries: &[(&str, String)]) -> Outcome {
    require(
        context.machine.pwquality,
        "pam_pwquality is not in this machine's PAM stack (Debian: install libpam-pwquality)",
    )?;
    Ok(share(Document::PwQuality, entries))
}

fn share(document: Document, entries: &[(&str, String)]) -> Share {
    let fragments = entries.iter().map(|(name, value)| Fragment::text(document, name, value.as_str()));
    Share { fragments: fragments.collect(), ..Share::default() }
}

pub(super) fn enabled(value: &Value, _: &str, _: &Context<'_>) -> Outcome {
    // The provider counts backwards: 0 is on.
    require(value.number() == 0, "accounts without a password are not made here")?;
    Ok(Share::default())
}

pub(super) fn length(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    quality(context, &[("minlen", value.number().to_string())])
}

pub(super) fn classes(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    quality(context, &[("minclass", value.number().to_string())])
}

pub(super) fn alphanumeric(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    match value.number() {
        0 => quality(context, &[("dcredit", "-1".to_owned()), ("lcredit", "-1".to_owned())]),
        _ => Ok(Share::default()),
    }
}

pub(super) fn simple(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    match value.number() {
        0 => {
            let entries = [("maxrepeat", "3"), ("maxsequence", "3"), ("usercheck", "1")];
            quality(context, &entries.map(|(name, value)| (name, value.to_owned())))
        }
        _ => Ok(Share::default()),
    }
}

pub(super) fn dictionary(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    quality(context, &[("dictcheck", value.number().to_string())])
}

pub(super) fn root(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    match value.number() {
        0 => Ok(Share::default()),
        // An option without a value.
        _ => quality(context, &[("enforce_for_root", String::new())]),
    }
}

pub(super) fn history(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    require(
        context.machine.pwhistory,
        "pam_pwhistory is not in this machine's PAM stack, or is too old to read /etc/security/pwhistory.conf (Red Hat: \
         authselect enable-feature with-pwhistory)",
    )?;
    Ok(share(Document::PwHistory, &[("remember", value.number().to_string())]))
}

fn faillock(context: &Context<'_>, name: &str, value: &Value) -> Outcome {
    require(
        context.machine.faillock,
        "pam_faillock is not in this machine's PAM stack (Debian: pam-auth-update; Red Hat: authselect enable-feature \
         with-faillock)",
    )?;
    Ok(share(Document::Faillock, &[(name, value.number().to_string())]))
}

pub(super) fn failed_attempts(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    faillock(context, "deny", value)
}

pub(super) fn unlock_seconds(value: &Value, _: &str, context: &Context<'_>) -> Outcome {
    faillock(context, "unlock_time", value)
}
