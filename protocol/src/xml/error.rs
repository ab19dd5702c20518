//! Why a document was refused.

/// A document that was not accepted; each reason has its own name so that a person can act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// The document has no content at all.
    #[error("the document is empty")]
    Empty,
    /// The document is larger than [`super::Limits::bytes`].
    #[error("the document has {actual} bytes, more than the {limit} that are accepted")]
    TooLarge {
        /// What is accepted, in bytes.
        limit: usize,
        /// What arrived, in bytes.
        actual: usize,
    },
    /// Elements are nested deeper than [`super::Limits::depth`].
    #[error("elements are nested more than {limit} deep")]
    TooDeep {
        /// The accepted depth.
        limit: usize,
    },
    /// The document has more elements than [`super::Limits::elements`].
    #[error("the document has more than {limit} elements")]
    TooManyElements {
        /// The accepted number.
        limit: usize,
    },
    /// An element has more attributes than [`super::Limits::attributes`].
    #[error("an element has more than {limit} attributes")]
    TooManyAttributes {
        /// The accepted number.
        limit: usize,
    },
    /// The bytes are not UTF-8 text.
    #[error("the document is not UTF-8 text")]
    NotUtf8,
    /// The bytes look like UTF-16 and are not: a character is cut off, or a surrogate has no partner.
    #[error("the document begins as UTF-16 text, but is not all UTF-16")]
    NotUtf16,
    /// The XML declaration, or the byte order mark, names an encoding other than UTF-8 and UTF-16.
    #[error("the document declares the encoding {0:?}; only UTF-8 and UTF-16 are accepted")]
    UnsupportedEncoding(String),
    /// The document carries a document type definition.
    #[error("the document carries a document type definition (DTD), which is never accepted")]
    DocumentType,
    /// A reference to an entity that XML does not define itself.
    #[error("the document refers to the undefined entity {0:?}")]
    UndefinedEntity(String),
    /// A character that XML does not allow, raw or as a character reference.
    #[error("the document contains a control character that XML does not allow")]
    IllegalCharacter,
    /// The document ends inside an element.
    #[error("the document is truncated: it ends inside <{0}>")]
    Truncated(String),
    /// There is something after the root element.
    #[error("there is content outside the root element")]
    OutsideRoot,
    /// The root element is not the one that this kind of message has.
    #[error("the root element is <{found}>, not <{expected}>")]
    WrongRoot {
        /// The root that the message should have.
        expected: &'static str,
        /// The root that it has.
        found: String,
    },
    /// An HTML page where XML was expected: a captive portal, a proxy's error page or a wrong address.
    #[error("an HTML page came instead of XML; a captive portal, a proxy or a wrong address answered")]
    Html,
    /// Any other violation of XML's syntax.
    #[error("not well-formed XML: {0}")]
    Malformed(String),
}
