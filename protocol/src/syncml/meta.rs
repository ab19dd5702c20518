//! Meta information (OMA-DM meta information, namespace `syncml:metinf`).

/// The format of a node's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Text; the default where nothing is said.
    Chr,
    /// A signed 32-bit decimal number.
    Int,
    /// `true` or `false`.
    Bool,
    /// Base64.
    B64,
    /// XML, escaped or as live elements.
    Xml,
    /// An interior node; it has no value.
    Node,
    /// No value.
    Null,
    /// Anything else (`time`, `date`, `float`, `bin`), as written.
    Other(String),
}

impl Format {
    /// Reads a format's name in any case.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "chr" | "" => Self::Chr,
            "int" => Self::Int,
            "bool" => Self::Bool,
            "b64" => Self::B64,
            "xml" => Self::Xml,
            "node" => Self::Node,
            "null" => Self::Null,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Chr => "chr",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::B64 => "b64",
            Self::Xml => "xml",
            Self::Node => "node",
            Self::Null => "null",
            Self::Other(name) => name,
        }
    }
}

/// What is said about an item, a command or a whole message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// The format of the data.
    pub format: Option<Format>,
    /// The media type of the data, or the type of an alert.
    pub media_type: Option<String>,
    /// The importance of an alert.
    pub mark: Option<String>,
    /// The size of a whole large object, in bytes of its data's text.
    pub size: Option<u64>,
    /// The nonce for the next digest, in base64.
    pub next_nonce: Option<String>,
    /// The largest message that the sender can receive, in bytes.
    pub max_message_size: Option<u64>,
    /// The largest object that the sender can receive, in bytes.
    pub max_object_size: Option<u64>,
}

impl Meta {
    /// Meta that only gives a format.
    pub fn format(format: Format) -> Self {
        Self { format: Some(format), ..Self::default() }
    }

    /// Meta that only gives a type.
    pub fn media_type(media_type: &str) -> Self {
        Self { media_type: Some(media_type.to_owned()), ..Self::default() }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
