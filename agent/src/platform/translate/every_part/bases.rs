//! Profiles that work, to which parts are added.

use std::sync::Arc;

use mdm_protocol::{Thumbprint, base64};

use super::document::{List, document};
use crate::engine::Profile;
use crate::platform::machine::Machine;
use crate::platform::shares::Shares;
use crate::platform::testing::{everything, profile};
use crate::platform::translate::certificate::testing::{Made, install, pfx};

/// The key of a WireGuard tunnel.
const KEY: &str = "YAnz5TF+lXXJte14tji3zlMNftX2JxwtzW9yS+2v0V0=";
/// Where a wireless network has its enterprise method.
pub(super) const ONE_X: &str = "MSM/security/OneX/EAPConfig/EapHostConfig";

/// A profile that works on a machine.
pub(super) struct Base {
    pub(super) name: &'static str,
    pub(super) machine: Machine,
    /// Profiles that it refers to.
    pub(super) others: Vec<Profile>,
    pub(super) root: &'static str,
    /// What is expensive to translate is translated once.
    pub(super) shares: Arc<Shares>,
    /// Its nodes; of those that are documents, what is in them is below their path.
    pub(super) nodes: List,
}

impl Base {
    /// The profile with these nodes.
    pub(super) fn profile(&self, nodes: &List) -> Profile {
        let mut leaves: List = Vec::new();
        for (node, root) in
            [("WlanXml", "WLANProfile"), ("NativeProfile/Authentication/Eap/Configuration", "EapHostConfig")]
        {
            let below = nodes
                .iter()
                .filter_map(|(path, value)| Some((path.strip_prefix(&format!("{node}/"))?.to_owned(), value.clone())));
            let parts: List = below.collect();
            if !parts.is_empty() {
                leaves.push((node.to_owned(), document(root, &parts)));
            }
        }
        let is_document = |path: &str| path.contains("WlanXml/") || path.contains("Eap/Configuration/");
        leaves.extend(nodes.iter().filter(|(path, _)| !is_document(path)).cloned());
        let leaves: Vec<(&str, &str)> = leaves.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        profile(self.root, &leaves)
    }
}

fn list(pairs: &[(&str, &str)]) -> List {
    pairs.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
}

fn wifi(authentication: &str, more: &[(&str, &str)]) -> List {
    let encryption = match authentication {
        "open" => "none",
        _ => "AES",
    };
    let mut nodes = list(&[
        ("WlanXml/name", "Corp"),
        ("WlanXml/SSIDConfig/SSID/name", "Corp"),
        ("WlanXml/MSM/security/authEncryption/authentication", authentication),
        ("WlanXml/MSM/security/authEncryption/encryption", encryption),
    ]);
    nodes.extend(more.iter().map(|(path, value)| (format!("WlanXml/{path}"), (*value).to_owned())));
    nodes
}

fn method(prefix: &str, parts: &[(&str, &str)]) -> List {
    parts.iter().map(|(path, value)| (format!("{prefix}/{path}"), (*value).to_owned())).collect()
}

/// Profiles of every kind, with a certificate that they may need.
pub(super) fn all(made: &Made) -> Vec<Base> {
    let root = Thumbprint::of(&made.root).to_string();
    let trusted = profile(
        &format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{root}"),
        &[("EncodedCertificate", &base64::encode(&made.root))],
    );
    let kit = Kit { others: vec![trusted, install(&pfx(made, "x"), "x")], root, shares: Arc::default() };
    let mut all = kit.networks();
    all.extend(kit.tunnels());
    all.extend(kit.others(&pfx(made, "x")));
    all
}

/// What bases are made with.
struct Kit {
    /// A root and a certificate of the device.
    others: Vec<Profile>,
    /// The root's thumbprint.
    root: String,
    shares: Arc<Shares>,
}

impl Kit {
    fn base(&self, name: &'static str, root: &'static str, nodes: List) -> Base {
        let shares = Arc::clone(&self.shares);
        Base { name, machine: everything(), others: Vec::new(), root, shares, nodes }
    }

    /// With the root and the certificate.
    fn with_others(&self, base: Base) -> Base {
        Base { others: self.others.clone(), ..base }
    }

    fn tls(&self) -> [(&str, &str); 4] {
        [
            ("EapMethod/Type", "13"),
            ("Config/Eap/Type", "13"),
            ("Config/Eap/EapType/ServerValidation/ServerNames", "radius.example"),
            ("Config/Eap/EapType/ServerValidation/TrustedRootCA", &self.root),
        ]
    }

    fn networks(&self) -> Vec<Base> {
        let enterprise = |parts: &[(&str, &str)]| {
            let mut nodes = wifi("WPA2", &[]);
            nodes.extend(method(&format!("WlanXml/{ONE_X}"), parts));
            nodes
        };
        vec![
            self.base("open", NETWORK, wifi("open", &[])),
            self.base("WPA2-PSK", NETWORK, wifi("WPA2PSK", SHARED_KEY)),
            self.base("WPA3-SAE", NETWORK, wifi("WPA3SAE", SHARED_KEY)),
            self.with_others(self.base("EAP-TLS", NETWORK, enterprise(&self.tls()))),
            self.with_others(self.base("PEAP", NETWORK, enterprise(PEAP))),
            self.with_others(self.base("EAP-TTLS", NETWORK, enterprise(TTLS))),
        ]
    }

    fn tunnels(&self) -> Vec<Base> {
        let native = |more: &[(&str, &str)]| {
            let mut nodes = list(&[
                ("NativeProfile/Servers", "vpn.example"),
                ("NativeProfile/NativeProtocolType", "IKEv2"),
                ("NativeProfile/RoutingPolicyType", "SplitTunnel"),
            ]);
            nodes.extend(list(more));
            nodes
        };
        let by_method = |parts: &[(&str, &str)]| {
            let mut nodes = native(&[("AlwaysOn", "true")]);
            nodes.extend(method("NativeProfile/Authentication/Eap/Configuration", parts));
            nodes
        };
        let plugin = |package: &str, configuration: &str| {
            list(&[
                ("PluginProfile/PluginPackageFamilyName", package),
                ("PluginProfile/CustomConfiguration", configuration),
            ])
        };
        let wireguard = format!(
            "[Interface]\nPrivateKey = {KEY}\nAddress = 10.0.0.2/32\n[Peer]\nPublicKey = {KEY}\n\
             Endpoint = vpn.example:1\nAllowedIPs = 10.0.0.0/8\n"
        );
        let openvpn = "client\ndev tun\nremote vpn.example 1194\nauth-user-pass\n";
        let swanctl = Machine { swanctl: true, ..Machine::default() };
        let certificate = native(&[("NativeProfile/Authentication/MachineMethod", "Certificate")]);
        let with_swanctl = self.base("IKEv2, EAP-TLS, swanctl", TUNNEL, by_method(&self.tls()));
        vec![
            self.base("IKEv2, password", TUNNEL, native(&[("NativeProfile/Authentication/Eap/Type", "26")])),
            self.with_others(self.base("IKEv2, certificate", TUNNEL, certificate)),
            self.with_others(self.base("IKEv2, EAP-TLS", TUNNEL, by_method(&self.tls()))),
            self.with_others(Base { machine: swanctl, ..with_swanctl }),
            self.base("IKEv2, PEAP", TUNNEL, by_method(TUNNEL_PEAP)),
            self.base("WireGuard", TUNNEL, plugin("WireGuard", &wireguard)),
            self.base("OpenVPN", TUNNEL, plugin("OpenVPN", openvpn)),
        ]
    }

    fn others(&self, blob: &str) -> Vec<Base> {
        let exchange = list(&[("EmailAddress", "ada@example.org"), ("ServerName", "mail.example")]);
        let own = list(&[("PFXCertBlob", blob), ("PFXCertPassword", "x")]);
        let scep = list(&[("Install/ServerURL", "https://ca.example/scep"), ("Install/SubjectName", "CN=ada")]);
        vec![
            self.base("mailbox", "./User/Vendor/MSFT/EMAIL2/{1}", list(MAILBOX)),
            self.base("Exchange", "./User/Vendor/MSFT/ActiveSync/Accounts/{1}", exchange),
            self.base("PFX", "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/own", own),
            self.base("SCEP", "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/own", scep),
        ]
    }
}

const NETWORK: &str = "./Device/Vendor/MSFT/WiFi/Profile/Corp";
const TUNNEL: &str = "./Device/Vendor/MSFT/VPNv2/Corp";
const SHARED_KEY: &[(&str, &str)] = &[
    ("MSM/security/sharedKey/keyType", "passPhrase"),
    ("MSM/security/sharedKey/protected", "false"),
    ("MSM/security/sharedKey/keyMaterial", "correct horse"),
];
const PEAP: &[(&str, &str)] = &[
    ("EapMethod/Type", "25"),
    ("Config/Eap/Type", "25"),
    ("Config/Eap/EapType/ServerValidation/ServerNames", "radius.example"),
    ("Config/Eap/EapType/Eap/Type", "26"),
];
const TUNNEL_PEAP: &[(&str, &str)] =
    &[("EapMethod/Type", "25"), ("Config/Eap/Type", "25"), ("Config/Eap/EapType/Eap/Type", "26")];
const TTLS: &[(&str, &str)] = &[
    ("EapMethod/Type", "21"),
    ("Config/EapTtls/ServerValidation/ServerNames", "radius.example"),
    ("Config/EapTtls/Phase2Authentication/PAPAuthentication", ""),
    ("Config/EapTtls/Phase1Identity/AnonymousIdentity", "anonymous"),
];
const MAILBOX: &[(&str, &str)] = &[
    ("SERVICENAME", "Corp"),
    ("SERVICETYPE", "IMAP4"),
    ("REPLYADDR", "ada@example.org"),
    ("INSERVER", "imap.example"),
    ("OUTSERVER", "smtp.example"),
    ("AUTHREQUIRED", "1"),
];
