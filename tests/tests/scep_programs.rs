//! SCEP with other people's programs: strongSwan's client asks the simulated tenant, and OpenSSL takes the agent's
//! messages apart.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdm_agent::shell::scep::ScepOutcome;
use mdm_sim_server::Server;
use mdm_sim_server::tenant::ScepMode;
use mdm_tests::hostile::{HostileServer, Request, response};
use mdm_tests::hostile_scep::operation;
use mdm_tests::processes::wait_until;
use mdm_tests::scep::{Device, challenge, order, set_mode, tenant, thumbprint};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strongswan-pki"]
async fn strongswan_gets_a_certificate_for_a_challenge() {
    let server = tenant().await.unwrap();
    let folder = strongswan_folder(&server);
    let once = challenge(&server).unwrap();
    run(folder.path(), enrol(&server).args(["--password", &once])).unwrap();
    verified(folder.path());
    let text = run(folder.path(), Command::new("openssl").args(["x509", "-in", "issued", "-noout", "-text"])).unwrap();
    assert!(text.contains("CN = strongswan") && text.contains("DNS:strongswan.contoso.example"), "{text}");
    // Another transaction, the same challenge.
    std::fs::remove_file(folder.path().join("issued")).unwrap();
    make_key(folder.path());
    let refused = run(folder.path(), enrol(&server).args(["--password", &once])).unwrap_err();
    assert!(refused.contains("badRequest") || refused.contains("fail"), "{refused}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs strongswan-pki"]
async fn strongswan_polls_until_an_administrator_approves() {
    let server = tenant().await.unwrap();
    set_mode(&server, ScepMode::Manual).unwrap();
    let folder = strongswan_folder(&server);
    let mut command = enrol(&server);
    command.args(["--interval", "1", "--maxpolltime", "60"]);
    let issued = std::fs::File::create(folder.path().join("issued")).unwrap();
    let mut waiting = command.current_dir(folder.path()).stdout(issued).stderr(Stdio::null()).spawn().unwrap();
    let transaction = wait_until(Duration::from_secs(30), || {
        Ok(server.service().view(|tenant| Ok(tenant.scep_requests()))?.pop().map(|request| request.transaction))
    });
    let transaction = transaction.unwrap();
    server.service().act(|tenant, _| tenant.decide_scep_request(&transaction, true)).unwrap();
    assert!(waiting.wait().unwrap().success());
    verified(folder.path());
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs openssl"]
async fn openssl_verifies_and_opens_what_the_client_sends() {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (shown, kept) = (authority.der().to_vec(), Arc::clone(&sent));
    let front = HostileServer::start(Arc::new(move |request: &Request| match operation(request).as_str() {
        "GetCACaps" => response("200 OK", &[], b"SCEPStandard"),
        "GetCACert" => response("200 OK", &[], &shown),
        _ => {
            kept.lock().unwrap().clone_from(&request.body);
            response("503 Service Unavailable", &[], b"")
        }
    }))
    .unwrap();
    let device = Device::new(std::slice::from_ref(&front.ca_der)).unwrap();
    let order = order(&front.url, "one time", Some(&thumbprint(authority.der()))).unwrap();
    device.begin(&order).unwrap();
    assert!(matches!(device.step().await.unwrap(), ScepOutcome::Unanswered { .. }));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("message", &sent.lock().unwrap());
    write("authority", authority.pem().as_bytes());
    write("key", key.serialize_pem().as_bytes());
    let openssl = |line: &str| run(folder.path(), Command::new("openssl").args(line.split_whitespace())).unwrap();
    openssl("cms -verify -binary -inform DER -in message -noverify -out envelope");
    openssl("cms -decrypt -binary -inform DER -in envelope -recip authority -inkey key -out request");
    let text = openssl("req -inform DER -in request -verify -noout -text");
    for expected in [
        "DC = example, DC = contoso, OU = Devices, CN = ada",
        "challengePassword        :one time",
        "Digital Signature, Key Encipherment",
        "TLS Web Client Authentication, E-mail Protection",
        "email:ada@contoso.example, DNS:ada.contoso.example, othername: UPN::ada@contoso.example",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let attributes = openssl("cms -cmsout -print -inform DER -in message");
    assert!(attributes.contains(device.state().unwrap().transaction()), "{attributes}");
}

/// A folder with a key and with the certificates that strongSwan took from the server.
fn strongswan_folder(server: &Server) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), server.ca_pem()).unwrap();
    make_key(folder.path());
    let take = ["--scepca", "--url", server.scep_url(), "--caout", "ca.pem", "--raout", "ra.pem", "--outform", "pem"];
    run(folder.path(), Command::new("pki").args(take)).unwrap();
    folder
}

fn make_key(folder: &Path) {
    let key = run(folder, Command::new("pki").args(["--gen", "--type", "rsa", "--size", "2048", "--outform", "pem"]));
    std::fs::write(folder.join("key"), key.unwrap()).unwrap();
}

fn enrol(server: &Server) -> Command {
    let mut command = Command::new("pki");
    command.args(["--scep", "--url", server.scep_url(), "--in", "key", "--outform", "pem"]);
    command.args(["--dn", "C=DE, O=Contoso, CN=strongswan", "--san", "strongswan.contoso.example"]);
    command.args(["--cacert-enc", "ra.pem", "--cacert-sig", "ra.pem", "--cacert", "ca.pem"]);
    command
}

fn verified(folder: &Path) {
    run(folder, Command::new("openssl").args(["verify", "-CAfile", "root", "issued"])).unwrap();
}

/// What a program says; what it complains of, if it fails. What strongSwan's program for enrolment says is kept too.
fn run(folder: &Path, command: &mut Command) -> Result<String, String> {
    let done = command.current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    if command.get_args().any(|argument| argument == "--scep") {
        std::fs::write(folder.join("issued"), &said).unwrap();
    }
    Ok(said)
}
