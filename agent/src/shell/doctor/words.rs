//! Moments and sizes in words, for findings.

use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-23 14:05 UTC`.
pub(super) fn moment(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|moment| moment.format(format).ok());
    moment.unwrap_or_else(|| "an impossible time".to_owned())
}

/// `7 days`, `1 hour`, `40 seconds`.
pub(super) fn span(seconds: i64) -> String {
    let length = seconds.unsigned_abs();
    let (count, unit) = match length {
        0..120 => (length, "second"),
        120..7200 => (length / 60, "minute"),
        7200..172_800 => (length / 3600, "hour"),
        _ => (length / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `12 MiB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
