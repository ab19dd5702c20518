//! A whole simulated MDM tenant to test device-management clients against: MS-MDE2 enrolment, OMA-DM sessions over
//! mutual TLS, users, devices, profiles, a push service and an admin API.
//!
//! [`tenant`] decides and is pure; [`push`] carries doorbells to devices; [`service`] turns request bytes into answers; the rest moves bytes and keeps records.

mod http;
pub mod push;
mod server;
pub mod service;
mod store;
pub mod tenant;

pub use server::{Server, ServerError, ServerOptions};
pub use store::{Store, StoreError};
