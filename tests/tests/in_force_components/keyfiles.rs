//! NetworkManager's own reader of keyfiles, by `nmcli --offline`: no service, no hardware.

use std::path::Path;
use std::process::Command;

use crate::alone::alone;
use crate::certificates::Authority;
use crate::programs::{Answer, with_input};
use crate::{networks, tunnels};

/// Where NetworkManager looks for connections.
pub(crate) const CONNECTIONS: &str = "/etc/NetworkManager/system-connections";

/// What NetworkManager writes after it has read a connection and changed something else.
fn reread(keyfile: &[u8]) -> Answer {
    let modify = ["--offline", "connection", "modify", "connection.autoconnect-priority", "1"];
    with_input(Command::new("nmcli").args(modify), keyfile)
}

/// The connection as it was read has these lines, or lines that begin with these.
fn has_lines(answer: &Answer, lines: &[String], path: &Path) {
    assert!(answer.success, "{}: {}", path.display(), answer.said);
    for line in ["autoconnect-priority=1"].into_iter().chain(lines.iter().map(String::as_str)) {
        let is_there = |said: &str| said == line || (line.ends_with('=') && said.starts_with(line));
        assert!(answer.said.lines().any(is_there), "{line} is not in {}: {}", path.display(), answer.said);
    }
}

#[test]
#[ignore = "needs network-manager, root and unshare"]
fn network_manager_reads_every_kind_of_network_and_tunnel_as_it_is_meant() {
    alone(network_manager_reads_every_kind_of_network_and_tunnel_as_it_is_meant, |machine| {
        let authority = Authority::new("Corp Root");
        machine.put_in_force(&[authority.trusted(), authority.client(machine.folder(), "device.example")]);
        let expected = [networks::all(&authority), tunnels::all(&authority)].concat();
        let profiles: Vec<_> = expected.iter().map(|(profile, _)| profile.clone()).collect();
        machine.put_in_force(&profiles);
        for (profile, lines) in &expected {
            let path = machine.file_of(profile, CONNECTIONS);
            has_lines(&reread(&std::fs::read(&path).unwrap()), lines, &path);
        }
        machine.undo();
        assert_eq!(std::fs::read_dir(CONNECTIONS).unwrap().count(), 0);
    });
}

#[test]
#[ignore = "needs network-manager, root and unshare"]
fn network_manager_refuses_what_is_broken() {
    alone(network_manager_refuses_what_is_broken, |machine| {
        let authority = Authority::new("Corp Root");
        machine.put_in_force(&[authority.trusted(), authority.client(machine.folder(), "device.example")]);
        let expected = [networks::all(&authority), tunnels::all(&authority)].concat();
        let profiles: Vec<_> = expected.iter().map(|(profile, _)| profile.clone()).collect();
        machine.put_in_force(&profiles);
        for (name, part, broken) in [
            ("Open", "ssid=Open", "ssid="),
            ("OWE", "key-mgmt=owe", "key-mgmt=owl"),
            ("PSK", "key-mgmt=wpa-psk", "key-mgmt="),
            ("TLS2", "eap=tls;", "eap=tsl;"),
            ("PEAP2", "phase2-auth=mschapv2", "phase2-auth=nonsense"),
            ("Proxy", "FindProxyForURL", "FindNothing"),
            ("Password", "service-type=", "service="),
        ] {
            let (profile, _) = expected.iter().find(|(profile, _)| profile.root.name() == name).unwrap();
            let text = std::fs::read_to_string(machine.file_of(profile, CONNECTIONS)).unwrap();
            assert!(text.contains(part), "{part}: {text}");
            assert!(reread(text.as_bytes()).success, "{text}");
            let answer = reread(text.replace(part, broken).as_bytes());
            assert!(!answer.success, "{broken}: {}", answer.said);
        }
    });
}
