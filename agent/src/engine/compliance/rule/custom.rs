//! Custom rules: a discovery script, and what its findings have to be, in Intune's JSON.

use serde_json::{Map, Value};

use super::super::json;

mod compare;

pub use compare::{Comparison, Operand};

/// The largest script and the largest set of rules, in bytes.
const MOST_BYTES: usize = 64 << 10;
/// The most rules for one script.
const MOST_RULES: usize = 100;
/// The most characters of a name, and of any other text.
const MOST_NAME: usize = 128;
const MOST_TEXT: usize = 2000;

/// A script and what its findings have to be.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomRule {
    /// The script's text.
    pub script: String,
    /// What its findings have to be; at least one.
    pub settings: Vec<CustomSetting>,
}

/// What one finding has to be.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomSetting {
    /// The name under which the script reports it.
    pub name: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
    /// Where people can read more.
    pub more: Option<String>,
    /// What to tell people, in English if it is there.
    pub title: Option<String>,
    /// How to put it right.
    pub description: Option<String>,
}

/// How a finding is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It is the same.
    Equals,
    /// It is something else.
    Differs,
    /// It is more.
    Greater,
    /// It is as much or more.
    GreaterOrEqual,
    /// It is less.
    Less,
    /// It is as much or less.
    LessOrEqual,
}

impl Operator {
    fn read(text: &str) -> Option<Self> {
        let operators = [
            ("IsEquals", Self::Equals),
            ("NotEquals", Self::Differs),
            ("GreaterThan", Self::Greater),
            ("GreaterEquals", Self::GreaterOrEqual),
            ("LessThan", Self::Less),
            ("LessEquals", Self::LessOrEqual),
        ];
        operators.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, operator)| operator)
    }

    /// The operator in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Equals => "is",
            Self::Differs => "is not",
            Self::Greater => "is more than",
            Self::GreaterOrEqual => "is at least",
            Self::Less => "is less than",
            Self::LessOrEqual => "is at most",
        }
    }

    fn needs_order(self) -> bool {
        !matches!(self, Self::Equals | Self::Differs)
    }
}

/// The name of a custom rule becomes part of file names and of messages.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MOST_NAME || !name.bytes().all(plain) {
        return Err("its name is not made of letters, digits, hyphens, dots and underscores".to_owned());
    }
    Ok(())
}

impl CustomRule {
    pub(super) fn read(script: &str, rules: &str) -> Result<Self, String> {
        if script.len() > MOST_BYTES {
            return Err(format!("Script is larger than {MOST_BYTES} bytes"));
        }
        if script.trim().is_empty() || script.contains('\0') {
            return Err("Script is empty, or not text".to_owned());
        }
        let rules = json::parse(rules, MOST_BYTES, 6).map_err(|reason| format!("Rules cannot be used: {reason}"))?;
        let list = rules.as_object().and_then(|object| member(object, "Rules")).and_then(Value::as_array);
        let list = list.ok_or("Rules is not an object with a list Rules")?;
        if list.is_empty() || list.len() > MOST_RULES {
            return Err(format!("Rules has {} rules; 1 to {MOST_RULES} are possible", list.len()));
        }
        let settings = list.iter().enumerate().map(|(index, rule)| {
            CustomSetting::read(rule).map_err(|reason| format!("rule {} of Rules: {reason}", index + 1))
        });
        Ok(Self { script: script.to_owned(), settings: settings.collect::<Result<_, _>>()? })
    }
}

impl CustomSetting {
    fn read(rule: &Value) -> Result<Self, String> {
        let rule = rule.as_object().ok_or("it is not an object")?;
        let name = text(rule, "SettingName", MOST_NAME)?.ok_or("it has no SettingName")?;
        let operator = text(rule, "Operator", MOST_NAME)?.ok_or("it has no Operator")?;
        let operator = Operator::read(operator).ok_or("there is no such Operator")?;
        let kind = text(rule, "DataType", MOST_NAME)?.ok_or("it has no DataType")?;
        let operand = Operand::read(kind, member(rule, "Operand").ok_or("it has no Operand")?)?;
        if operator.needs_order() && !operand.has_order() {
            return Err(format!("{kind} can only be compared by IsEquals and NotEquals"));
        }
        let more = text(rule, "MoreInfoUrl", MOST_TEXT)?.map(str::to_owned);
        let (title, description) = match member(rule, "RemediationStrings") {
            None | Some(Value::Null) => (None, None),
            Some(strings) => remediation(strings.as_array().ok_or("RemediationStrings is not a list")?)?,
        };
        Ok(Self { name: name.to_owned(), operator, operand, more, title, description })
    }
}

/// Title and description in English, or else in the first language there is.
fn remediation(strings: &[Value]) -> Result<(Option<String>, Option<String>), String> {
    let objects: Vec<&Map<String, Value>> = strings.iter().filter_map(Value::as_object).collect();
    let is_english = |strings: &&&Map<String, Value>| {
        member(strings, "Language").and_then(Value::as_str).is_some_and(|language| language.starts_with("en"))
    };
    let Some(strings) = objects.iter().find(is_english).or(objects.first()) else { return Ok((None, None)) };
    let own = |name: &str| text(strings, name, MOST_TEXT).map(|text| text.map(str::to_owned));
    Ok((own("Title")?, own("Description")?))
}

fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text<'a>(object: &'a Map<String, Value>, name: &str, most: usize) -> Result<Option<&'a str>, String> {
    match member(object, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() > most => Err(format!("{name} is longer than {most} bytes")),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("{name} is not text")),
    }
}
