//! Typed payloads of the configuration service providers that carry profiles (DDF names, MS-MDM section 1.1).
//!
//! Each module reads one provider's nodes into what they mean, and writes them back. Nothing here decides whether a
//! machine can honour a profile; that is the business of whoever applies it.

pub mod active_sync;
pub mod authority;
pub mod certificate;
pub mod dm_client;
pub mod eap;
pub mod email;
pub mod inventory;
pub mod parts;
pub mod policy;
pub mod profile;
pub mod vpn;
pub mod wifi;

use std::collections::BTreeMap;
use std::fmt;

use crate::secret::Secret;
use crate::syncml::StatusCode;
use crate::xml::XmlError;

/// The leaves below one profile's node: path (segments joined by `/`) and value. `Debug` hides the values, which may be
/// secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Leaves(pub BTreeMap<String, String>);

/// A payload that cannot be used, with the status that answers it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {reason}")]
pub struct PayloadError {
    /// The status code for the command that brought the payload.
    pub status: StatusCode,
    /// The node the payload belongs to, relative to the profile.
    pub node: String,
    /// What is wrong, in words. Never contains the value itself, which may be secret.
    pub reason: String,
}

impl fmt::Debug for Leaves {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_map()
            .entries(self.0.iter().map(|(path, value)| (path, format!("{} bytes", value.len()))))
            .finish()
    }
}

impl PayloadError {
    /// The value is XML and was refused (status 415). Names and text that the reader quotes are part of the value, so
    /// only the kind of the error is told.
    pub fn xml(node: &str, error: &XmlError) -> Self {
        let reason = match error {
            XmlError::UndefinedEntity(_) => "the document refers to an undefined entity".to_owned(),
            XmlError::Truncated(_) => "the document is truncated".to_owned(),
            XmlError::WrongRoot { expected, .. } => format!("the root element is not <{expected}>"),
            XmlError::Malformed(_) => "not well-formed XML".to_owned(),
            XmlError::UnsupportedEncoding(_) => {
                "the document declares another encoding than UTF-8 and UTF-16".to_owned()
            }
            XmlError::Empty
            | XmlError::TooLarge { .. }
            | XmlError::TooDeep { .. }
            | XmlError::TooManyElements { .. }
            | XmlError::TooManyAttributes { .. }
            | XmlError::NotUtf8
            | XmlError::NotUtf16
            | XmlError::DocumentType
            | XmlError::IllegalCharacter
            | XmlError::OutsideRoot
            | XmlError::Html => error.to_string(),
        };
        Self::format(node, reason)
    }

    /// The value has the wrong type or format (status 415).
    pub fn format(node: &str, reason: impl Into<String>) -> Self {
        Self { status: StatusCode::UNSUPPORTED_FORMAT, node: node.to_owned(), reason: reason.into() }
    }

    /// The value asks for something that is not supported (status 406).
    pub fn unsupported(node: &str, reason: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_SUPPORTED, node: node.to_owned(), reason: reason.into() }
    }

    /// A node that the profile needs is missing (status 412).
    pub fn missing(node: &str) -> Self {
        Self { status: StatusCode::INCOMPLETE, node: node.to_owned(), reason: "is missing".to_owned() }
    }
}

impl Leaves {
    /// The value of a leaf. Names are compared without regard to case, as the providers do.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.verbatim(path).map(str::trim)
    }

    /// The value of a leaf to the letter: white space at its ends may be part of a password.
    fn verbatim(&self, path: &str) -> Option<&str> {
        let exact = self.0.get(path);
        let found =
            exact.or_else(|| self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(path)).map(|(_, value)| value));
        found.map(String::as_str)
    }

    /// A password, unless it is empty.
    fn secret(&self, path: &str) -> Option<Secret> {
        self.verbatim(path).filter(|value| !value.is_empty()).map(Secret::new)
    }

    /// The value of a leaf, unless it is empty.
    pub fn non_empty(&self, path: &str) -> Option<&str> {
        self.get(path).filter(|value| !value.is_empty())
    }

    /// The value of a leaf that must be there.
    pub fn required(&self, path: &str) -> Result<&str, PayloadError> {
        self.non_empty(path).ok_or_else(|| PayloadError::missing(path))
    }

    /// The value of a boolean leaf: `true`, `false`, `1` or `0`.
    pub fn boolean(&self, path: &str) -> Result<Option<bool>, PayloadError> {
        self.non_empty(path)
            .map(|value| boolean(value).ok_or_else(|| PayloadError::format(path, "is neither true nor false")))
            .transpose()
    }

    /// The value of a numeric leaf.
    pub fn number<N: std::str::FromStr>(&self, path: &str) -> Result<Option<N>, PayloadError> {
        self.non_empty(path)
            .map(|value| {
                value.parse().map_err(|_| PayloadError::format(path, "is not a number of the range it may have"))
            })
            .transpose()
    }

    /// The rows of a list below `path`: those that are named by numbers first, in their order.
    pub fn rows(&self, path: &str) -> Vec<Self> {
        let prefix = format!("{path}/");
        let mut rows: BTreeMap<(u32, &str), Self> = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some((row, leaf)) = strip_prefix(name, &prefix).and_then(|rest| rest.split_once('/')) else { continue };
            let place = (row.parse().unwrap_or(u32::MAX), row);
            rows.entry(place).or_default().0.insert(leaf.to_owned(), value.clone());
        }
        rows.into_values().collect()
    }

    /// Sets a leaf, if there is a value for it.
    #[must_use]
    pub fn with(mut self, path: &str, value: Option<impl Into<String>>) -> Self {
        if let Some(value) = value {
            self.0.insert(path.to_owned(), value.into());
        }
        self
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
}

/// Reads a boolean as the providers write it.
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        other if other.eq_ignore_ascii_case("true") => Some(true),
        other if other.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn comma_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
