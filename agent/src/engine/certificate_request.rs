//! Certificates that the server has ordered from a SCEP server: when to ask, how often, and how each stands. Who asks,
//! and how, is the shell's business; what a certificate is for is decided where profiles are put in force.

use std::collections::BTreeMap;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::certificate::ScepInstall;
use serde::{Deserialize, Serialize};

use super::profile::Profile;

/// The longest wait for a server that does not answer, in seconds.
const MAX_SILENCE_SECONDS: i64 = 8 * 3600;
/// How often a server that does not answer is tried: about ten days.
const MAX_UNANSWERED: u32 = 36;

/// Requests by the address of the profile's own node.
pub type CertificateRequests = BTreeMap<String, CertificateRequest>;

/// A certificate that was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRequest {
    /// When it was ordered, steady seconds.
    #[serde(default)]
    pub ordered_at: i64,
    /// Whether the first step was made; what it needs is kept by the shell from then on.
    pub begun: bool,
    /// Whether a step is under way in this process.
    #[serde(skip)]
    pub under_way: bool,
    /// The next step, steady seconds; `None` once it is over.
    pub next: Option<i64>,
    /// The wait between questions while somebody has to decide, in seconds (`RetryDelay`).
    pub delay: i64,
    /// How often is still asked whether somebody has decided (`RetryCount`).
    pub questions_left: u32,
    /// Steps in a row that were not answered.
    pub unanswered: u32,
    /// How it stands.
    pub status: RequestStatus,
    /// Why it failed; 0 if it did not (`ErrorCode`).
    pub error: u32,
    /// The certificate's thumbprint (`CertThumbprint`).
    pub thumbprint: Option<String>,
    /// The server that issued it (`RespondentServerUrl`).
    pub server: Option<String>,
}

/// How a request stands (`Status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestStatus {
    /// The certificate is there.
    Issued,
    /// It is under way.
    Pending,
    /// It came to nothing.
    Failed,
}

impl RequestStatus {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            Self::Issued => 1,
            Self::Pending => 2,
            Self::Failed => 16,
        }
    }
}

/// A step to make: the first one carries what was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateOrder {
    /// The address of the profile's own node.
    pub profile: String,
    /// What was ordered, for the first step.
    pub install: Option<Box<ScepInstall>>,
    /// When it was ordered, steady seconds.
    pub ordered_at: i64,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateAnswer {
    /// The certificate is there.
    Issued {
        /// Its thumbprint.
        thumbprint: String,
        /// The server.
        server: Option<String>,
    },
    /// Somebody has to decide.
    Pending,
    /// The key could not be made or kept.
    NotBegun {
        /// The number for `ErrorCode`.
        code: u32,
        /// Why, in words.
        reason: String,
    },
    /// Nobody answered who could.
    Unanswered {
        /// The number for `ErrorCode`.
        code: u32,
        /// Why, in words.
        reason: String,
    },
    /// It came to nothing.
    Failed {
        /// The number for `ErrorCode`.
        code: u32,
        /// Why, in words.
        reason: String,
    },
}

/// What a profile orders from a SCEP server.
pub fn order(profile: &Profile) -> Result<ScepInstall, PayloadError> {
    let leaves = profile.leaves();
    let below =
        leaves.0.iter().filter_map(|(path, value)| Some((path.strip_prefix("Install/")?.to_owned(), value.clone())));
    ScepInstall::from_leaves(&mdm_protocol::csp::Leaves(below.collect()))
}

impl CertificateRequest {
    /// A request that was ordered just now; its first step is due at once.
    pub fn new(install: &ScepInstall, now: i64) -> Self {
        Self {
            ordered_at: now,
            begun: false,
            under_way: false,
            next: Some(now),
            delay: i64::from(install.retry_delay_minutes) * 60,
            questions_left: install.retry_count,
            unanswered: 0,
            status: RequestStatus::Pending,
            error: 0,
            thumbprint: None,
            server: None,
        }
    }

    /// Takes note of what came of a step; says whether it is over.
    pub fn answered(&mut self, answer: &CertificateAnswer, now: i64) -> bool {
        self.begun |= !matches!(answer, CertificateAnswer::NotBegun { .. });
        self.under_way = false;
        match answer {
            CertificateAnswer::Issued { thumbprint, server } => {
                self.end(RequestStatus::Issued, 0);
                self.thumbprint = Some(thumbprint.clone());
                self.server.clone_from(server);
            }
            CertificateAnswer::Pending if self.questions_left == 0 => self.end(RequestStatus::Failed, PENDING_TOO_LONG),
            CertificateAnswer::Pending => {
                self.questions_left -= 1;
                self.unanswered = 0;
                self.next = Some(now.saturating_add(self.delay));
            }
            CertificateAnswer::NotBegun { code, .. } | CertificateAnswer::Unanswered { code, .. } => {
                self.unanswered += 1;
                self.error = *code;
                if self.unanswered > MAX_UNANSWERED {
                    self.end(RequestStatus::Failed, *code);
                } else {
                    // A machine without a network must not use its questions up.
                    let wait = self.delay.saturating_mul(1 << self.unanswered.min(8)).min(MAX_SILENCE_SECONDS);
                    self.next = Some(now.saturating_add(wait));
                }
            }
            CertificateAnswer::Failed { code, .. } => self.end(RequestStatus::Failed, *code),
        }
        self.next.is_none()
    }

    /// When the next step is to be made, unless it is being made.
    pub fn due(&self) -> Option<i64> {
        self.next.filter(|_| !self.under_way)
    }

    fn end(&mut self, status: RequestStatus, error: u32) {
        self.status = status;
        self.error = error;
        self.next = None;
    }
}

/// Nobody decided within the questions that were allowed.
const PENDING_TOO_LONG: u32 = 0x8004_0220;

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CertificateRequest {
        let leaves = mdm_protocol::csp::Leaves::default()
            .with("ServerURL", Some("https://ca.example/scep"))
            .with("SubjectName", Some("CN=device"))
            .with("RetryDelay", Some("10"))
            .with("RetryCount", Some("2"));
        CertificateRequest::new(&ScepInstall::from_leaves(&leaves).unwrap(), 1000)
    }

    #[test]
    fn a_server_that_stays_pending_is_asked_as_often_as_was_allowed() {
        let mut request = request();
        let mut asked = 0;
        let mut at = 1000;
        while let Some(next) = request.next {
            assert!(asked == 0 || next - at == 600, "every ten minutes");
            (at, asked) = (next, asked + 1);
            request.answered(&CertificateAnswer::Pending, at);
        }
        assert_eq!((asked, request.status, request.error), (3, RequestStatus::Failed, PENDING_TOO_LONG));
    }

    #[test]
    fn a_server_that_does_not_answer_is_tried_for_days_without_using_questions_up() {
        let mut request = request();
        let unanswered = CertificateAnswer::Unanswered { code: 7, reason: String::new() };
        let mut at = 1000;
        while let Some(next) = request.next {
            assert!(next - at <= MAX_SILENCE_SECONDS);
            at = next;
            request.answered(&unanswered, at);
        }
        assert_eq!((request.questions_left, request.error), (2, 7));
        assert!(at > 7 * 86_400, "given up after {at} s");
        assert!(!self::request().answered(&unanswered, 1000));
    }

    #[test]
    fn what_could_not_begin_begins_later() {
        let mut request = request();
        let not_begun = CertificateAnswer::NotBegun { code: 7, reason: String::new() };
        assert!(!request.answered(&not_begun, 1000));
        assert!(!request.begun && request.due().is_some_and(|due| due > 1000), "{request:?}");
    }
}
