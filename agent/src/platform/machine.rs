//! What this machine has that could make use of a profile. Gathered by [`survey`](super::survey), used by
//! [`super::translate`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What this machine has. The default is a machine that has nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub struct Machine {
    /// NetworkManager.
    pub network_manager: bool,
    /// NetworkManager's plugin for strongSwan (IKEv2).
    pub strongswan_plugin: bool,
    /// NetworkManager's plugin for OpenVPN.
    pub openvpn_plugin: bool,
    /// strongSwan's own configuration by swanctl.
    pub swanctl: bool,
    /// OpenVPN's own client.
    pub openvpn: bool,
    /// WireGuard's own tools (wg-quick).
    pub wireguard_tools: bool,
    /// How certificates are made trusted.
    pub trust_store: Option<TrustStore>,
    /// Where dconf takes settings from, if it is here.
    pub dconf: Option<DconfPlace>,
    /// Password rules (pam_pwquality in the PAM stack).
    pub pwquality: bool,
    /// Locking after failed attempts (pam_faillock in the PAM stack).
    pub faillock: bool,
    /// Memory of former passwords (pam_pwhistory in the PAM stack, of a version that reads a file).
    pub pwhistory: bool,
    /// udev.
    pub udev: bool,
    /// modprobe.
    pub modprobe: bool,
    /// sysctl.
    pub sysctl: bool,
    /// How updates are installed automatically.
    pub updates: Option<UpdateTool>,
    /// Google Chrome.
    pub chrome: bool,
    /// Chromium, and where it looks for policies.
    pub chromium: Option<String>,
    /// Microsoft Edge.
    pub edge: bool,
    /// Firefox.
    pub firefox: bool,
    /// Thunderbird, and where it looks for mail providers.
    pub thunderbird: Option<ThunderbirdPlace>,
    /// Whether there is a data base of time zones.
    pub time_zones: bool,
    /// Directories of [`WRITTEN`] that are on a read-only file system, as on ostree and other image-based systems.
    pub read_only: BTreeSet<String>,
}

/// Directories in which files are made, and what to do where one of them cannot be written to.
pub const WRITTEN: &[(&str, &str)] = &[
    ("/etc", "a machine whose /etc is part of its image is configured by its image"),
    ("/usr/local/share/ca-certificates", "put the certificate into the image, or mount a writable /usr/local"),
    ("/usr/share/thunderbird/isp", "publish the settings at https://autoconfig.<domain>/mail/config-v1.1.xml"),
];

impl Machine {
    /// Why a file cannot be made in a directory, if it is on a read-only file system.
    pub fn read_only(&self, directory: &str) -> Option<String> {
        let below = |place: &&(&str, &str)| {
            directory == place.0 || directory.strip_prefix(place.0).is_some_and(|rest| rest.starts_with('/'))
        };
        let (place, instead) = WRITTEN.iter().filter(below).find(|(place, _)| self.read_only.contains(*place))?;
        Some(format!("{place} is on a read-only file system here; {instead}"))
    }
}

impl Machine {
    /// Whether IKEv2 tunnels are NetworkManager's.
    pub fn has_network_manager_for_ikev2(&self) -> bool {
        self.network_manager && self.strongswan_plugin
    }

    /// Whether IKEv2 tunnels are strongSwan's own, by swanctl.
    pub fn has_swanctl_for_ikev2(&self) -> bool {
        self.swanctl && !self.has_network_manager_for_ikev2()
    }
}

/// How certificates are made trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustStore {
    /// `update-ca-certificates` (Debian, Ubuntu, Alpine).
    Debian,
    /// `update-ca-trust` over p11-kit (Red Hat, Fedora, Arch).
    RedHat,
    /// `update-ca-certificates` over p11-kit (SUSE).
    Suse,
}

/// Where dconf takes settings from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DconfPlace {
    /// A database that the user profile of this machine names already.
    Existing(String),
    /// There is no user profile: it has to be made, with a database of our own.
    Own,
}

/// How updates are installed automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdateTool {
    /// APT with unattended-upgrades.
    UnattendedUpgrades,
    /// dnf-automatic.
    DnfAutomatic,
}

/// Where Thunderbird looks for mail providers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThunderbirdPlace {
    /// The directory of provider descriptions; `None` where it is not where it was expected.
    pub providers: Option<String>,
}
