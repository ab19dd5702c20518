//! The account: which server manages this device, and under which terms. Kept beside the identity, not in the store,
//! so that losing the store never loses who manages the device.

use std::collections::BTreeMap;

use mdm_protocol::Secret;
use mdm_protocol::csp::authority::ADDRESS_LIST;
use mdm_protocol::csp::dm_client::{Poll, PollSet};
use mdm_protocol::syncml::CredentialsKind;
use serde::{Deserialize, Serialize};

use super::profile::Stored;
use super::session::AccountCredentials;
use super::text;
use super::tree::Node;
pub use credentials::CredentialChange;

mod credentials;
#[cfg(test)]
mod tests;

/// The version of the account's file.
pub const ACCOUNT_VERSION: u32 = 1;

/// Which server manages this device, and under which terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// [`ACCOUNT_VERSION`] when it was written.
    pub version: u32,
    /// The account's id (`PROVIDER-ID`).
    pub provider_id: String,
    /// The server's name for itself; may be empty.
    pub name: String,
    /// The management server's address.
    pub management_url: String,
    /// The discovery address that enrolment began with.
    pub discovery_url: String,
    /// The id under which the device speaks.
    pub device_id: String,
    /// The id of the hardware.
    pub hardware_id: String,
    /// The enrolled user; `None` for a device without a user.
    pub user: Option<String>,
    /// The enrolled user's name on this machine; `None` where nobody was named.
    pub local_user: Option<String>,
    /// Whom to believe that it is the server.
    pub trust: Trust,
    /// Credentials for messages.
    pub credentials: Option<StoredCredentials>,
    /// The check-in schedule as provisioned.
    pub poll: StoredPoll,
    /// Days before the certificate's end at which renewal begins.
    pub renew_period_days: u32,
    /// Days between attempts to renew.
    pub renew_retry_days: u32,
    /// Where renewal asks, if not at the discovery address.
    pub renew_url: Option<String>,
    /// The first wait after a failed connection, in milliseconds.
    pub initial_backoff_ms: u64,
    /// The longest wait after failed connections, in milliseconds.
    pub max_backoff_ms: u64,
    /// Further nodes of the account as provisioned (`EntDMID`, `UPN`...), by their path below its own.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// When the device enrolled, seconds since 1970.
    pub enrolled_at: i64,
    /// The id of the machine at enrolment (rule I5); empty where it had none.
    #[serde(default)]
    pub machine_id: String,
    /// The name of the authority that manages the device, once it has told one: losing the store must not lose it.
    #[serde(default)]
    pub authority: Option<String>,
    /// The token with which the device enrolled, where it was one: some servers demand one for renewal too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_token: Option<Box<StoredToken>>,
}

/// A token of an enrollment, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// The token.
    #[serde(with = "text::secret")]
    pub token: Secret,
    /// Whether it is a JSON Web Token.
    pub is_jwt: bool,
}

/// Whom to believe that it is the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Whether the machine's own roots count.
    pub system: bool,
    /// Further roots, DER in base64, for this account alone.
    pub roots: Vec<String>,
}

/// Credentials for messages, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCredentials {
    /// Whether a digest is sent instead of the secret.
    pub digest: bool,
    /// The user name.
    pub name: String,
    /// The secret.
    #[serde(with = "text::secret")]
    pub secret: Secret,
    /// The first nonce, in base64.
    pub nonce: Option<String>,
}

/// The check-in schedule, as it is kept: for each set its interval in minutes and its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPoll {
    /// The sets.
    pub sets: [(u32, u32); 3],
    /// Whether any sign-in starts a session.
    pub on_login: bool,
    /// Whether each user's first sign-in starts a session.
    pub all_users_on_first_login: bool,
}

impl From<Poll> for StoredPoll {
    fn from(poll: Poll) -> Self {
        Self {
            sets: poll.sets.map(|set| (set.interval_minutes, set.count)),
            on_login: poll.on_login,
            all_users_on_first_login: poll.all_users_on_first_login,
        }
    }
}

impl From<StoredPoll> for Poll {
    fn from(poll: StoredPoll) -> Self {
        Self {
            sets: poll.sets.map(|(interval_minutes, count)| PollSet { interval_minutes, count }),
            on_login: poll.on_login,
            all_users_on_first_login: poll.all_users_on_first_login,
        }
    }
}

impl Account {
    /// The credentials for the next session: as provisioned, or as the server has changed them since
    /// (`./SyncML/DMAcc/<account>/AppAuth/CLCRED`), with the newest nonce.
    pub fn session_credentials(&self, stored: &Stored, nonce: Option<Vec<u8>>) -> Option<AccountCredentials> {
        let changed = CredentialChange::stored(stored);
        let known = self.credentials.as_ref();
        let secret = changed.secret.or_else(|| known.map(|known| known.secret.clone()))?;
        let first_nonce = || known?.nonce.as_deref().and_then(|nonce| mdm_protocol::base64::decode(nonce).ok());
        Some(AccountCredentials {
            kind: if known.is_none_or(|known| known.digest) { CredentialsKind::Md5 } else { CredentialsKind::Basic },
            name: changed.name.or_else(|| known.map(|known| known.name.clone())).unwrap_or_default(),
            secret,
            nonce: nonce.or(changed.nonce).or_else(first_nonce),
            nonce_is_stale: false,
        })
    }

    /// Takes out of what is stored what the server had set of the account before it provisioned it again, credentials and
    /// addresses; the nodes.
    pub fn forget_provisioned(&self, stored: &mut Stored) -> Vec<String> {
        let addresses = format!("{}/{ADDRESS_LIST}", self.provider_address());
        let is_one = |address: &&String| address.starts_with("./SyncML/DMAcc/") || **address == addresses;
        let outdated: Vec<String> = stored.settings.keys().filter(is_one).cloned().collect();
        outdated.iter().for_each(|address| drop(stored.settings.remove(address)));
        outdated
    }

    /// The effective schedule: as provisioned, with what the server has set and deleted since.
    pub fn effective_poll(&self, stored: &Stored) -> Poll {
        let prefix = format!("{}/Poll/", self.provider_address());
        let changed: BTreeMap<&str, &Node> =
            stored.settings.iter().filter_map(|(address, node)| Some((address.strip_prefix(&prefix)?, node))).collect();
        let provisioned = Poll::from(self.poll).to_nodes();
        let provisioned = provisioned.iter().map(|(name, value)| (*name, value.as_str()));
        let provisioned = provisioned.filter(|(name, _)| !changed.get(name).is_some_and(|node| node.is_absent()));
        let set = changed.iter().filter(|(_, node)| !node.is_absent()).map(|(name, node)| (*name, node.value.as_str()));
        Poll::from_nodes(provisioned.chain(set))
    }

    /// The address of the account's own node.
    pub fn provider_address(&self) -> String {
        format!("./Device/Vendor/MSFT/DMClient/Provider/{}", mdm_protocol::loc_uri::encode_segment(&self.provider_id))
    }
}
