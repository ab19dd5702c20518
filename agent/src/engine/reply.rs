//! What came back over HTTP, and what it is before anyone looks inside.

use mdm_protocol::soap::Fault;
use mdm_protocol::syncml::{Message, SyncMlError};
use mdm_protocol::xml::XmlError;

use super::failure::SessionFailure;

/// An answer to a POST, read completely and within bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header.
    pub location: Option<String>,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The `Date` header, seconds since 1970.
    pub date: Option<i64>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a management server's answer is.
#[derive(Debug)]
pub enum ManagementReply {
    /// An empty body: the server has nothing more to say.
    EndOfSession,
    /// A message.
    Message(Box<Message>),
}

/// Sorts out a management server's answer.
pub fn classify(reply: &Reply) -> Result<ManagementReply, SessionFailure> {
    match reply.status {
        200..=299 => {}
        300..=399 => {
            return Err(SessionFailure::Redirected { location: reply.location.clone().unwrap_or_default() });
        }
        401 | 403 => return Err(SessionFailure::Refused { status: reply.status }),
        status => return Err(SessionFailure::Http { status, retry_after: reply.retry_after }),
    }
    if reply.body.is_empty() {
        return Ok(ManagementReply::EndOfSession);
    }
    match Message::decode(&reply.body) {
        Ok(message) => Ok(ManagementReply::Message(Box::new(message))),
        // Servers of this family send SOAP faults with HTTP 200 here too.
        Err(error) => Err(Fault::decode(&reply.body).map_or_else(|| refuse(error), SessionFailure::Fault)),
    }
}

fn refuse(error: SyncMlError) -> SessionFailure {
    match error {
        SyncMlError::Xml(XmlError::Html) => SessionFailure::CaptivePortal,
        error => SessionFailure::Malformed(error),
    }
}
