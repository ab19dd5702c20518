//! Base64 as this protocol family uses it: written on one line, read with any white space inside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Text that is not base64.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not valid base64: {0}")]
pub struct Base64Error(String);

/// Encodes on one line, with padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Decodes, ignoring any white space.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|error| Base64Error(error.to_string()))
}
