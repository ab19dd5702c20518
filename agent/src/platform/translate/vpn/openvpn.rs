//! OpenVPN: the client's own configuration (openvpn(8)), checked so that it can run nothing and read nothing of the
//! machine's, then kept for OpenVPN's own service. Keys are inside it.

mod directive;

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;

use self::directive::Directive;
use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::path::{MachinePath, file_name};
use crate::platform::translate::Context;

const NODE: &str = "PluginProfile/CustomConfiguration";
/// Where OpenVPN's service for clients looks (`openvpn-client@NAME.service`).
const CLIENTS: &str = "/etc/openvpn/client";

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
    always_on: bool,
    servers: &[String],
    text: &str,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    // OpenVPN skips the mark only at the beginning of a file, where a comment will be.
    let text = text.trim().trim_start_matches('\u{feff}');
    let checked = check(text)?;
    if !context.machine.openvpn {
        return Err(Untranslatable::unsupported("OpenVPN is not installed on this machine"));
    }
    let mut without_effect = checked.without_effect;
    let mut configuration =
        format!("# Made by mdm-agent from a profile of the MDM server; changes are put back.\n{}", checked.text);
    if checked.names_server {
        without_effect.extend(super::named_by_itself(servers));
    } else if servers.is_empty() {
        return Err(PayloadError::missing("PluginProfile/ServerUrlList").into());
    }
    for server in servers.iter().filter(|_| !checked.names_server) {
        configuration.push_str(&remote(server)?);
    }
    let name = file_name(address);
    let path = MachinePath::named(CLIENTS, address, ".conf");
    let files = vec![(path, DesiredFile::private(configuration, Consumer::Nobody))];
    let mut share = Share { files, without_effect, ..Share::default() };
    if always_on {
        let unit = format!("/etc/systemd/system/multi-user.target.wants/openvpn-client@{name}.service");
        let link = DesiredFile::link("/usr/lib/systemd/system/openvpn-client@.service", Consumer::Nobody);
        share.files.push((MachinePath::new(unit), link));
    }
    Ok(share)
}

fn wrong(reason: String) -> Untranslatable {
    PayloadError::format(NODE, reason).into()
}

/// A configuration that was checked.
#[derive(Default)]
struct Checked {
    /// What OpenVPN gets.
    text: String,
    /// Whether it names a server.
    names_server: bool,
    /// Lines that have no effect, each with the reason.
    without_effect: Vec<String>,
}

/// Checks every line as OpenVPN will read it.
fn check(text: &str) -> Result<Checked, Untranslatable> {
    let mut inside: Option<&str> = None;
    let mut checked = Checked::default();
    for (number, whole) in (1..).zip(text.lines()) {
        let line = sound(number, whole)?;
        if let Some(tag) = inside
            && let Some(rest) = line.strip_prefix("</").and_then(|rest| rest.strip_prefix(tag)?.strip_prefix('>'))
        {
            // The block ends here for OpenVPN, whatever else the line says.
            if !rest.is_empty() {
                return Err(wrong(format!("line {number} has something behind the end of a block")));
            }
            inside = None;
        } else if inside.is_some_and(|tag| tag != "connection") || line.is_empty() || line.starts_with(['#', ';']) {
            // OpenVPN reads these as they are, or not at all.
        } else if let Some(tag) = line.strip_prefix('<').and_then(|line| line.strip_suffix('>')) {
            let known = INLINE.iter().find(|known| **known == tag && inside.is_none());
            inside = Some(known.ok_or_else(|| wrong(format!("line {number} begins a block that is not supported")))?);
        } else {
            let directive = Directive::parse(number, line)?;
            if let Some(reason) = directive.without_effect() {
                checked.without_effect.push(format!("{NODE}: line {number}, {}: {reason}", directive.word));
                continue;
            }
            directive.check()?;
            checked.names_server |= directive.word == "remote";
        }
        checked.text.push_str(whole);
        checked.text.push('\n');
    }
    match inside {
        Some(tag) => Err(wrong(format!("the block <{tag}> does not end"))),
        None => Ok(checked),
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
