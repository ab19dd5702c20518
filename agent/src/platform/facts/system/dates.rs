//! Dates as logs and kernels write them.

use time::{Date, Month, PrimitiveDateTime, Time};

/// Seconds since 1970 of the day in a kernel's version: `(2024-05-03)` or `Fri May  3 10:00:00 UTC 2024`.
pub(super) fn in_words(version: &str) -> Option<i64> {
    let words: Vec<&str> = version.split_whitespace().map(|word| word.trim_matches(['(', ')'])).collect();
    words.iter().find_map(|word| day(word)).or_else(|| {
        let index = words.iter().position(|word| month(word).is_some())?;
        let day = words.get(index + 1)?.parse().ok()?;
        // Behind the day come the time, perhaps the time zone, and the year.
        let year = words
            .iter()
            .skip(index + 2)
            .find_map(|word| word.parse().ok().filter(|year| (1991..=9999).contains(year)))?;
        let date = Date::from_calendar_date(year, month(words.get(index)?)?, day).ok()?;
        Some(date.midnight().assume_utc().unix_timestamp())
    })
}

fn month(word: &str) -> Option<Month> {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let number = names.iter().position(|name| *name == word)? + 1;
    Month::try_from(u8::try_from(number).ok()?).ok()
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// Seconds since 1970 of a day such as `2024-05-03`.
pub(super) fn day(text: &str) -> Option<i64> {
    Some(date(text)?.midnight().assume_utc().unix_timestamp())
}

/// Seconds since 1970 of a moment such as `2024-05-03 10:00:00`, taken as UTC, since logs do not say their zone.
pub(super) fn moment(text: &str) -> Option<i64> {
    let mut parts = text.get(11..)?.splitn(3, ':');
    let mut number = || parts.next()?.get(..2)?.parse::<u8>().ok();
    let (hour, minute) = (number()?, number()?);
    let time = Time::from_hms(hour, minute, 0).ok()?;
    Some(PrimitiveDateTime::new(date(text.get(..10)?)?, time).assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_say_their_day_in_two_ways() {
        let day = 1_714_694_400;
        assert_eq!(in_words("#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)"), Some(day));
        assert_eq!(in_words("#45-Ubuntu SMP Fri May  3 10:00:00 UTC 2024"), Some(day));
        assert_eq!(in_words("#1 SMP PREEMPT_DYNAMIC @0"), None);
        assert_eq!(in_words("May"), None);
        assert_eq!(in_words("Fri May 99 10:00:00 UTC 2024"), None);
    }

    #[test]
    fn moments_of_logs() {
        assert_eq!(moment("2024-05-03 10:00:59"), Some(1_714_694_400 + 36_000));
        assert_eq!(moment("2024-05-03T10:00:59+0200"), Some(1_714_694_400 + 36_000));
        for wrong in ["", "2024-05-03", "2024-13-03 10:00:00", "2024-05-03 ää:00:00", "2024-05-03 1"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
