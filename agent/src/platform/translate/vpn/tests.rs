use mdm_protocol::syncml::StatusCode;

use crate::engine::Profile;
use crate::platform::ledger::Ledger;
use crate::platform::machine::Machine;
use crate::platform::path::MachinePath;
use crate::platform::site::Surroundings;
use crate::platform::testing::{desired_in, desired_on, everything, only_file, profile, refusal};
use crate::platform::translate::certificate::client::ClientCertificate;

const ROOT: &str = "./Device/Vendor/MSFT/VPNv2/Corp";
const CONNECTIONS: &str = "/etc/NetworkManager/system-connections";
const KEY: &str = "YAnz5TF+lXXJte14tji3zlMNftX2JxwtzW9yS+2v0V0=";

fn ikev2<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut leaves = vec![
        ("NativeProfile/Servers", "vpn.example.org;Corp,vpn2.example.org"),
        ("NativeProfile/NativeProtocolType", "IKEv2"),
        ("NativeProfile/Authentication/Eap/Type", "26"),
    ];
    leaves.extend_from_slice(more);
    leaves
}

fn plugin(package: &'static str, configuration: &str) -> crate::engine::Profile {
    profile(
        ROOT,
        &[
            ("PluginProfile/PluginPackageFamilyName", package),
            ("PluginProfile/ServerUrlList", "vpn.example.org"),
            ("PluginProfile/CustomConfiguration", configuration),
        ],
    )
}

fn wireguard(more: &str) -> String {
    format!(
        "[Interface]\nPrivateKey = {KEY}\nAddress = 10.0.0.2/32, fd00::2/128\nDNS = 10.0.0.1, corp.example\n{more}\n\
         [Peer]\nPublicKey = {KEY}\nAllowedIPs = 10.0.0.0/8, ::/0 # all\nPersistentKeepalive = 25\n"
    )
}

#[test]
fn a_split_tunnel_becomes_routes_and_search_domains() {
    let leaves = ikev2(&[
        ("NativeProfile/RoutingPolicyType", "SplitTunnel"),
        ("RouteList/0/Address", "10.20.0.0"),
        ("RouteList/0/PrefixSize", "16"),
        ("RouteList/0/Metric", "5"),
        ("RouteList/1/Address", "fd00::"),
        ("RouteList/1/PrefixSize", "8"),
        ("DnsSuffix", "corp.example,lab.example"),
    ]);
    let text = only_file(&desired_on(&everything(), &[profile(ROOT, &leaves)]), CONNECTIONS);
    for line in [
        "service-type=org.freedesktop.NetworkManager.strongswan\n",
        "address=vpn.example.org\n",
        "method=eap\nuser=ada@example.org\npassword-flags=1\n",
        "never-default=true\nroute1=10.20.0.0/16,0.0.0.0,5\ndns-search=corp.example;lab.example;\n",
        "never-default=true\nroute1=fd00::/8\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let forced = only_file(&desired_on(&everything(), &[profile(ROOT, &ikev2(&[]))]), CONNECTIONS);
    assert!(!forced.contains("never-default"), "{forced}");
}

#[test]
fn an_always_on_tunnel_is_brought_up_by_a_script_that_repeats_nothing_from_the_network() {
    let desired = desired_on(&everything(), &[profile(ROOT, &ikev2(&[("AlwaysOn", "true")]))]);
    let script = only_file(&desired, "/etc/NetworkManager/dispatcher.d");
    assert!(script.starts_with("#!/bin/sh\n") && script.contains("connection up uuid"), "{script}");
    assert!(!script.contains("Corp") && !script.contains("example"), "{script}");
    assert!(only_file(&desired, CONNECTIONS).contains("persistent=true\n"));
}

#[test]
fn prescribed_algorithms_are_followed_and_broken_ones_refused() {
    let suite = |encryption: &'static str, group: &'static str| {
        profile(
            ROOT,
            &ikev2(&[
                ("NativeProfile/CryptographySuite/EncryptionMethod", encryption),
                ("NativeProfile/CryptographySuite/IntegrityCheckMethod", "SHA384"),
                ("NativeProfile/CryptographySuite/CipherTransformConstants", "GCMAES256"),
                ("NativeProfile/CryptographySuite/DHGroup", group),
                ("NativeProfile/CryptographySuite/PfsGroup", "ECP384"),
            ]),
        )
    };
    for (encryption, group, expected) in [
        ("AES256", "Group14", "ike=aes256-sha384-modp2048\nesp=aes256gcm16-ecp384\n"),
        ("AES_GCM_256", "ECP384", "ike=aes256gcm16-prfsha384-ecp384\nesp=aes256gcm16-ecp384\n"),
    ] {
        let text = only_file(&desired_on(&everything(), &[suite(encryption, group)]), CONNECTIONS);
        assert!(text.contains(expected), "{text}");
    }
    for (encryption, group) in [("DES3", "Group14"), ("AES256", "Group2"), ("AES256", "x\ny")] {
        let (code, reason) = refusal(&everything(), &suite(encryption, group));
        assert_eq!(code, StatusCode::NOT_SUPPORTED, "{reason}");
    }
}

#[test]
fn other_protocols_and_machines_without_a_client_are_told_apart() {
    for protocol in ["PPTP", "SSTP", "L2TP", "ProtocolList"] {
        let leaves = [("NativeProfile/Servers", "a.example"), ("NativeProfile/NativeProtocolType", protocol)];
        let (code, reason) = refusal(&everything(), &profile(ROOT, &leaves));
        assert_eq!((code, reason.contains(protocol)), (StatusCode::NOT_SUPPORTED, true), "{reason}");
    }
    let (code, reason) = refusal(&Machine::default(), &profile(ROOT, &ikev2(&[])));
    assert_eq!((code, reason.contains("swanctl")), (StatusCode::NOT_SUPPORTED, true));
    let swanctl_only = Machine { swanctl: true, ..Machine::default() };
    let (_, reason) = refusal(&swanctl_only, &profile(ROOT, &ikev2(&[])));
    assert!(reason.contains("ask for it"), "{reason}");
}

#[test]
fn names_that_would_mean_something_in_a_file_are_refused() {
    for (leaf, value) in [
        ("NativeProfile/Servers", "a b"),
        ("NativeProfile/Servers", "a}\nsecrets{"),
        ("DnsSuffix", "a\nb"),
        ("RouteList/0/Address", "10.0.0.0/8"),
    ] {
        let mut leaves = ikev2(&[("RouteList/0/PrefixSize", "8"), ("RouteList/0/Address", "10.0.0.0")]);
        leaves.retain(|(name, _)| *name != leaf);
        leaves.push((leaf, value));
        let (code, reason) = refusal(&everything(), &profile(ROOT, &leaves));
        assert_eq!(code, StatusCode::UNSUPPORTED_FORMAT, "{leaf}: {reason}");
    }
}

#[test]
fn wireguard_is_a_connection_with_an_interface_of_its_own() {
    let desired = desired_on(&everything(), &[plugin("Com.WireGuard", &wireguard("MTU = 1400"))]);
    let text = only_file(&desired, CONNECTIONS);
    for line in [
        "type=wireguard\ninterface-name=mdm-",
        &format!("private-key={KEY}\nmtu=1400\n"),
        &format!(
            "[wireguard-peer.{KEY}]\nendpoint=vpn.example.org:51820\npersistent-keepalive=25\nallowed-ips=10.0.0.0/8;::/0;\n"
        ),
        "method=manual\naddress1=10.0.0.2/32\ndns=10.0.0.1;\ndns-search=corp.example;\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let tools_only = Machine { wireguard_tools: true, ..Machine::default() };
    let quick = only_file(&desired_on(&tools_only, &[plugin("wireguard", &wireguard(""))]), "/etc/wireguard");
    assert!(quick.contains("AllowedIPs = 10.0.0.0/8, ::/0\n"), "{quick}");
}

#[test]
fn a_client_s_configuration_cannot_run_anything_and_its_keys_are_not_repeated() {
    for (more, status) in [
        ("PostUp = rm -rf /", StatusCode::NOT_SUPPORTED),
        ("Table = evil", StatusCode::UNSUPPORTED_FORMAT),
        ("PrivateKey = short", StatusCode::UNSUPPORTED_FORMAT),
        ("Address = nonsense", StatusCode::UNSUPPORTED_FORMAT),
        ("MTU = 99999", StatusCode::UNSUPPORTED_FORMAT),
    ] {
        let (code, reason) = refusal(&everything(), &plugin("wireguard", &wireguard(more)));
        assert_eq!(code, status, "{more}: {reason}");
        assert!(!reason.contains(KEY), "{reason}");
    }
    let client = "client\ndev tun\nremote vpn.example.org 1194\n<ca>\nup /bin/sh\n</ca>\n";
    let text = only_file(&desired_on(&everything(), &[plugin("net.OpenVPN", client)]), "/etc/openvpn/client");
    assert!(text.contains("remote vpn.example.org 1194\n"), "{text}");
    for directive in [
        "up /bin/sh",
        "--script-security 2",
        "plugin x.so",
        "log /etc/passwd",
        "management 0.0.0.0 1",
        "ca /etc/shadow",
        "auth-user-pass /etc/x",
        "setenv LD_PRELOAD x",
        "<up>",
        "<ca>",
        "config other",
        "cd /",
        "iproute /bin/x",
        "setenv opt up /bin/sh",
        "setenv \"opt\" up /bin/sh",
        "setenv UV_ID \"x\\\" y\"",
        "setenv UV_ID x y",
        "setenv UV_A=B x",
        "\"up\" /bin/sh",
        "u\\p /bin/sh",
        "--up\t/bin/sh",
        "\tup /bin/sh",
        "\u{feff}up /bin/sh",
        "client\rup /bin/sh",
        "client\u{b}up /bin/sh",
        "client\u{c}up /bin/sh",
        "client\0",
        "http-proxy \"a\"\"1\"\"/etc/shadow\"",
        "<ca>\n\u{a0}</ca>\n<cert>\n</ca>\nup /bin/sh\n</cert>",
        "<connection>\nup /bin/sh\n</connection>",
        "<connection>\nsetenv opt up /bin/sh\n</connection>",
        "<connection>\n</connection> x\nup /bin/sh\n</connection>",
    ] {
        let profile = plugin("openvpn", &format!("{client}{directive}\n"));
        let (code, _) = refusal(&everything(), &profile);
        assert!([StatusCode::NOT_SUPPORTED, StatusCode::UNSUPPORTED_FORMAT].contains(&code), "{directive}");
    }
}

#[test]
fn what_openvpn_would_read_as_other_lines_is_refused() {
    let long = "x".repeat(300);
    for text in [
        "<ca>\n</ca>x\nup /bin/sh\n</ca>",
        "<ca>\n \t</ca> x\nup /bin/sh\n</ca>",
        "<ca>\n\u{c}</ca>\nup /bin/sh\n</ca>",
        &format!("# {long}"),
        &format!("<ca>\n{long}\n</ca>"),
        &format!("dev {long}"),
    ] {
        let (code, reason) = refusal(&everything(), &plugin("openvpn", &format!("client\n{text}")));
        assert_eq!(code, StatusCode::UNSUPPORTED_FORMAT, "{text}: {reason}");
        assert!(!reason.contains("/bin/sh"), "{reason}");
    }
    let host = "x".repeat(249);
    let leaves = [
        ("PluginProfile/PluginPackageFamilyName", "openvpn"),
        ("PluginProfile/ServerUrlList", host.as_str()),
        ("PluginProfile/CustomConfiguration", "client\n"),
    ];
    assert_eq!(refusal(&everything(), &profile(ROOT, &leaves)).0, StatusCode::UNSUPPORTED_FORMAT);
}

#[test]
fn an_openvpn_configuration_as_servers_export_it_is_taken() {
    let lines = "--client\r\n\tdev\ttun\r\nsetenv FRIENDLY_NAME \"Corp VPN\"\r\nsetenv UV_ID a-1\r\nauth-user-pass\r\n\
                 http-proxy proxy.example 8080\r\n<connection>\r\nremote vpn.example.org 1194\r\n</connection>\r\n\
                 <ca>\r\n# a </ca> that ends nothing\r\nAAAA\r\n  </ca> \r\n";
    let mark = format!("\u{feff}{lines}");
    let text = only_file(&desired_on(&everything(), &[plugin("openvpn", &mark)]), "/etc/openvpn/client");
    assert!(text.ends_with(&format!("\n{}\n", lines.trim().replace("\r\n", "\n"))), "{text}");
}

#[test]
fn strongswan_alone_finds_everything_in_its_own_directory_and_the_key_in_the_only_folder_that_it_loads_keys_from() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let der = parameters.self_signed(&key).unwrap().der().to_vec();
    let thumbprint = mdm_protocol::Thumbprint::of(&der);
    let trusted = profile(
        &format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{thumbprint}"),
        &[("EncodedCertificate", &mdm_protocol::base64::encode(&der))],
    );
    let eap = format!(
        "<EapHostConfig><EapMethod><Type>13</Type></EapMethod><Config><Eap><Type>13</Type><EapType>\
         <ServerValidation><TrustedRootCA>{thumbprint}</TrustedRootCA></ServerValidation></EapType></Eap></Config></EapHostConfig>"
    );
    let leaves = [
        ("NativeProfile/Servers", "vpn.example.org"),
        ("NativeProfile/NativeProtocolType", "IKEv2"),
        ("NativeProfile/Authentication/Eap/Configuration", eap.as_str()),
    ];
    let machine = Machine { swanctl: true, ..Machine::default() };
    let profiles = [trusted, profile(ROOT, &leaves)];
    let [certificate, private] =
        ["own.pem", "own-key.pem"].map(|name| MachinePath::new(format!("/etc/mdm-agent/certificates/{name}")));
    let own = ClientCertificate::describe(&[der], certificate, private).unwrap();
    // The tunnel is applied already, with a certificate that stayed on the machine for it.
    let desired = |profiles: &[Profile]| {
        let applied = profiles.iter().map(|known| (known.root.to_string(), known.content_hash.clone())).collect();
        let mut ledger = Ledger::default();
        ledger.applied = Some(applied);
        let retained = vec![own.clone()];
        desired_in(Surroundings { retained, ledger, ..Surroundings::of(machine.clone()) }, profiles)
    };
    let found = desired(&profiles);
    let text = only_file(&found, "/etc/swanctl/conf.d");
    assert!(text.contains("certs = /etc/swanctl/x509/own.pem\n"), "{text}");
    assert!(text.contains("cacerts = /etc/swanctl/mdm-agent/mdm-agent-corp-"), "{text}");
    assert!(!text.contains("secrets") && !text.contains("/etc/mdm-agent"), "{text}");
    assert!(found.used.contains(&MachinePath::new("/etc/swanctl/private/own-key.pem")), "{found:?}");
    assert!(only_file(&found, "/etc/swanctl/mdm-agent").contains("BEGIN CERTIFICATE"));
    // A tunnel that names no authority is held to those that the machine trusts.
    let machine_method = ("NativeProfile/Authentication/MachineMethod", "Certificate");
    let profiles = [profiles[0].clone(), profile(ROOT, &[leaves[0], leaves[1], machine_method])];
    let text = only_file(&desired(&profiles), "/etc/swanctl/conf.d");
    assert!(text.contains("cacerts = /etc/swanctl/mdm-agent/mdm-agent-corp-"), "{text}");
}
