//! One-time codes that unlock a machine without a network: the server keeps the code, the machine what it is known by.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use mdm_protocol::base64;

/// What a code is known by: `pbkdf2-sha256$ITERATIONS$SALT$DIGEST`.
pub fn verifier(code: &str, salt: &[u8], iterations: NonZeroU32) -> String {
    let mut digest = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, normal(code).as_bytes(), &mut digest);
    format!("pbkdf2-sha256${iterations}${}${}", base64::encode(salt), base64::encode(digest))
}

/// Whether this is the code.
pub(super) fn is_right(code: &str, verifier: &str) -> bool {
    let parts: Vec<&str> = verifier.split('$').collect();
    let ["pbkdf2-sha256", iterations, salt, digest] = parts.as_slice() else { return false };
    let (Some(iterations), Ok(salt), Ok(digest)) =
        (iterations.parse().ok().and_then(NonZeroU32::new), base64::decode(salt), base64::decode(digest))
    else {
        return false;
    };
    pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, normal(code).as_bytes(), &digest).is_ok()
}

/// A code is read out over the telephone: case, blanks and dashes do not count.
fn normal(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}
