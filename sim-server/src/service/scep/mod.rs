//! SCEP (RFC 8894): opens what a client sealed, has the tenant decide, makes the certificate and seals the answer. An
//! RSA certificate that the authority signed stands in for it, because only to RSA keys can be encrypted here.

mod certificate;
mod envelope;
mod registration;
mod reply;

#[cfg(test)]
mod tests;

use super::authority::AuthorityError;
use super::random::RandomError;
use super::{Answer, Service};
use crate::tenant::{ScepApplication, ScepMessage, ScepPoll, ScepReadError, ScepRefusal, ScepReplyTo, ScepVerdict};
pub use registration::RegistrationAuthority;
use reply::Reply;

/// What the server can do (section 3.5.2). strongSwan up to 5.9.8 takes one line for another and needs SHA-384 to be there.
const CAPABILITIES: &str = "AES\nPOSTPKIOperation\nSHA-256\nSHA-384\nSHA-512\nSCEPStandard\n";

/// What is asked of the server (section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScepOperation {
    /// GetCACaps.
    Capabilities,
    /// GetCACert.
    Authority,
    /// PKIOperation, with the message.
    Message(Vec<u8>),
}

/// An answer that could not be made.
#[derive(Debug, thiserror::Error)]
enum ScepError {
    #[error("an answer cannot be encoded: {0}")]
    Encoding(#[from] der::Error),
    #[error("an answer cannot be signed: {0}")]
    Signature(#[from] rcgen::Error),
    #[error("the cryptographic library refused")]
    Library,
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("a certificate that is to be answered with cannot be read")]
    Certificate,
}

impl Service {
    /// Answers a SCEP request.
    pub fn scep(&self, operation: &ScepOperation) -> Answer {
        let Some(registration) = &self.registration else {
            return Answer::text(404, "this server has no SCEP");
        };
        let failed = |error: ScepError| {
            tracing::error!(%error, "a SCEP request could not be answered");
            Answer::text(500, "the request could not be answered")
        };
        match operation {
            ScepOperation::Capabilities => {
                Answer { status: 200, content_type: "text/plain; charset=utf-8", body: CAPABILITIES.into() }
            }
            ScepOperation::Authority => {
                // Some clients encrypt to the first one, whatever it is for.
                let all = [registration.der(), self.authority.der()];
                match reply::certificates_only(&all) {
                    Ok(body) => Answer { status: 200, content_type: "application/x-x509-ca-ra-cert", body },
                    Err(error) => failed(error.into()),
                }
            }
            ScepOperation::Message(message) => self.scep_message(registration, message).unwrap_or_else(failed),
        }
    }

    fn scep_message(&self, registration: &RegistrationAuthority, message: &[u8]) -> Result<Answer, ScepError> {
        let message = match ScepMessage::read(message, self.clock.now()) {
            Ok(message) => message,
            Err(ScepReadError::Unreadable) => return Ok(Answer::text(400, "the message is no SCEP pkiMessage")),
            Err(ScepReadError::Refuse(reply_to, refusal)) => {
                return self.scep_reply(registration, &reply_to, &Reply::Refused(refusal));
            }
        };
        let reply = match self.scep_decide(registration, &message)? {
            None => return Ok(Answer::text(503, "the request could not be stored")),
            Some(ScepVerdict::Issued(certificate)) => {
                // To a key that is not RSA nothing can be encrypted, however good its signature is.
                match reply::sealed(&certificate, self.authority.der(), &message.signer) {
                    Ok(sealed) => Reply::Granted(sealed),
                    Err(ScepError::Certificate) => Reply::Refused(ScepRefusal::Algorithm),
                    Err(error) => return Err(error),
                }
            }
            Some(ScepVerdict::Refuse(refusal)) => Reply::Refused(refusal),
            Some(ScepVerdict::Pending | ScepVerdict::Issue(_)) => Reply::Pending,
        };
        self.scep_reply(registration, &message.reply_to, &reply)
    }

    /// What the tenant decides, with the certificate made if one is to be made; `None` if that could not be stored.
    fn scep_decide(
        &self,
        registration: &RegistrationAuthority,
        message: &ScepMessage,
    ) -> Result<Option<ScepVerdict>, ScepError> {
        let content = match envelope::open(&message.envelope, registration.key(), registration.der()) {
            Ok(content) => content,
            Err(refusal) => return Ok(Some(ScepVerdict::Refuse(refusal))),
        };
        let application =
            if message.is_poll { None } else { Some(ScepApplication::read(message, &content, self.clock.now())) };
        let application = match application.transpose() {
            Ok(application) => application,
            Err(refusal) => return Ok(Some(ScepVerdict::Refuse(refusal))),
        };
        let poll = match ScepPoll::read(message) {
            Ok(poll) => poll,
            Err(refusal) => return Ok(Some(ScepVerdict::Refuse(refusal))),
        };
        let decided = self.change(|tenant, now, _| {
            let verdict = match &application {
                Some(application) => tenant.scep_apply(application, now),
                None => tenant.scep_poll(&poll),
            };
            let ScepVerdict::Issue(request) = verdict else { return Ok(verdict) };
            let days = tenant.settings().certificate_days;
            let certificate = certificate::issue(&self.authority, &request, days, now)?;
            tenant.scep_issued(&poll.transaction, &certificate);
            tracing::info!(transaction = poll.transaction, "certificate issued by SCEP");
            Ok(ScepVerdict::Issued(certificate))
        });
        match decided {
            Ok(verdict) => verdict.map(Some),
            Err(_) => Ok(None),
        }
    }

    fn scep_reply(
        &self,
        registration: &RegistrationAuthority,
        reply_to: &ScepReplyTo,
        reply: &Reply,
    ) -> Result<Answer, ScepError> {
        if let Reply::Refused(refusal) = reply {
            tracing::info!(transaction = reply_to.transaction, %refusal, "a SCEP request was refused");
        }
        let body = reply::message(registration, reply_to, reply)?;
        Ok(Answer { status: 200, content_type: "application/x-pki-message", body })
    }
}
