//! What a person orders, turned into an enrolment.

use mdm_protocol::Secret;
use serde::{Deserialize, Serialize};

use super::{EnrolmentRequest, Proof, Target};
use crate::engine::account::{Account, Trust};
use crate::engine::facts::DeviceFacts;

/// How to enrol.
#[derive(Serialize, Deserialize)]
pub struct EnrolOrder {
    /// The server's address; `None` derives it from the user's mail address.
    pub server: Option<String>,
    /// The user; empty for a device without a user.
    pub user: String,
    /// The password, if that is the proof.
    pub password: Option<String>,
    /// The token, if that is the proof.
    pub token: Option<String>,
    /// The user's name on this machine.
    pub local_user: Option<String>,
    /// Certificate authorities to believe besides none, PEM; `None` believes the machine's own.
    pub authorities: Option<String>,
    /// The id under which the device will speak; `None` derives it from the machine-id.
    pub device_id: Option<String>,
}

impl std::fmt::Debug for EnrolOrder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "EnrolOrder({:?})", self.server)
    }
}

/// An order that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The device has an account already.
    #[error("this device is already enrolled with {0}")]
    AlreadyEnrolled(String),
    /// Another enrolment is not over yet.
    #[error("an enrolment is already under way")]
    UnderWay,
    /// The agent is in a session or the like.
    #[error("the agent is busy")]
    Busy,
    /// There is no server to ask.
    #[error("give the server's address with --server, or a user with a mail domain")]
    NoServer,
    /// There is no proof, or more than one.
    #[error("give either a password or a token")]
    Proof,
    /// The device has no id.
    #[error("this machine has no /etc/machine-id; give an id with --device-id")]
    NoDeviceId,
    /// The id cannot be used.
    #[error("the device id may have up to 64 letters, digits, dots, underscores and hyphens")]
    DeviceId,
    /// The authorities are none.
    #[error("the file given with --ca-file has no certificate in PEM")]
    NoAuthority,
}

impl OrderError {
    /// What a person can do about it, where the error itself does not say so.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::AlreadyEnrolled(_) => Some("End that enrolment first: mdm-agent unenroll"),
            Self::UnderWay => Some("Wait for it to end."),
            Self::Busy => Some("Try again in a moment."),
            Self::NoServer | Self::Proof | Self::NoDeviceId | Self::DeviceId | Self::NoAuthority => None,
        }
    }

    /// Whether the order itself makes no sense, as opposed to coming at the wrong time.
    pub fn is_usage(&self) -> bool {
        self.advice().is_none()
    }
}

impl EnrolOrder {
    /// Makes a request of the order. `roots` are the certificates of the file with authorities (DER in base64), if one
    /// was given.
    pub fn into_request(
        self,
        roots: Option<Vec<String>>,
        facts: DeviceFacts,
        seed: u64,
    ) -> Result<EnrolmentRequest, OrderError> {
        let target = match self.server {
            Some(server) => Target::Url(server),
            None if self.user.contains('@') => Target::MailAddress(self.user.clone()),
            None => return Err(OrderError::NoServer),
        };
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let proof = match (given(self.password), given(self.token)) {
            (Some(password), None) if !self.user.is_empty() => Proof::Password(Secret::new(password)),
            (None, Some(token)) => {
                let is_jwt = token.split('.').count() == 3 && token.starts_with("eyJ");
                Proof::Token { token: Secret::new(token), is_jwt }
            }
            _ => return Err(OrderError::Proof),
        };
        let trust = match roots {
            None => Trust { system: true, roots: Vec::new() },
            Some(roots) if roots.is_empty() => return Err(OrderError::NoAuthority),
            Some(roots) => Trust { system: false, roots },
        };
        let derived = Some(facts.machine_id.clone()).filter(|id| !id.is_empty());
        let device_id = self.device_id.or(derived).ok_or(OrderError::NoDeviceId)?;
        let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        if !(1..=64).contains(&device_id.len()) || !device_id.chars().all(allowed) {
            return Err(OrderError::DeviceId);
        }
        // Whoever became root by sudo from a root shell named nobody.
        let local_user = self.local_user.filter(|user| user != "root");
        Ok(EnrolmentRequest { target, user: self.user, proof, local_user, trust, device_id, facts, seed })
    }
}

/// The enrolment by which an account's identity is issued again for the same device, with a token that the server's
/// administrator issued for it (rule I3).
pub fn recovery(account: &Account, token: Secret, facts: DeviceFacts, seed: u64) -> EnrolmentRequest {
    EnrolmentRequest {
        target: Target::Url(account.discovery_url.clone()),
        user: account.user.clone().unwrap_or_default(),
        proof: Proof::Token { token, is_jwt: false },
        local_user: account.local_user.clone(),
        trust: account.trust.clone(),
        device_id: account.device_id.clone(),
        facts,
        seed,
    }
}
