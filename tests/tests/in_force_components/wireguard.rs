//! WireGuard's own tools, for machines without NetworkManager.

use crate::alone::alone;
use crate::programs::{ask, run};
use crate::samples::plugin;
use crate::tunnels::{KEY, wireguard};

#[test]
#[ignore = "needs wireguard-tools, root and unshare"]
fn wg_quick_takes_a_tunnel_and_gives_the_kernel_the_rest() {
    alone(wg_quick_takes_a_tunnel_and_gives_the_kernel_the_rest, |machine| {
        machine.without(&["usr/sbin/NetworkManager"]);
        let tunnel = plugin("Corp", "wireguard", &wireguard());
        machine.put_in_force(std::slice::from_ref(&tunnel));
        let path = machine.file_of(&tunnel, "/etc/wireguard");
        let interface = path.file_stem().unwrap().to_str().unwrap();
        let stripped = ask("wg-quick", &["strip", interface]);
        for line in [
            "[Interface]",
            &format!("PrivateKey = {KEY}"),
            "[Peer]",
            &format!("PresharedKey = {KEY}"),
            "Endpoint = [fd00::1]:51820",
            "AllowedIPs = 10.0.0.0/8, fd00::/64",
            "PersistentKeepalive = 25",
        ] {
            assert!(stripped.lines().any(|said| said == line), "{line}: {stripped}");
        }
        // What is wg-quick's own is not passed on.
        for own in ["Address", "DNS", "MTU"] {
            assert!(!stripped.contains(own), "{own}: {stripped}");
        }
        // Without such an interface, only what it has read is of interest: it reads before it looks.
        let give = |text: &str| {
            let path = machine.folder().join("stripped.conf");
            std::fs::write(&path, text).unwrap();
            run("wg", &["setconf", interface, path.to_str().unwrap()]).said
        };
        assert!(!give(&stripped).contains("parsing error"), "{stripped}");
        for (part, broken) in [("PublicKey", "PublicKee"), (":51820", ""), (KEY, "short"), ("/64", "/640")] {
            let said = give(&stripped.replace(part, broken));
            assert!(said.contains("parsing error"), "{broken}: {said}");
        }
    });
}
