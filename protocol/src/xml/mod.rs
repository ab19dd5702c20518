//! Bounded XML in, compact XML out.
//!
//! The reader takes UTF-8 and UTF-16. It refuses document types, undefined entities, a second root, control characters,
//! names that XML and its namespaces do not allow, and anything beyond its [`Limits`]; it resolves no namespaces, because the servers of this family disagree about them, and offers elements by
//! local name. The writer knows no namespaces either: prefixes are written literally, as old servers expect.

mod decode;
mod document;
mod error;
mod name;
mod parse;
mod write;

pub use document::{Document, Element};
pub use error::XmlError;
pub use write::{XmlWriter, written_len};

/// How much of a document is accepted before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Size of the whole document in bytes, as it arrives and as UTF-8.
    pub bytes: usize,
    /// Depth of nested elements; the root is at depth 1.
    pub depth: usize,
    /// Number of elements in the document.
    pub elements: usize,
    /// Number of attributes on one element.
    pub attributes: usize,
}

impl Limits {
    /// What a management message may measure: 4 MiB, 48 levels, 100,000 elements.
    pub const MESSAGE: Self = Self { bytes: 4 << 20, depth: 48, elements: 100_000, attributes: 32 };
    /// What an enrolment message or a provisioning document may measure: 512 KiB, 32 levels, 10,000 elements.
    pub const ENROLMENT: Self = Self { bytes: 512 << 10, depth: 32, elements: 10_000, attributes: 32 };
    /// What a document carried inside a command (a Wi-Fi or VPN profile, say) may measure.
    pub const PAYLOAD: Self = Self { bytes: 1 << 20, depth: 48, elements: 20_000, attributes: 64 };
}

/// The text without its XML declaration. A document that travels inside another one was decoded with it; what it says
/// of its own encoding (.NET tools say UTF-16) no longer holds.
pub fn without_declaration(text: &str) -> &str {
    let text = text.trim_start();
    match text.strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>")) {
        Some((_, document)) => document,
        None => text,
    }
}
