//! Where in the management tree profiles live: which nodes make up one profile, of which kind, under which name.

use std::fmt;

use crate::loc_uri::{LocUri, Scope};

/// The five kinds of profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileKind {
    /// A mailbox.
    Email,
    /// A tunnel.
    Vpn,
    /// A wireless network.
    Wifi,
    /// A certificate, with or without a private key.
    Certificate,
    /// A setting.
    Configuration,
}

impl ProfileKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Email, Self::Vpn, Self::Wifi, Self::Certificate, Self::Configuration];

    /// The kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Vpn => "vpn",
            Self::Wifi => "wifi",
            Self::Certificate => "certificate",
            Self::Configuration => "configuration",
        }
    }

    /// Reads the kind's name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for ProfileKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One step of a pattern: a fixed name, matched in any case, or a name that the server chose.
#[derive(Clone, Copy)]
enum Step {
    /// A name given by the provider, in its conventional case.
    Fixed(&'static str),
    /// One of several names given by the provider, matched in any case; part of the profile's name.
    OneOf(&'static [&'static str]),
    /// A name given by the server; part of the profile's name.
    Name,
}

use Step::{Fixed, Name, OneOf};

/// A provider's place for profiles, and what is put before the profile's name to keep it apart from its siblings'.
struct Place {
    kind: ProfileKind,
    prefix: &'static str,
    steps: &'static [Step],
}

const MSFT: Step = Fixed("MSFT");
const TRUST_STORES: Step =
    OneOf(&["Root", "CA", "TrustedPublisher", "TrustedPeople", "UntrustedCertificates", "OemEsim"]);
const TEMPLATES: Step = OneOf(&["Policy", "Preference"]);

#[rustfmt::skip]
const PLACES: &[Place] = &[
    Place { kind: ProfileKind::Wifi, prefix: "", steps: &[Fixed("Vendor"), MSFT, Fixed("WiFi"), Fixed("Profile"), Name] },
    Place { kind: ProfileKind::Vpn, prefix: "", steps: &[Fixed("Vendor"), MSFT, Fixed("VPNv2"), Name] },
    Place { kind: ProfileKind::Email, prefix: "", steps: &[Fixed("Vendor"), MSFT, Fixed("EMAIL2"), Name] },
    Place { kind: ProfileKind::Email, prefix: "Exchange/", steps: &[Fixed("Vendor"), MSFT, Fixed("ActiveSync"), Fixed("Accounts"), Name] },
    Place { kind: ProfileKind::Certificate, prefix: "", steps: &[Fixed("Vendor"), MSFT, Fixed("RootCATrustedCertificates"), TRUST_STORES, Name] },
    Place { kind: ProfileKind::Certificate, prefix: "Store/Root/", steps: &[Fixed("Vendor"), MSFT, Fixed("CertificateStore"), Fixed("ROOT"), Fixed("System"), Name] },
    Place { kind: ProfileKind::Certificate, prefix: "Store/CA/", steps: &[Fixed("Vendor"), MSFT, Fixed("CertificateStore"), Fixed("CA"), Fixed("System"), Name] },
    Place { kind: ProfileKind::Certificate, prefix: "PFX/", steps: &[Fixed("Vendor"), MSFT, Fixed("ClientCertificateInstall"), Fixed("PFXCertInstall"), Name] },
    Place { kind: ProfileKind::Certificate, prefix: "SCEP/", steps: &[Fixed("Vendor"), MSFT, Fixed("ClientCertificateInstall"), Fixed("SCEP"), Name] },
    Place { kind: ProfileKind::Configuration, prefix: "", steps: &[Fixed("Vendor"), MSFT, Fixed("Policy"), Fixed("Config"), Name, Name] },
    Place { kind: ProfileKind::Configuration, prefix: "ADMX/", steps: &[Fixed("Vendor"), MSFT, Fixed("Policy"), Fixed("ConfigOperations"), Fixed("ADMXInstall"), Name, TEMPLATES, Name] },
    Place { kind: ProfileKind::Configuration, prefix: "Compliance/", steps: &[Fixed("Vendor"), Fixed("LinuxMDM"), Fixed("Compliance"), Name] },
    Place { kind: ProfileKind::Configuration, prefix: "Linux/", steps: &[Fixed("Vendor"), Fixed("LinuxMDM"), Fixed("Config"), Name, Name] },
];

/// A profile's place in the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileAddress {
    /// The profile's kind.
    pub kind: ProfileKind,
    /// Whose profile it is.
    pub scope: Scope,
    /// The profile's name, unique among those of its kind and scope.
    pub name: String,
    /// The profile's own node, its fixed segments in their conventional case.
    pub root: LocUri,
}

/// The node for the device's name in DevDetail, and the setting that a Replace of it sets.
const DEVICE_NAME: [&str; 4] = ["DevDetail", "Ext", "Microsoft", "DeviceName"];
const DEVICE_NAME_SETTING: [&str; 5] = ["Vendor", "LinuxMDM", "Config", "Device", "Name"];

/// The node that a Replace sets. A name for the device is a setting like any other, so that it is applied before it is
/// acknowledged, restored after it was changed by hand, and removed with the enrollment: what replaces
/// `./DevDetail/Ext/Microsoft/DeviceName` is kept at `./Device/Vendor/LinuxMDM/Config/Device/Name`.
pub fn replaced_node(node: LocUri) -> LocUri {
    let segments = node.segments();
    let is_name = segments.len() == DEVICE_NAME.len()
        && segments.iter().zip(DEVICE_NAME).all(|(segment, name)| segment.eq_ignore_ascii_case(name));
    if is_name { LocUri::new(Scope::Device, DEVICE_NAME_SETTING.map(str::to_owned)) } else { node }
}

impl ProfileAddress {
    /// Finds the profile that a node belongs to: the node is the profile's own or lies below it.
    pub fn locate(node: &LocUri) -> Option<Self> {
        PLACES.iter().find_map(|place| place.locate(node))
    }
}

impl Place {
    /// A segment as part of the profile's name. Where other places have profiles of the same kind, a slash inside it is
    /// escaped, so that no two profiles share a name.
    fn part_of_name(&self, segment: &str) -> String {
        let alone = PLACES.iter().filter(|place| place.kind == self.kind).count() == 1;
        if alone { segment.to_owned() } else { segment.replace('%', "%25").replace('/', "%2F") }
    }

    fn locate(&self, node: &LocUri) -> Option<ProfileAddress> {
        let segments = node.segments().get(..self.steps.len())?;
        let mut root = Vec::with_capacity(segments.len());
        let mut names = Vec::new();
        for (segment, step) in segments.iter().zip(self.steps) {
            root.push(match step {
                Fixed(fixed) if segment.eq_ignore_ascii_case(fixed) => (*fixed).to_owned(),
                Fixed(_) => return None,
                OneOf(known) => {
                    let known = known.iter().find(|known| segment.eq_ignore_ascii_case(known))?;
                    names.push((*known).to_owned());
                    (*known).to_owned()
                }
                Name => {
                    names.push(self.part_of_name(segment));
                    segment.clone()
                }
            });
        }
        let name = format!("{}{}", self.prefix, names.join("/"));
        Some(ProfileAddress { kind: self.kind, scope: node.scope(), name, root: LocUri::new(node.scope(), root) })
    }
}
