//! From the bytes of a document to its text: UTF-8 and UTF-16, told apart by the byte order mark or, without one, by how
//! the first character is written (XML 1.0 appendix F).
//!
//! What the declaration says of the two is not believed: .NET's string writers declare UTF-16 over what is sent as UTF-8.
//! Any other encoding that a document declares is refused by its name, even where the bytes could be read.

use std::borrow::Cow;

use super::{Limits, XmlError};

/// How far into a document its declaration is looked for, in bytes.
const DECLARATION_LENGTH: usize = 256;

/// Whether the reader takes documents that declare this encoding.
pub(super) fn is_accepted(encoding: &str) -> bool {
    ["utf-8", "us-ascii", "utf-16", "utf-16le", "utf-16be"].iter().any(|name| name.eq_ignore_ascii_case(encoding))
}

/// The text of a document without its byte order mark, within [`Limits::bytes`] as UTF-8.
pub(super) fn text<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, str>, XmlError> {
    let little: fn([u8; 2]) -> u16 = u16::from_le_bytes;
    let big: fn([u8; 2]) -> u16 = u16::from_be_bytes;
    let (units, order) = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err(XmlError::UnsupportedEncoding("UTF-32".to_owned()));
        }
        [0xff, 0xfe, rest @ ..] => (rest, little),
        [0xfe, 0xff, rest @ ..] => (rest, big),
        [b'<' | b' ' | b'\t' | b'\r' | b'\n', 0, ..] => (bytes, little),
        [0, b'<' | b' ' | b'\t' | b'\r' | b'\n', ..] => (bytes, big),
        _ => return utf8(bytes).map(Cow::Borrowed),
    };
    let text = utf16(units, order)?;
    if text.len() > limits.bytes {
        return Err(XmlError::TooLarge { limit: limits.bytes, actual: text.len() });
    }
    Ok(Cow::Owned(text))
}

fn utf8(bytes: &[u8]) -> Result<&str, XmlError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        // What the document says of itself is the better explanation.
        Err(_) => Err(declared(bytes)
            .filter(|encoding| !is_accepted(encoding))
            .map_or(XmlError::NotUtf8, XmlError::UnsupportedEncoding)),
    }
}

fn utf16(bytes: &[u8], order: fn([u8; 2]) -> u16) -> Result<String, XmlError> {
    let (units, rest) = bytes.as_chunks::<2>();
    let characters = char::decode_utf16(units.iter().map(|unit| order(*unit)));
    let text = characters.collect::<Result<String, _>>().map_err(|_| XmlError::NotUtf16)?;
    if rest.is_empty() { Ok(text) } else { Err(XmlError::NotUtf16) }
}

/// The encoding that the declaration of a document in an encoding like ASCII names.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION_LENGTH)]);
    let (declaration, _) = head.strip_prefix("<?xml")?.split_once("?>")?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, _) = value[1..].split_once(quote)?;
    Some(name.to_owned())
}
