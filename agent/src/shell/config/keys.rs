//! Every setting: its name, what it takes, what it is without being set, and what it means. Reading, checking, showing
//! and the manual page all go by this table.

use std::path::Path;

/// A setting that there is.
#[derive(Debug)]
pub struct Key {
    /// `table.key`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is without being set, as `config show` prints it.
    pub default: &'static str,
    /// Whether a running service takes a new value.
    pub live: bool,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The absolute path of a file or directory.
    Path,
    /// `true` or `false`.
    Flag,
    /// A whole number of seconds, from and to.
    Seconds(u64, u64),
    /// The address of a proxy, without credentials.
    Proxy,
    /// An absolute path, or the name of a systemd credential.
    Credential,
    /// A list of texts, or one text with commas.
    List,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Text.
    Text(String),
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A list of texts.
    List(Vec<String>),
}

/// The level of the service's log.
pub const LOG_LEVEL: &str = "log.level";
/// Where the state is.
pub const STATE: &str = "paths.state";
/// Where the control socket is.
pub const RUNTIME: &str = "paths.runtime";
/// What stands for the root of the machine.
pub const ROOT: &str = "paths.root";
/// When the retention window begins.
pub const RETENTION_CLOCK: &str = "retention.clock";
/// Whether the enrolled user counts as signed in.
pub const ASSUME_SIGNED_IN: &str = "sessions.assume-signed-in";
/// The proxy.
pub const PROXY_URL: &str = "proxy.url";
/// The proxy's credentials.
pub const PROXY_CREDENTIALS: &str = "proxy.credentials-file";
/// What is reached without the proxy.
pub const NO_PROXY: &str = "proxy.no-proxy";
/// Whether the machine is a person's own.
pub const PERSONAL: &str = "ownership.personal";
/// How long a script of the administrator may take.
pub const SCRIPT_TIMEOUT: &str = "compliance.script-timeout";
/// Whether old SCEP servers are spoken to with triple DES and SHA-1.
pub const LEGACY_SCEP: &str = "certificates.legacy-scep";

/// All settings.
pub const KEYS: &[Key] = &[
    key(LOG_LEVEL, Kind::Choice(&["error", "warn", "info", "debug", "trace"]), "info", true),
    key(STATE, Kind::Path, super::Paths::STATE, false),
    key(RUNTIME, Kind::Path, super::Paths::RUNTIME, false),
    key(ROOT, Kind::Path, "/", false),
    key(RETENTION_CLOCK, Kind::Choice(&["last-confirmed", "authority-change"]), "last-confirmed", true),
    key(ASSUME_SIGNED_IN, Kind::Flag, "false", false),
    key(PROXY_URL, Kind::Proxy, "", true),
    key(PROXY_CREDENTIALS, Kind::Credential, "", true),
    key(NO_PROXY, Kind::List, "", true),
    key(PERSONAL, Kind::Flag, "false", true),
    key(SCRIPT_TIMEOUT, Kind::Seconds(1, 3600), "60", true),
    key(LEGACY_SCEP, Kind::Flag, "false", true),
];

const fn key(name: &'static str, kind: Kind, default: &'static str, live: bool) -> Key {
    Key { name, kind, default, live }
}

/// The setting of a name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The name among some that somebody may have meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::damerau_levenshtein(name, known), known));
    // Farther away than this, the hint would be a guess.
    scored.filter(|(distance, known)| *distance <= known.len().div_ceil(3)).min().map(|(_, known)| known)
}

impl Kind {
    /// What it takes, in words.
    pub fn expectation(self) -> String {
        match self {
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Path => "an absolute path in quotes".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Seconds(least, most) => format!("a whole number of seconds from {least} to {most}"),
            Self::Proxy => "an address such as \"http://proxy.example:3128\"".to_owned(),
            Self::Credential => "an absolute path, or the name of a systemd credential, in quotes".to_owned(),
            Self::List => "a list of texts such as [\"intranet.example\", \"10.0.0.0/8\"]".to_owned(),
        }
    }

    /// Whether a value may stand here; if not, why.
    pub fn check(self, value: &Value) -> Result<(), String> {
        let good = match (self, value) {
            (Self::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Path, Value::Text(text)) => is_absolute(text),
            (Self::Credential, Value::Text(text)) => is_absolute(text) || is_plain_name(text),
            (Self::Seconds(least, most), Value::Number(number)) => (least..=most).contains(number),
            (Self::Proxy, Value::Text(address)) => return super::super::http::check_proxy(address),
            (Self::Flag, Value::Flag(_)) | (Self::List, Value::List(_) | Value::Text(_)) => true,
            _ => false,
        };
        if good { Ok(()) } else { Err(format!("it takes {}", self.expectation())) }
    }
}

fn is_absolute(text: &str) -> bool {
    Path::new(text).is_absolute() && !text.contains('\0')
}

fn is_plain_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_plain)
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Flag(flag) => write!(formatter, "{flag}"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::List(list) => formatter.write_str(&list.join(", ")),
        }
    }
}
