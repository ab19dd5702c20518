//! Clients against a real TLS server and a real proxy, both on loopback.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use rustls::pki_types::PrivatePkcs8KeyDer;

use super::proxy::ProxySettings;
use super::*;

/// Another way to this machine, which is no loopback address by its looks.
const UNSPECIFIED: &str = "0.0.0.0";
/// A name that only the proxy can reach.
const NAME: &str = "mdm.example.test";

#[test]
fn a_connection_goes_through_the_proxy_with_its_user_and_password() {
    let world = World::new();
    let (proxy, seen) = proxy(world.server, 200);
    let reply = world.get(NAME, &settings(&format!("me:p%40ss@{proxy}"), "")).unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"hello".as_slice()));
    let request = seen.recv().unwrap();
    assert!(request.starts_with(&format!("CONNECT {NAME}:")), "{request}");
    let credentials = mdm_protocol::base64::encode("me:p@ss");
    assert!(request.contains(&format!("Basic {credentials}")), "{request}");
}

#[test]
fn credentials_of_a_file_are_shown_to_the_proxy_alone() {
    let world = World::new();
    let (proxy, seen) = proxy(world.server, 200);
    let password = mdm_protocol::Secret::new("p@:ss");
    let settings = settings(&proxy.to_string(), "").with_credentials("me".to_owned(), password);
    assert_eq!(world.get(NAME, &settings).unwrap().status, 200);
    let request = seen.recv().unwrap();
    assert!(request.contains(&format!("Basic {}", mdm_protocol::base64::encode("me:p@:ss"))), "{request}");
}

#[test]
fn the_date_of_an_answer_is_passed_on() {
    let world = World::new();
    let reply = world.get("127.0.0.1", &ProxySettings::none()).unwrap();
    assert_eq!(reply.date, Some(784_111_777));
    assert_eq!(unix_seconds("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(unix_seconds("yesterday"), None);
    assert_eq!(unix_seconds(""), None);
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let world = World::new();
    for (status, reason) in [(407, "authorization"), (403, "unsuccessful")] {
        let (proxy, _) = proxy(world.server, status);
        let failure = world.get(NAME, &settings(&proxy.to_string(), "")).unwrap_err();
        assert_eq!(failure.name(), "proxy");
        assert!(failure.to_string().contains(reason), "{failure}");
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let world = World::new();
    let failure = world.get(NAME, &settings("127.0.0.1:1", "")).unwrap_err();
    assert_eq!(failure.name(), "proxy");
    assert!(failure.to_string().contains("refused"), "{failure}");
}

#[test]
fn loopback_and_exempt_names_never_go_through_the_proxy() {
    let world = World::new();
    let dead = "127.0.0.1:1";
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(world.get(host, &settings(dead, "example.org")).unwrap().status, 200);
    }
    for exempt in ["0.0.0.0", "0.0.0.0/8", "*", "example.org,0.0.0.0"] {
        assert_eq!(world.get(UNSPECIFIED, &settings(dead, exempt)).unwrap().status, 200, "{exempt}");
    }
    assert_eq!(world.get(UNSPECIFIED, &settings(dead, "10.0.0.0/8")).unwrap_err().name(), "proxy");
}

#[test]
fn a_server_behind_the_proxy_is_trusted_no_more_than_without_one() {
    let mut world = World::new();
    world.trust = World::new().trust;
    let (proxy, _) = proxy(world.server, 200);
    assert_eq!(world.get(NAME, &settings(&proxy.to_string(), "")).unwrap_err().name(), "tls-trust");
}

/// A TLS server, and who believes it.
struct World {
    server: SocketAddr,
    trust: Trust,
}

impl World {
    fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec![NAME.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned(), UNSPECIFIED.to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                answer(rustls::StreamOwned::new(session, stream));
            }
        });
        Self { server, trust: Trust { system: false, roots: vec![base64::encode(certificate.der())] } }
    }

    fn get(&self, host: &str, proxy: &ProxySettings) -> Result<Reply, ConnectionFailure> {
        let client = HttpsClient::anonymous(&self.trust, proxy).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(client.get(&format!("https://{host}:{}/", self.server.port())))
    }
}

fn settings(proxy: &str, exempt: &str) -> ProxySettings {
    ProxySettings::for_test(&format!("http://{proxy}"), exempt)
}

/// Answers one request; one that never comes is fine.
fn answer(stream: impl Read + Write) {
    let mut stream = BufReader::new(stream);
    if read_head(&mut stream).is_some() {
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
        let _ = write!(
            stream.get_mut(),
            "HTTP/1.1 200 OK\r\n{date}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        );
        let _ = stream.get_mut().flush();
    }
}

fn read_head(stream: &mut impl std::io::BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// A proxy that passes every connection on to one server, or answers with this status; it tells what it was asked.
fn proxy(server: SocketAddr, status: u16) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, requests) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let Some(request) = read_head(&mut reader) else { continue };
            let _ = seen.send(request);
            let _ = write!(stream, "HTTP/1.1 {status} Whatever\r\n\r\n");
            if status == 200 {
                let upstream = TcpStream::connect(server).unwrap();
                let (mut from, mut to) = (upstream.try_clone().unwrap(), stream.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                std::thread::spawn(move || std::io::copy(&mut reader, &mut &upstream));
            }
        }
    });
    (address, requests)
}
