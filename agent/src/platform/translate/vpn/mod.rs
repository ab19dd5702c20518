//! A tunnel: IKEv2 becomes a NetworkManager keyfile for its strongSwan plugin or, where that is not there, a swanctl
//! configuration; WireGuard and OpenVPN come as their own clients' configurations.

mod ikev2;
mod network_manager;
mod openvpn;
mod parts;
mod proposals;
mod swanctl;
#[cfg(test)]
mod tests;
mod wireguard;

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::{VpnKind, VpnProfile};
use mdm_protocol::csp::{Leaves, PayloadError};

pub use self::parts::{EAP, NODES};
use super::Context;
use crate::engine::profile::Profile;
use crate::platform::desired::{Share, Untranslatable};

/// What a tunnel asks of the machine.
pub(super) fn translate(
    profile: &Profile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let tunnel = VpnProfile::from_leaves(&profile.leaves())?;
    match &tunnel.kind {
        None => Err(PayloadError::missing("NativeProfile/Servers").into()),
        Some(VpnKind::Native { .. }) => {
            let leaves = profile.leaves();
            let nodes = VpnProfile::nodes(&leaves)?;
            if nodes.0.keys().any(|node| node.to_ascii_lowercase().starts_with("pluginprofile/")) {
                let reason = "is not supported beside NativeProfile; a tunnel has one client";
                return Err(PayloadError::unsupported("PluginProfile", reason).into());
            }
            ikev2::translate(&tunnel, address, context)
        }
        Some(VpnKind::Plugin { package, servers, configuration }) => {
            let configuration =
                configuration.as_deref().ok_or_else(|| PayloadError::missing("PluginProfile/CustomConfiguration"))?;
            let mut without_effect = Vec::new();
            let always_on = plugin_settings(&profile.leaves(), &tunnel, &mut without_effect)?;
            let text = plain(configuration);
            let package = package.to_ascii_lowercase();
            let mut share = if package.contains("wireguard") {
                wireguard::translate(always_on, servers, &text, address, context)
            } else if package.contains("openvpn") {
                openvpn::translate(always_on, servers, &text, address, context)
            } else {
                Err(Untranslatable::unsupported("a client other than WireGuard and OpenVPN is not supported"))
            }?;
            share.without_effect.append(&mut without_effect);
            Ok(share)
        }
    }
}

/// Of the settings beside a client's own configuration, whether the tunnel is always on is followed; the others belong
/// into that configuration.
fn plugin_settings(
    leaves: &Leaves,
    profile: &VpnProfile,
    without_effect: &mut Vec<String>,
) -> Result<bool, Untranslatable> {
    // Every field is named: one that is added has to be dealt with here.
    let VpnProfile {
        kind: _,
        always_on,
        device_tunnel,
        dns_suffixes,
        trusted_networks,
        routes,
        name_rules,
        remember_credentials,
    } = profile;
    let nodes = VpnProfile::nodes(leaves)?;
    let native = nodes.0.keys().find(|node| node.to_ascii_lowercase().starts_with("nativeprofile/"));
    let given = [
        (!dns_suffixes.is_empty(), "DnsSuffix"),
        (!trusted_networks.is_empty(), "TrustedNetworkDetection"),
        (!routes.is_empty(), "RouteList"),
        (!name_rules.is_empty(), "DomainNameInformationList"),
        (native.is_some(), "NativeProfile"),
    ];
    if remember_credentials.is_some() {
        without_effect.push("RememberCredentials: the client itself decides".to_owned());
    }
    match given.iter().find(|(is_given, _)| *is_given) {
        Some((_, node)) => {
            let reason = "is not supported beside PluginProfile; the client's own configuration says such things";
            Err(PayloadError::unsupported(node, reason).into())
        }
        None => Ok(*always_on || *device_tunnel),
    }
}

/// The client's own configuration: the text inside an XML element, where it came in one.
fn plain(configuration: &str) -> String {
    use mdm_protocol::xml::{Document, Limits};
    let text = configuration.trim();
    if !text.starts_with('<') {
        return text.to_owned();
    }
    match Document::parse(text.as_bytes(), &Limits::PAYLOAD) {
        Ok(document) if !document.root().has_children() => document.root().text().trim().to_owned(),
        _ => text.to_owned(),
    }
}

/// A list of servers beside a configuration that names its own.
fn named_by_itself(servers: &[String]) -> Option<String> {
    let reason = "the client's own configuration names its servers";
    (!servers.is_empty()).then(|| format!("PluginProfile/ServerUrlList: {reason}"))
}
