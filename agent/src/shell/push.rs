//! The connection to a push server that speaks like ntfy (rule P2): one task, one stream, one timer.
//!
//! It reports rings and how the link stands. When to connect and what a line means is decided by
//! [`crate::engine::push_link`] and [`crate::engine::push_stream`]; what a ring leads to is decided by the agent.

use std::pin::Pin;
use std::sync::Arc;

use reqwest::header::RETRY_AFTER;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use url::Url;

use super::clock;
use super::http::{self, ClientError, ProxySettings};
use super::timer::BootTimer;
use crate::engine::account::Trust;
use crate::engine::push_link::{LinkEvent, LinkOrder, LinkProblem, LinkState, LinkTiming, PushLink};
use crate::engine::push_stream::{StreamEvent, StreamReader};

/// Where to listen, and how.
#[derive(Debug, Clone)]
pub struct PushConfig {
    /// The push server's address.
    pub base: String,
    /// The device's own topic. Whoever knows it can ring.
    pub topic: String,
    /// The id of the last ring that was heard, by an earlier run too.
    pub since: Option<String>,
    /// Whom to believe that it is the push server.
    pub trust: Trust,
    /// The way to the server.
    pub proxy: ProxySettings,
    /// Spreads the attempts to reconnect.
    pub seed: u64,
    /// The times that the link keeps.
    pub timing: LinkTiming,
}

/// What the link reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushEvent {
    /// Rings arrive from now on.
    Up,
    /// They do not; another attempt follows by itself.
    Down {
        /// Why not.
        reason: LinkProblem,
    },
    /// The server rang.
    Rung {
        /// The ring's id; give the last one to the next run.
        id: String,
        /// What it says, by whoever sent it.
        text: String,
    },
}

/// A link that cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The address cannot be used.
    #[error("the push server's address {base} cannot be used: {reason}")]
    Address {
        /// The address.
        base: String,
        /// Why not.
        reason: String,
    },
    /// The topic is none.
    #[error("a push topic may have up to 64 letters, digits, underscores and hyphens")]
    Topic,
    /// The client could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no timer to be had.
    #[error("the push link's timer cannot be made: {0}")]
    Timer(#[from] std::io::Error),
}

/// The running link; it ends when this is dropped.
#[derive(Debug)]
pub struct PushHandle {
    task: AbortHandle,
    network: Arc<Notify>,
}

impl PushHandle {
    /// Tells the link that the machine has a network again, or another one.
    pub fn network_up(&self) {
        self.network.notify_one();
    }
}

impl Drop for PushHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to listen, in a task of its own on the present runtime. A receiver that is slow slows the stream down.
pub fn start(config: &PushConfig, events: mpsc::Sender<PushEvent>) -> Result<PushHandle, PushError> {
    let network = Arc::new(Notify::new());
    let listener = Listener {
        address: address(&config.base, &config.topic)?,
        client: client(config)?,
        link: PushLink::new(config.timing, clock::now().boot_ms),
        reader: StreamReader::new(config.since.clone()),
        random: fastrand::Rng::with_seed(config.seed),
        timer: BootTimer::new()?,
        network: Arc::clone(&network),
        events,
        has_said_up: false,
    };
    Ok(PushHandle { task: tokio::spawn(listener.run()).abort_handle(), network })
}

fn client(config: &PushConfig) -> Result<reqwest::Client, ClientError> {
    let mut tls =
        rustls::ClientConfig::builder().with_root_certificates(http::roots(&config.trust)?).with_no_client_auth();
    tls.resumption = rustls::client::Resumption::in_memory_sessions(1);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = config
        .proxy
        .apply(reqwest::Client::builder())?
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        // The link's own watchdog is the only one: keep-alives of the connection would wake the machine.
        .tcp_keepalive(None)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("mdm-agent/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

/// The address of the topic's stream. Without TLS only on this machine.
fn address(base: &str, topic: &str) -> Result<Url, PushError> {
    let refuse = |reason: String| PushError::Address { base: base.to_owned(), reason };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(1..=64).contains(&topic.len()) || !topic.bytes().all(allowed) {
        return Err(PushError::Topic);
    }
    let mut url = Url::parse(base).map_err(|error| refuse(error.to_string()))?;
    let is_local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if !(url.scheme() == "https" || url.scheme() == "http" && is_local) {
        return Err(refuse("it must begin with https://".to_owned()));
    }
    url.set_query(None);
    url.set_fragment(None);
    let segments = url.path_segments_mut();
    segments.map_err(|()| refuse("it has no path".to_owned()))?.pop_if_empty().extend([topic, "json"]);
    Ok(url)
}

/// What there is of a connection.
enum Connection {
    None,
    Asking(Pin<Box<dyn Future<Output = reqwest::Result<reqwest::Response>> + Send>>),
    Reading(Box<reqwest::Response>),
}

/// What came over it.
enum Arrival {
    Answer(reqwest::Result<reqwest::Response>),
    Piece(reqwest::Result<Option<Vec<u8>>>),
}

impl Connection {
    /// Waits for the next thing to come; nothing is lost if it is not waited for to the end.
    async fn next(&mut self) -> Arrival {
        match self {
            Self::None => std::future::pending().await,
            Self::Asking(answer) => Arrival::Answer(answer.await),
            Self::Reading(response) => Arrival::Piece(response.chunk().await.map(|piece| piece.map(Vec::from))),
        }
    }
}

/// The receiver is gone: there is nobody to listen for.
struct NobodyListens;

struct Listener {
    address: Url,
    client: reqwest::Client,
    link: PushLink,
    reader: StreamReader,
    random: fastrand::Rng,
    timer: BootTimer,
    network: Arc<Notify>,
    events: mpsc::Sender<PushEvent>,
    has_said_up: bool,
}

impl Listener {
    async fn run(mut self) {
        if let Err(error) = self.listen().await {
            tracing::error!(%error, "the push link has lost its timer and ends; the schedule goes on");
        }
    }

    async fn listen(&mut self) -> std::io::Result<()> {
        let mut connection = Connection::None;
        let network = Arc::clone(&self.network);
        loop {
            self.timer.set(Some(self.link.deadline()))?;
            let done = tokio::select! {
                arrival = connection.next() => self.arrived(arrival, &mut connection).await,
                reached = self.timer.reached() => {
                    reached?;
                    self.tell(LinkEvent::Due, &mut connection).await
                }
                () = network.notified() => self.tell(LinkEvent::NetworkUp, &mut connection).await,
            };
            if done.is_err() {
                return Ok(());
            }
        }
    }

    async fn arrived(&mut self, arrival: Arrival, connection: &mut Connection) -> Result<(), NobodyListens> {
        let event = match arrival {
            Arrival::Answer(Ok(response)) if response.status() == reqwest::StatusCode::OK => {
                self.reader.reconnected();
                *connection = Connection::Reading(Box::new(response));
                return Ok(());
            }
            Arrival::Answer(Ok(response)) => {
                let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after = retry_after.and_then(|seconds| seconds.trim().parse().ok());
                LinkEvent::HttpStatus { status: response.status().as_u16(), retry_after }
            }
            Arrival::Piece(Ok(Some(piece))) => return self.read(&piece, connection).await,
            Arrival::Piece(Ok(None)) => LinkEvent::Broken("the push server closed the connection".to_owned()),
            Arrival::Answer(Err(error)) | Arrival::Piece(Err(error)) => {
                LinkEvent::Broken(http::explain(&error).to_string())
            }
        };
        self.tell(event, connection).await
    }

    async fn read(&mut self, piece: &[u8], connection: &mut Connection) -> Result<(), NobodyListens> {
        let received = LinkEvent::Received {
            bytes: u64::try_from(piece.len()).unwrap_or(u64::MAX),
            lines: piece.iter().filter(|byte| **byte == b'\n').map(|_| 1).sum(),
        };
        self.tell(received, connection).await?;
        if matches!(connection, Connection::None) {
            // It was given up for that; nothing of it counts.
            return Ok(());
        }
        let mut lines = Vec::new();
        self.reader.feed(piece, &mut lines);
        // An answer that is no stream of events, a captive portal's for instance, never gets the link up.
        if !lines.is_empty() {
            self.tell(LinkEvent::Connected, connection).await?;
        }
        for line in lines {
            if let StreamEvent::Message(message) = line {
                self.report(PushEvent::Rung { id: message.id, text: message.text }).await?;
            }
        }
        Ok(())
    }

    async fn tell(&mut self, event: LinkEvent, connection: &mut Connection) -> Result<(), NobodyListens> {
        match self.link.handle(event, clock::now().boot_ms, &mut self.random) {
            Some(LinkOrder::Connect) => {
                let mut address = self.address.clone();
                address.query_pairs_mut().append_pair("since", &self.reader.since());
                *connection = Connection::Asking(Box::pin(self.client.get(address).send()));
            }
            Some(LinkOrder::HangUp) => {
                *connection = Connection::None;
                self.has_said_up = false;
                if let Some(reason) = self.link.problem().cloned() {
                    self.report(PushEvent::Down { reason }).await?;
                }
            }
            None if self.link.state() == LinkState::Up && !self.has_said_up => {
                self.has_said_up = true;
                self.report(PushEvent::Up).await?;
            }
            None => {}
        }
        Ok(())
    }

    async fn report(&self, event: PushEvent) -> Result<(), NobodyListens> {
        self.events.send(event).await.map_err(|_| NobodyListens)
    }
}

#[cfg(test)]
mod tests;
