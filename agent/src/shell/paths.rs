//! Where the agent keeps its things.

use std::path::PathBuf;

/// The agent's directories (DESIGN section 6).
#[derive(Debug, Clone)]
pub struct Paths {
    /// Identity, store, quarantine and history.
    pub state: PathBuf,
    /// The control socket.
    pub runtime: PathBuf,
}

impl Paths {
    /// Where an installed agent keeps its state.
    pub const STATE: &str = "/var/lib/mdm-agent";
    /// Where an installed agent has its socket.
    pub const RUNTIME: &str = "/run/mdm-agent";

    /// Key, certificate and account.
    pub fn identity(&self) -> PathBuf {
        self.state.join("identity")
    }

    /// The profile store.
    pub fn store(&self) -> PathBuf {
        self.state.join("store")
    }

    /// Damaged stores.
    pub fn quarantine(&self) -> PathBuf {
        self.state.join("quarantine")
    }

    /// SCEP enrolments that have begun.
    pub fn scep(&self) -> PathBuf {
        self.state.join("scep")
    }

    /// What happened to this device; outlives the enrolment.
    pub fn history(&self) -> PathBuf {
        self.state.join("history")
    }

    /// The file that says in which form the state is.
    pub fn version(&self) -> PathBuf {
        self.state.join("version")
    }

    /// The file that says who uses the state.
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("control.sock")
    }
}
