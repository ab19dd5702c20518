//! A certificate request inside a CMS SignedData (RFC 5652), signed with the key of the certificate to be renewed
//! (MS-MDE2 section 3.4.4.1).

use mdm_protocol::base64;

use crate::tenant::signed_message::{SignedMessage, SignedMessageError, Verified};

/// A request whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedRequest {
    /// The PKCS#10 in DER.
    pub(super) request: Vec<u8>,
    /// The signer's certificate in DER.
    pub(super) signer: Vec<u8>,
}

/// Opens a signed request and verifies its signature by the certificate that it carries.
pub(super) fn open(message: &[u8]) -> Result<SignedRequest, SignedMessageError> {
    let Verified { content, signer } = SignedMessage::read(message)?.verify()?;
    Ok(SignedRequest { request: request(&content).ok_or(SignedMessageError::NoContent)?, signer })
}

/// The request itself: automatic renewal sends it raw, a user's as base64 text.
fn request(content: &[u8]) -> Option<Vec<u8>> {
    const SEQUENCE: u8 = 0x30;
    match content.first()? {
        &SEQUENCE => Some(content.to_vec()),
        _ => base64::decode(std::str::from_utf8(content).ok()?).ok().filter(|request| !request.is_empty()),
    }
}

#[cfg(test)]
mod tests;
