//! A push server that does whatever a test wants with those who listen, over real TLS: stalls, floods, lies.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::hostile;

/// What is done with those who listen.
#[derive(Debug, Clone)]
pub struct Manner {
    /// The status and further headers, each line with its end.
    pub head: String,
    /// What comes after the head, as it is.
    pub body: Vec<u8>,
    /// Whether the connection then stays, silent, until the manner changes.
    pub holds: bool,
}

impl Manner {
    /// A refusal.
    pub fn refusal(status: &str) -> Self {
        Self { head: format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n"), body: Vec::new(), holds: false }
    }

    /// A stream that says this.
    pub fn stream(body: impl Into<Vec<u8>>) -> Self {
        Self {
            head: "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n".to_owned(),
            body: body.into(),
            holds: true,
        }
    }

    /// A stream that is opened and rings with these ids and texts.
    pub fn rings<'a>(rings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut lines = serde_json::json!({ "id": "open", "time": 1, "event": "open" }).to_string() + "\n";
        for (id, text) in rings {
            lines += &serde_json::json!({ "id": id, "time": 1, "event": "message", "message": text }).to_string();
            lines.push('\n');
        }
        Self::stream(lines)
    }

    /// The same, with the connection closed at the end.
    #[must_use]
    pub fn closing(self) -> Self {
        Self { holds: false, ..self }
    }
}

/// A hostile push server, listening until the test ends.
#[derive(Debug)]
pub struct HostilePush {
    /// Its address.
    pub url: String,
    /// Its certificate authority in DER.
    pub ca_der: Vec<u8>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<Manner>,
    /// How often the manner has changed.
    changes: AtomicUsize,
    requests: AtomicUsize,
}

impl HostilePush {
    /// Starts a server of this manner.
    pub fn start(manner: Manner) -> anyhow::Result<Self> {
        let (config, _, ca_der) = hostile::tls()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            changes: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let known = Arc::clone(&shared);
        // The threads end with the test process; nothing waits for them.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&known));
                std::thread::spawn(move || drop(serve(stream, config, &shared)));
            }
        });
        Ok(Self { url, ca_der, shared })
    }

    /// Behaves differently from now on; who listens is hung up on.
    pub fn change(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
        self.shared.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// How often somebody wanted to listen.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, shared: &Shared) -> anyhow::Result<()> {
    let present = shared.changes.load(Ordering::SeqCst);
    // So that a change of manner is noticed while a listener is silent, as listeners are.
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    read_head(&mut stream)?;
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let manner = shared.manner.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let stream = stream.get_mut();
    write!(stream, "{}\r\n", manner.head)?;
    stream.write_all(&manner.body)?;
    stream.flush()?;
    while manner.holds && shared.changes.load(Ordering::SeqCst) == present {
        match stream.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Err(error) if !is_timeout(&error) => return Err(error.into()),
            _ => {}
        }
    }
    stream.conn.send_close_notify();
    Ok(stream.flush()?)
}

fn read_head(stream: &mut BufReader<StreamOwned<ServerConnection, TcpStream>>) -> anyhow::Result<()> {
    let mut line = Vec::new();
    loop {
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => anyhow::bail!("the listener has gone"),
            Ok(_) if line == b"\r\n" => return Ok(()),
            Ok(_) => line.clear(),
            // What came before stays in the line.
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
