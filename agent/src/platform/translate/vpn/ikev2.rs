//! IKEv2 (RFC 7296): what the tunnel needs, whoever carries it.

use std::net::IpAddr;

use mdm_protocol::Thumbprint;
use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::eap::{CertificateSelection, EAP_TLS, Eap, Inner, MSCHAPV2, PEAP};
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::{NameRule, Route, VpnKind, VpnProfile};

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
    /// Servers for the names of domains.
    pub(super) name_rules: &'a [NameRule],
    /// Whether it is brought up without being asked for.
    pub(super) always_on: bool,
    /// Domains of networks in which it is not brought up.
    pub(super) trusted_networks: &'a [String],
}

/// How this end of the tunnel proves itself.
#[derive(Debug)]
pub(super) enum Proof<'a> {
    /// By a certificate of the machine.
    Certificate(&'a ClientCertificate),
    /// By a certificate inside EAP-TLS.
    EapTls(&'a ClientCertificate),
    /// By a user's name and password, which is asked for.
    Password {
        /// The user's name.
        user: Option<&'a str>,
        /// Whether the password may be kept.
        keep: bool,
    },
}

/// What an IKEv2 tunnel asks of the machine.
pub(super) fn translate(
    profile: &VpnProfile,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    // Every field is named: one that is added has to be dealt with here.
    let VpnProfile {
        kind,
        always_on,
        device_tunnel,
        dns_suffixes,
        trusted_networks,
        routes,
        name_rules,
        remember_credentials,
    } = profile;
    let Some(VpnKind::Native { servers, protocol, protocols, force_tunnel, machine_certificate, eap, suite }) = kind
    else {
        return Err(PayloadError::missing("NativeProfile/Servers").into());
    };
    check_protocol(protocol, protocols)?;
    check(profile, servers)?;
    let mut share = Share::default();
    let proof = proof(*machine_certificate, eap.as_deref(), remember_credentials.unwrap_or(true), context)?;
    if let Proof::Certificate(own) | Proof::EapTls(own) = &proof {
        share.uses.extend([own.certificate.clone(), own.key.clone()]);
    }
    if remember_credentials.is_some() && !matches!(proof, Proof::Password { .. }) {
        share.without_effect.push("RememberCredentials: a certificate proves who it is, no password".to_owned());
    }
    let always_on = *always_on || *device_tunnel;
    if !trusted_networks.is_empty() && !always_on {
        share.without_effect.push("TrustedNetworkDetection: the tunnel is not brought up by itself".to_owned());
    }
    let tunnel = Tunnel {
        servers,
        proof,
        authorities: eap.as_ref().map(|eap| eap.server.roots.as_slice()).unwrap_or_default(),
        proposals: suite.as_ref().map(proposals::proposals).transpose()?,
        force: *force_tunnel,
        routes,
        suffixes: dns_suffixes,
        name_rules,
        always_on,
        trusted_networks: if always_on { trusted_networks } else { &[] },
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

/// IKEv2 is asked for, or among what may be tried.
fn check_protocol(protocol: &str, protocols: &[String]) -> Result<(), Untranslatable> {
    let is_ikev2 = |name: &str| name.eq_ignore_ascii_case("IKEv2");
    let is_listed =
        protocol.eq_ignore_ascii_case("ProtocolList") && protocols.iter().any(|protocol| is_ikev2(protocol));
    if is_ikev2(protocol) || protocol.eq_ignore_ascii_case("Automatic") || is_listed {
        return Ok(());
    }
    // Never repeats what came from the network as it is.
    let protocol: String = protocol.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    Err(Untranslatable::unsupported(format!(
        "the protocol {protocol} is not supported; IKEv2, WireGuard and OpenVPN are"
    )))
}

fn proof<'a>(
    machine_certificate: bool,
    eap: Option<&Eap>,
    keep: bool,
    context: &'a Context<'_>,
) -> Result<Proof<'a>, Untranslatable> {
    let password = Ok(Proof::Password { user: context.user, keep });
    let Some(Eap { method, server: _, selection, inner, anonymous_name: _ }) = eap else {
        return match machine_certificate {
            true => Ok(Proof::Certificate(context.client_certificate(&[], &[])?)),
            false => Err(PayloadError::missing("NativeProfile/Authentication").into()),
        };
    };
    if machine_certificate {
        let reason = "MachineMethod asks for a certificate and Eap for another proof; one of them is supported";
        return Err(PayloadError::unsupported("NativeProfile/Authentication", reason).into());
    }
    let CertificateSelection { issuers, purposes } = selection;
    match (*method, inner) {
        (EAP_TLS, None) => Ok(Proof::EapTls(context.client_certificate(issuers, purposes)?)),
        (MSCHAPV2, None) => password,
        (PEAP, None) => password,
        (PEAP, Some(Inner::Eap(inside))) if inside.method == MSCHAPV2 => password,
        (PEAP, Some(_)) => Err(Untranslatable::unsupported(
            "PEAP with another method inside than EAP-MSCHAPv2 is not supported in IKEv2; EAP-TLS without PEAP is",
        )),
        _ => Err(Untranslatable::unsupported(
            "an EAP method other than EAP-TLS, EAP-MSCHAPv2 and PEAP is not supported in IKEv2",
        )),
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
    if !profile.trusted_networks.iter().all(|network| is_name(network)) {
        return Err(PayloadError::format("TrustedNetworkDetection", "is not a list of domain names").into());
    }
    for rule in &profile.name_rules {
        let domain = rule.domain.strip_prefix('.').unwrap_or(&rule.domain);
        if rule.domain != "." && !is_name(domain) {
            return Err(PayloadError::format("DomainName", "is not a domain").into());
        }
        if rule.servers.is_empty() || !rule.servers.iter().all(|server| server.parse::<IpAddr>().is_ok()) {
            return Err(PayloadError::unsupported("DnsServers", "is not a list of addresses").into());
        }
    }
    profile.routes.iter().try_for_each(check_route)
}

/// The address is one, and the prefix fits its kind.
pub(super) fn check_route(route: &Route) -> Result<(), Untranslatable> {
    if route.excluded {
        return Err(PayloadError::unsupported("RouteList", "a route beside the tunnel is not supported").into());
    }
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
