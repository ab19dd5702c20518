//! IKEv2 (RFC 7296): what the tunnel needs, whoever carries it.

use std::net::IpAddr;

use mdm_protocol::Thumbprint;
use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::eap::{EAP_TLS, Eap, MSCHAPV2, PEAP};
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::{Route, VpnKind, VpnProfile};

use super::proposals::{self, Proposals};
use super::{network_manager, swanctl};
use crate::platform::desired::{Share, Untranslatable};
use crate::platform::translate::Context;
use crate::platform::translate::certificate::client::ClientCertificate;

/// An IKEv2 tunnel.
#[derive(Debug)]
pub(super) struct Tunnel<'a> {
    /// The servers, best first; at least one.
    pub(super) servers: &'a [String],
    /// How this end proves itself.
    pub(super) proof: Proof<'a>,
    /// The authorities that the server is held to; those of the machine if there are none.
    pub(super) authorities: &'a [Thumbprint],
    /// Algorithms, where they are prescribed.
    pub(super) proposals: Option<Proposals>,
    /// Whether everything goes through the tunnel.
    pub(super) force: bool,
    /// Destinations.
    pub(super) routes: &'a [Route],
    /// Domains to search through the tunnel.
    pub(super) suffixes: &'a [String],
    /// Whether it is brought up without being asked for.
    pub(super) always_on: bool,
}

/// How this end of the tunnel proves itself.
#[derive(Debug)]
pub(super) enum Proof<'a> {
    /// By a certificate of the machine.
    Certificate(&'a ClientCertificate),
    /// By a certificate inside EAP-TLS.
    EapTls(&'a ClientCertificate),
    /// By a user's name and password, which is asked for.
    Password(Option<&'a str>),
}

/// What an IKEv2 tunnel asks of the machine.
pub(super) fn translate(
    profile: &VpnProfile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let Some(VpnKind::Native { servers, protocol, force_tunnel, machine_certificate, eap, suite }) = &profile.kind
    else {
        return Err(PayloadError::missing("NativeProfile/Servers").into());
    };
    if !protocol.eq_ignore_ascii_case("IKEv2") {
        // Never repeats what came from the network as it is.
        let protocol: String = protocol.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        return Err(Untranslatable::unsupported(format!(
            "the protocol {protocol} is not supported; IKEv2, WireGuard and OpenVPN are"
        )));
    }
    check(profile, servers)?;
    let mut share = Share::default();
    let proof = proof(*machine_certificate, eap.as_deref(), context)?;
    if let Proof::Certificate(own) | Proof::EapTls(own) = &proof {
        share.uses.extend([own.certificate.clone(), own.key.clone()]);
    }
    let roots = eap.as_ref().map(|eap| eap.trusted_roots.as_slice()).unwrap_or_default();
    let tunnel = Tunnel {
        servers,
        proof,
        authorities: roots,
        proposals: suite.as_ref().map(proposals::proposals).transpose()?,
        force: *force_tunnel,
        routes: &profile.routes,
        suffixes: &profile.dns_suffixes,
        always_on: profile.always_on || profile.device_tunnel,
    };
    let machine = context.machine;
    if machine.has_network_manager_for_ikev2() {
        network_manager::write(&tunnel, address, context, &mut share)?;
    } else if machine.has_swanctl_for_ikev2() {
        swanctl::write(&tunnel, address, context, &mut share)?;
    } else {
        return Err(Untranslatable::unsupported(
            "this machine has neither NetworkManager's strongSwan plugin nor swanctl",
        ));
    }
    Ok(share)
}

fn proof<'a>(
    machine_certificate: bool,
    eap: Option<&Eap>,
    context: &'a Context<'_>,
) -> Result<Proof<'a>, Untranslatable> {
    match eap {
        _ if machine_certificate => Ok(Proof::Certificate(context.client_certificate(&[], &[])?)),
        Some(eap) if eap.method == EAP_TLS => {
            Ok(Proof::EapTls(context.client_certificate(&eap.issuers, &eap.purposes)?))
        }
        Some(eap) if eap.method == MSCHAPV2 => Ok(Proof::Password(context.user)),
        Some(eap) if eap.method == PEAP => {
            Err(Untranslatable::unsupported("PEAP inside IKEv2 is not supported; EAP-MSCHAPv2 and EAP-TLS are"))
        }
        Some(_) => {
            Err(Untranslatable::unsupported("an EAP method other than EAP-TLS and EAP-MSCHAPv2 is not supported"))
        }
        None => Err(PayloadError::missing("NativeProfile/Authentication").into()),
    }
}

/// Names and addresses go into files in which other characters would mean something.
fn check(profile: &VpnProfile, servers: &[String]) -> Result<(), Untranslatable> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 253
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte))
    };
    if servers.is_empty() || !servers.iter().all(|server| is_name(server)) {
        return Err(PayloadError::format("NativeProfile/Servers", "is not a list of names or addresses").into());
    }
    if !profile.dns_suffixes.iter().all(|suffix| is_name(suffix)) {
        return Err(PayloadError::format("DnsSuffix", "is not a list of domain names").into());
    }
    profile.routes.iter().try_for_each(check_route)
}

/// The address is one, and the prefix fits its kind.
pub(super) fn check_route(route: &Route) -> Result<(), Untranslatable> {
    let bits = match route.address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err(PayloadError::format("RouteList", "has an address that is none").into()),
    };
    if route.prefix > bits {
        return Err(PayloadError::format("RouteList", format!("has a prefix of more than {bits} bits")).into());
    }
    Ok(())
}
