//! A tunnel of every kind that NetworkManager carries, and what it has to understand of each.

use crate::certificates::Authority;
use crate::networks::Expected;
use crate::samples::{ikev2, method, plugin};

/// A key of WireGuard's.
pub(crate) const KEY: &str = "YAnz5TF+lXXJte14tji3zlMNftX2JxwtzW9yS+2v0V0=";
const EAP_TYPE: (&str, &str) = ("NativeProfile/Authentication/Eap/Type", "26");
const MACHINE: (&str, &str) = ("NativeProfile/Authentication/MachineMethod", "Certificate");

const SUITE: [(&str, &str); 6] = [
    EAP_TYPE,
    ("NativeProfile/CryptographySuite/EncryptionMethod", "AES_GCM_256"),
    ("NativeProfile/CryptographySuite/IntegrityCheckMethod", "SHA384"),
    ("NativeProfile/CryptographySuite/CipherTransformConstants", "GCMAES256"),
    ("NativeProfile/CryptographySuite/DHGroup", "ECP384"),
    ("NativeProfile/CryptographySuite/PfsGroup", "ECP384"),
];
const SPLIT: [(&str, &str); 8] = [
    EAP_TYPE,
    ("NativeProfile/RoutingPolicyType", "SplitTunnel"),
    ("RouteList/0/Address", "10.20.0.0"),
    ("RouteList/0/PrefixSize", "16"),
    ("RouteList/0/Metric", "5"),
    ("RouteList/1/Address", "fd00::"),
    ("RouteList/1/PrefixSize", "8"),
    ("DnsSuffix", "corp.example,lab.example"),
];

const NAMES: [(&str, &str); 3] = [
    EAP_TYPE,
    ("DomainNameInformationList/0/DomainName", ".corp.example"),
    ("DomainNameInformationList/0/DnsServers", "10.10.0.53,fd00::53"),
];

/// A configuration of WireGuard's.
pub(crate) fn wireguard() -> String {
    format!(
        "[Interface]\nPrivateKey = {KEY}\nAddress = 10.0.0.2/32, fd00::2/128\nDNS = 10.0.0.1, corp.example\nMTU = 1400\n\
         FwMark = 0xca6c\nTable = 7\n\
         [Peer]\nPublicKey = {KEY}\nPresharedKey = {KEY}\nAllowedIPs = 10.0.0.0/8, fd00::/64 # all\n\
         Endpoint = [fd00::1]:51820\nPersistentKeepalive = 25\n"
    )
}

/// Every kind. Those with certificates need the authority and a certificate of the device.
pub(crate) fn all(authority: &Authority) -> Vec<Expected> {
    let root =
        format!("<ServerValidation><TrustedRootCA>{}</TrustedRootCA></ServerValidation>", authority.thumbprint());
    let tls = method(13, &root);
    let service = "service-type=org.freedesktop.NetworkManager.strongswan";
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let password = lines(&["type=vpn", service, "method=eap", "user=ada@example.org", "password-flags=1"]);
    let peer = format!("[wireguard-peer.{KEY}]");
    vec![
        (ikev2("Password", &[EAP_TYPE]), password),
        (ikev2("Machine", &[MACHINE]), lines(&[service, "method=cert", "usercert=", "userkey=", "cert-source=file"])),
        (
            ikev2("EapTls", &[("NativeProfile/Authentication/Eap/Configuration", &tls)]),
            lines(&[service, "method=eap-tls", "usercert=", "certificate="]),
        ),
        (
            ikev2("Suite", &SUITE),
            lines(&["proposal=yes", "ike=aes256gcm16-prfsha384-ecp384", "esp=aes256gcm16-ecp384"]),
        ),
        (
            ikev2("Split", &SPLIT),
            lines(&[
                "route1=10.20.0.0/16,0.0.0.0,5",
                "route1=fd00::/8",
                "dns-search=corp.example;lab.example;",
                "never-default=true",
            ]),
        ),
        (ikev2("Names", &NAMES), lines(&["dns=10.10.0.53;", "dns=fd00::53;", "dns-search=~corp.example;"])),
        (ikev2("Always", &[EAP_TYPE, ("AlwaysOn", "true")]), lines(&["persistent=true"])),
        (
            plugin("WireGuard", "Com.WireGuard", &wireguard()),
            lines(&[
                "type=wireguard",
                "mtu=1400",
                "fwmark=51820",
                "route-table=7",
                &format!("private-key={KEY}"),
                &peer,
                "endpoint=[fd00::1]:51820",
                "persistent-keepalive=25",
                &format!("preshared-key={KEY}"),
                "allowed-ips=10.0.0.0/8;fd00::/64;",
                "address1=10.0.0.2/32",
                "dns=10.0.0.1;",
                "dns-search=corp.example;",
            ]),
        ),
    ]
}
