//! Two strongSwans that speak to each other over a pair of interfaces: the one with what a profile became, the other
//! with what its administrator would write.

use std::path::Path;
use std::process::Command;

use mdm_agent::engine::profile::Profile;
use mdm_tests::processes::Process;
use rcgen::ExtendedKeyUsagePurpose;

use crate::alone::alone;
use crate::certificates::{Authority, Issued};
use crate::daemon::start;
use crate::machine::Machine;
use crate::programs::{Answer, ask, run};
use crate::samples::{ikev2, method};

const SERVER: &str = "10.99.0.1";
/// What a client says once both have proven themselves.
const ESTABLISHED: &str = "] established between 10.99.0.2[CN=device.example]...10.99.0.1[10.99.0.1]";
const CONFIGURATION: &str = r"connections {
  server {
    version = 2
    pools = four, six
    send_cert = always
    local {
      auth = pubkey
      certs = server.pem
      id = 10.99.0.1
    }
    remote {
      auth = METHOD
      cacerts = authority.pem
    }
    children {
      net {
        local_ts = 0.0.0.0/0, ::/0
      }
    }
  }
}
pools {
  four {
    addrs = 10.98.0.0/24
  }
  six {
    addrs = fd98::/64
  }
}
";

/// A server in namespaces of its own.
struct Server(Process);

impl Server {
    fn start(machine: &Machine, authority: &Authority, own: &Issued, method: &str) -> Self {
        let folder = machine.folder().join("server");
        let files = [
            ("conf.d/server.conf", CONFIGURATION.replace("METHOD", method)),
            ("swanctl.conf", "include conf.d/*.conf\n".to_owned()),
            ("x509/server.pem", own.certificate.clone()),
            ("x509ca/authority.pem", authority.pem.clone()),
            ("private/server.pem", own.key.clone()),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let script = "mount --bind \"$0\" /etc/swanctl && mount -t tmpfs none /run && exec charon-systemd";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "sh", "-c", script]).arg(&folder);
        let server = Self(start(&mut command, |process| {
            run("nsenter", &["--target", &process.id().to_string(), "--mount", "swanctl", "--stats"]).success
                && Path::new(&format!("/proc/{}/ns/net", process.id())).exists()
        }));
        server.connect();
        server
    }

    fn inside(&self, command: &str) -> String {
        let process = self.0.id().to_string();
        let enter = ["--target", &process, "--mount", "--net"];
        ask("nsenter", &[enter.as_slice(), &command.split(' ').collect::<Vec<_>>()].concat())
    }

    /// A pair of interfaces, one at each end.
    fn connect(&self) {
        let ip = |arguments: &str| ask("ip", &arguments.split(' ').collect::<Vec<_>>());
        ip("link add near type veth peer name far");
        ip(&format!("link set far netns {}", self.0.id()));
        ip("address add 10.99.0.2/24 dev near");
        ip("link set near up");
        self.inside("ip address add 10.99.0.1/24 dev far");
        self.inside("ip link set far up");
        self.inside("swanctl --load-all --noprompt");
    }
}

/// Brings a tunnel up by its name.
fn bring_up(machine: &Machine, tunnel: &Profile) -> Answer {
    let file = machine.file_of(tunnel, "/etc/swanctl/conf.d");
    let name = file.file_stem().unwrap().to_str().unwrap();
    run("swanctl", &["--initiate", "--child", name, "--timeout", "30"])
}

fn meets_a_server(machine: &Machine, server_method: &str, more: &[(&str, &str)]) {
    machine.without(&["usr/sbin/NetworkManager"]);
    let (authority, other) = (Authority::new("Corp Root"), Authority::new("Other Root"));
    let own = authority.issue(SERVER, ExtendedKeyUsagePurpose::ServerAuth);
    let server = Server::start(machine, &authority, &own, server_method);
    let _client = start(&mut Command::new("charon-systemd"), |_| run("swanctl", &["--stats"]).success);
    machine.put_in_force(&[authority.trusted(), other.trusted(), authority.client(machine.folder(), "device.example")]);
    let right = ikev2("Right", &[more, &[("NativeProfile/Servers", SERVER)]].concat());
    machine.put_in_force(std::slice::from_ref(&right));
    let answer = bring_up(machine, &right);
    // Both ends have proven themselves. What follows, the traffic, needs ESP in the kernel, which not every one has.
    assert!(answer.said.contains(ESTABLISHED), "{}", answer.said);
    let peers = server.inside("swanctl --list-sas");
    assert!(peers.contains("ESTABLISHED") && peers.contains("CN=device.example"), "{peers}");
}

#[test]
#[ignore = "needs charon-systemd, strongswan-swanctl, root and unshare"]
fn a_machine_s_certificate_brings_a_tunnel_up() {
    alone(a_machine_s_certificate_brings_a_tunnel_up, |machine| {
        meets_a_server(machine, "pubkey", &[("NativeProfile/Authentication/MachineMethod", "Certificate")]);
    });
}

#[test]
#[ignore = "needs charon-systemd, strongswan-swanctl, libcharon-extra-plugins, root and unshare"]
fn eap_tls_brings_a_tunnel_up() {
    alone(eap_tls_brings_a_tunnel_up, |machine| {
        let tls = method(13, "");
        meets_a_server(machine, "eap-tls", &[("NativeProfile/Authentication/Eap/Configuration", &tls)]);
    });
}

#[test]
#[ignore = "needs charon-systemd, strongswan-swanctl, root and unshare"]
fn a_server_of_another_authority_is_not_believed() {
    alone(a_server_of_another_authority_is_not_believed, |machine| {
        machine.without(&["usr/sbin/NetworkManager"]);
        let (authority, other) = (Authority::new("Corp Root"), Authority::new("Other Root"));
        let own = authority.issue(SERVER, ExtendedKeyUsagePurpose::ServerAuth);
        let _server = Server::start(machine, &authority, &own, "pubkey");
        let _client = start(&mut Command::new("charon-systemd"), |_| run("swanctl", &["--stats"]).success);
        machine.put_in_force(&[other.trusted(), authority.client(machine.folder(), "device.example")]);
        let machine_method = ("NativeProfile/Authentication/MachineMethod", "Certificate");
        let tunnel = ikev2("Wrong", &[machine_method, ("NativeProfile/Servers", SERVER)]);
        machine.put_in_force(std::slice::from_ref(&tunnel));
        let answer = bring_up(machine, &tunnel);
        assert!(answer.said.contains("no trusted") && !answer.said.contains(ESTABLISHED), "{}", answer.said);
    });
}
