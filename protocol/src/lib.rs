//! The wire of Windows-style device management, both directions: MS-MDE2 enrolment (SOAP), provisioning documents
//! and OMA-DM 1.2.1 sessions as narrowed by MS-MDM (SyncML).
//!
//! This crate turns bytes into typed messages and typed messages into bytes. It does no input or output, reads no
//! clock and decides nothing: what a message *means* is the business of the agent's engine and of the server's tenant.
//! Readers match elements by local name, in any order, and accept every variant that real peers are known to send;
//! writers emit one conventional form that every known server reads. Everything read is bounded before it is parsed.

pub mod base64;
pub mod ber;
pub mod csp;
pub mod enrolment;
pub mod loc_uri;
pub mod provisioning;
pub mod secret;
pub mod soap;
pub mod syncml;
pub mod thumbprint;
pub mod xml;

pub use loc_uri::{LocUri, LocUriError, Scope};
pub use secret::Secret;
pub use thumbprint::Thumbprint;
pub use xml::{Limits, XmlError};
