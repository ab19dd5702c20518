//! A tunnel: IKEv2 becomes a NetworkManager keyfile for its strongSwan plugin or, where that is not there, a swanctl
//! configuration; WireGuard and OpenVPN come as their own clients' configurations.

mod ikev2;
mod network_manager;
mod openvpn;
mod proposals;
mod swanctl;
#[cfg(test)]
mod tests;
mod wireguard;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::{VpnKind, VpnProfile};

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
        Some(VpnKind::Native { .. }) => ikev2::translate(&tunnel, address, context),
        Some(VpnKind::Plugin { package, servers, configuration }) => {
            let configuration =
                configuration.as_deref().ok_or_else(|| PayloadError::missing("PluginProfile/CustomConfiguration"))?;
            let text = plain(configuration);
            let package = package.to_ascii_lowercase();
            if package.contains("wireguard") {
                wireguard::translate(&tunnel, servers, &text, address, context)
            } else if package.contains("openvpn") {
                openvpn::translate(&tunnel, servers, &text, address, context)
            } else {
                Err(Untranslatable::unsupported("a client other than WireGuard and OpenVPN is not supported"))
            }
        }
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
