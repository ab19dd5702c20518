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
    distance_from(seconds, clock::now().wall)
}

/// The same, seen from another moment.
pub(super) fn distance_from(seconds: i64, now: i64) -> String {
    let difference = seconds.saturating_sub(now);
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

/// `7 days`.
pub(super) fn span(seconds: i64) -> String {
    distance_from(seconds.saturating_abs(), 0).trim_start_matches("in ").to_owned()
}

/// `in 4:59`, `in 7:59:59`; what is past is due.
pub(super) fn countdown(seconds: i64, now: i64) -> String {
    let left = seconds.saturating_sub(now);
    let (hours, minutes, seconds) = (left / 3600, left / 60 % 60, left % 60);
    match left {
        ..=0 => "due now".to_owned(),
        1..3600 => format!("in {minutes}:{seconds:02}"),
        _ => format!("in {hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_goes_by_seconds() {
        let cases = [(0, "due now"), (59, "in 0:59"), (299, "in 4:59"), (28_799, "in 7:59:59"), (-5, "due now")];
        for (left, words) in cases {
            assert_eq!(countdown(1_800_000_000 + left, 1_800_000_000), words);
        }
    }
}
