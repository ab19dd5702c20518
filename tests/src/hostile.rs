//! A server that says whatever a test wants, over real TLS: what captive portals, broken proxies and attackers send.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The path with its query.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
    /// How many requests came before, on all connections.
    pub number: usize,
}

/// Says what goes back: the raw bytes of an HTTP/1.1 response.
pub type Script = Arc<dyn Fn(&Request) -> Vec<u8> + Send + Sync>;

/// At the end of a script's answer: the connection is closed there, without a word.
pub const HANG_UP: &[u8] = b"\0hang up\0";

/// A hostile server, listening until it is dropped.
#[derive(Debug)]
pub struct HostileServer {
    /// Its address.
    pub url: String,
    /// Its certificate authority in PEM.
    pub ca_pem: String,
    /// Its certificate authority in DER.
    pub ca_der: Vec<u8>,
    requests: Arc<AtomicUsize>,
}

impl HostileServer {
    /// Starts a server with this script.
    pub fn start(script: Script) -> anyhow::Result<Self> {
        let (config, ca_pem, ca_der) = tls()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        // The thread ends with the test process; nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, script, counter) = (Arc::clone(&config), Arc::clone(&script), Arc::clone(&counter));
                std::thread::spawn(move || drop(serve(stream, config, &script, &counter)));
            }
        });
        Ok(Self { url, ca_pem, ca_der, requests })
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, script: &Script, counter: &AtomicUsize) -> anyhow::Result<()> {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let path = first.split_whitespace().nth(1).context("no path")?.to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        let request = Request { path, body, number: counter.fetch_add(1, Ordering::SeqCst) };
        let stream = stream.get_mut();
        let answer = script(&request);
        let cut = answer.strip_suffix(HANG_UP);
        stream.write_all(cut.unwrap_or(&answer))?;
        stream.flush()?;
        if cut.is_some() {
            return Ok(());
        }
    }
}

/// What a server of a certificate authority of its own needs, and the authority in PEM and in DER.
pub(crate) fn tls() -> anyhow::Result<(Arc<ServerConfig>, String, Vec<u8>)> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.clone().self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    Ok((Arc::new(config), authority_certificate.pem(), authority_certificate.der().to_vec()))
}

/// A well-formed response with a body.
pub fn response(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut response = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        response.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    response.extend_from_slice(b"\r\n");
    response.extend_from_slice(body);
    response
}

/// A management server's answer to a message of a session: these commands, in SyncML.
pub fn message(request: &Request, commands: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(&request.body);
    let between = |before: &str, after: &str| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once(after).map(|(value, _)| value.to_owned())
    };
    let (Some(session), Some(number)) = (between("<SessionID>", "<"), between("<MsgID>", "<")) else {
        return response("500 Internal Server Error", &[], b"");
    };
    let body = format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>{session}</SessionID><MsgID>{number}</MsgID></SyncHdr><SyncBody>{commands}<Final/></SyncBody></SyncML>"
    );
    response("200 OK", &[], body.as_bytes())
}
