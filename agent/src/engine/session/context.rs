//! What a session needs to know before it begins.

use mdm_protocol::Secret;
use mdm_protocol::syncml::StatusCode;

use super::{LoginStatus, RemoteContext, SessionAlert};
use crate::engine::claim::Claim;
use crate::engine::nodes::PushOffer;
use crate::engine::retries::Retries;

/// What a session needs to know before it begins.
#[derive(Debug)]
pub struct SessionContext {
    /// The session's number, 1 to 65535.
    pub session_id: u16,
    /// The management server's address as provisioned.
    pub server_url: String,
    /// The device's id.
    pub device_id: String,
    /// The account's id.
    pub provider_id: String,
    /// Whether the server rang for this session.
    pub server_initiated: bool,
    /// Who is signed in at the machine.
    pub login: LoginStatus,
    /// What else is announced in package 1.
    pub alerts: Vec<SessionAlert>,
    /// Where the device can be rung.
    pub push: PushOffer,
    /// The device's `./DevInfo` leaves: name and value.
    pub device_info: Vec<(&'static str, String)>,
    /// The account's credentials, where it has any.
    pub credentials: Option<AccountCredentials>,
    /// Why nothing can be kept at present: commands that change something are refused with this status (rule T4).
    pub store_status: Option<StatusCode>,
    /// What was ordered to be done to the machine before, and what may be.
    pub remote: RemoteContext,
    /// Settings that wait for a place that another one holds.
    pub claims: Vec<Claim>,
    /// Commands that were refused and are tried again, and what the server is notified of as applied since.
    pub retries: Retries,
    /// Whether the session only says farewell: it ends with the first answer and runs no command.
    pub farewell: bool,
}

impl SessionContext {
    /// The address of the account's own node.
    pub fn provider_address(&self) -> String {
        format!("./Device/Vendor/MSFT/DMClient/Provider/{}", mdm_protocol::loc_uri::encode_segment(&self.provider_id))
    }

    /// Where messages go: the server's address with the mode of the session (MS-MDM section 2.1).
    pub fn request_url(&self) -> String {
        let mode = if self.login == LoginStatus::EnrolledUser { "Maintenance" } else { "Machine" };
        let separator = if self.server_url.contains('?') { '&' } else { '?' };
        format!("{}{separator}mode={mode}&Platform=WoA", self.server_url)
    }
}

/// Credentials for the messages themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCredentials {
    /// Basic or digest.
    pub kind: mdm_protocol::syncml::CredentialsKind,
    /// The user name.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// The nonce that the server gave last.
    pub nonce: Option<Vec<u8>>,
    /// Whether the server refuses nonces of that age: then no proof goes out before its challenge.
    pub nonce_is_stale: bool,
}
