//! VPNv2: a tunnel, from single nodes or from one `ProfileXML` (schema VPNv2 profile).

use std::fmt;

use super::eap::{Eap, MSCHAPV2, PEAP};
use super::{Leaves, PayloadError, comma_list};
use crate::xml::{Document, Element, Limits, without_declaration};

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
        let text = |name: &str| leaves.non_empty(&format!("NativeProfile/CryptographySuite/{name}"));
        let or = |name: &str, default: &str| text(name).unwrap_or(default).to_owned();
        text("EncryptionMethod").or_else(|| text("CipherTransformConstants")).or_else(|| text("DHGroup"))?;
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

impl fmt::Debug for VpnKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native { servers, protocol, force_tunnel, machine_certificate, eap, suite } => formatter
                .debug_struct("Native")
                .field("servers", servers)
                .field("protocol", protocol)
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
        if let Some(text) = leaves.non_empty("ProfileXML") {
            return Self::read(&flatten(text)?, Source::Document);
        }
        Self::read(leaves, Source::SingleNodes)
    }

    fn read(leaves: &Leaves, source: Source) -> Result<Self, PayloadError> {
        Ok(Self {
            kind: Self::kind(leaves, source)?,
            always_on: leaves.boolean("AlwaysOn")?.unwrap_or(false),
            device_tunnel: leaves.boolean("DeviceTunnel")?.unwrap_or(false),
            dns_suffixes: leaves.get("DnsSuffix").map(comma_list).unwrap_or_default(),
            trusted_networks: leaves.get("TrustedNetworkDetection").map(comma_list).unwrap_or_default(),
            routes: leaves.rows("RouteList").iter().map(|row| route(row, source)).collect::<Result<_, _>>()?,
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
        let machine = leaves.get("NativeProfile/Authentication/MachineMethod");
        Ok(Some(VpnKind::Native {
            servers: servers(list),
            protocol: match (leaves.get("NativeProfile/NativeProtocolType"), source) {
                (Some(protocol), _) => protocol.to_owned(),
                (None, Source::Document) => "Automatic".to_owned(),
                (None, Source::SingleNodes) => return Err(PayloadError::missing("NativeProfile/NativeProtocolType")),
            },
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
    if let Some(text) = leaves.non_empty(CONFIGURATION) {
        return Eap::parse(text, CONFIGURATION).map(|eap| Some(Box::new(eap)));
    }
    let method = leaves.number("NativeProfile/Authentication/Eap/Type")?;
    Ok(method.map(|method| {
        // The provider's own list calls PEAP 27.
        let method = if method == 27 { PEAP } else { method };
        let inner_method = (method == PEAP).then_some(MSCHAPV2);
        Box::new(Eap {
            method,
            inner_method,
            server_names: Vec::new(),
            trusted_roots: Vec::new(),
            issuers: Vec::new(),
            purposes: Vec::new(),
            anonymous_name: None,
        })
    }))
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

/// Turns a `ProfileXML` into the leaves that the same profile would have as single nodes.
fn flatten(text: &str) -> Result<Leaves, PayloadError> {
    let wrong = |error: crate::XmlError| PayloadError::xml("ProfileXML", &error);
    let document = Document::parse(without_declaration(text).as_bytes(), &Limits::PAYLOAD).map_err(wrong)?;
    let root = document.root_named("VPNProfile").map_err(wrong)?;
    let mut leaves = Leaves::default();
    let mut routes = 0;
    for child in root.children() {
        if child.is("Route") {
            add(&mut leaves, &format!("RouteList/{routes}"), child);
            routes += 1;
        } else {
            add(&mut leaves, child.name(), child);
        }
    }
    Ok(leaves)
}

fn add(leaves: &mut Leaves, path: &str, element: Element<'_>) {
    if !element.has_children() {
        leaves.0.insert(path.to_owned(), element.trimmed().to_owned());
        return;
    }
    if matches!(element.name(), "CustomConfiguration" | "Configuration") {
        leaves.0.insert(path.to_owned(), element.inner_xml().trim().to_owned());
        return;
    }
    for child in element.children() {
        add(leaves, &format!("{path}/{}", child.name()), child);
    }
}
