//! OpenVPN's own client: how far it comes with the configuration that it gets.

use std::path::Path;
use std::process::Command;

use mdm_tests::processes::wait_until;
use rcgen::ExtendedKeyUsagePurpose;

use crate::alone::alone;
use crate::certificates::{Authority, Issued};
use crate::daemon::{PATIENCE, has_said, start};
use crate::machine::Machine;
use crate::programs::run;
use crate::samples::plugin;

/// A configuration with everything inside it.
fn client(authority: &Authority, own: &Issued, more: &str) -> String {
    format!(
        "client\ndev tun\nproto udp\nnobind\nremote-cert-tls server\nconnect-retry 1 1\n{more}\
         <ca>\n{}</ca>\n<cert>\n{}</cert>\n<key>\n{}</key>\n",
        authority.pem, own.certificate, own.key
    )
}

fn write(machine: &Machine, name: &str, text: &str) -> String {
    let path = machine.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs openvpn, root and unshare"]
fn openvpn_parses_a_client_s_configuration_and_refuses_a_broken_one() {
    alone(openvpn_parses_a_client_s_configuration_and_refuses_a_broken_one, |machine| {
        let authority = Authority::new("Corp Root");
        let own = authority.issue("device.example", ExtendedKeyUsagePurpose::ClientAuth);
        let tunnel = plugin("Corp", "net.openvpn", &client(&authority, &own, "cipher AES-256-GCM\nverb 3\n"));
        machine.put_in_force(std::slice::from_ref(&tunnel));
        let file = machine.file_of(&tunnel, "/etc/openvpn/client");
        // Shows what it can do instead of connecting, once it has read the file.
        let parse = |file: &str| run("openvpn", &["--config", file, "--dev", "null", "--show-digests"]);
        let answer = parse(file.to_str().unwrap());
        assert!(answer.success && !answer.said.contains("Options error"), "{}", answer.said);
        let text = std::fs::read_to_string(&file).unwrap();
        for broken in [format!("{text}nonsense 1\n"), text.replace("proto udp", "proto carrier-pigeon")] {
            let answer = parse(&write(machine, "broken.conf", &broken));
            assert!(answer.said.contains("Options error"), "{}", answer.said);
        }
    });
}

#[test]
#[ignore = "needs openvpn, root and unshare"]
fn openvpn_reaches_a_server_of_the_right_authority_and_no_other() {
    alone(openvpn_reaches_a_server_of_the_right_authority_and_no_other, |machine| {
        let (authority, other) = (Authority::new("Corp Root"), Authority::new("Other Root"));
        let server = authority.issue("server.example", ExtendedKeyUsagePurpose::ServerAuth);
        let text = format!(
            "dev null\nproto udp\nlport 1194\nlocal 127.0.0.1\ntls-server\ndh none\nverb 3\n<ca>\n{}{}</ca>\n\
             <cert>\n{}</cert>\n<key>\n{}</key>\n",
            authority.pem, other.pem, server.certificate, server.key
        );
        let server = write(machine, "server.conf", &text);
        let _server = start(Command::new("openvpn").args(["--config", &server]), |server| {
            has_said(server, "UDPv4 link local (bound)")
        });
        for (name, root, expected) in
            [("Right", &authority, "Peer Connection Initiated with"), ("Wrong", &other, "certificate verify failed")]
        {
            let own = root.issue("device.example", ExtendedKeyUsagePurpose::ClientAuth);
            let tunnel = plugin(name, "openvpn", &client(root, &own, ""));
            machine.put_in_force(std::slice::from_ref(&tunnel));
            let file = machine.file_of(&tunnel, "/etc/openvpn/client");
            let client = connect(&file);
            let seen = wait_until(PATIENCE, || Ok(has_said(&client, expected).then_some(())));
            assert!(seen.is_ok(), "{name}: {:#?}", client.output());
        }
    });
}

fn connect(file: &Path) -> mdm_tests::processes::Process {
    let mut command = Command::new("openvpn");
    command.arg("--config").arg(file).args(["--dev", "null", "--verb", "3"]);
    start(&mut command, |client| has_said(client, "UDPv4 link remote"))
}
