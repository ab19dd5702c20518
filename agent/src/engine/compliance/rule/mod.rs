//! What a profile asks of the machine, read from the profile's nodes.
//!
//! The ids are those of Intune for Linux, and a few of our own for what it does not ask. A rule that cannot be read
//! is an error that says why; nothing is guessed.

mod custom;
mod distribution;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use mdm_protocol::csp::boolean;

pub use custom::{Comparison, CustomRule, CustomSetting, Operand, Operator};
pub use distribution::AllowedDistribution;

use super::version;

/// The longest time that a rule may leave, in seconds: a year.
const MOST_GRACE: u32 = 366 * 86_400;
/// The largest value of a plain rule, in bytes.
const MOST_VALUE: usize = 16 << 10;

const GRACE: &str = "GracePeriod";
const VALUE: &str = "Value";
const ALLOWED: &str = "linux_distribution_alloweddistros";
const CUSTOM: &str = "linux_customcompliance_";

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it asks.
    pub demand: Demand,
    /// Seconds from the first time that it is not met until that counts.
    pub grace_seconds: u32,
}

/// What a rule asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Demand {
    /// One of these distributions.
    Distribution(Vec<AllowedDistribution>),
    /// Encryption of everything that is kept.
    Encryption(bool),
    /// Passwords with at least so many of something.
    Password(PasswordAspect, u32),
    /// What the server's own script finds.
    Custom(CustomRule),
    /// A firewall that is at work.
    Firewall(bool),
    /// Secure Boot.
    SecureBoot(bool),
    /// A TPM.
    Tpm(bool),
    /// Updates that are installed without anybody asking for it.
    AutomaticUpdates(bool),
    /// Screens that are locked after at most so many seconds without use.
    ScreenLock(u32),
    /// A kernel of at least this version.
    Kernel(String),
    /// Updates that are at most so many days old.
    PatchAge(u32),
}

/// What of a password is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordAspect {
    /// All characters.
    Length,
    /// Digits.
    Digits,
    /// Small letters.
    Lowercase,
    /// Capital letters.
    Uppercase,
    /// Other characters.
    Symbols,
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no such rule.
    #[error("there is no compliance rule {0}")]
    UnknownId(String),
    /// The rule is there, but not with this value.
    #[error("{id}: {reason}")]
    BadValue {
        /// The rule.
        id: String,
        /// What is wrong with its value.
        reason: String,
    },
}

impl Rule {
    /// Reads a rule from the nodes below its own: the value at `""`, or at `Value` beside `GracePeriod`; `Script` and
    /// `Rules` for a custom rule.
    pub fn read(id: &str, nodes: &BTreeMap<String, String>) -> Result<Self, RuleError> {
        let bad = |reason: String| RuleError::BadValue { id: id.chars().take(128).collect(), reason };
        let nodes = Nodes(nodes);
        if let Some(name) = custom_name(id) {
            custom::check_name(name).map_err(bad)?;
            let (script, rules) = nodes.script_and_rules().map_err(bad)?;
            let custom = CustomRule::read(script, rules).map_err(bad)?;
            return Ok(Self { demand: Demand::Custom(custom), grace_seconds: nodes.grace().map_err(bad)? });
        }
        let read = reader(id).ok_or_else(|| RuleError::UnknownId(id.chars().take(128).collect()))?;
        let demand = nodes.value().and_then(read).map_err(bad)?;
        Ok(Self { demand, grace_seconds: nodes.grace().map_err(bad)? })
    }
}

/// The name of a custom rule. As with the other ids, case does not matter.
fn custom_name(id: &str) -> Option<&str> {
    id.get(..CUSTOM.len()).filter(|start| start.eq_ignore_ascii_case(CUSTOM)).and_then(|_| id.get(CUSTOM.len()..))
}

/// The discovery scripts of these rules, by the ids of the rules: what the platform has to run.
pub fn discovery_scripts(rules: &BTreeMap<String, Rule>) -> Vec<(String, String)> {
    let script = |(id, rule): (&String, &Rule)| match &rule.demand {
        Demand::Custom(custom) => Some((id.clone(), custom.script.clone())),
        _ => None,
    };
    rules.iter().filter_map(script).collect()
}

type Read = fn(&str) -> Result<Demand, String>;

/// How the value of a plain rule is read; `None` if there is no such rule.
fn reader(id: &str) -> Option<Read> {
    use PasswordAspect::{Digits, Length, Lowercase, Symbols, Uppercase};
    let id = id.to_ascii_lowercase();
    Some(match id.as_str() {
        "linux_deviceencryption_required" => |text| flag(text).map(Demand::Encryption),
        "linux_passwordpolicy_minimumlength" => |text| number(text, 512).map(|least| Demand::Password(Length, least)),
        "linux_passwordpolicy_minimumdigits" => |text| number(text, 64).map(|least| Demand::Password(Digits, least)),
        "linux_passwordpolicy_minimumlowercase" => {
            |text| number(text, 64).map(|least| Demand::Password(Lowercase, least))
        }
        "linux_passwordpolicy_minimumuppercase" => {
            |text| number(text, 64).map(|least| Demand::Password(Uppercase, least))
        }
        "linux_passwordpolicy_minimumsymbols" => |text| number(text, 64).map(|least| Demand::Password(Symbols, least)),
        "firewall_required" => |text| flag(text).map(Demand::Firewall),
        "secureboot_required" => |text| flag(text).map(Demand::SecureBoot),
        "tpm_required" => |text| flag(text).map(Demand::Tpm),
        "automaticupdates_required" => |text| flag(text).map(Demand::AutomaticUpdates),
        "screenlock_maximumidle" => |text| number(text, 86_400).and_then(at_least_one).map(Demand::ScreenLock),
        "kernel_minimumversion" => |text| kernel(text).map(Demand::Kernel),
        "patch_maximumage" => |text| number(text, 3650).and_then(at_least_one).map(Demand::PatchAge),
        id if is_allowed(id) => |text| distribution::read(text).map(Demand::Distribution),
        _ => return None,
    })
}

/// The rule for distributions may be there several times, with names of the server's choice.
fn is_allowed(id: &str) -> bool {
    id.strip_prefix(ALLOWED)
        .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('_').is_some_and(|name| !name.is_empty()))
}

fn flag(text: &str) -> Result<bool, String> {
    boolean(text).ok_or_else(|| "its value is neither true nor false".to_owned())
}

fn number(text: &str, most: u32) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("its value is not a number of 0 to {most}"))
}

fn at_least_one(number: u32) -> Result<u32, String> {
    if number == 0 { Err("its value is 0; no machine can meet that".to_owned()) } else { Ok(number) }
}

fn kernel(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > 64 || version::leading(text).is_empty() {
        return Err("its value is not a version such as 6.8".to_owned());
    }
    Ok(text.to_owned())
}

/// The nodes below a rule's own. Names are compared without regard to case, as the tree does.
struct Nodes<'a>(&'a BTreeMap<String, String>);

impl Nodes<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(path, _)| path.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn only(&self, names: &[&str]) -> Result<(), String> {
        let known = |path: &&String| names.iter().any(|name| path.eq_ignore_ascii_case(name));
        match self.0.keys().find(|path| !known(path)) {
            Some(path) => Err(format!("a node {} means nothing here", path.chars().take(64).collect::<String>())),
            None => Ok(()),
        }
    }

    fn grace(&self) -> Result<u32, String> {
        let Some(text) = self.get(GRACE) else { return Ok(0) };
        number(text, MOST_GRACE).map_err(|_| format!("{GRACE} is not a number of 0 to {MOST_GRACE} seconds"))
    }

    fn value(&self) -> Result<&str, String> {
        self.only(&["", VALUE, GRACE])?;
        let value = match (self.get(""), self.get(VALUE)) {
            (Some(_), Some(_)) => return Err(format!("it has a value of its own and a node {VALUE}")),
            (Some(value), None) | (None, Some(value)) => value,
            (None, None) => return Err("it has no value".to_owned()),
        };
        if value.len() > MOST_VALUE {
            return Err(format!("its value is larger than {MOST_VALUE} bytes"));
        }
        Ok(value)
    }

    fn script_and_rules(&self) -> Result<(&str, &str), String> {
        self.only(&["Script", "Rules", GRACE])?;
        let script = self.get("Script").ok_or("it has no Script")?;
        let rules = self.get("Rules").ok_or("it has no Rules")?;
        Ok((script, rules))
    }
}
