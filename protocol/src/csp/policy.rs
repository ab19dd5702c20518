//! Policy: settings of the machine, plain or backed by an administrative template (ADMX).

use std::fmt;

use super::PayloadError;
use crate::xml::{Document, Limits, XmlWriter};

/// The character between the entries of a list in an ADMX-backed value.
pub const LIST_SEPARATOR: char = '\u{f000}';

/// The value of an ADMX-backed policy. `Debug` hides what the elements are set to, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub enum AdmxValue {
    /// On, with the template's elements set.
    Enabled(Vec<(String, String)>),
    /// Off.
    Disabled,
}

impl fmt::Debug for AdmxValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enabled(data) => {
                let hidden = data.iter().map(|(id, value)| (id, format!("{} bytes", value.len())));
                formatter.debug_tuple("Enabled").field(&hidden.collect::<Vec<_>>()).finish()
            }
            Self::Disabled => formatter.write_str("Disabled"),
        }
    }
}

impl AdmxValue {
    /// Reads `<enabled/>` with any number of `<data id= value=/>`, or `<disabled/>`.
    pub fn parse(node: &str, text: &str) -> Result<Self, PayloadError> {
        // The value is a list of elements without a root.
        let wrapped = format!("<policy>{text}</policy>");
        let document =
            Document::parse(wrapped.as_bytes(), &Limits::PAYLOAD).map_err(|error| PayloadError::xml(node, &error))?;
        let root = document.root();
        let data = root.children_named("data").filter_map(|data| {
            Some((data.attribute("id")?.to_owned(), data.attribute("value").unwrap_or_default().to_owned()))
        });
        match (root.child_any_case("enabled"), root.child_any_case("disabled")) {
            (Some(_), None) => Ok(Self::Enabled(data.collect())),
            (None, Some(_)) => Ok(Self::Disabled),
            _ => Err(PayloadError::format(node, "is neither <enabled/> nor <disabled/>")),
        }
    }

    /// Writes the value.
    pub fn to_xml(&self) -> String {
        let mut xml = XmlWriter::new();
        match self {
            Self::Disabled => xml.empty("disabled", &[]),
            Self::Enabled(data) => {
                xml.empty("enabled", &[]);
                data.iter().for_each(|(id, value)| xml.empty("data", &[("id", id), ("value", value)]));
            }
        }
        xml.finish()
    }
}
