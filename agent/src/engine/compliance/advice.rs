//! What a person can do about a verdict, on the distribution at hand.

use super::facts::Facts;
use super::rule::PasswordAspect;

/// Distributions that are looked after in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    RedHat,
    Suse,
    Arch,
    Other,
}

impl Family {
    pub(super) fn of(facts: &Facts) -> Self {
        let Some(distribution) = facts.distribution.value() else { return Self::Other };
        let ids = std::iter::once(&distribution.id).chain(&distribution.like);
        ids.map(String::as_str)
            .find_map(|id| match id {
                "debian" | "ubuntu" => Some(Self::Debian),
                "rhel" | "fedora" | "centos" => Some(Self::RedHat),
                "suse" | "opensuse" | "sles" | "sled" => Some(Self::Suse),
                "arch" => Some(Self::Arch),
                _ => None,
            })
            .unwrap_or(Self::Other)
    }

    /// How all updates are installed.
    pub(super) fn update(self) -> &'static str {
        match self {
            Self::Debian => "install the updates: sudo apt update && sudo apt full-upgrade",
            Self::RedHat => "install the updates: sudo dnf upgrade --refresh (image-based systems: rpm-ostree upgrade)",
            Self::Suse => "install the updates: sudo zypper refresh && sudo zypper update",
            Self::Arch => "install the updates: sudo pacman -Syu",
            Self::Other => "install the updates that your distribution offers",
        }
    }

    pub(super) fn firewall(self) -> &'static str {
        match self {
            Self::Debian => "turn a firewall on: sudo apt install ufw && sudo ufw enable",
            Self::RedHat | Self::Suse => "turn the firewall on: sudo systemctl enable --now firewalld",
            Self::Arch => {
                "turn a firewall on: sudo pacman -S ufw && sudo ufw enable && sudo systemctl enable --now ufw"
            }
            Self::Other => "turn on firewalld, ufw or nftables, as a service that starts with the machine",
        }
    }

    pub(super) fn automatic_updates(self) -> &'static str {
        match self {
            Self::Debian => {
                "sudo apt install unattended-upgrades && sudo dpkg-reconfigure --priority=low unattended-upgrades"
            }
            Self::RedHat => {
                "sudo dnf install dnf-automatic, set apply_updates = yes in /etc/dnf/automatic.conf, then sudo systemctl \
                 enable --now dnf-automatic.timer"
            }
            Self::Suse => "set up automatic updates: sudo yast2 online_update_configuration",
            Self::Arch | Self::Other => {
                "ask your administrator; your distribution has no tool for it that is known here"
            }
        }
    }

    pub(super) fn password(self, aspect: PasswordAspect, least: u32) -> String {
        let install = match self {
            Self::Debian => "sudo apt install libpam-pwquality, then ",
            _ => "",
        };
        let line = match aspect {
            PasswordAspect::Length => format!("minlen = {least}"),
            PasswordAspect::Digits => format!("dcredit = -{least}"),
            PasswordAspect::Lowercase => format!("lcredit = -{least}"),
            PasswordAspect::Uppercase => format!("ucredit = -{least}"),
            PasswordAspect::Symbols => format!("ocredit = -{least}"),
        };
        format!("{install}write `{line}` into /etc/security/pwquality.conf")
    }
}

pub(super) const ENCRYPTION: &str = "encrypt what is named with LUKS: a partition that is not the system's can be \
     encrypted with `cryptsetup reencrypt --encrypt` after a backup; for the system itself, install again with \
     encryption chosen; swap goes into an encrypted volume, on an encrypted file system, or into zram";
pub(super) const SECURE_BOOT: &str = "turn Secure Boot on in the firmware's settings (`systemctl reboot --firmware-setup`); check with `mokutil --sb-state`";
pub(super) const NO_SECURE_BOOT: &str =
    "this machine starts without UEFI Secure Boot; if its firmware has it, install the system again in UEFI mode";
pub(super) const TPM: &str =
    "turn the TPM on in the firmware's settings (it may be called fTPM, PTT or security device)";
pub(super) const LOOK: &str = "let the agent look again as root: sudo mdm-agent check-compliance; if it still cannot \
     tell, show this to your administrator";

pub(super) fn screen_lock(seconds: u32) -> String {
    format!(
        "set idle-delay and lock-delay of GNOME to {seconds} seconds or less together, in a system database of dconf \
         with locks, so that it holds for everyone (your administrator can send this as a profile)"
    )
}
