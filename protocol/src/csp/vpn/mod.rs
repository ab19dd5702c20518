//! VPNv2: a tunnel, from single nodes or from one `ProfileXML` (schema VPNv2 profile).

mod document;

use std::borrow::Cow;
use std::fmt;

use super::eap::{Eap, PEAP};
use super::{Leaves, PayloadError, comma_list};

/// A tunnel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VpnProfile {
    /// Where the tunnel leads and how.
    pub kind: Option<VpnKind>,
    /// Whether the tunnel is brought up without being asked for.
    pub always_on: bool,
    /// Whether the tunnel belongs to the machine and is up before anyone signs in.
    pub device_tunnel: bool,
    /// Domain suffixes to search through the tunnel.
    pub dns_suffixes: Vec<String>,
    /// Networks in which the tunnel is not needed.
    pub trusted_networks: Vec<String>,
    /// Destinations through the tunnel, or beside it.
    pub routes: Vec<Route>,
    /// Which servers resolve which names while the tunnel is up (`DomainNameInformationList`).
    pub name_rules: Vec<NameRule>,
    /// Whether a password may be kept; `None` leaves it to the client.
    pub remember_credentials: Option<bool>,
}

/// What carries the tunnel. `Debug` hides the configuration of another client, which may contain keys.
#[derive(Clone, PartialEq, Eq)]
pub enum VpnKind {
    /// The system's own client.
    Native {
        /// The server's names or addresses, best first.
        servers: Vec<String>,
        /// `IKEv2`, `L2TP`, `PPTP`, `SSTP`, `Automatic` or `ProtocolList`, as written.
        protocol: String,
        /// The protocols to try, best first, where the protocol is `ProtocolList`.
        protocols: Vec<String>,
        /// Whether all traffic goes through the tunnel.
        force_tunnel: bool,
        /// Whether the machine proves itself by a certificate.
        machine_certificate: bool,
        /// How the user is proven, where an enterprise method does it.
        eap: Option<Box<Eap>>,
        /// The algorithms, where they are prescribed.
        suite: Option<CryptographySuite>,
    },
    /// Another client, named by its package.
    Plugin {
        /// The package's name.
        package: String,
        /// The server's names or addresses, best first.
        servers: Vec<String>,
        /// The client's own configuration.
        configuration: Option<String>,
    },
}

/// The algorithms of a tunnel, by the provider's own names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CryptographySuite {
    /// Integrity of what goes through the tunnel.
    pub authentication_transform: String,
    /// Secrecy of what goes through the tunnel.
    pub cipher_transform: String,
    /// Secrecy of the negotiation.
    pub encryption: String,
    /// Integrity of the negotiation.
    pub integrity: String,
    /// The group of the negotiation.
    pub dh_group: String,
    /// The group of later keys; `None` for none.
    pub pfs_group: String,
}

impl CryptographySuite {
    fn from_leaves(leaves: &Leaves) -> Option<Self> {
        const NAMES: [&str; 6] = [
            "AuthenticationTransformConstants",
            "CipherTransformConstants",
            "EncryptionMethod",
            "IntegrityCheckMethod",
            "DHGroup",
            "PfsGroup",
        ];
        let text = |name: &str| leaves.non_empty(&format!("NativeProfile/CryptographySuite/{name}"));
        let or = |name: &str, default: &str| text(name).unwrap_or(default).to_owned();
        NAMES.iter().find_map(|name| text(name))?;
        Some(Self {
            authentication_transform: or("AuthenticationTransformConstants", "SHA256128"),
            cipher_transform: or("CipherTransformConstants", "AES256"),
            encryption: or("EncryptionMethod", "AES256"),
            integrity: or("IntegrityCheckMethod", "SHA256"),
            dh_group: or("DHGroup", "Group14"),
            pfs_group: or("PfsGroup", "None"),
        })
    }
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The network's address.
    pub address: String,
    /// The length of its prefix in bits.
    pub prefix: u8,
    /// The route's metric.
    pub metric: Option<u32>,
    /// Whether the destination is reached beside the tunnel.
    pub excluded: bool,
}

/// Servers that resolve the names of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule {
    /// The domain: with a dot before it all names that end so, without one this name alone, `.` all names.
    pub domain: String,
    /// The addresses of the servers.
    pub servers: Vec<String>,
}

impl fmt::Debug for VpnKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native { servers, protocol, protocols, force_tunnel, machine_certificate, eap, suite } => formatter
                .debug_struct("Native")
                .field("servers", servers)
                .field("protocol", protocol)
                .field("protocols", protocols)
                .field("force_tunnel", force_tunnel)
                .field("machine_certificate", machine_certificate)
                .field("eap", eap)
                .field("suite", suite)
                .finish(),
            Self::Plugin { package, servers, configuration } => formatter
                .debug_struct("Plugin")
                .field("package", package)
                .field("servers", servers)
                .field("configuration", &configuration.as_ref().map(|text| format!("{} bytes", text.len())))
                .finish(),
        }
    }
}

/// Where the values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// One node after the other: what is missing may still come.
    SingleNodes,
    /// A `ProfileXML`, which is whole.
    Document,
}

impl VpnProfile {
    /// Reads a profile from its nodes.
    pub fn from_leaves(leaves: &Leaves) -> Result<Self, PayloadError> {
        let (leaves, source) = Self::single_nodes(leaves)?;
        Self::read(&leaves, source)
    }

    /// The nodes of a profile; of a `ProfileXML` those that the same profile would have as single nodes.
    pub fn nodes(leaves: &Leaves) -> Result<Cow<'_, Leaves>, PayloadError> {
        Self::single_nodes(leaves).map(|(leaves, _)| leaves)
    }

    fn single_nodes(leaves: &Leaves) -> Result<(Cow<'_, Leaves>, Source), PayloadError> {
        match leaves.non_empty("ProfileXML") {
            Some(_) if leaves.0.len() > 1 => {
                Err(PayloadError::unsupported("ProfileXML", "stands beside single nodes of the same profile"))
            }
            Some(text) => Ok((Cow::Owned(document::flatten(text)?), Source::Document)),
            None => Ok((Cow::Borrowed(leaves), Source::SingleNodes)),
        }
    }

    fn read(leaves: &Leaves, source: Source) -> Result<Self, PayloadError> {
        Ok(Self {
            kind: Self::kind(leaves, source)?,
            always_on: leaves.boolean("AlwaysOn")?.unwrap_or(false),
            device_tunnel: leaves.boolean("DeviceTunnel")?.unwrap_or(false),
            dns_suffixes: leaves.get("DnsSuffix").map(comma_list).unwrap_or_default(),
            trusted_networks: leaves.get("TrustedNetworkDetection").map(comma_list).unwrap_or_default(),
            routes: leaves.rows("RouteList").iter().map(|row| route(row, source)).collect::<Result<_, _>>()?,
            name_rules: leaves.rows("DomainNameInformationList").iter().map(name_rule).collect::<Result<_, _>>()?,
            remember_credentials: leaves.boolean("RememberCredentials")?,
        })
    }

    fn kind(leaves: &Leaves, source: Source) -> Result<Option<VpnKind>, PayloadError> {
        if let Some(package) = leaves.non_empty("PluginProfile/PluginPackageFamilyName") {
            return Ok(Some(VpnKind::Plugin {
                package: package.to_owned(),
                servers: list(leaves.get("PluginProfile/ServerUrlList").unwrap_or_default().split(';')),
                configuration: leaves.non_empty("PluginProfile/CustomConfiguration").map(str::to_owned),
            }));
        }
        let Some(list) = leaves.non_empty("NativeProfile/Servers") else { return Ok(None) };
        let routing = leaves.get("NativeProfile/RoutingPolicyType").unwrap_or("ForceTunnel");
        let machine = leaves.non_empty("NativeProfile/Authentication/MachineMethod");
        if machine.is_some_and(|method| !["certificate", "eap"].contains(&method.to_ascii_lowercase().as_str())) {
            let reason = "another authentication than Certificate and Eap is not supported";
            return Err(PayloadError::unsupported("NativeProfile/Authentication/MachineMethod", reason));
        }
        if !["splittunnel", "forcetunnel"].contains(&routing.to_ascii_lowercase().as_str()) {
            return Err(PayloadError::format(
                "NativeProfile/RoutingPolicyType",
                "is neither SplitTunnel nor ForceTunnel",
            ));
        }
        Ok(Some(VpnKind::Native {
            servers: servers(list),
            protocol: match (leaves.get("NativeProfile/NativeProtocolType"), source) {
                (Some(protocol), _) => protocol.to_owned(),
                (None, Source::Document) => "Automatic".to_owned(),
                (None, Source::SingleNodes) => return Err(PayloadError::missing("NativeProfile/NativeProtocolType")),
            },
            protocols: leaves
                .rows("NativeProfile/ProtocolList/NativeProtocolList")
                .iter()
                .filter_map(|row| row.non_empty("Type").map(str::to_owned))
                .collect(),
            force_tunnel: !routing.eq_ignore_ascii_case("SplitTunnel"),
            machine_certificate: machine.is_some_and(|method| method.eq_ignore_ascii_case("Certificate")),
            eap: eap(leaves)?,
            suite: CryptographySuite::from_leaves(leaves),
        }))
    }
}

/// The method by which the user is proven: in full, or by its number alone.
fn eap(leaves: &Leaves) -> Result<Option<Box<Eap>>, PayloadError> {
    const CONFIGURATION: &str = "NativeProfile/Authentication/Eap/Configuration";
    const TYPE: &str = "NativeProfile/Authentication/Eap/Type";
    let method: Option<u32> = leaves.number(TYPE)?;
    // The provider's own list calls PEAP 27.
    let method = method.map(|method| if method == 27 { PEAP } else { method });
    let Some(text) = leaves.non_empty(CONFIGURATION) else {
        return Ok(method.map(|method| Box::new(Eap::of_method(method))));
    };
    let eap = Eap::parse(text, CONFIGURATION)?;
    if method.is_some_and(|method| method != eap.method) {
        return Err(PayloadError::format(TYPE, "is another method than that of Eap/Configuration"));
    }
    Ok(Some(Box::new(eap)))
}

/// `server;friendly name` entries, several of them separated by commas.
fn servers(list: &str) -> Vec<String> {
    self::list(list.split(',').filter_map(|entry| entry.split(';').next()))
}

fn list<'a>(entries: impl Iterator<Item = &'a str>) -> Vec<String> {
    entries.map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

fn route(row: &Leaves, source: Source) -> Result<Route, PayloadError> {
    let wrong = || PayloadError::format("PrefixSize", "is not a number of 0 to 128");
    let prefix = match (row.number("PrefixSize")?, source) {
        (Some(bits), _) if bits <= 128 => bits,
        (None, Source::SingleNodes) if row.get("PrefixSize").is_none() => {
            return Err(PayloadError::missing("PrefixSize"));
        }
        (Some(_) | None, _) => return Err(wrong()),
    };
    Ok(Route {
        address: row.required("Address")?.to_owned(),
        prefix,
        metric: row.number("Metric")?,
        excluded: row.boolean("ExclusionRoute")?.unwrap_or(false),
    })
}

fn name_rule(row: &Leaves) -> Result<NameRule, PayloadError> {
    let servers = row.get("DnsServers").map(comma_list).unwrap_or_default();
    Ok(NameRule { domain: row.required("DomainName")?.to_owned(), servers })
}
