//! What is known of the machine that a rule may ask for, and what shows it.
//!
//! Every fact is three-valued: a value with its evidence, or the reason why it cannot be told. Nothing here judges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something about the machine, or why it is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// It is known.
    Known {
        /// What is so.
        value: T,
        /// The file or the command that shows it.
        evidence: String,
    },
    /// It cannot be told.
    Unknown {
        /// Why not, in words.
        reason: String,
    },
}

impl<T> Fact<T> {
    /// A fact and what shows it.
    pub fn known(value: T, evidence: impl Into<String>) -> Self {
        Self::Known { value, evidence: evidence.into() }
    }

    /// A fact that cannot be told, and why.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }

    /// The value, if it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown { .. } => None,
        }
    }
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::unknown("nobody has looked yet")
    }
}

/// Everything that rules may ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// When this was looked at, seconds since 1970.
    pub gathered_at: i64,
    /// The distribution.
    pub distribution: Fact<Distribution>,
    /// The running kernel.
    pub kernel: Fact<Kernel>,
    /// When packages were last updated, seconds since 1970.
    pub updated_at: Fact<i64>,
    /// Whether a restart is needed for updates to take effect.
    pub restart_required: Fact<bool>,
    /// Where data is kept, swap included.
    pub volumes: Fact<Vec<Volume>>,
    /// The rules for new passwords of local accounts.
    pub password: Fact<PasswordPolicy>,
    /// The firewall.
    pub firewall: Fact<Firewall>,
    /// Secure Boot.
    pub secure_boot: Fact<SecureBoot>,
    /// The TPM; `None` where there is none.
    pub tpm: Fact<Option<Tpm>>,
    /// How screens are locked; `None` where there is no graphical desktop.
    pub screen_lock: Fact<Option<ScreenLock>>,
    /// Automatic updates.
    pub automatic_updates: Fact<AutomaticUpdates>,
    /// The battery; `None` where there is none.
    pub battery: Fact<Option<Battery>>,
    /// The domain that the machine has joined; `None` if it has joined none.
    pub domain: Fact<Option<String>>,
    /// Network cards.
    pub networks: Fact<Vec<Network>>,
    /// What discovery scripts found, by the name of the rule that has the script.
    pub scripts: BTreeMap<String, Fact<BTreeMap<String, ScriptValue>>>,
}

/// A distribution, from os-release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Its id, such as `ubuntu`.
    pub id: String,
    /// Ids of the distributions that it is made from.
    pub like: Vec<String>,
    /// Its version, such as `24.04`; empty for a distribution without versions.
    pub version: String,
    /// Its name for people.
    pub name: String,
}

/// A kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// Its release, such as `6.8.0-45-generic`.
    pub release: String,
    /// When it was built, seconds since 1970, to the day; `None` if it does not say.
    pub built_at: Option<i64>,
}

/// A place where data is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Where it is mounted; `swap` and the device or the file for swap.
    pub place: String,
    /// The kind of file system.
    pub file_system: String,
    /// The devices it is made of, in words, from the top down.
    pub devices: String,
    /// Whether it is encrypted.
    pub encryption: Encryption,
    /// Why nobody minds if it is not encrypted; `None` if it has to be.
    pub excuse: Option<String>,
}

/// Whether data is encrypted before it reaches a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// All of it is.
    Encrypted,
    /// Some of it or all of it is not: what reaches which disk in the clear.
    Plain(String),
    /// It cannot be told; why not.
    CannotTell(String),
}

/// Rules for new passwords of local accounts, as they are enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// The least number of characters that every password has.
    pub length: u32,
    /// The least number of digits.
    pub digits: u32,
    /// The least number of small letters.
    pub lowercase: u32,
    /// The least number of capital letters.
    pub uppercase: u32,
    /// The least number of other characters.
    pub symbols: u32,
    /// The least number of these four classes.
    pub classes: u32,
}

/// A firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// Whether it is at work.
    pub active: bool,
    /// Which one it is; empty if there is none.
    pub tool: String,
}

/// Whether the firmware starts signed programs only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecureBoot {
    /// The firmware has no Secure Boot.
    Unsupported,
    /// It does.
    On,
    /// It could, but does not.
    Off,
}

/// A TPM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tpm {
    /// The version of the specification, such as `2.0`.
    pub version: String,
    /// Its maker: the number that the specification gives it, in hexadecimal.
    pub manufacturer_id: Option<String>,
    /// The version of its firmware.
    pub firmware: Option<String>,
}

impl Tpm {
    /// The maker as the four letters that its number stands for.
    pub fn manufacturer(&self) -> Option<String> {
        let number = self.manufacturer_id.as_ref()?.trim_start_matches("0x");
        let bytes = u32::from_str_radix(number, 16).ok()?.to_be_bytes();
        let letters: String =
            bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
        (!letters.is_empty()).then_some(letters)
    }
}

/// How screens are locked when nobody uses them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenLock {
    /// Whether screens are locked at all.
    pub enabled: bool,
    /// Seconds without use until the screen goes dark; 0 is never.
    pub idle_seconds: u32,
    /// Seconds from there until it is locked.
    pub delay_seconds: u32,
    /// Whether users are kept from changing this.
    pub enforced: bool,
}

/// Whether updates are installed without anybody asking for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomaticUpdates {
    /// Whether they are.
    pub enabled: bool,
    /// By what; empty if there is no such tool.
    pub tool: String,
}

/// A battery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Battery {
    /// What it does.
    pub activity: BatteryActivity,
    /// Charge in percent.
    pub charge: Option<u8>,
    /// Seconds that it lasts, while it is being used.
    pub lasts_seconds: Option<u32>,
}

/// What a battery does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatteryActivity {
    /// Nobody knows.
    #[default]
    Unknown,
    /// The machine runs on it.
    Discharging,
    /// Nothing: it is full, or is left alone.
    Idle,
    /// It is being charged.
    Charging,
}

/// A network card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its hardware address, with dashes.
    pub mac: String,
    /// Its first IPv4 address.
    pub ipv4: Option<String>,
    /// Its first IPv6 address.
    pub ipv6: Option<String>,
    /// Whether it is connected.
    pub connected: bool,
    /// Whether it is a wireless card.
    pub wireless: bool,
}

/// A value that a discovery script found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScriptValue {
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Decimal(f64),
    /// Text.
    Text(String),
}

impl std::fmt::Display for ScriptValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Decimal(value) => value.fmt(formatter),
            Self::Text(value) => formatter.write_str(value),
        }
    }
}
