//! Who gets a certificate by SCEP (RFC 8894): whoever presents a one-time challenge, or whom an administrator approves.
//! One transaction is one key and at most one certificate, however often it is asked for. Makes no certificate itself.

mod application;
mod message;

use mdm_protocol::{Secret, base64};
use serde::{Deserialize, Serialize};

pub use application::{ScepApplication, ScepPoll};
pub use message::{ScepMessage, ScepReadError, ScepReplyTo};

use super::record::RecordKind;
use super::token::token_key;
use super::{AdminError, Tenant, is_addressable};

/// How long a challenge can be used, in seconds.
const CHALLENGE_SECONDS: i64 = 3600;
/// How many requests are remembered.
const MAX_REQUESTS: usize = 1000;
const MAX_TRANSACTION: usize = 128;

/// Who gets a certificate by SCEP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScepMode {
    /// Whoever presents a challenge that an administrator made.
    #[default]
    Challenge,
    /// Whom an administrator approves.
    Manual,
    /// Nobody: every request waits for ever, to test what a device does then.
    Never,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScepRequestState {
    /// It waits for an administrator.
    Pending,
    /// It is approved, and its certificate is made when it is asked for next.
    Approved,
    /// It is rejected.
    Rejected,
    /// It has its certificate.
    Issued,
}

/// A request as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ScepRequest {
    subject: String,
    /// The fingerprint of the key that asked.
    key: String,
    /// The fingerprint of the key to certify, if it is another one.
    #[serde(default)]
    new_key: Option<String>,
    /// The PKCS#10 in base64.
    request: String,
    state: ScepRequestState,
    since: i64,
    /// The certificate in base64.
    certificate: Option<String>,
}

/// A request as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScepRequestView {
    /// The number of the transaction.
    pub transaction: String,
    /// The subject, as the request has it.
    pub subject: String,
    /// How far it has come.
    pub state: ScepRequestState,
    /// When it came first.
    pub since: i64,
}

/// Why a request is refused (RFC 8894 section 3.2.1.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScepRefusal {
    /// badAlg.
    #[error("the algorithm is not accepted; use RSA with SHA-256, and AES")]
    Algorithm,
    /// badMessageCheck.
    #[error("the signature of the message or of the request is wrong, or the message cannot be decrypted")]
    MessageCheck,
    /// badRequest: the challenge.
    #[error("the challenge password is missing, wrong, used up or too old")]
    Challenge,
    /// badMessageCheck: another key than the request's signed the message.
    #[error(
        "the message is signed with another key than the request's, and not by a certificate for the same subject that was \
         issued here by SCEP and has not expired"
    )]
    Holder,
    /// badRequest: the rest.
    #[error("the request is not one that is granted here")]
    Request,
    /// badRequest: an administrator's decision.
    #[error("an administrator rejected the request")]
    Rejected,
    /// badTime.
    #[error("the time in the message is more than a day away from the server's")]
    Time,
    /// badCertId.
    #[error("there is no such transaction of this key")]
    Transaction,
}

impl ScepRefusal {
    /// The number of the reason.
    pub fn fail_info(self) -> u8 {
        match self {
            Self::Algorithm => 0,
            Self::MessageCheck | Self::Holder => 1,
            Self::Challenge | Self::Request | Self::Rejected => 2,
            Self::Time => 3,
            Self::Transaction => 4,
        }
    }
}

/// What is decided about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScepVerdict {
    /// A certificate is to be made for this request (PKCS#10 in DER), and entered with [`Tenant::scep_issued`].
    Issue(Vec<u8>),
    /// The certificate (DER) that was made before.
    Issued(Vec<u8>),
    /// An administrator has to decide.
    Pending,
    /// No.
    Refuse(ScepRefusal),
}

impl Tenant {
    /// Admits a fresh random challenge; returns the moment of its expiry.
    pub fn add_scep_challenge(&mut self, challenge: &Secret, now: i64) -> i64 {
        let gone: Vec<String> =
            self.scep_challenges.iter().filter(|(_, expires)| **expires <= now).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.use_up_challenge(key));
        let key = token_key(challenge.expose().as_bytes());
        let expires = now.saturating_add(CHALLENGE_SECONDS);
        self.scep_challenges.insert(key.clone(), expires);
        self.note(RecordKind::ScepChallenge, key);
        expires
    }

    /// Decides about a certificate request. A challenge is used up by it.
    pub fn scep_apply(&mut self, application: &ScepApplication, now: i64) -> ScepVerdict {
        let transaction = &application.transaction;
        if transaction.len() > MAX_TRANSACTION || !is_addressable(transaction) {
            return ScepVerdict::Refuse(ScepRefusal::Request);
        }
        if let Some(request) = self.scep_requests.get(transaction) {
            if request.new_key.as_ref().unwrap_or(&request.key) != &application.new_key {
                return ScepVerdict::Refuse(ScepRefusal::Request);
            }
            return self.scep_decided(transaction, &application.key, ScepRefusal::Request);
        }
        if application.holder.as_ref().is_some_and(|holder| !self.was_issued_by_scep(holder)) {
            return ScepVerdict::Refuse(ScepRefusal::Holder);
        }
        let state = match self.settings.scep {
            ScepMode::Manual | ScepMode::Never => ScepRequestState::Pending,
            // RFC 8894 section 2.3: whoever holds a certificate has proved itself by it.
            ScepMode::Challenge if application.holder.is_some() => ScepRequestState::Approved,
            ScepMode::Challenge => {
                let key = token_key(application.challenge.as_ref().map_or("", Secret::expose).as_bytes());
                if self.scep_challenges.get(&key).is_none_or(|expires| *expires <= now) {
                    return ScepVerdict::Refuse(ScepRefusal::Challenge);
                }
                self.use_up_challenge(&key);
                ScepRequestState::Approved
            }
        };
        if !self.make_room_for_scep() {
            return ScepVerdict::Refuse(ScepRefusal::Request);
        }
        let request = ScepRequest {
            subject: application.subject.clone(),
            key: application.key.clone(),
            new_key: Some(&application.new_key).filter(|key| **key != application.key).cloned(),
            request: base64::encode(&application.request),
            state,
            since: now,
            certificate: None,
        };
        self.scep_requests.insert(transaction.clone(), request);
        self.note(RecordKind::ScepRequest, transaction);
        self.scep_decided(transaction, &application.key, ScepRefusal::Request)
    }

    /// Whether a certificate (DER) is one of those that are remembered.
    fn was_issued_by_scep(&self, certificate: &[u8]) -> bool {
        let certificate = base64::encode(certificate);
        self.scep_requests.values().any(|request| request.certificate.as_ref() == Some(&certificate))
    }

    /// Says what was decided about an earlier request.
    pub fn scep_poll(&self, poll: &ScepPoll) -> ScepVerdict {
        self.scep_decided(&poll.transaction, &poll.key, ScepRefusal::Transaction)
    }

    /// Enters the certificate (DER) that was made for a request.
    pub fn scep_issued(&mut self, transaction: &str, certificate: &[u8]) {
        if let Some(request) = self.scep_requests.get_mut(transaction) {
            request.state = ScepRequestState::Issued;
            request.certificate = Some(base64::encode(certificate));
            self.note(RecordKind::ScepRequest, transaction);
        }
    }

    /// All requests that are remembered.
    pub fn scep_requests(&self) -> Vec<ScepRequestView> {
        self.scep_requests.iter().map(|(transaction, request)| request.view(transaction)).collect()
    }

    /// Decides about a request that waits.
    pub fn decide_scep_request(&mut self, transaction: &str, approve: bool) -> Result<ScepRequestView, AdminError> {
        let request = self.scep_requests.get_mut(transaction);
        let request = request.ok_or_else(|| AdminError::no_such("SCEP request", transaction))?;
        if request.state != ScepRequestState::Pending {
            return Err(AdminError::Conflict(format!("the SCEP request {transaction:?} is decided already")));
        }
        request.state = if approve { ScepRequestState::Approved } else { ScepRequestState::Rejected };
        let view = request.view(transaction);
        self.note(RecordKind::ScepRequest, transaction);
        Ok(view)
    }

    fn scep_decided(&self, transaction: &str, key: &str, unknown: ScepRefusal) -> ScepVerdict {
        let Some(request) = self.scep_requests.get(transaction).filter(|request| request.key == key) else {
            return ScepVerdict::Refuse(unknown);
        };
        let decoded = |text: &str| base64::decode(text).unwrap_or_default();
        match (request.state, &request.certificate) {
            (ScepRequestState::Issued, Some(certificate)) => ScepVerdict::Issued(decoded(certificate)),
            (ScepRequestState::Pending, _) => ScepVerdict::Pending,
            (ScepRequestState::Approved, _) if self.settings.scep == ScepMode::Never => ScepVerdict::Pending,
            (ScepRequestState::Approved | ScepRequestState::Issued, _) => ScepVerdict::Issue(decoded(&request.request)),
            (ScepRequestState::Rejected, _) => ScepVerdict::Refuse(ScepRefusal::Rejected),
        }
    }

    /// Forgets the oldest request that is decided, if there are too many; whether there is room then.
    fn make_room_for_scep(&mut self) -> bool {
        if self.scep_requests.len() < MAX_REQUESTS {
            return true;
        }
        let decided = self.scep_requests.iter().filter(|(_, request)| request.state != ScepRequestState::Pending);
        let Some(oldest) = decided.min_by_key(|(_, request)| request.since).map(|(key, _)| key.clone()) else {
            return false;
        };
        self.scep_requests.remove(&oldest);
        self.note(RecordKind::ScepRequest, oldest);
        true
    }

    fn use_up_challenge(&mut self, key: &str) {
        self.scep_challenges.remove(key);
        self.note(RecordKind::ScepChallenge, key);
    }
}

impl ScepRequest {
    fn view(&self, transaction: &str) -> ScepRequestView {
        ScepRequestView {
            transaction: transaction.to_owned(),
            subject: self.subject.clone(),
            state: self.state,
            since: self.since,
        }
    }
}

#[cfg(test)]
mod tests;
