//! Comparing what a script found with what a rule wants, by the rule's type of data.

use std::cmp::Ordering;

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use super::super::super::facts::ScriptValue;
use super::super::super::version;
use super::{MOST_TEXT, Operator};

/// What a finding is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Decimal(f64),
    /// Text; case matters.
    Text(String),
    /// A moment, and as it was written.
    Moment(OffsetDateTime, String),
    /// A version.
    Version(String),
}

/// What came of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// It is as the rule wants it.
    Holds,
    /// It is not.
    Fails,
    /// What the script found is of another type.
    OtherType,
}

impl Operand {
    pub(super) fn read(kind: &str, value: &Value) -> Result<Self, String> {
        let wrong = || format!("its Operand is no {kind}");
        let text = match value {
            Value::String(text) if text.len() <= MOST_TEXT => text.trim().to_owned(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return Err(wrong()),
        };
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        let operand = match () {
            () if is("Boolean") => boolean(&text).map(Self::Boolean),
            () if is("Int64") => text.parse().ok().map(Self::Integer),
            () if is("Double") => decimal(&text).map(Self::Decimal),
            () if is("String") => Some(Self::Text(text)),
            () if is("DateTime") => moment(&text).map(|moment| Self::Moment(moment, text)),
            // As a number, 22.10 would be 22.1.
            () if is("Version") => {
                Some(text).filter(|text| value.is_string() && version::exact(text).is_some()).map(Self::Version)
            }
            () => return Err("there is no such DataType".to_owned()),
        };
        operand.ok_or_else(wrong)
    }

    pub(super) fn has_order(&self) -> bool {
        !matches!(self, Self::Boolean(_) | Self::Text(_))
    }

    /// Compares what a script found.
    pub fn compare(&self, found: &ScriptValue, operator: Operator) -> Comparison {
        let Some(order) = self.order(found) else { return Comparison::OtherType };
        let holds = match operator {
            Operator::Equals => order.is_eq(),
            Operator::Differs => order.is_ne(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
        };
        if holds { Comparison::Holds } else { Comparison::Fails }
    }

    /// How what was found stands to this. Scripts may write any type as text, as a shell does.
    fn order(&self, found: &ScriptValue) -> Option<Ordering> {
        let text = found.to_string();
        let text = text.trim();
        match self {
            Self::Boolean(wanted) => Some(boolean(text)?.cmp(wanted)),
            Self::Integer(wanted) => Some(text.parse::<i64>().ok()?.cmp(wanted)),
            Self::Decimal(wanted) => decimal(text)?.partial_cmp(wanted),
            Self::Text(wanted) => Some(text.cmp(wanted)),
            Self::Moment(wanted, _) => Some(moment(text)?.cmp(wanted)),
            Self::Version(wanted) => Some(version::compare(&version::exact(text)?, &version::exact(wanted)?)),
        }
    }
}

impl std::fmt::Display for Operand {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Decimal(value) => value.fmt(formatter),
            Self::Text(value) | Self::Moment(_, value) | Self::Version(value) => formatter.write_str(value),
        }
    }
}

/// A shell's 1 and 0 are not taken for truth: a script that counts is not a script that answers yes or no.
fn boolean(text: &str) -> Option<bool> {
    match () {
        () if text.eq_ignore_ascii_case("true") => Some(true),
        () if text.eq_ignore_ascii_case("false") => Some(false),
        () => None,
    }
}

fn decimal(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A moment with or without a time zone; without one it is UTC.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let local = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let day = format_description!("[year]-[month]-[day]");
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| {
            PrimitiveDateTime::parse(&text.replacen(' ', "T", 1), local).ok().map(PrimitiveDateTime::assume_utc)
        })
        .or_else(|| Date::parse(text, day).ok().map(|date| date.midnight().assume_utc()))
}
