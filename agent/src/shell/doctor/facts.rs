//! What the checks judge by: everything that was looked at, or why it could not be. Decides nothing.

use std::path::PathBuf;

use crate::engine::certificates::Certificates;
use crate::engine::failure::ConnectionFailure;
use crate::engine::report::{HistoryView, ProfileView, Status};
use crate::platform::consumer::Consumer;
use crate::platform::machine::Machine;
use crate::shell::http::probe::{Glimpse, Seen};

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// Only root may look.
    NeedsRoot,
    /// There is no enrolment that it could be about.
    NotEnrolled,
    /// Anything else, in words.
    Because(String),
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NeedsRoot => formatter.write_str("needs root"),
            Self::NotEnrolled => formatter.write_str("this device is not enrolled"),
            Self::Because(reason) => formatter.write_str(reason),
        }
    }
}

/// Something that was looked at, or why it could not be.
pub type Known<T> = Result<T, Unknown>;

/// How the service was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// It answers.
    Answers,
    /// Nobody listens at its socket.
    NotRunning,
    /// Somebody listens and does not answer in time.
    Silent,
    /// Somebody listens and answers with a failure.
    Fails(String),
}

/// What the agent itself was asked.
#[derive(Debug, Clone)]
pub struct Answers {
    /// How the service was found.
    pub service: Service,
    /// How things stand.
    pub status: Known<Status>,
    /// What happened.
    pub history: Known<HistoryView>,
    /// What the store holds.
    pub profiles: Known<Vec<ProfileView>>,
}

/// Everything.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Seconds since 1970.
    pub now: i64,
    /// What the agent itself was asked.
    pub answers: Answers,
    /// The identity.
    pub identity: Known<IdentityFacts>,
    /// The way to the server.
    pub network: Network,
    /// The agent's own files.
    pub files: Files,
    /// What is on the machine for profiles.
    pub machine: MachineFacts,
}

/// Who the device is, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFacts {
    /// The terms of both slots.
    pub certificates: Certificates,
    /// Days before the end at which renewal begins.
    pub renew_period_days: u32,
    /// When the device enrolled, seconds since 1970.
    pub enrolled_at: i64,
    /// The longest interval of the schedule, in seconds.
    pub interval_seconds: i64,
    /// The machine's id at enrolment; empty where it had none.
    pub machine_id_then: String,
    /// Its id now.
    pub machine_id_now: String,
}

/// The way to the server.
#[derive(Debug, Clone)]
pub struct Network {
    /// The management server.
    pub target: Known<Target>,
    /// The proxy.
    pub proxy: Proxy,
    /// The addresses of the server's name.
    pub addresses: Known<Result<Vec<String>, String>>,
    /// Whether a connection to the server, or to the proxy, comes about.
    pub connection: Known<Result<(), String>>,
    /// What answers at the server's name without TLS.
    pub plain: Known<Result<Glimpse, ConnectionFailure>>,
    /// What answers where sessions go.
    pub secure: Known<Seen>,
}

/// Where sessions go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole address.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// The proxy that the environment names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// None.
    None,
    /// One that cannot be used, and why.
    Unusable(String),
    /// One, by host and port.
    Named(String),
    /// One whose credentials only root may read.
    Closed,
}

/// The agent's own files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The state directory.
    pub state: PathBuf,
    /// Whose they should be.
    pub owner: u32,
    /// What is in the state directory and in the configuration, the directories themselves first.
    pub found: Known<Vec<Found>>,
    /// Room for them.
    pub space: Known<Space>,
    /// How many damaged stores were put aside.
    pub quarantined: Known<usize>,
}

/// A file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Whether it may contain a private key.
    pub is_private: bool,
    /// Whether everyone may read it.
    pub is_public: bool,
    /// Permission bits.
    pub mode: u32,
    /// Whose it is.
    pub owner: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Free bytes.
    pub free: u64,
    /// Free inodes; `None` where the file system does not count them.
    pub inodes: Option<u64>,
}

/// What is on the machine for profiles.
#[derive(Debug, Clone)]
pub struct MachineFacts {
    /// What the machine has.
    pub survey: Known<Machine>,
    /// Who makes use of files that were made for profiles, each with one of these files.
    pub used: Known<Vec<(Consumer, String)>>,
    /// Consumers that were not told of a change yet.
    pub untold: Known<Vec<Consumer>>,
}
