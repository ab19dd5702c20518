//! Randomness from the operating system, for everything that must not be guessed.

use aws_lc_rs::rand;
use mdm_protocol::Secret;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomError;

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// A new secret of 64 hexadecimal digits.
pub(crate) fn secret() -> Result<Secret, RandomError> {
    let mut text = String::with_capacity(64);
    for byte in bytes::<32>()? {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
    }
    Ok(Secret::new(text))
}

/// A new number for logs and answers.
pub(crate) fn activity_id() -> String {
    let bytes = bytes().unwrap_or_default();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
