//! Moments as people read them.

use ::time::OffsetDateTime;
use ::time::macros::format_description;

use crate::shell::clock;

/// `2026-11-23 14:05 UTC`.
pub(super) fn moment(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| "an impossible time".to_owned())
}

/// `in 7 days`, `3 minutes ago`.
pub(super) fn distance(seconds: i64) -> String {
    let difference = seconds.saturating_sub(clock::now().wall);
    let length = difference.unsigned_abs();
    let (count, unit) = match length {
        0..60 => return if difference <= 0 { "just now".to_owned() } else { "in under a minute".to_owned() },
        60..3600 => (length / 60, "minute"),
        3600..86_400 => (length / 3600, "hour"),
        _ => (length / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if difference < 0 { format!("{count} {unit}{plural} ago") } else { format!("in {count} {unit}{plural}") }
}
