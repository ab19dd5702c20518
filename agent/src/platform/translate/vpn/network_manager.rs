//! Tunnels in NetworkManager's keyfiles: IKEv2 by its strongSwan plugin, and what all tunnels have in common.

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::NameRule;

use super::ikev2::{Proof, Tunnel};
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::keyfile::Keyfile;
use crate::platform::path::{self, MachinePath};
use crate::platform::translate::Context;
use crate::platform::translate::certificate::roots;

/// The plugin's name on the bus.
const SERVICE: &str = "org.freedesktop.NetworkManager.strongswan";
/// Scripts that NetworkManager runs when something comes up.
const DISPATCHER: &str = "/etc/NetworkManager/dispatcher.d";

/// Writes an IKEv2 tunnel.
pub(super) fn write(
    tunnel: &Tunnel<'_>,
    address: &ProfileAddress,
    context: &Context<'_>,
    share: &mut Share,
) -> Result<(), Untranslatable> {
    let mut keyfile = Keyfile::connection(address, "vpn");
    keyfile.set("autoconnect", "false");
    keyfile.section("vpn");
    keyfile.set("service-type", SERVICE);
    keyfile.set("address", &tunnel.servers[0]);
    if tunnel.servers.len() > 1 {
        let reason = "NativeProfile/Servers: NetworkManager's strongSwan plugin takes one server, the first";
        share.without_effect.push(reason.to_owned());
    }
    if !tunnel.authorities.is_empty() {
        let (path, file) = roots::bundle(tunnel.authorities, address, context)?;
        keyfile.set("certificate", path.as_str());
        share.files.push((path, file));
    }
    match &tunnel.proof {
        Proof::Certificate(own) | Proof::EapTls(own) => {
            let method = if matches!(tunnel.proof, Proof::EapTls(_)) { "eap-tls" } else { "cert" };
            keyfile.set("method", method);
            keyfile.set("cert-source", "file");
            keyfile.set("usercert", own.certificate.as_str());
            keyfile.set("userkey", own.key.as_str());
        }
        Proof::Password { user, keep } => {
            keyfile.set("method", "eap");
            keyfile.set_some("user", *user);
            // The user's own session keeps it, or nobody does.
            keyfile.set("password-flags", if *keep { "1" } else { "2" });
        }
    }
    keyfile.set("virtual", "yes");
    if let Some(proposals) = &tunnel.proposals {
        keyfile.set("proposal", "yes");
        keyfile.set("ike", &proposals.ike);
        keyfile.set("esp", &proposals.esp);
    }
    if tunnel.always_on {
        keyfile.set("persistent", "true");
    }
    routing(&mut keyfile, tunnel)?;
    share.files.push(keyfile.into_file(address));
    if tunnel.always_on {
        share.files.push(bring_up(address, tunnel.trusted_networks));
    }
    Ok(())
}

/// The sections on addresses: what goes through the tunnel, which domains are searched and resolved there.
fn routing(keyfile: &mut Keyfile, tunnel: &Tunnel<'_>) -> Result<(), Untranslatable> {
    let servers = name_servers(tunnel.name_rules)?;
    let mut domains = tunnel.suffixes.to_vec();
    domains.extend(tunnel.name_rules.iter().map(|rule| match rule.domain.as_str() {
        // A tilde: names of the domain are asked for here and nowhere else.
        "." => "~.".to_owned(),
        domain => format!("~{}", domain.trim_start_matches('.')),
    }));
    for (section, is_mine) in [("ipv4", false), ("ipv6", true)] {
        keyfile.section(section);
        keyfile.set("method", "auto");
        if !tunnel.force {
            keyfile.set("never-default", "true");
        }
        let mine = tunnel.routes.iter().filter(|route| route.address.contains(':') == is_mine);
        for (number, route) in (1..).zip(mine) {
            let gateway = if is_mine { "::" } else { "0.0.0.0" };
            let metric = route.metric.map_or_else(String::new, |metric| format!(",{gateway},{metric}"));
            keyfile.set(&format!("route{number}"), format!("{}/{}{metric}", route.address, route.prefix));
        }
        let mine: Vec<String> = servers.iter().filter(|server| server.contains(':') == is_mine).cloned().collect();
        keyfile.set_list("dns", &mine);
        keyfile.set_list("dns-search", &domains);
    }
    Ok(())
}

/// The servers of all rules: a connection has one list, for all of its domains.
fn name_servers(rules: &[NameRule]) -> Result<&[String], Untranslatable> {
    let first = rules.first().map(|rule| rule.servers.as_slice()).unwrap_or_default();
    if rules.iter().all(|rule| rule.servers == first) {
        Ok(first)
    } else {
        let reason = "different servers for different domains of one tunnel are not supported";
        Err(PayloadError::unsupported("DomainNameInformationList", reason).into())
    }
}

/// NetworkManager does not bring up tunnels by itself: a script of its dispatcher does, as soon as there is a network
/// unless one of the networks that the machine is in has a trusted domain. Those are names without characters that mean
/// something to the shell.
fn bring_up(address: &ProfileAddress, trusted_networks: &[String]) -> (MachinePath, DesiredFile) {
    let trusted = match trusted_networks {
        [] => String::new(),
        networks => format!(
            "for domain in $(nmcli --terse --fields IP4.DOMAIN,IP6.DOMAIN device show | cut -d: -f2- | tr A-Z a-z); do\n\
             \x20   case \"$domain\" in {}) exit 0 ;; esac\ndone\n",
            networks.join(" | ").to_ascii_lowercase()
        ),
    };
    let script = format!(
        "#!/bin/sh\n# Made by mdm-agent from a profile of the MDM server; changes are put back.\n\
         case \"$2\" in up | connectivity-change) ;; *) exit 0 ;; esac\n\
         case \"$CONNECTION_ID\" in '') exit 0 ;; esac\n{trusted}\
         nmcli --terse --fields UUID connection show --active | grep -qx '{uuid}' && exit 0\n\
         exec nmcli --wait 0 connection up uuid '{uuid}'\n",
        uuid = path::uuid(address)
    );
    let file = DesiredFile::bytes(script.into_bytes(), 0o755, Consumer::Nobody);
    (MachinePath::named(DISPATCHER, address, ".sh"), file)
}
