//! strongSwan's own daemon, told by swanctl: for machines without NetworkManager's plugin.

use std::path::PathBuf;
use std::process::Command;

use mdm_protocol::syncml::StatusCode;
use mdm_tests::processes::Process;

use crate::alone::alone;
use crate::certificates::Authority;
use crate::daemon::start;
use crate::programs::{ask, run};
use crate::samples::{ikev2, method};

const MACHINE: (&str, &str) = ("NativeProfile/Authentication/MachineMethod", "Certificate");

fn daemon() -> Process {
    start(&mut Command::new("charon-systemd"), |_| run("swanctl", &["--stats"]).success)
}

/// The only key in the folder that swanctl loads keys from.
fn only_key() -> PathBuf {
    let keys: Vec<PathBuf> =
        std::fs::read_dir("/etc/swanctl/private").unwrap().map(|entry| entry.unwrap().path()).collect();
    let [key] = &keys[..] else { panic!("{keys:?}") };
    key.clone()
}

#[test]
#[ignore = "needs charon-systemd, strongswan-swanctl, libcharon-extra-plugins, root and unshare"]
fn strongswan_loads_tunnels_with_a_certificate_that_came_with_its_key() {
    alone(strongswan_loads_tunnels_with_a_certificate_that_came_with_its_key, |machine| {
        machine.without(&["usr/sbin/NetworkManager"]);
        let _daemon = daemon();
        assert_eq!(ask("swanctl", &["--list-conns"]), "");
        let authority = Authority::new("Corp Root");
        let tls = method(
            13,
            &format!("<ServerValidation><TrustedRootCA>{}</TrustedRootCA></ServerValidation>", authority.thumbprint()),
        );
        let tunnels = [
            ikev2("Plain", &[MACHINE]),
            ikev2("EapTls", &[("NativeProfile/Authentication/Eap/Configuration", &tls)]),
            ikev2(
                "Split",
                &[
                    MACHINE,
                    ("NativeProfile/RoutingPolicyType", "SplitTunnel"),
                    ("RouteList/0/Address", "10.20.0.0"),
                    ("RouteList/0/PrefixSize", "16"),
                    ("NativeProfile/CryptographySuite/EncryptionMethod", "AES256"),
                    ("NativeProfile/CryptographySuite/CipherTransformConstants", "GCMAES256"),
                    ("NativeProfile/CryptographySuite/DHGroup", "ECP384"),
                    ("NativeProfile/CryptographySuite/PfsGroup", "ECP384"),
                ],
            ),
            ikev2("Always", &[MACHINE, ("AlwaysOn", "true")]),
        ];
        machine.put_in_force(&[authority.trusted(), authority.client(machine.folder(), "device.example")]);
        machine.put_in_force(&tunnels);
        let connections = ask("swanctl", &["--list-conns"]);
        for (tunnel, words) in tunnels.iter().zip(["public key", "EAP_TLS", "10.20.0.0/16", "public key"]) {
            let file = machine.file_of(tunnel, "/etc/swanctl/conf.d");
            let name = file.file_stem().unwrap().to_str().unwrap();
            let (_, rest) =
                connections.split_once(&format!("{name}: IKEv2")).unwrap_or_else(|| panic!("{connections}"));
            let own = rest.split("\nmdm-agent-").next().unwrap();
            let text = std::fs::read_to_string(&file).unwrap();
            // AppArmor lets swanctl read nothing else.
            assert!(text.replace("/etc/swanctl/", "").matches("/etc/").next().is_none(), "{text}");
            assert!(own.contains(words) && own.contains("CN=device.example"), "{name}, {words}: {connections}");
        }
        let has_key = || ask("swanctl", &["--list-certs", "--type", "x509"]).contains("has private key");
        assert!(has_key());
        let key = only_key();
        let aside = PathBuf::from("/etc/swanctl/aside.pem");
        std::fs::rename(&key, &aside).unwrap();
        ask("swanctl", &["--load-creds", "--clear", "--noprompt"]);
        assert!(!has_key());
        std::fs::rename(&aside, &key).unwrap();
        machine.undo();
        assert_eq!(ask("swanctl", &["--list-conns"]), "");
    });
}

#[test]
#[ignore = "needs charon-systemd, strongswan-swanctl, root and unshare"]
fn what_strongswan_declines_is_refused_with_its_words() {
    alone(what_strongswan_declines_is_refused_with_its_words, |machine| {
        machine.without(&["usr/sbin/NetworkManager"]);
        let _daemon = daemon();
        let authority = Authority::new("Corp Root");
        machine.put_in_force(&[authority.trusted(), authority.client(machine.folder(), "device.example")]);
        // Somebody else's, and broken: swanctl loads all or fails.
        let foreign =
            "connections {\n  foreign {\n    version = 2\n    local {\n      auth = nonsense\n    }\n  }\n}\n";
        std::fs::write("/etc/swanctl/conf.d/foreign.conf", foreign).unwrap();
        let tunnel = ikev2("Corp", &[MACHINE]);
        let outcome = machine.try_to_put_in_force(std::slice::from_ref(&tunnel));
        let refusal = &outcome.failed[&tunnel.root.to_string()];
        assert_eq!(refusal.status, StatusCode::FAILED, "{refusal:?}");
        assert!(refusal.reason.contains("invalid value for: auth"), "{refusal:?}");
        std::fs::remove_file("/etc/swanctl/conf.d/foreign.conf").unwrap();
        machine.put_in_force(&[tunnel]);
    });
}
