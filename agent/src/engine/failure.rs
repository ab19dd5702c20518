//! Why a check-in did not come to its end, and what follows from that.

use mdm_protocol::soap::Fault;
use mdm_protocol::syncml::{StatusCode, SyncMlError};

use super::life::FailedHow;

/// Why no answer came at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionFailure {
    /// The machine has no network.
    #[error("there is no network: {0}")]
    NoNetwork(String),
    /// The server's name does not resolve.
    #[error("the server's name does not resolve: {0}")]
    NameResolution(String),
    /// The server does not accept connections.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The proxy does not pass the connection on.
    #[error("the proxy does not pass the connection on: {0}")]
    Proxy(String),
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// The server's certificate is expired or not valid yet: perhaps this machine's clock is wrong.
    #[error("the server's certificate is not valid at this machine's time; check the clock: {0}")]
    ClockOrExpiry(String),
    /// The server refused this device's certificate.
    #[error("the server refused this device's certificate: {0}")]
    CertificateRefused(String),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The connection broke in the middle.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is larger than what is accepted.
    #[error("the answer is larger than the {limit} bytes that are accepted")]
    Oversized {
        /// The accepted size in bytes.
        limit: usize,
    },
    /// The address is not one that may be used.
    #[error("{0}")]
    Address(String),
    /// This machine could not do it: it has no threads, memory or file descriptors left.
    #[error("this machine could not connect: {0}")]
    Local(String),
    /// The device's own certificate, key or trusted roots cannot be used.
    #[error("this device's identity cannot be used: {0}")]
    Identity(String),
}

/// Why a session did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionFailure {
    /// No answer came.
    #[error(transparent)]
    Connection(#[from] ConnectionFailure),
    /// An HTML page came instead of an answer.
    #[error("an HTML page came instead of an answer; a captive portal, a proxy or a wrong address answered")]
    CaptivePortal,
    /// The server wants the request to go elsewhere. Redirects are never followed here.
    #[error("the server redirected to {location:?}, which is never followed")]
    Redirected {
        /// Where to.
        location: String,
    },
    /// The server does not accept this device (HTTP 401 or 403).
    #[error("the server does not accept this device (HTTP {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// The server answered with an error (any other HTTP status).
    #[error("the server answered with HTTP {status}")]
    Http {
        /// The HTTP status.
        status: u16,
        /// What its `Retry-After` header says, in seconds.
        retry_after: Option<u64>,
    },
    /// The server answered with a SOAP fault.
    #[error("the server refused: {0}")]
    Fault(Fault),
    /// The answer is no message.
    #[error(transparent)]
    Malformed(#[from] SyncMlError),
    /// The message breaks the protocol in a way that makes it unusable.
    #[error("the server's message breaks the protocol: {0}")]
    Violation(#[from] Violation),
    /// The server does not accept the account's credentials.
    #[error("the server does not accept the account's credentials")]
    CredentialsRefused,
    /// The server wants credentials and the account has none.
    #[error("the server wants credentials and the account has none that it can use")]
    CredentialsMissing,
    /// The server aborted the session.
    #[error("the server aborted the session")]
    Aborted,
    /// The server answered package 1 with an empty body, which confirms nothing.
    #[error("the server answered the first message with an empty body, which confirms nothing")]
    Unanswered,
    /// The session did not end within the rounds that are allowed.
    #[error("the session did not end within {limit} rounds")]
    Endless {
        /// The rounds that are allowed.
        limit: u32,
    },
    /// What the server sent could not be kept.
    #[error("the store cannot be used: {0}")]
    Store(String),
    /// The identity was made on another machine.
    #[error(
        "this machine is a copy of another one: its identity was made for the machine-id {enrolled}, and this one has {found}"
    )]
    Cloned {
        /// The machine's id at enrolment.
        enrolled: String,
        /// Its id now.
        found: String,
    },
    /// The certificate is over.
    #[error("this device's certificate is over since {0}")]
    Expired(String),
}

/// How a message breaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The message belongs to another session.
    #[error("the message belongs to session {0:?}")]
    ForeignSession(String),
    /// Groups are nested deeper than is accepted.
    #[error("groups are nested more than {0} deep")]
    NestedTooDeep(usize),
}

/// Why the store did not keep something, or could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFailure {
    /// There is no room on the disk.
    #[error("there is no room on the disk: {0}")]
    Full(String),
    /// Anything else.
    #[error("{0}")]
    Unusable(String),
}

impl StoreFailure {
    /// The status for commands whose effect could not be kept (rules C4, T4).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Full(_) => StatusCode::DEVICE_FULL,
            Self::Unusable(_) => StatusCode::FAILED,
        }
    }
}

impl SessionFailure {
    /// A short name that stays the same, for logs and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connection(failure) => failure.name(),
            Self::CaptivePortal => "captive-portal",
            Self::Redirected { .. } => "redirected",
            Self::Refused { .. } => "device-refused",
            Self::Http { .. } => "http",
            Self::Fault(_) => "fault",
            Self::Malformed(_) => "malformed",
            Self::Violation(_) => "protocol-violation",
            Self::CredentialsRefused => "credentials-refused",
            Self::CredentialsMissing => "credentials-missing",
            Self::Aborted => "aborted",
            Self::Unanswered => "unanswered",
            Self::Endless { .. } => "endless",
            Self::Store(_) => "store",
            Self::Cloned { .. } => "cloned-identity",
            Self::Expired(_) => "certificate-expired",
        }
    }

    /// How long the server asks to be left alone, in seconds (rule C3).
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Http { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Connection(failure) => failure.advice(),
            Self::CaptivePortal => "Sign in to the network if it asks for it, and check any proxy.",
            Self::Refused { .. } => {
                "Ask the administrator whether this device was removed; if so, unenrol and enrol again."
            }
            Self::CredentialsRefused | Self::CredentialsMissing => {
                "Ask the administrator; if the account is lost there, unenrol and enrol again."
            }
            Self::Store(_) => "Make room on the disk, and see the agent's log.",
            Self::Cloned { .. } => {
                "Enrol this machine on its own: mdm-agent unenroll, then mdm-agent enroll. The other machine keeps its enrolment."
            }
            Self::Expired(_) => {
                "Ask the administrator for a recovery token for this device, then: mdm-agent recover --token-file FILE"
            }
            Self::Redirected { .. }
            | Self::Http { .. }
            | Self::Fault(_)
            | Self::Malformed(_)
            | Self::Violation(_)
            | Self::Aborted
            | Self::Unanswered
            | Self::Endless { .. } => "Tell the administrator of the server; its log has the reason.",
        }
    }

    /// What matters of it for what follows.
    pub fn how(&self) -> FailedHow {
        FailedHow {
            refused: matches!(self, Self::Refused { .. }),
            certificate_refused: matches!(
                self,
                Self::Refused { .. }
                    | Self::Connection(ConnectionFailure::CertificateRefused(_) | ConnectionFailure::Identity(_))
            ),
            may_be_clock: matches!(
                self,
                Self::Expired(_)
                    | Self::Connection(
                        ConnectionFailure::ClockOrExpiry(_)
                            | ConnectionFailure::CertificateRefused(_)
                            | ConnectionFailure::Untrusted(_)
                    )
            ),
            answered: !matches!(
                self,
                Self::Connection(
                    ConnectionFailure::NoNetwork(_)
                        | ConnectionFailure::NameResolution(_)
                        | ConnectionFailure::Unreachable(_)
                        | ConnectionFailure::TimedOut
                        | ConnectionFailure::Broken(_)
                        | ConnectionFailure::Local(_)
                )
            ),
            no_network: matches!(self, Self::Connection(ConnectionFailure::NoNetwork(_))),
            local: matches!(self, Self::Connection(ConnectionFailure::Local(_))),
            retry_after: self.retry_after(),
        }
    }

    /// Whether the server, or the TLS handshake with it, refused the device's certificate or credentials.
    pub fn refuses_identity(&self) -> bool {
        self.how().certificate_refused
            || matches!(self, Self::CredentialsRefused | Self::CredentialsMissing | Self::Expired(_))
    }

    /// Whether no usable answer of the server was had, as opposed to an answer that says no.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Connection(failure) => !failure.is_local(),
            Self::CaptivePortal | Self::Redirected { .. } | Self::Unanswered => true,
            Self::Http { status, .. } => *status >= 500,
            _ => false,
        }
    }
}

impl ConnectionFailure {
    /// A short name that stays the same, for logs and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoNetwork(_) => "no-network",
            Self::NameResolution(_) => "dns",
            Self::Unreachable(_) => "unreachable",
            Self::Proxy(_) => "proxy",
            Self::Untrusted(_) => "tls-trust",
            Self::ClockOrExpiry(_) => "clock-or-expiry",
            Self::CertificateRefused(_) => "certificate-refused",
            Self::TimedOut => "timed-out",
            Self::Broken(_) => "connection-broken",
            Self::Oversized { .. } => "oversized",
            Self::Address(_) => "address",
            Self::Local(_) => "local",
            Self::Identity(_) => "identity",
        }
    }

    /// Whether the reason lies on this machine: nothing was sent.
    fn is_local(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Identity(_) | Self::Local(_))
    }

    /// What a person can do about it, beside waiting for the next attempt.
    fn advice(&self) -> &'static str {
        match self {
            Self::NoNetwork(_) => "Connect the machine to a network.",
            Self::NameResolution(_) => "Check the machine's name servers, and whether the server still has that name.",
            Self::Proxy(_) => {
                "Check the proxy that https_proxy names, its user and password, and whether it lets the server through."
            }
            Self::Untrusted(_) => {
                "Something else answers in the server's place, or its authority changed; ask the administrator."
            }
            Self::ClockOrExpiry(_) => "Check this machine's clock; if it is right, tell the administrator.",
            Self::CertificateRefused(_) => "Ask the administrator whether this device is still known there.",
            Self::Local(_) => "See what uses up this machine's memory, threads or file descriptors, and its journal.",
            Self::Address(_) | Self::Identity(_) => "Restore the agent's identity from a backup, or enrol again.",
            Self::Unreachable(_) | Self::TimedOut | Self::Broken(_) | Self::Oversized { .. } => {
                "Check the network and any proxy; if others reach the server, tell the administrator."
            }
        }
    }
}
