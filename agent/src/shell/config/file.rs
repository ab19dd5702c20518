//! One configuration file: TOML, small, every key known and every value of its kind. An error names file, line, column
//! and what may have been meant.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, KEYS, Key, Value};
use crate::shell::files::FileError;

/// The largest file that is read.
pub const LIMIT: u64 = 64 << 10;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that was asked for is not there.
    #[error("the configuration file {} does not exist", .0.display())]
    Missing(PathBuf),
    /// Something is no regular file.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// A file does not say what it should.
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
}

/// What a file sets: the name, the value and the line.
pub(super) type Entries = BTreeMap<&'static str, (Value, usize)>;

/// Reads what a file says; `None` if it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Entries>, ConfigError> {
    match std::fs::metadata(path) {
        // Opening a pipe would wait for somebody to write into it.
        Ok(facts) if !facts.is_file() => return Err(ConfigError::NotAFile(path.to_owned())),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(FileError::of("read", path)(error).into());
        }
        _ => {}
    }
    let Some(content) = crate::shell::files::read_bounded(path, LIMIT)? else { return Ok(None) };
    let text = String::from_utf8(content).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        Text { path, text: &before }.wrong(valid, "this is not UTF-8".to_owned())
    })?;
    parse(path, &text).map(Some)
}

/// Understands the text of a file.
pub(super) fn parse(path: &Path, text: &str) -> Result<Entries, ConfigError> {
    let source = Text { path, text };
    let document = DeTable::parse(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        source.wrong(place, error.message().lines().collect::<Vec<_>>().join("; "))
    })?;
    let mut entries = Entries::new();
    for (table, content) in document.get_ref() {
        let name = table.get_ref();
        if !KEYS.iter().any(|key| table_of(key) == name) {
            return Err(source.unknown("table", name, table.span(), KEYS.iter().map(table_of)));
        }
        let Some(settings) = content.get_ref().as_table() else {
            return Err(source.wrong(table.span().start, format!("{name} is a table: write [{name}]")));
        };
        for (key, value) in settings {
            let full = format!("{name}.{}", key.get_ref());
            let Some(known) = keys::find(&full) else {
                return Err(source.unknown("setting", &full, key.span(), KEYS.iter().map(|key| key.name)));
            };
            entries.insert(known.name, (source.value(known, value)?, source.place(key.span().start).0));
        }
    }
    Ok(entries)
}

fn table_of(key: &'static Key) -> &'static str {
    key.name.split_once('.').map_or(key.name, |(table, _)| table)
}

/// The text of a file, where places can be told.
struct Text<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Text<'_> {
    fn value(&self, key: &Key, value: &Spanned<DeValue<'_>>) -> Result<Value, ConfigError> {
        let wrong = |reason| self.wrong(value.span().start, format!("{} cannot be used: {reason}", key.name));
        let plain = plain(value.get_ref()).ok_or_else(|| wrong(format!("it takes {}", key.kind.expectation())))?;
        key.kind.check(&plain).map_err(wrong)?;
        Ok(plain)
    }

    fn unknown(
        &self,
        what: &str,
        name: &str,
        span: Range<usize>,
        known: impl Iterator<Item = &'static str>,
    ) -> ConfigError {
        let hint = keys::nearest(name, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        self.wrong(span.start, format!("there is no {what} {name}{hint}"))
    }

    fn wrong(&self, offset: usize, reason: String) -> ConfigError {
        let (line, column) = self.place(offset);
        ConfigError::Wrong { path: self.path.to_owned(), line, column, reason }
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Boolean(flag) => Some(Value::Flag(*flag)),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Number),
        DeValue::Array(list) => {
            let texts = list.iter().map(|entry| entry.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map(Value::List)
        }
        _ => None,
    }
}
