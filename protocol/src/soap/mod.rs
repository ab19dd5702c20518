//! SOAP envelopes as MS-MDE2 uses them: addressing, credentials and faults.
//!
//! Writing follows the literal prefixes that old servers match as text; reading goes by local names alone.

mod envelope;
mod fault;
pub mod ns;

pub use envelope::{RequestHeader, ResponseHeader, Security, SoapError};
pub(crate) use envelope::{body, request, response};
pub use fault::{Fault, FaultKind};

/// The media type of SOAP 1.2 messages.
pub const CONTENT_TYPE: &str = "application/soap+xml; charset=utf-8";
