//! IKEv2 by strongSwan alone (swanctl.conf(5)), for machines without NetworkManager's plugin.

use std::fmt::Write as _;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;

use super::ikev2::{Proof, Tunnel};
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::path::{MachinePath, file_name};
use crate::platform::translate::Context;
use crate::platform::translate::certificate::roots;

/// Where swanctl looks for configurations.
const CONFIGURATIONS: &str = "/etc/swanctl/conf.d";

/// Where the authorities of single tunnels are: swanctl may read nothing outside its own directory (AppArmor).
const AUTHORITIES: &str = "/etc/swanctl/mdm-agent";

/// Writes an IKEv2 tunnel.
pub(super) fn write(
    tunnel: &Tunnel<'_>,
    address: &ProfileAddress,
    context: &Context<'_>,
    share: &mut Share,
) -> Result<(), Untranslatable> {
    without_network_manager(tunnel, share)?;
    let name = file_name(address);
    let mut text = "# Made by mdm-agent from a profile of the MDM server; changes are put back.\n".to_owned();
    let _ = write!(text, "connections {{\n  {name} {{\n    version = 2\n");
    let _ = writeln!(text, "    remote_addrs = {}", tunnel.servers.join(", "));
    text.push_str("    vips = 0.0.0.0, ::\n");
    if let Some(proposals) = &tunnel.proposals {
        let _ = writeln!(text, "    proposals = {}", proposals.ike);
    }
    let (auth, own) = match &tunnel.proof {
        Proof::Certificate(own) => ("pubkey", own),
        Proof::EapTls(own) => ("eap-tls", own),
        Proof::Password { .. } => {
            return Err(Untranslatable::unsupported(
                "a tunnel with a user's password needs NetworkManager's strongSwan plugin, which can ask for it",
            ));
        }
    };
    // swanctl loads the key by itself, from its own folder.
    let [certificate, key] = own.copies_for_swanctl();
    let _ = writeln!(text, "    local {{\n      auth = {auth}\n      certs = {certificate}\n    }}");
    share.uses.extend([certificate, key]);
    let _ = writeln!(text, "    remote {{\n      auth = pubkey\n      id = {}", tunnel.servers[0]);
    let files = authorities(tunnel, address, context)?;
    if !files.is_empty() {
        let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let _ = writeln!(text, "      cacerts = {}", names.join(", "));
        share.files.extend(files);
    }
    let _ = writeln!(text, "    }}\n    children {{\n      {name} {{\n        remote_ts = {}", destinations(tunnel));
    if let Some(proposals) = &tunnel.proposals {
        let _ = writeln!(text, "        esp_proposals = {}", proposals.esp);
    }
    let (start, close) = if tunnel.always_on { ("trap|start", "trap") } else { ("none", "none") };
    let _ =
        writeln!(text, "        start_action = {start}\n        close_action = {close}\n        dpd_action = restart");
    text.push_str("      }\n    }\n  }\n}\n");
    let path = MachinePath::named(CONFIGURATIONS, address, ".conf");
    share.files.push((path, DesiredFile::private(text, Consumer::Strongswan)));
    Ok(())
}

/// What goes through the tunnel: everything, the destinations that are named, or only what is the gateway's own.
fn destinations(tunnel: &Tunnel<'_>) -> String {
    if tunnel.force {
        return "0.0.0.0/0, ::/0".to_owned();
    }
    let all: Vec<String> = tunnel.routes.iter().map(|route| format!("{}/{}", route.address, route.prefix)).collect();
    if all.is_empty() { "dynamic".to_owned() } else { all.join(", ") }
}

/// What only NetworkManager could do.
fn without_network_manager(tunnel: &Tunnel<'_>, share: &mut Share) -> Result<(), Untranslatable> {
    let refuse = |node: &str, reason: &str| Err(PayloadError::unsupported(node, reason).into());
    if tunnel.routes.iter().any(|route| route.metric.is_some()) {
        return refuse("RouteList", "a metric needs NetworkManager's strongSwan plugin; swanctl has none");
    }
    // Where the gateway cannot be reached from inside, traffic would wait for a tunnel that does not come.
    if !tunnel.trusted_networks.is_empty() && (tunnel.force || !tunnel.routes.is_empty()) {
        return refuse(
            "TrustedNetworkDetection",
            "it needs NetworkManager's strongSwan plugin; swanctl knows no networks",
        );
    }
    let mut note = |given: bool, node: &str, reason: &str| {
        if given {
            share.without_effect.push(format!("{node}: {reason}"));
        }
    };
    note(
        !tunnel.trusted_networks.is_empty(),
        "TrustedNetworkDetection",
        "nothing but the gateway's own goes through the tunnel",
    );
    let assigned = "strongSwan uses the name servers that the gateway assigns, for all names";
    note(!tunnel.suffixes.is_empty(), "DnsSuffix", assigned);
    note(!tunnel.name_rules.is_empty(), "DomainNameInformationList", assigned);
    Ok(())
}

/// The authorities, each in a file of its own: of several in one file, swanctl takes the first. They are in no folder
/// that it loads by itself, so they count for this tunnel alone.
fn authorities(
    tunnel: &Tunnel<'_>,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Vec<(MachinePath, DesiredFile)>, Untranslatable> {
    let found = match tunnel.authorities {
        // strongSwan does not know the distribution's store.
        [] => roots::trusted(context),
        named => roots::authorities(named, context)?,
    };
    let files = (1..).zip(&found).map(|(number, der)| {
        let path = MachinePath::named(AUTHORITIES, address, &format!("-authority-{number}.pem"));
        (path, DesiredFile::public(roots::pem(der), Consumer::Strongswan))
    });
    Ok(files.collect())
}
