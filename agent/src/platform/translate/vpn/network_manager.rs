//! Tunnels in NetworkManager's keyfiles: IKEv2 by its strongSwan plugin, and what all tunnels have in common.

use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::Route;

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
        Proof::Password(user) => {
            keyfile.set("method", "eap");
            keyfile.set_some("user", *user);
            keyfile.set("password-flags", "1");
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
    routing(&mut keyfile, tunnel.force, tunnel.routes, tunnel.suffixes, "auto");
    share.files.push(keyfile.into_file(address));
    if tunnel.always_on {
        share.files.push(bring_up(address));
    }
    Ok(())
}

/// The sections on addresses: what goes through the tunnel and which domains are searched there.
pub(super) fn routing(keyfile: &mut Keyfile, force: bool, routes: &[Route], suffixes: &[String], method: &str) {
    for (section, is_mine) in [("ipv4", false), ("ipv6", true)] {
        keyfile.section(section);
        keyfile.set("method", method);
        if !force {
            keyfile.set("never-default", "true");
        }
        let mine = routes.iter().filter(|route| route.address.contains(':') == is_mine && !route.excluded);
        for (number, route) in (1..).zip(mine) {
            let gateway = if is_mine { "::" } else { "0.0.0.0" };
            let metric = route.metric.map_or_else(String::new, |metric| format!(",{gateway},{metric}"));
            keyfile.set(&format!("route{number}"), format!("{}/{}{metric}", route.address, route.prefix));
        }
        keyfile.set_list("dns-search", suffixes);
    }
}

/// NetworkManager does not bring up tunnels by itself: a script of its dispatcher does, as soon as there is a network.
pub(super) fn bring_up(address: &ProfileAddress) -> (MachinePath, DesiredFile) {
    let script = format!(
        "#!/bin/sh\n# Made by mdm-agent from a profile of the MDM server; changes are put back.\n\
         case \"$2\" in up | connectivity-change) ;; *) exit 0 ;; esac\n\
         case \"$CONNECTION_ID\" in '') exit 0 ;; esac\n\
         nmcli --terse --fields UUID connection show --active | grep -qx '{uuid}' && exit 0\n\
         exec nmcli --wait 0 connection up uuid '{uuid}'\n",
        uuid = path::uuid(address)
    );
    let file = DesiredFile::bytes(script.into_bytes(), 0o755, Consumer::Nobody);
    (MachinePath::named(DISPATCHER, address, ".sh"), file)
}
