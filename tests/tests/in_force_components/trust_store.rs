//! The distribution's store of trusted certificates, and programs that go by it.

use std::process::Command;

use mdm_tests::processes::Process;
use rcgen::ExtendedKeyUsagePurpose;

use crate::alone::alone;
use crate::certificates::{Authority, Issued};
use crate::daemon::start;
use crate::machine::Machine;
use crate::programs::{run, run_as_user};

/// The store as one file.
const STORE: &str = "/etc/ssl/certs/ca-certificates.crt";
const PORT: &str = "44330";

/// A server on loopback with this certificate.
fn serve(machine: &Machine, server: &Issued) -> Process {
    let file = machine.folder().join("server.pem");
    std::fs::write(&file, format!("{}{}", server.certificate, server.key)).unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", &format!("127.0.0.1:{PORT}"), "-www", "-cert"]).arg(file);
    start(&mut command, |_| std::net::TcpStream::connect(format!("127.0.0.1:{PORT}")).is_ok())
}

/// Whether curl and openssl, which look into the store each in its own way, trust the server: all of them or none.
fn is_trusted(machine: &Machine) -> bool {
    let address = format!("https://localhost:{PORT}/");
    let leaf = machine.folder().join("server.pem");
    let leaf = leaf.to_str().unwrap();
    let answers = [
        run("curl", &["--silent", "--show-error", "--output", "/dev/null", &address]),
        run_as_user("curl", &["--silent", "--show-error", "--output", "/dev/null", &address]),
        run_as_user("curl", &["--silent", "--show-error", "--output", "/dev/null", "--cacert", STORE, &address]),
        run("openssl", &["verify", "-no-CApath", "-no-CAstore", "-CAfile", STORE, leaf]),
        run("openssl", &["verify", "-no-CAfile", "-no-CAstore", "-CApath", "/etc/ssl/certs", leaf]),
    ];
    let trusting = answers.iter().filter(|answer| answer.success).count();
    assert!([0, answers.len()].contains(&trusting), "{answers:#?}");
    trusting > 0
}

#[test]
#[ignore = "needs ca-certificates, openssl, curl, root and unshare"]
fn a_server_is_trusted_as_long_as_its_authority_is() {
    alone(a_server_is_trusted_as_long_as_its_authority_is, |machine| {
        let (authority, other) = (Authority::new("Corp Root"), Authority::new("Other Root"));
        let server = authority.issue("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let _server = serve(machine, &server);
        assert!(!is_trusted(machine));
        machine.put_in_force(&[other.trusted()]);
        assert!(!is_trusted(machine));
        machine.put_in_force(&[authority.trusted()]);
        assert!(is_trusted(machine));
        machine.undo();
        assert!(!is_trusted(machine));
        let store = std::fs::read_to_string(STORE).unwrap_or_default();
        assert!(!store.contains("mdm-agent") && !store.contains(&authority.pem), "the authority is still in the store");
        let left: Vec<_> =
            std::fs::read_dir("/etc/ssl/certs").unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("mdm-agent")), "{left:?}");
    });
}
