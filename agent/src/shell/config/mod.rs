//! The configuration: a file, drop-ins that override it key by key, the environment, and the command line, in that
//! order. Every value knows where it comes from. Secrets are never in it, only the names of files with them.

mod credentials;
mod file;
pub mod keys;
mod live;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use credentials::{CredentialError, read as read_credential};
pub use file::{ConfigError, LIMIT};
pub use live::Live;

use super::files::FileError;
use super::paths::Paths;
use crate::engine::profile::{RetentionClock, RetentionRules};
use keys::{KEYS, Kind, Value};

/// The file of an installed agent.
pub const DEFAULT_FILE: &str = "/etc/mdm-agent/agent.toml";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file, with the line.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// An option on the command line.
    Option(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
            Self::Environment(name) => write!(formatter, "environment, {name}"),
            Self::Option(name) => write!(formatter, "command line, {name}"),
        }
    }
}

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value; `None` if there is none.
    pub value: Option<Value>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What environment and command line say, and which file is read: all that a reload needs to be told again.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that was asked for; the default one may be missing.
    pub file: Option<PathBuf>,
    /// What comes before the files, the weaker first.
    pub overrides: Vec<(&'static str, Setting)>,
}

/// A setting that differs between two configurations.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// The setting.
    pub key: &'static str,
    /// What it is now, fit to be shown.
    pub now: String,
    /// Whether a running service takes it.
    pub live: bool,
}

/// The settings in effect.
#[derive(Debug, Clone)]
pub struct Configuration {
    settings: BTreeMap<&'static str, Setting>,
    files: Vec<PathBuf>,
}

impl Sources {
    /// The file that is read first.
    pub fn path(&self) -> &Path {
        self.file.as_deref().unwrap_or_else(|| Path::new(DEFAULT_FILE))
    }

    /// Adds what the environment says of the proxy; `variable` reads a variable.
    pub fn with_proxy_variables(mut self, variable: impl Fn(&str) -> Option<String>) -> Self {
        for (key, names) in
            [(keys::PROXY_URL, ["https_proxy", "HTTPS_PROXY"]), (keys::NO_PROXY, ["no_proxy", "NO_PROXY"])]
        {
            let set = |name: &'static str| Some((name, variable(name).filter(|value| !value.trim().is_empty())?));
            if let Some((name, value)) = names.into_iter().find_map(set) {
                let value = Some(Value::Text(value.trim().to_owned()));
                self.overrides.push((key, Setting { value, origin: Origin::Environment(name.to_owned()) }));
            }
        }
        self
    }

    /// Reads everything there is.
    pub fn load(&self) -> Result<Configuration, ConfigError> {
        let mut configuration = Configuration::default();
        let path = self.path();
        match file::read(path)? {
            Some(entries) => configuration.add(path, entries),
            None if self.file.is_some() => return Err(ConfigError::Missing(path.to_owned())),
            None => {}
        }
        for path in drop_ins(path)? {
            if let Some(entries) = file::read(&path)? {
                configuration.add(&path, entries);
            }
        }
        for (key, setting) in &self.overrides {
            configuration.settings.insert(key, setting.clone());
        }
        Ok(configuration)
    }
}

/// The files beside `agent.toml` in `agent.d`, by name.
fn drop_ins(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let directory = path.with_extension("d");
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(FileError::of("list", &directory)(error).into()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(FileError::of("list", &directory))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

impl Default for Configuration {
    fn default() -> Self {
        let settings = KEYS.iter().map(|key| (key.name, Setting { value: default_of(key), origin: Origin::Default }));
        Self { settings: settings.collect(), files: Vec::new() }
    }
}

fn default_of(key: &keys::Key) -> Option<Value> {
    match key.kind {
        Kind::Flag => Some(Value::Flag(key.default == "true")),
        Kind::Seconds(..) => key.default.parse().ok().map(Value::Number),
        _ if key.default.is_empty() => None,
        _ => Some(Value::Text(key.default.to_owned())),
    }
}

impl Configuration {
    fn add(&mut self, path: &Path, entries: file::Entries) {
        self.files.push(path.to_owned());
        for (key, (value, line)) in entries {
            self.settings.insert(key, Setting { value: Some(value), origin: Origin::File(path.to_owned(), line) });
        }
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// All settings by name.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        KEYS.iter().filter_map(|key| Some((key.name, self.settings.get(key.name)?)))
    }

    /// The level of the service's log.
    pub fn log_level(&self) -> Option<&str> {
        self.text(keys::LOG_LEVEL)
    }

    /// The agent's directories.
    pub fn paths(&self) -> Paths {
        let path = |key, default: &str| PathBuf::from(self.text(key).unwrap_or(default));
        Paths { state: path(keys::STATE, Paths::STATE), runtime: path(keys::RUNTIME, Paths::RUNTIME) }
    }

    /// What stands for the root of the machine.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(self.text(keys::ROOT).unwrap_or("/"))
    }

    /// How long profiles stay.
    pub fn retention(&self) -> RetentionRules {
        let clock = match self.text(keys::RETENTION_CLOCK) {
            Some("authority-change") => RetentionClock::AuthorityChange,
            _ => RetentionClock::LastConfirmed,
        };
        RetentionRules { clock, ..RetentionRules::default() }
    }

    /// Whether the enrolled user counts as signed in.
    pub fn assume_signed_in(&self) -> bool {
        self.flag(keys::ASSUME_SIGNED_IN)
    }

    /// What is different in another configuration.
    pub fn changes(&self, later: &Self) -> Vec<Change> {
        let differs = |key: &&keys::Key| {
            let value = |of: &Self| of.settings.get(key.name).and_then(|setting| setting.value.clone());
            value(self) != value(later)
        };
        let change = |key: &keys::Key| Change { key: key.name, now: later.shown(key.name), live: key.live };
        KEYS.iter().filter(differs).map(change).collect()
    }

    /// A value as it is shown: without a password that an environment variable may hold.
    pub fn shown(&self, key: &str) -> String {
        let Some(value) = self.settings.get(key).and_then(|setting| setting.value.as_ref()) else {
            return String::new();
        };
        match (key, value) {
            (keys::PROXY_URL, Value::Text(address)) => super::http::without_credentials(address),
            _ => value.to_string(),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        match self.settings.get(key)?.value.as_ref()? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn flag(&self, key: &str) -> bool {
        matches!(self.settings.get(key), Some(Setting { value: Some(Value::Flag(true)), .. }))
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.settings.get(key)?.value.as_ref()? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn list(&self, key: &str) -> String {
        self.settings.get(key).and_then(|setting| setting.value.as_ref()).map(Value::to_string).unwrap_or_default()
    }
}
