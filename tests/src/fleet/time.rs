//! Virtual time: milliseconds since the simulation began. There is no other clock in here.

/// Milliseconds since the simulation began.
pub type Moment = u64;

/// A second.
pub const SECOND_MS: u64 = 1000;
/// A minute.
pub const MINUTE_MS: u64 = 60 * SECOND_MS;
/// An hour.
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
/// A day.
pub const DAY_MS: u64 = 24 * HOUR_MS;
/// What never comes.
pub const NEVER: Moment = Moment::MAX;

/// When the simulation begins by UTC: 2026-01-01, in seconds since 1970.
const BEGINNING: i64 = 1_767_225_600;

/// UTC at a moment, in seconds since 1970.
pub fn utc(moment: Moment) -> i64 {
    BEGINNING.saturating_add_unsigned(moment / SECOND_MS)
}

/// The moment of a time by UTC, in seconds since 1970.
pub fn moment_of(utc: i64) -> Moment {
    u64::try_from(utc.saturating_sub(BEGINNING)).unwrap_or(0).saturating_mul(SECOND_MS)
}

/// A moment for people: `day 3 02:15:07.123`.
pub fn clock_text(moment: Moment) -> String {
    let (day, rest) = (moment / DAY_MS, moment % DAY_MS);
    let (hours, minutes) = (rest / HOUR_MS, rest / MINUTE_MS % 60);
    format!("day {day} {hours:02}:{minutes:02}:{:02}.{:03}", rest / SECOND_MS % 60, rest % SECOND_MS)
}

/// A span for people, in its two greatest units.
pub fn span_text(ms: u64) -> String {
    match ms {
        _ if ms >= DAY_MS => format!("{} d {:02} h", ms / DAY_MS, ms / HOUR_MS % 24),
        _ if ms >= HOUR_MS => format!("{} h {:02} min", ms / HOUR_MS, ms / MINUTE_MS % 60),
        _ if ms >= MINUTE_MS => format!("{} min {:02} s", ms / MINUTE_MS, ms / SECOND_MS % 60),
        _ => format!("{}.{:03} s", ms / SECOND_MS, ms % SECOND_MS),
    }
}
