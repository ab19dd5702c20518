//! The battery, the domain and the network cards.

use super::source::Source;
use crate::engine::compliance::Fact;
use crate::engine::compliance::facts::{Battery, BatteryActivity};

mod network;

pub(super) use network::networks;

/// The first battery that belongs to the machine and not to a mouse.
pub(super) fn battery(source: &Source) -> Fact<Option<Battery>> {
    let class = "/sys/class/power_supply";
    if !source.has("/sys/class") {
        return Fact::unknown("/sys/class is not there");
    }
    let is_own = |base: &String| {
        let is = |file: &str, value: &str| source.line(&format!("{base}/{file}")).is_some_and(|own| own == value);
        is("type", "Battery") && !is("scope", "Device") && !is("present", "0")
    };
    let supplies = source.names(class).into_iter().map(|name| format!("{class}/{name}"));
    let Some(base) = supplies.into_iter().find(is_own) else {
        return Fact::known(None, format!("{class} has no battery"));
    };
    let number = |file: &str| source.number(&format!("{base}/{file}"));
    let activity = match source.line(&format!("{base}/status")).as_deref() {
        Some("Discharging") => BatteryActivity::Discharging,
        Some("Charging") => BatteryActivity::Charging,
        Some("Full" | "Not charging") => BatteryActivity::Idle,
        _ => BatteryActivity::Unknown,
    };
    // Energy by power, or charge by current: both give hours.
    let left = number("energy_now").zip(number("power_now")).or(number("charge_now").zip(number("current_now")));
    let seconds = left.and_then(|(left, rate)| left.checked_mul(3600)?.checked_div(rate));
    let charge = number("capacity").map(|percent| u8::try_from(percent.min(100)).unwrap_or(100));
    let lasts_seconds = seconds
        .filter(|_| activity == BatteryActivity::Discharging)
        .and_then(|seconds| i32::try_from(seconds).ok()?.try_into().ok());
    Fact::known(Some(Battery { activity, charge, lasts_seconds }), base)
}

/// The domain that the machine has joined, by sssd or by Samba.
pub(super) fn domain(source: &Source) -> Fact<Option<String>> {
    let (sssd, samba) = ("/etc/sssd/sssd.conf", "/etc/samba/smb.conf");
    if let Some(text) = source.text(sssd) {
        let section = text.lines().find_map(|line| line.trim().strip_prefix("[domain/")?.strip_suffix(']'));
        if let Some(name) = section.map(str::trim).filter(|name| is_domain(name)) {
            return Fact::known(Some(name.to_owned()), sssd);
        }
    } else if source.has(sssd) {
        return Fact::unknown(format!("{sssd} cannot be read"));
    }
    let settings = source.text(samba).unwrap_or_default();
    let setting = |name: &str| {
        settings.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_lowercase())
        })
    };
    match (setting("security").as_deref(), setting("realm")) {
        (Some("ads"), Some(realm)) if is_domain(&realm) => Fact::known(Some(realm), samba),
        _ => Fact::known(None, format!("neither {sssd} nor {samba} names one")),
    }
}

fn is_domain(name: &str) -> bool {
    name.len() <= 253
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
