//! WireGuard: the configuration that wg-quick takes (wg-quick(8)), as a NetworkManager keyfile or, where there is no
//! NetworkManager, as it is. Commands that wg-quick would run are refused.

use std::net::{IpAddr, SocketAddr};

use mdm_protocol::csp::PayloadError;
use mdm_protocol::csp::profile::ProfileAddress;
use mdm_protocol::{Secret, base64};

use crate::platform::consumer::Consumer;
use crate::platform::desired::{DesiredFile, Share, Untranslatable};
use crate::platform::keyfile::Keyfile;
use crate::platform::path::{MachinePath, uuid};
use crate::platform::translate::Context;

const NODE: &str = "PluginProfile/CustomConfiguration";

/// A configuration in wg-quick's form.
#[derive(Debug, Default)]
struct Configuration {
    private_key: Option<Secret>,
    listen_port: Option<u16>,
    mtu: Option<u16>,
    addresses: Vec<String>,
    dns: Vec<String>,
    /// The mark of the tunnel's own packets; 0 for none.
    mark: Option<u32>,
    table: Table,
    /// Whether changes would be saved, which nobody makes.
    saves: bool,
    peers: Vec<Peer>,
}

/// Where the routes to what peers may send go.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Table {
    /// Where the client thinks best.
    #[default]
    Automatic,
    /// There are none.
    Off,
    /// Into a table of the kernel's.
    Number(u32),
}

#[derive(Debug, Default)]
struct Peer {
    public_key: String,
    preshared_key: Option<Secret>,
    endpoint: Option<String>,
    allowed: Vec<String>,
    keepalive: Option<u16>,
}

/// What a WireGuard tunnel asks of the machine.
pub(super) fn translate(
    always_on: bool,
    servers: &[String],
    text: &str,
    address: &ProfileAddress,
    context: &Context<'_>,
) -> Result<Share, Untranslatable> {
    let mut configuration = read(text)?;
    let mut share = Share::default();
    match (configuration.peers.as_mut_slice(), servers) {
        ([peer], [server]) if peer.endpoint.is_none() => {
            let server = if server.contains(':') { server.clone() } else { format!("{server}:51820") };
            peer.endpoint = Some(endpoint(&server)?);
        }
        (_, servers) => share.without_effect.extend(super::named_by_itself(servers)),
    }
    if configuration.saves {
        share.without_effect.push(format!("{NODE}: SaveConfig: the tunnel is as its profile says"));
    }
    if context.machine.network_manager {
        share.files.push(keyfile(&configuration, always_on, address));
    } else if context.machine.wireguard_tools {
        let path = MachinePath::new(format!("/etc/wireguard/{}.conf", interface(address)));
        share.files.push((path, DesiredFile::private(quick(&configuration), Consumer::Nobody)));
        if always_on {
            let unit = format!("/etc/systemd/system/multi-user.target.wants/wg-quick@{}.service", interface(address));
            let link = DesiredFile::link("/usr/lib/systemd/system/wg-quick@.service", Consumer::Nobody);
            share.files.push((MachinePath::new(unit), link));
        }
    } else {
        return Err(Untranslatable::unsupported("this machine has neither NetworkManager nor wg-quick"));
    }
    Ok(share)
}

fn wrong(reason: impl Into<String>) -> Untranslatable {
    PayloadError::format(NODE, reason).into()
}

fn read(text: &str) -> Result<Configuration, Untranslatable> {
    let mut configuration = Configuration::default();
    let mut in_peer = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if line.eq_ignore_ascii_case("[Interface]") {
            in_peer = Some(false);
        } else if line.eq_ignore_ascii_case("[Peer]") {
            configuration.peers.push(Peer::default());
            in_peer = Some(true);
        } else {
            let (name, value) =
                line.split_once('=').ok_or_else(|| wrong(format!("line {number} is not name = value")))?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            match (in_peer, configuration.peers.last_mut()) {
                (Some(true), Some(peer)) => peer.set(&name, value, number)?,
                (Some(false), _) => configuration.set(&name, value, number)?,
                _ => return Err(wrong(format!("line {number} is in no section"))),
            }
        }
    }
    if configuration.private_key.is_none() || configuration.addresses.is_empty() {
        return Err(wrong("[Interface] has no PrivateKey or no Address"));
    }
    if configuration.peers.is_empty() || configuration.peers.iter().any(|peer| peer.public_key.is_empty()) {
        return Err(wrong("there is no [Peer], or one without PublicKey"));
    }
    Ok(configuration)
}

impl Table {
    /// As wg-quick takes it.
    fn word(self) -> Option<String> {
        match self {
            Self::Automatic => None,
            Self::Off => Some("off".to_owned()),
            Self::Number(number) => Some(number.to_string()),
        }
    }
}

impl Configuration {
    fn set(&mut self, name: &str, value: &str, line: u32) -> Result<(), Untranslatable> {
        match name {
            "privatekey" => self.private_key = Some(Secret::new(key(value, line)?)),
            "listenport" => self.listen_port = Some(number(value, line)?),
            "mtu" => self.mtu = Some(number(value, line)?),
            "address" => self.addresses.extend(networks(value, line)?),
            "dns" => self.dns.extend(names(value, line)?),
            "fwmark" => self.mark = Some(mark(value, line)?),
            "table" => self.table = table(value, line)?,
            "saveconfig" => match value {
                "true" => self.saves = true,
                "false" => self.saves = false,
                _ => return Err(wrong(format!("line {line} is neither true nor false"))),
            },
            // wg-quick would run these as root.
            "preup" | "postup" | "predown" | "postdown" => {
                return Err(Untranslatable::unsupported(format!(
                    "{NODE}: commands of wg-quick (line {line}) are not run"
                )));
            }
            _ => return Err(wrong(format!("line {line} sets something that is not known"))),
        }
        Ok(())
    }
}

impl Peer {
    fn set(&mut self, name: &str, value: &str, line: u32) -> Result<(), Untranslatable> {
        match name {
            "publickey" => self.public_key = key(value, line)?,
            "presharedkey" => self.preshared_key = Some(Secret::new(key(value, line)?)),
            "endpoint" => self.endpoint = Some(endpoint(value)?),
            "allowedips" => self.allowed.extend(networks(value, line)?),
            "persistentkeepalive" if value.eq_ignore_ascii_case("off") => self.keepalive = None,
            "persistentkeepalive" => self.keepalive = Some(number(value, line)?),
            _ => return Err(wrong(format!("line {line} sets something that is not known"))),
        }
        Ok(())
    }
}

/// A number, decimal or with `0x` before it hexadecimal, or `off`.
fn mark(value: &str, line: u32) -> Result<u32, Untranslatable> {
    let parsed = match value.strip_prefix("0x") {
        _ if value == "off" => Ok(0),
        Some(digits) => u32::from_str_radix(digits, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| wrong(format!("line {line} is not a mark of 32 bits")))
}

fn table(value: &str, line: u32) -> Result<Table, Untranslatable> {
    match value {
        "auto" => Ok(Table::Automatic),
        "off" => Ok(Table::Off),
        number => match mark(number, line)? {
            0 => Err(wrong(format!("line {line} is not a table of routes"))),
            number => Ok(Table::Number(number)),
        },
    }
}

/// 32 bytes in base64, written as everybody writes them: the decoder forgives white space, others do not.
fn key(value: &str, line: u32) -> Result<String, Untranslatable> {
    match base64::decode(value) {
        Ok(bytes) if bytes.len() == 32 => Ok(base64::encode(bytes)),
        _ => Err(wrong(format!("line {line} is not a key of 32 bytes in base64"))),
    }
}

fn number(value: &str, line: u32) -> Result<u16, Untranslatable> {
    value.parse().map_err(|_| wrong(format!("line {line} is not a number of 0 to 65535")))
}

fn networks(value: &str, line: u32) -> Result<Vec<String>, Untranslatable> {
    let each = value.split(',').map(str::trim).filter(|network| !network.is_empty()).map(|network| {
        let (address, prefix) = network.split_once('/').unwrap_or((network, ""));
        let address: IpAddr = address.parse().map_err(|_| wrong(format!("line {line} has an address that is none")))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if prefix.is_empty() { Ok(most) } else { prefix.parse() };
        let prefix: u8 = prefix.map_err(|_| wrong(format!("line {line} has a prefix that is none")))?;
        if prefix > most {
            Err(wrong(format!("line {line} has a prefix that is none")))
        } else {
            Ok(format!("{address}/{prefix}"))
        }
    });
    each.collect()
}

fn names(value: &str, line: u32) -> Result<Vec<String>, Untranslatable> {
    let all: Vec<String> = value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let sound = all.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte)));
    if sound { Ok(all) } else { Err(wrong(format!("line {line} is not a list of addresses and domains"))) }
}

fn endpoint(value: &str) -> Result<String, Untranslatable> {
    let by_name = value.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && port.parse::<u16>().is_ok()
    });
    if by_name || value.parse::<SocketAddr>().is_ok() {
        Ok(value.to_owned())
    } else {
        Err(wrong("an Endpoint is not host:port"))
    }
}

/// Interfaces have names of at most 15 bytes.
fn interface(address: &ProfileAddress) -> String {
    format!("mdm-{}", &uuid(address)[..8])
}

fn keyfile(configuration: &Configuration, always_on: bool, address: &ProfileAddress) -> (MachinePath, DesiredFile) {
    let mut keyfile = Keyfile::connection(address, "wireguard");
    keyfile.set("interface-name", interface(address));
    if !always_on {
        keyfile.set("autoconnect", "false");
    }
    keyfile.section("wireguard");
    keyfile.set_some("private-key", configuration.private_key.as_ref().map(Secret::expose));
    keyfile.set_some("listen-port", configuration.listen_port.map(|port| port.to_string()));
    keyfile.set_some("mtu", configuration.mtu.map(|mtu| mtu.to_string()));
    keyfile.set_some("fwmark", configuration.mark.map(|mark| mark.to_string()));
    if configuration.table == Table::Off {
        keyfile.set("peer-routes", "false");
    }
    for peer in &configuration.peers {
        keyfile.section(&format!("wireguard-peer.{}", peer.public_key));
        keyfile.set_some("endpoint", peer.endpoint.as_ref());
        if let Some(key) = &peer.preshared_key {
            keyfile.set("preshared-key", key.expose());
            keyfile.set("preshared-key-flags", "0");
        }
        keyfile.set_some("persistent-keepalive", peer.keepalive.map(|seconds| seconds.to_string()));
        keyfile.set_list("allowed-ips", &peer.allowed);
    }
    for (section, is_six) in [("ipv4", false), ("ipv6", true)] {
        keyfile.section(section);
        let addresses: Vec<&String> =
            configuration.addresses.iter().filter(|address| address.contains(':') == is_six).collect();
        keyfile.set("method", if addresses.is_empty() { "disabled" } else { "manual" });
        if let Table::Number(number) = configuration.table {
            keyfile.set("route-table", number.to_string());
        }
        for (number, address) in (1..).zip(&addresses) {
            keyfile.set(&format!("address{number}"), address);
        }
        if !addresses.is_empty() {
            let (servers, domains): (Vec<String>, Vec<String>) =
                configuration.dns.iter().cloned().partition(|name| name.parse::<IpAddr>().is_ok());
            let servers: Vec<String> = servers.into_iter().filter(|server| server.contains(':') == is_six).collect();
            keyfile.set_list("dns", &servers);
            keyfile.set_list("dns-search", &domains);
        }
    }
    keyfile.into_file(address)
}

fn quick(configuration: &Configuration) -> String {
    let mut lines = vec![
        "# Made by mdm-agent from a profile of the MDM server; changes are put back.".to_owned(),
        "[Interface]".to_owned(),
    ];
    let mut set = |name: &str, value: Option<String>| lines.extend(value.map(|value| format!("{name} = {value}")));
    let list = |values: &[String]| Some(values.join(", ")).filter(|values| !values.is_empty());
    set("PrivateKey", configuration.private_key.as_ref().map(|key| key.expose().to_owned()));
    set("Address", list(&configuration.addresses));
    set("DNS", list(&configuration.dns));
    set("ListenPort", configuration.listen_port.map(|port| port.to_string()));
    set("MTU", configuration.mtu.map(|mtu| mtu.to_string()));
    set("FwMark", configuration.mark.map(|mark| mark.to_string()));
    set("Table", configuration.table.word());
    for peer in &configuration.peers {
        lines.push("\n[Peer]".to_owned());
        let mut set = |name: &str, value: Option<String>| lines.extend(value.map(|value| format!("{name} = {value}")));
        set("PublicKey", Some(peer.public_key.clone()));
        set("PresharedKey", peer.preshared_key.as_ref().map(|key| key.expose().to_owned()));
        set("Endpoint", peer.endpoint.clone());
        set("AllowedIPs", list(&peer.allowed));
        set("PersistentKeepalive", peer.keepalive.map(|seconds| seconds.to_string()));
    }
    lines.join("\n") + "\n"
}
