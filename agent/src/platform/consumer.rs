//! Who makes use of files on the machine, and how each is told that they changed.

use serde::{Deserialize, Serialize};

/// Who has to be told when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Consumer {
    /// Whoever reads it looks by itself.
    Nobody,
    /// NetworkManager.
    NetworkManager,
    /// strongSwan, by swanctl.
    Strongswan,
    /// The distribution's store of trusted certificates.
    TrustStore,
    /// dconf's data bases.
    Dconf,
    /// udev.
    Udev,
    /// The kernel's parameters.
    Sysctl,
    /// The running machine's own name.
    HostName,
}

impl Consumer {
    /// What people call it; nothing for nobody.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Nobody => None,
            Self::NetworkManager => Some("NetworkManager"),
            Self::Strongswan => Some("strongSwan"),
            Self::TrustStore => Some("the store of trusted certificates"),
            Self::Dconf => Some("dconf"),
            Self::Udev => Some("udev"),
            Self::Sysctl => Some("sysctl"),
            Self::HostName => Some("hostnamectl"),
        }
    }
}
