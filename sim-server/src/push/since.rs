//! From where on a subscriber wants the messages that it missed.

use super::PushError;

/// Which kept messages are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// None.
    Nothing,
    /// All.
    All,
    /// The last one of each topic.
    Latest,
    /// Those after the one with this id; all of them if nobody knows it.
    Message(String),
    /// Those from this moment on, in seconds since 1970.
    Moment(i64),
}

impl Since {
    /// Reads `all`, `none`, `latest`, the id of a message, a moment in seconds since 1970, or a span like `1h30m`.
    pub fn parse(text: &str, now: i64) -> Result<Self, PushError> {
        let is_id = text.len() == 12 && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::Nothing),
            "latest" => Ok(Self::Latest),
            _ if is_id => Ok(Self::Message(text.to_owned())),
            _ => match text.parse::<i64>() {
                Ok(moment) if moment >= 0 => Ok(Self::Moment(moment)),
                Ok(_) => Err(PushError::Since),
                Err(_) => span(text).map(|span| Self::Moment(now.saturating_sub(span))).ok_or(PushError::Since),
            },
        }
    }
}

/// Seconds of a span as Go writes it: `10m`, `1h30m`, `1.5h`, `500ms`.
fn span(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        seconds += number.parse::<f64>().ok()?
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = after;
    }
    // A span of more than a century is no span; the cast is exact enough for what is left.
    (!text.is_empty() && (0.0..=4e9).contains(&seconds)).then_some(seconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let cases = [
            ("all", Since::All),
            ("none", Since::Nothing),
            ("latest", Since::Latest),
            ("AbCdEf123456", Since::Message("AbCdEf123456".to_owned())),
            ("1700000000", Since::Moment(1_700_000_000)),
            ("10m", Since::Moment(400)),
            ("5m30s", Since::Moment(670)),
            ("0.25h", Since::Moment(100)),
            ("500ms", Since::Moment(1000)),
        ];
        for (text, expected) in cases {
            assert_eq!(Since::parse(text, 1000), Ok(expected), "{text}");
        }
        for text in ["", "x", "-5", "10", "10x", "m", "1.2.3h", "99999999h", "all "] {
            let read = Since::parse(text, 1000);
            assert!(read == Err(PushError::Since) || text == "10", "{text}: {read:?}");
        }
    }
}
