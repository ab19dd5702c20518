//! Every policy that is understood: its name, what it takes, what becomes of it. The README's table is made from this.

use mdm_protocol::csp::boolean;

use super::{hardware, host_name, kernel, password, screen, time_zone, updates};
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;

/// A policy that is understood.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whether it is a setting that only Linux has (`Vendor/LinuxMDM/Config`) and not one of `Vendor/MSFT/Policy/Config`.
    pub vendor: bool,
    /// The area.
    pub area: &'static str,
    /// The name; `<>` for any.
    pub name: &'static str,
    /// What its value may be.
    pub takes: Takes,
    /// What becomes of it, in words.
    pub becomes: &'static str,
    /// Says what it asks of the machine.
    pub(super) apply: Apply,
}

/// Says what a policy's value asks of the machine; it is told the policy's name, too.
type Apply = fn(&Value, &str, &Context<'_>) -> Result<Share, Untranslatable>;

/// What a policy's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A number of this range.
    Number(i64, i64),
    /// Yes or no: `1`, `0`, `true` or `false`.
    Flag,
    /// Text; what it is.
    Text(&'static str),
}

impl std::fmt::Display for Takes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(least, most) => write!(formatter, "a number of {least} to {most}"),
            Self::Flag => formatter.write_str("1 or 0"),
            Self::Text(what) => formatter.write_str(what),
        }
    }
}

/// A policy's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Flag(bool),
    Text(String),
}

impl Value {
    pub(super) fn read(policy: &Policy, text: &str) -> Result<Self, Untranslatable> {
        let text = text.trim();
        match policy.takes {
            Takes::Number(least, most) => {
                let number = text.parse().ok().filter(|number| (least..=most).contains(number));
                number.map(Self::Number).ok_or_else(|| policy.out_of_range())
            }
            Takes::Flag => boolean(text).map(Self::Flag).ok_or_else(|| policy.out_of_range()),
            Takes::Text(_) if text.chars().any(char::is_control) || text.is_empty() || text.len() > 4096 => {
                Err(policy.out_of_range())
            }
            Takes::Text(_) => Ok(Self::Text(text.to_owned())),
        }
    }

    /// The number; a flag counts as 1 or 0.
    pub(super) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Flag(flag) => i64::from(*flag),
            Self::Text(_) => 0,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(_) | Self::Flag(_) => "",
        }
    }
}

/// The policy of a name. Names are compared without regard to case, as the provider does.
pub(super) fn find(vendor: bool, area: &str, name: &str) -> Option<&'static Policy> {
    POLICIES.iter().find(|policy| {
        policy.vendor == vendor
            && policy.area.eq_ignore_ascii_case(area)
            && (policy.name == "<>" || policy.name.eq_ignore_ascii_case(name))
    })
}

/// Every policy that is understood.
pub fn policies() -> &'static [Policy] {
    POLICIES
}

const fn windows(area: &'static str, name: &'static str, takes: Takes, becomes: &'static str, apply: Apply) -> Policy {
    Policy { vendor: false, area, name, takes, becomes, apply }
}

const fn linux(area: &'static str, name: &'static str, takes: Takes, becomes: &'static str, apply: Apply) -> Policy {
    Policy { vendor: true, area, name, takes, becomes, apply }
}

use Takes::{Flag, Number, Text};

#[rustfmt::skip]
const POLICIES: &[Policy] = &[
    windows("DeviceLock", "DevicePasswordEnabled", Number(0, 1), "0: the other rules for passwords apply, as they do anyway; 1 is refused", password::enabled),
    windows("DeviceLock", "MinDevicePasswordLength", Number(4, 128), "pwquality `minlen`", password::length),
    windows("DeviceLock", "MinDevicePasswordComplexCharacters", Number(1, 4), "pwquality `minclass`", password::classes),
    windows("DeviceLock", "AlphanumericDevicePasswordRequired", Number(0, 2), "0: pwquality `dcredit = -1` and `lcredit = -1`", password::alphanumeric),
    windows("DeviceLock", "AllowSimpleDevicePassword", Number(0, 1), "0: pwquality `maxrepeat = 3`, `maxsequence = 3`, `usercheck = 1`", password::simple),
    windows("DeviceLock", "DevicePasswordHistory", Number(0, 50), "pwhistory `remember`", password::history),
    windows("DeviceLock", "MaxDevicePasswordFailedAttempts", Number(0, 999), "faillock `deny`", password::failed_attempts),
    windows("DeviceLock", "MaxInactivityTimeDeviceLock", Number(0, 999), "minutes: dconf `idle-delay`, `lock-enabled`, `lock-delay`, locked", screen::inactivity_minutes),
    windows("Camera", "AllowCamera", Number(0, 1), "0: udev refuses cameras on USB, modprobe `uvcvideo`", hardware::camera),
    windows("Connectivity", "AllowBluetooth", Number(0, 2), "0: udev blocks Bluetooth (rfkill), modprobe `btusb`", hardware::bluetooth),
    windows("Connectivity", "AllowUSBConnection", Number(0, 1), "0: udev refuses every USB device but hubs, keyboards, mice and the like", hardware::usb),
    windows("System", "AllowStorageCard", Number(0, 1), "0: udev refuses storage on USB, modprobe `usb-storage` and `uas`", hardware::removable_storage),
    windows("Storage", "RemovableDiskDenyWriteAccess", Number(0, 1), "1: udev makes removable storage read-only", hardware::removable_read_only),
    windows("Update", "AllowAutoUpdate", Number(0, 5), "0: lists only; 1 to 4: updates are installed; 5: neither (unattended-upgrades or dnf-automatic)", updates::windows),
    windows("TimeLanguageSettings", "ConfigureTimeZone", Text("the name of a time zone in the IANA data base"), "`/etc/localtime`", time_zone::set),
    linux("Password", "MinimumLength", Number(6, 512), "pwquality `minlen`", password::length),
    linux("Password", "MinimumClasses", Number(0, 4), "pwquality `minclass`", password::classes),
    linux("Password", "Remember", Number(0, 400), "pwhistory `remember`", password::history),
    linux("Password", "FailedAttempts", Number(0, 999), "faillock `deny`", password::failed_attempts),
    linux("Password", "UnlockSeconds", Number(0, 604_800), "faillock `unlock_time`", password::unlock_seconds),
    linux("Password", "CheckDictionary", Flag, "pwquality `dictcheck`", password::dictionary),
    linux("Password", "EnforceForRoot", Flag, "1: pwquality `enforce_for_root`", password::root),
    linux("ScreenLock", "IdleSeconds", Number(0, 86_400), "dconf `idle-delay`, `lock-enabled`, locked", screen::idle_seconds),
    linux("ScreenLock", "DelaySeconds", Number(0, 3600), "dconf `lock-delay`, locked", screen::delay_seconds),
    linux("Hardware", "Camera", Flag, "0: as Camera/AllowCamera", hardware::camera),
    linux("Hardware", "Bluetooth", Flag, "0: as Connectivity/AllowBluetooth", hardware::bluetooth),
    linux("Hardware", "RemovableStorage", Flag, "0: as System/AllowStorageCard", hardware::removable_storage),
    linux("KernelModule", "<>", Text("`blocked`"), "modprobe `install <> /bin/false`", kernel::module),
    linux("Sysctl", "<>", Text("the parameter's value"), "sysctl", kernel::parameter),
    linux("Updates", "Automatic", Flag, "unattended-upgrades or dnf-automatic", updates::automatic),
    linux("Time", "Zone", Text("the name of a time zone in the IANA data base"), "`/etc/localtime`", time_zone::set),
    linux("Device", "Name", Text("a host name; the same as `DevDetail/Ext/Microsoft/DeviceName`"), "`/etc/hostname`, and at once", host_name::set),
    linux("Dconf", "<>", Text("a value in GVariant's text form"), "dconf, locked; the name is the key's path with dots for slashes", screen::any),
];
