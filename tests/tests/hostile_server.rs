//! A service whose server, or whatever answers in its place, misbehaves: every failure has its name, nothing is stored
//! that was not meant, and the service lives on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use mdm_tests::hostile::{HostileServer, Request, Script, message, response};
use mdm_tests::processes::silent;
use mdm_tests::profiles;
use mdm_tests::server::USER;
use mdm_tests::world::{World, block_on};

#[test]
fn whatever_answers_in_the_servers_place_is_named_and_harms_nothing() {
    let world = enrolled_with_a_profile();
    for (outcome, script) in answers() {
        let server = HostileServer::start(script).unwrap();
        let mut service = None;
        world.agent.redirect_to(&server).unwrap();
        service.replace(world.agent.run(&silent()).unwrap());
        let said = world.agent.verb(["sync"]).unwrap();
        assert_ne!(said.code, 0, "{outcome}: {}", said.output);
        let status = world.agent.json(["status"]).unwrap();
        assert_eq!(status["last_session"]["outcome"], outcome, "{status}");
        let held = world.agent.json(["profiles", "list"]).unwrap();
        assert_eq!(held.as_array().map(Vec::len), Some(1), "{outcome}");
        assert!(world.agent.state.join("identity/active/key.pem").exists(), "{outcome}");
        assert!(!service.unwrap().has_ended(), "{outcome}: the service ended");
    }
}

#[test]
fn enrolment_with_whatever_answers_in_the_servers_place_leaves_nothing() {
    let world = World::new().unwrap();
    for (name, script) in answers() {
        let server = HostileServer::start(script).unwrap();
        let authorities = world.folder.path().join("hostile.pem");
        std::fs::write(&authorities, &server.ca_pem).unwrap();
        let mut command = world.agent.command();
        command.args(["enroll", "--server", &server.url, "--user", USER, "--ca-file"]);
        let said = command.arg(&authorities).arg("--password-file").arg(&world.server.password_file).output().unwrap();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success(), "{name}");
        assert!(errors.contains("mdm-agent: "), "{name}: {errors}");
        assert!(world.agent.is_blank(), "{name}");
    }
}

#[test]
fn a_redirect_to_another_host_gets_no_credentials() {
    let world = World::new().unwrap();
    let thief = HostileServer::start(Arc::new(|_: &Request| response("200 OK", &[], b""))).unwrap();
    let target = format!("{}/EnrollmentServer/Discovery.svc", thief.url);
    let server =
        HostileServer::start(Arc::new(move |_: &Request| response("302 Found", &[("Location", &target)], b"")));
    let server = server.unwrap();
    let authorities = world.folder.path().join("both.pem");
    std::fs::write(&authorities, format!("{}{}", server.ca_pem, thief.ca_pem)).unwrap();
    let mut command = world.agent.command();
    command.args(["enroll", "--server", &server.url, "--user", USER, "--ca-file"]);
    let said = command.arg(&authorities).arg("--password-file").arg(&world.server.password_file).output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("redirected"));
    assert_eq!(thief.requests(), 0);
}

/// Outcome and script. Each answers everything alike.
fn answers() -> Vec<(&'static str, Script)> {
    let fixed = |bytes: Vec<u8>| -> Script { Arc::new(move |_: &Request| bytes.clone()) };
    let ok = |body: &[u8]| response("200 OK", &[("Content-Type", "application/vnd.syncml.dm+xml")], body);
    let deep = format!("<SyncML>{}</SyncML>", "<a>".repeat(100_000));
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let endless = (0..96).fold(endless, |mut stream, _| {
        stream.extend_from_slice(b"10000\r\n");
        stream.extend_from_slice(&[b'x'; 0x10000]);
        stream.extend_from_slice(b"\r\n");
        stream
    });
    vec![
        ("captive-portal", fixed(ok(b"<!DOCTYPE html><html><body>Please sign in</body></html>"))),
        ("captive-portal", fixed(ok(b"<HTML><head><title>Proxy</title><body>Denied<br></HTML>"))),
        ("redirected", fixed(response("302 Found", &[("Location", "http://localhost/")], b""))),
        ("redirected", fixed(response("307 Temporary Redirect", &[("Location", "https://elsewhere.example/")], b""))),
        ("device-refused", fixed(response("401 Unauthorized", &[], b""))),
        ("device-refused", fixed(response("403 Forbidden", &[], b"no"))),
        ("http", fixed(response("404 Not Found", &[], b""))),
        ("http", fixed(response("503 Service Unavailable", &[("Retry-After", "120")], b""))),
        ("malformed", fixed(ok(b"<SyncML><SyncHdr>"))),
        ("malformed", fixed(ok(b"\xff\xfe<\0S\0"))),
        ("malformed", fixed(ok(b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY y \"z\">]><SyncML>&y;</SyncML>"))),
        ("malformed", fixed(ok(b"<Other/>"))),
        ("malformed", fixed(ok(deep.as_bytes()))),
        ("oversized", fixed(response("200 OK", &[], &vec![b' '; 5 << 20]))),
        ("oversized", fixed(endless)),
        ("connection-broken", fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort".to_vec()).closing()),
        ("connection-broken", fixed(b"what is this?\r\n\r\n".to_vec())),
        ("endless", never_ending()),
    ]
}

/// A server that asks for the same node for ever.
fn never_ending() -> Script {
    Arc::new(|request: &Request| {
        message(request, "<Get><CmdID>1</CmdID><Item><Target><LocURI>./DevInfo/DevId</LocURI></Target></Item></Get>")
    })
}

trait Closing {
    fn closing(self) -> Script;
}

impl Closing for Script {
    /// The same, with the connection closed after it: the body that was announced never comes.
    fn closing(self) -> Script {
        Arc::new(move |request: &Request| {
            let mut answer = self(request);
            answer.extend_from_slice(mdm_tests::hostile::HANG_UP);
            answer
        })
    }
}

fn enrolled_with_a_profile() -> World {
    let world = World::enrolled().unwrap();
    block_on(world.server.admin.assign("wifi", profiles::WIFI)).unwrap();
    world.agent.json(["sync"]).unwrap();
    world
}
