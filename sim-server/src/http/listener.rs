//! The accept loops. Handshakes have a time limit and a task of their own, so that nobody can hold up the others.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::device::Peer;

/// How long accepting pauses after an error such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What one client, or all together, may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How many connections are open at a time; others wait to be accepted.
    connections: usize,
    /// How many requests run at a time on one connection.
    streams: u32,
    /// How long a TLS handshake may take.
    handshake: Duration,
    /// How long the head of a request may take to arrive, and how long a connection may be idle before it.
    head: Duration,
    /// How long a connection lives, busy or not. This protocol's sessions do not depend on it.
    age: Duration,
    /// How long requests under way may take once their connection is to end.
    farewell: Duration,
}

const LIMITS: Limits = Limits {
    connections: 2048,
    streams: 16,
    handshake: Duration::from_secs(10),
    head: Duration::from_secs(30),
    age: Duration::from_secs(900),
    farewell: Duration::from_secs(5),
};

/// Streams of the push service go on for as long as somebody listens, and many listen.
const PUSH_LIMITS: Limits = Limits {
    connections: 20_000,
    streams: 64,
    age: Duration::from_secs(24 * 3600),
    farewell: Duration::from_secs(1),
    ..LIMITS
};

/// Tells the listeners when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(pub(crate) watch::Receiver<bool>);

impl Shutdown {
    /// Completes when the server is to stop.
    pub(crate) async fn requested(&mut self) {
        // A sender that is gone asks for the same.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Serves devices over TLS until told to stop.
pub(crate) async fn serve_devices(listener: TcpListener, acceptor: TlsAcceptor, router: Router, shutdown: Shutdown) {
    serve_over_tls(listener, acceptor, router, &LIMITS, shutdown).await;
}

/// Serves the push service over TLS until told to stop.
pub(crate) async fn serve_push(listener: TcpListener, acceptor: TlsAcceptor, router: Router, shutdown: Shutdown) {
    serve_over_tls(listener, acceptor, router, &PUSH_LIMITS, shutdown).await;
}

async fn serve_over_tls(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    router: Router,
    limits: &'static Limits,
    shutdown: Shutdown,
) {
    let handle = move |stream: TcpStream, shutdown: Shutdown| {
        let (acceptor, router) = (acceptor.clone(), router.clone());
        async move {
            let stream = match tokio::time::timeout(limits.handshake, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    return;
                }
                Err(_) => {
                    tracing::debug!("a TLS handshake took too long");
                    return;
                }
            };
            let session = stream.get_ref().1;
            let certificate = session.peer_certificates().and_then(|chain| chain.first());
            let peer = Peer(certificate.map(|certificate| Arc::from(certificate.as_ref())));
            let builder = builder(session.alpn_protocol() == Some(b"h2"), limits);
            serve_connection(stream, builder, router, peer, limits, shutdown).await;
        }
    };
    accept(listener, handle, limits, shutdown).await;
}

/// Serves administrators over plain HTTP until told to stop.
pub(crate) async fn serve_admin(listener: TcpListener, router: Router, shutdown: Shutdown) {
    serve_plainly(listener, router, &LIMITS, shutdown).await;
}

/// Serves SCEP over plain HTTP until told to stop, as many SCEP servers do.
pub(crate) async fn serve_scep(listener: TcpListener, router: Router, shutdown: Shutdown) {
    serve_plainly(listener, router, &LIMITS, shutdown).await;
}

async fn serve_plainly(listener: TcpListener, router: Router, limits: &'static Limits, shutdown: Shutdown) {
    let handle = move |stream: TcpStream, shutdown: Shutdown| {
        serve_connection(stream, builder(false, limits), router.clone(), Peer(None), limits, shutdown)
    };
    accept(listener, handle, limits, shutdown).await;
}

/// The version of HTTP is settled beforehand: to find it out from a client that says nothing would take for ever.
fn builder(is_http2: bool, limits: &Limits) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).keep_alive_interval(Some(limits.head)).max_concurrent_streams(limits.streams);
    builder
}

async fn accept<F>(
    listener: TcpListener,
    handle: impl Fn(TcpStream, Shutdown) -> F,
    limits: &Limits,
    mut shutdown: Shutdown,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let for_connections = shutdown.clone();
    loop {
        tokio::select! {
            () = shutdown.requested() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < limits.connections => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(handle(stream, for_connections.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(limits.farewell, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_connection<S>(
    stream: S,
    builder: Builder<TokioExecutor>,
    router: Router,
    peer: Peer,
    limits: &Limits,
    mut shutdown: Shutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let mut router = router.clone();
        async move { Ok::<Response, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = shutdown.requested() => None,
        () = tokio::time::sleep(limits.age) => None,
    };
    let result = match ended {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(limits.farewell, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const SOON: Duration = Duration::from_millis(50);
    const LATEST: Duration = Duration::from_secs(20);
    const PATIENT: Limits =
        Limits { connections: 9, streams: 1, handshake: HOUR, head: HOUR, age: HOUR, farewell: SOON };
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    /// Serves one page until the sender is dropped.
    async fn serve(limits: &'static Limits) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let router = Router::new().route("/", get(|| async { "hello" }));
        tokio::spawn(serve_plainly(listener, router, limits, Shutdown(stopped)));
        (address, stop)
    }

    async fn is_closed(stream: &mut TcpStream) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(LATEST, stream.read_to_end(&mut rest)).await.is_ok()
    }

    #[tokio::test]
    async fn who_connects_and_says_nothing_is_cut_off() {
        const LIMITS: Limits = Limits { head: SOON, ..PATIENT };
        let (address, _stop) = serve(&LIMITS).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(is_closed(&mut stream).await);
    }

    #[tokio::test]
    async fn no_connection_is_kept_for_ever() {
        const LIMITS: Limits = Limits { age: SOON, ..PATIENT };
        let (address, _stop) = serve(&LIMITS).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        assert!(is_closed(&mut stream).await);
        let mut stuck = TcpStream::connect(address).await.unwrap();
        stuck.write_all(b"GET / HT").await.unwrap();
        assert!(is_closed(&mut stuck).await);
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_their_turn() {
        const LIMITS: Limits = Limits { connections: 1, ..PATIENT };
        let (address, _stop) = serve(&LIMITS).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(REQUEST).await.unwrap();
        let mut byte = [0];
        first.read_exact(&mut byte).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        assert!(tokio::time::timeout(4 * SOON, second.read_exact(&mut byte)).await.is_err());
        drop(first);
        tokio::time::timeout(LATEST, second.read_exact(&mut byte)).await.unwrap().unwrap();
    }
}
