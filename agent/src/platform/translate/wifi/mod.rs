//! A wireless network: a WLAN profile becomes a NetworkManager keyfile.

mod enterprise;
mod parts;
mod security;
mod server_names;
#[cfg(test)]
mod tests;

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::wifi::{HardwareAddress, WlanProfile};
use mdm_protocol::csp::{Leaves, PayloadError};

pub use self::parts::{NODES, WLAN};

use super::Context;
use crate::engine::profile::Profile;
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::keyfile::Keyfile;

/// What a wireless network asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let leaves = profile.leaves();
    // What is wrong by itself is wrong whether or not the rest has come.
    let metered = metered(&leaves)?;
    proxy(&leaves, &mut Keyfile::connection(address, "wifi"))?;
    let network = WlanProfile::parse(leaves.required("WlanXml")?)?;
    // Every field is named: one that is added has to be dealt with, as `security` does with some.
    let WlanProfile {
        name: _,
        ssid: bytes,
        hidden,
        auto_connect,
        authentication: _,
        transition: _,
        encryption: _,
        key: _,
        one_x,
        hardware_address,
    } = &network;
    if !context.machine.network_manager {
        return Err(Untranslatable::unsupported("NetworkManager is not installed on this machine"));
    }
    let mut share = Share::default();
    let mut keyfile = Keyfile::connection(address, "wifi");
    if !auto_connect {
        keyfile.set("autoconnect", "false");
    }
    keyfile.set("metered", metered);
    keyfile.section("wifi");
    keyfile.set("mode", "infrastructure");
    keyfile.set("ssid", ssid(bytes));
    if *hidden {
        keyfile.set("hidden", "true");
    }
    keyfile.set_some("cloned-mac-address", hardware_address.map(cloned_address));
    security::write(&network, &mut keyfile)?;
    if let Some(one_x) = one_x {
        enterprise::write(one_x, address, context, &mut keyfile, &mut share)?;
    }
    keyfile.section("ipv4");
    keyfile.set("method", "auto");
    keyfile.section("ipv6");
    keyfile.set("method", "auto");
    proxy(&leaves, &mut keyfile)?;
    share.files.push(keyfile.into_file(address));
    Ok(share)
}

fn cloned_address(address: HardwareAddress) -> &'static str {
    match address {
        HardwareAddress::Random => "random",
        HardwareAddress::Permanent => "permanent",
    }
}

/// Whether traffic costs (`WiFiCost`): 1 does not, 2 and 3 do.
fn metered(leaves: &Leaves) -> Result<&'static str, PayloadError> {
    match leaves.number("WiFiCost")? {
        None => Ok("0"),
        Some(1) => Ok("2"),
        Some(2 | 3) => Ok("1"),
        Some(_) => Err(PayloadError::format("WiFiCost", "is not 1, 2 or 3")),
    }
}

/// A plain name as it is, any other bytes as a list of numbers: a name that looks like such a list must not be one.
fn ssid(bytes: &[u8]) -> String {
    let is_plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b" -_.".contains(byte));
    match std::str::from_utf8(bytes) {
        Ok(name) if is_plain && !name.starts_with(' ') && !name.ends_with(' ') => name.to_owned(),
        _ => bytes.iter().map(|byte| format!("{byte};")).collect(),
    }
}

/// NetworkManager knows automatic configuration only, so a fixed proxy is a script that always says the same.
fn proxy(leaves: &Leaves, keyfile: &mut Keyfile) -> Result<(), PayloadError> {
    let kinds = ["ProxyPacUrl", "Proxy"].map(|node| leaves.non_empty(node));
    if kinds.iter().flatten().count() + usize::from(leaves.boolean("ProxyWPAD")? == Some(true)) > 1 {
        return Err(PayloadError::unsupported("Proxy", "more than one kind of proxy is asked for"));
    }
    if let Some(url) = leaves.non_empty("ProxyPacUrl") {
        let url = url::Url::parse(url).map_err(|_| PayloadError::format("ProxyPacUrl", "is not an address"))?;
        keyfile.section("proxy");
        keyfile.set("method", "1");
        keyfile.set("pac-url", url.as_str());
    } else if let Some(server) = leaves.non_empty("Proxy") {
        let is_sound = server.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
        if !is_sound || !server.contains(':') {
            return Err(PayloadError::format("Proxy", "is not host:port"));
        }
        keyfile.section("proxy");
        keyfile.set("method", "1");
        keyfile.set("pac-script", format!("function FindProxyForURL(url, host) {{ return \"PROXY {server}\"; }}"));
    } else if leaves.boolean("ProxyWPAD")? == Some(true) {
        keyfile.section("proxy");
        keyfile.set("method", "1");
    }
    Ok(())
}
