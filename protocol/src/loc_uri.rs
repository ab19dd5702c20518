//! LocURI: the address of a node in the management tree.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The longest address accepted, in bytes; a longer one is answered with status 414.
pub const MAX_LENGTH: usize = 2048;
/// The deepest address accepted, in segments.
pub const MAX_SEGMENTS: usize = 32;

const RESERVED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b'<').add(b'>').add(b'?').add(b'*');

/// Whose settings an address speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The machine's own (`./Device/...`, and every address without a scope).
    Device,
    /// Those of the enrolled user (`./User/...`).
    User,
}

/// What a Get asks for beside the node itself (OMA-DM tree description, `?list=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The structure of the subtree, without values.
    Structure,
    /// The structure of the subtree and the values of its leaves.
    StructureAndData,
}

/// An address that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocUriError {
    /// Nothing is addressed.
    #[error("the LocURI is empty")]
    Empty,
    /// It begins with a slash.
    #[error("the LocURI begins with a slash; it must begin with ./")]
    Absolute,
    /// It has an empty segment, `.` or `..` beyond the first, or a wildcard.
    #[error("the LocURI has the segment {0:?}, which is not allowed there")]
    Segment(String),
    /// It is longer than [`MAX_LENGTH`] or deeper than [`MAX_SEGMENTS`].
    #[error("the LocURI is too long")]
    TooLong,
    /// It ends in a query that is not `?list=Struct` or `?list=StructData`.
    #[error("the LocURI asks for {0:?}, which is not supported")]
    Query(String),
}

/// A parsed LocURI: scope and decoded segments, without the leading `.` and `Device` or `User`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocUri {
    scope: Scope,
    segments: Vec<String>,
}

impl LocUri {
    /// An address from decoded segments.
    pub fn new<S: Into<String>>(scope: Scope, segments: impl IntoIterator<Item = S>) -> Self {
        Self { scope, segments: segments.into_iter().map(Into::into).collect() }
    }

    /// Reads an address; surrounding white space is ignored.
    pub fn parse(text: &str) -> Result<Self, LocUriError> {
        Self::parse_with_listing(text).and_then(|(uri, listing)| match listing {
            None => Ok(uri),
            Some(_) => Err(LocUriError::Query("list".to_owned())),
        })
    }

    /// Reads an address that may end in `?list=...`, as a Get may have it.
    pub fn parse_with_listing(text: &str) -> Result<(Self, Option<Listing>), LocUriError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(LocUriError::TooLong);
        }
        let (path, listing) = match text.split_once('?') {
            None => (text, None),
            Some((path, "list=Struct")) => (path, Some(Listing::Structure)),
            Some((path, "list=StructData")) => (path, Some(Listing::StructureAndData)),
            Some((_, query)) => return Err(LocUriError::Query(query.to_owned())),
        };
        Ok((Self::parse_path(path)?, listing))
    }

    fn parse_path(path: &str) -> Result<Self, LocUriError> {
        if path.is_empty() {
            return Err(LocUriError::Empty);
        }
        if path.starts_with('/') {
            return Err(LocUriError::Absolute);
        }
        let path = if path == "." { "" } else { path.strip_prefix("./").unwrap_or(path) };
        let mut raw: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
        let scope = match raw.first() {
            Some(first) if first.eq_ignore_ascii_case("user") => Scope::User,
            _ => Scope::Device,
        };
        if raw.first().is_some_and(|first| first.eq_ignore_ascii_case("user") || first.eq_ignore_ascii_case("device")) {
            raw.remove(0);
        }
        if raw.len() > MAX_SEGMENTS {
            return Err(LocUriError::TooLong);
        }
        let segments = raw.into_iter().map(decode_segment).collect::<Result<_, _>>()?;
        Ok(Self { scope, segments })
    }

    /// Whose settings are addressed.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The decoded segments after the scope.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The address of a direct child.
    pub fn child(&self, name: impl Into<String>) -> Self {
        let mut child = self.clone();
        child.segments.push(name.into());
        child
    }

    /// The address of the node above, if there is one.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.segments.split_last()?;
        Some(Self { scope: self.scope, segments: above.to_vec() })
    }

    /// The last segment, empty for the root.
    pub fn name(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    /// Whether `self` is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.scope == ancestor.scope && self.segments.starts_with(&ancestor.segments)
    }

    /// The segments below `ancestor`, if `self` lies within it.
    pub fn below(&self, ancestor: &Self) -> Option<&[String]> {
        self.is_within(ancestor).then(|| &self.segments[ancestor.segments.len()..])
    }
}

/// Escapes one segment for use in a LocURI, or in the list of child names that a Get on an interior node returns.
pub fn encode_segment(segment: &str) -> String {
    match segment {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(segment, RESERVED).to_string(),
    }
}

fn decode_segment(raw: &str) -> Result<String, LocUriError> {
    if matches!(raw, "" | "." | ".." | "*") {
        return Err(LocUriError::Segment(raw.to_owned()));
    }
    // Bytes that are no UTF-8 (an SSID may have any) stay in their escaped form.
    Ok(percent_decode_str(raw).decode_utf8().map_or_else(|_| raw.to_owned(), std::borrow::Cow::into_owned))
}

impl fmt::Display for LocUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the scope, a first segment with the name of a scope would be taken for one.
        let spelt_out = self.segments.first().is_some_and(|first| {
            first == "Vendor" || first.eq_ignore_ascii_case("user") || first.eq_ignore_ascii_case("device")
        });
        formatter.write_str(match self.scope {
            Scope::User => "./User",
            Scope::Device if spelt_out => "./Device",
            Scope::Device => ".",
        })?;
        self.segments.iter().try_for_each(|segment| write!(formatter, "/{}", encode_segment(segment)))
    }
}

impl std::str::FromStr for LocUri {
    type Err = LocUriError;

    fn from_str(text: &str) -> Result<Self, LocUriError> {
        Self::parse(text)
    }
}
