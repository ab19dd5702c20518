//! OpenVPN: the client's own configuration (openvpn(8)), checked so that it can run nothing and read nothing of the
//! machine's, then kept for OpenVPN's own service. Keys are inside it.

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::csp::vpn::VpnProfile;

use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::path::{MachinePath, file_name};
use crate::platform::translate::Context;

const NODE: &str = "PluginProfile/CustomConfiguration";
/// Where OpenVPN's service for clients looks (`openvpn-client@NAME.service`).
const CLIENTS: &str = "/etc/openvpn/client";

/// What a client's configuration may say. Whatever runs programs, reads or writes other files, or opens a door for
/// others is not among it.
const ALLOWED: &[&str] = &[
    "allow-compression",
    "allow-pull-fqdn",
    "auth",
    "auth-nocache",
    "auth-retry",
    "auth-user-pass",
    "block-ipv6",
    "cipher",
    "client",
    "comp-lzo",
    "compress",
    "connect-retry",
    "connect-retry-max",
    "connect-timeout",
    "data-ciphers",
    "data-ciphers-fallback",
    "dev",
    "dev-type",
    "dhcp-option",
    "explicit-exit-notify",
    "fast-io",
    "float",
    "fragment",
    "hand-window",
    "http-proxy",
    "ifconfig",
    "ifconfig-ipv6",
    "inactive",
    "keepalive",
    "key-direction",
    "link-mtu",
    "lport",
    "mssfix",
    "mute",
    "mute-replay-warnings",
    "nobind",
    "ns-cert-type",
    "persist-key",
    "persist-tun",
    "ping",
    "ping-exit",
    "ping-restart",
    "port",
    "proto",
    "pull",
    "pull-filter",
    "push-peer-info",
    "rcvbuf",
    "redirect-gateway",
    "redirect-private",
    "remote",
    "remote-cert-eku",
    "remote-cert-ku",
    "remote-cert-tls",
    "remote-random",
    "remote-random-hostname",
    "reneg-bytes",
    "reneg-pkts",
    "reneg-sec",
    "replay-window",
    "resolv-retry",
    "route",
    "route-delay",
    "route-ipv6",
    "route-metric",
    "route-nopull",
    "rport",
    "server-poll-timeout",
    "setenv",
    "sndbuf",
    "socket-flags",
    "tls-cert-profile",
    "tls-cipher",
    "tls-ciphersuites",
    "tls-client",
    "tls-groups",
    "tls-timeout",
    "tls-version-max",
    "tls-version-min",
    "topology",
    "tran-window",
    "tun-mtu",
    "tun-mtu-extra",
    "verb",
    "verify-x509-name",
];
/// What may be inside the configuration instead of in a file of its own.
const INLINE: &[&str] = &[
    "ca",
    "cert",
    "key",
    "extra-certs",
    "tls-auth",
    "tls-crypt",
    "tls-crypt-v2",
    "crl-verify",
    "pkcs12",
    "peer-fingerprint",
    "connection",
];
/// The longest line in bytes. Of longer ones OpenVPN takes every 255 bytes for a line of its own, or it gives up.
const MAX_LINE: usize = 250;

/// What an OpenVPN tunnel asks of the machine.
pub(super) fn translate(
    profile: &VpnProfile,
    servers: &[String],
    text: &str,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    // OpenVPN skips the mark only at the beginning of a file, where a comment will be.
    let text = text.trim().trim_start_matches('\u{feff}');
    let has_remote = check(text)?;
    if !context.machine.openvpn {
        return Err(Untranslatable::unsupported("OpenVPN is not installed on this machine"));
    }
    let mut configuration =
        format!("# Made by mdm-agent from a profile of the MDM server; changes are put back.\n{text}\n");
    if !has_remote {
        for server in servers {
            configuration.push_str(&remote(server)?);
        }
        if servers.is_empty() {
            return Err(PayloadError::missing("PluginProfile/ServerUrlList").into());
        }
    }
    let name = file_name(address);
    let path = MachinePath::named(CLIENTS, address, ".conf");
    let mut share =
        Share { files: vec![(path, DesiredFile::private(configuration, Consumer::Nobody))], ..Share::default() };
    if profile.always_on {
        let unit = format!("/etc/systemd/system/multi-user.target.wants/openvpn-client@{name}.service");
        let link = DesiredFile::link("/usr/lib/systemd/system/openvpn-client@.service", Consumer::Nobody);
        share.files.push((MachinePath::new(unit), link));
    }
    Ok(share)
}

fn wrong(reason: String) -> Untranslatable {
    PayloadError::format(NODE, reason).into()
}

/// Checks every line as OpenVPN will read it; says whether a server is named.
fn check(text: &str) -> Result<bool, Untranslatable> {
    let mut inside: Option<&str> = None;
    let mut has_remote = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = sound(number, line)?;
        if let Some(tag) = inside
            && let Some(rest) = line.strip_prefix("</").and_then(|rest| rest.strip_prefix(tag)?.strip_prefix('>'))
        {
            // The block ends here for OpenVPN, whatever else the line says.
            if !rest.is_empty() {
                return Err(wrong(format!("line {number} has something behind the end of a block")));
            }
            inside = None;
        } else if inside.is_some_and(|tag| tag != "connection") || line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        } else if let Some(tag) = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')) {
            let known = INLINE.iter().find(|known| **known == tag && inside.is_none());
            inside = Some(known.ok_or_else(|| wrong(format!("line {number} begins a block that is not supported")))?);
        } else {
            has_remote |= directive(number, line)? == "remote";
        }
    }
    match inside {
        Some(tag) => Err(wrong(format!("the block <{tag}> does not end"))),
        None => Ok(has_remote),
    }
}

/// A line without the space around it, if it is one line for OpenVPN as well. Only ASCII is space to OpenVPN.
fn sound(number: usize, line: &str) -> Result<&str, Untranslatable> {
    if line.len() > MAX_LINE {
        return Err(wrong(format!("line {number} is longer than {MAX_LINE} bytes")));
    }
    if line.chars().any(|character| character.is_control() && character != '\t') {
        return Err(wrong(format!("line {number} has a control character")));
    }
    Ok(line.trim_matches([' ', '\t']))
}

/// The directive of a line, if it is allowed. It is compared as it is written: quotes and backslashes, which OpenVPN
/// would take off, are in no allowed one.
fn directive(number: usize, line: &str) -> Result<&str, Untranslatable> {
    let unsupported = |reason: &str| Untranslatable::unsupported(format!("{NODE}: line {number} {reason}"));
    let (word, arguments) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let (word, arguments) = (word.strip_prefix("--").unwrap_or(word), arguments.trim_matches([' ', '\t']));
    if !ALLOWED.contains(&word) {
        return Err(unsupported(
            "has a directive that is not supported; what runs programs or reads other files is not",
        ));
    }
    let reads_a_file = match word {
        "auth-user-pass" => !arguments.is_empty(),
        // A quote ends a word without space behind it.
        "http-proxy" => arguments.split_ascii_whitespace().count() > 2 || arguments.contains(['"', '\'', '\\']),
        _ => false,
    };
    if reads_a_file {
        return Err(unsupported("names a file with a password"));
    }
    if word == "setenv" && !is_harmless_variable(arguments) {
        return Err(unsupported("sets the environment"));
    }
    Ok(word)
}

/// Whether a variable only says something of the client. Others reach programs, and `opt` is not one: what follows it
/// is a directive.
fn is_harmless_variable(arguments: &str) -> bool {
    let (name, value) = arguments.split_once([' ', '\t']).unwrap_or((arguments, ""));
    let is_ours = name == "FRIENDLY_NAME"
        || name.strip_prefix("UV_").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
    let value = value.trim_matches([' ', '\t']);
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let is_plain = |value: &str, more: &[u8]| {
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    is_ours && quoted.map_or(is_plain(value, b"._:@+-"), |value| is_plain(value, b"._:@+- "))
}

fn remote(server: &str) -> Result<String, Untranslatable> {
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "1194"));
    let sound = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    match port.parse::<u16>() {
        Ok(port) if sound && server.len() <= MAX_LINE - "remote :65535".len() => Ok(format!("remote {host} {port}\n")),
        _ => {
            Err(PayloadError::format("PluginProfile/ServerUrlList", "has an entry that is not host or host:port")
                .into())
        }
    }
}
