//! The server's own certificate over real TLS on loopback, while the machine's clock is moved.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use mdm_sim_server::service::Clock;
use mdm_sim_server::{Server, ServerOptions};
use rustls::client::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{RootCertStore, time_provider::TimeProvider};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const DAY: i64 = 86_400;

/// A client whose clock is the server's.
#[derive(Debug)]
struct ClientTime(Arc<Clock>);

impl TimeProvider for ClientTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(self.0.now()).ok()?)))
    }
}

/// An open connection, and the serial number and the notAfter of the certificate that the server presented.
struct Connected {
    stream: TlsStream<TcpStream>,
    serial: String,
    not_after: i64,
}

impl Connected {
    /// Connects to an address of the server, and verifies its certificate at the moment that the clock shows.
    async fn to(server: &Server, url: &str, clock: &Arc<Clock>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(server.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(ClientTime(clock.clone())))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = url.strip_prefix("https://").unwrap();
        let connection = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, connection).await.unwrap();
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let (_, certificate) = X509Certificate::from_der(&certificate).unwrap();
        let (serial, not_after) = (certificate.raw_serial_as_string(), certificate.validity().not_after.timestamp());
        Self { stream, serial, not_after }
    }

    /// Asks for a path over this connection; returns the first line of the answer.
    async fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        self.stream.read_exact(&mut vec![0; length]).await.unwrap();
        head.lines().next().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn both_listeners_present_a_renewed_certificate_and_open_connections_go_on() {
    let clock = Arc::new(Clock::machine());
    let server = Server::start(ServerOptions { machine_clock: clock.clone(), ..support::options() }).await.unwrap();
    let listeners = [
        (server.device_url().to_owned(), "/EnrollmentServer/Discovery.svc"),
        (server.push_url().to_owned(), "/v1/health"),
    ];
    let start = clock.now();
    let (mut open, mut serials) = (Vec::new(), Vec::new());
    // In the first two thirds of 397 days, in the last one, and after the clock was set back.
    for (day, is_renewed) in [(0, true), (264, false), (266, true), (-400, true)] {
        clock.advance(start + day * DAY - clock.now());
        for (url, path) in &listeners {
            let mut connected = Connected::to(&server, url, &clock).await;
            assert_eq!(connected.get(path).await, "HTTP/1.1 200 OK");
            if is_renewed {
                assert!((connected.not_after - clock.now() - 397 * DAY).abs() < 60, "on day {day}");
            }
            serials.push(connected.serial.clone());
            open.push((day, connected, *path));
        }
        for (since, connected, path) in &mut open {
            assert_eq!(connected.get(path).await, "HTTP/1.1 200 OK", "a connection since day {since}, on day {day}");
        }
    }
    // Both listeners have the same certificate.
    serials.dedup();
    assert_eq!(serials.len(), 3, "{serials:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_whose_authority_expired_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(Clock::machine());
    let options = || ServerOptions {
        state: Some(directory.path().join("state")),
        machine_clock: clock.clone(),
        ..ServerOptions::default()
    };
    let server = Server::start(options()).await.unwrap();
    clock.advance(20 * 365 * DAY - 30 * DAY);
    let connected = Connected::to(&server, server.device_url(), &clock).await;
    let left = connected.not_after - clock.now();
    assert!((29 * DAY..=30 * DAY).contains(&left), "the certificate expires with the authority, in {left} seconds");
    server.shutdown().await;
    clock.advance(30 * DAY + 60);
    let refusal = Server::start(options()).await.unwrap_err().to_string();
    assert!(refusal.contains("the certificate authority expired on"), "{refusal}");
}
