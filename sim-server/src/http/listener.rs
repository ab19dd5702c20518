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

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const HEADER_LIMIT: Duration = Duration::from_secs(30);
const FAREWELL_LIMIT: Duration = Duration::from_secs(5);
/// How long accepting pauses after an error such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Tells the listeners when to stop.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(pub(crate) watch::Receiver<bool>);

impl Shutdown {
    async fn requested(&mut self) {
        // A sender that is gone asks for the same.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Serves devices over TLS until told to stop.
pub(crate) async fn serve_devices(listener: TcpListener, acceptor: TlsAcceptor, router: Router, shutdown: Shutdown) {
    let handle = move |stream: TcpStream, shutdown: Shutdown| {
        let (acceptor, router) = (acceptor.clone(), router.clone());
        async move {
            let stream = match tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
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
            let certificates = stream.get_ref().1.peer_certificates();
            let peer =
                Peer(certificates.and_then(|chain| chain.first()).map(|certificate| Arc::from(certificate.as_ref())));
            serve_connection(stream, router, peer, shutdown).await;
        }
    };
    accept(listener, handle, shutdown).await;
}

/// Serves administrators over plain HTTP until told to stop.
pub(crate) async fn serve_admin(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let handle =
        move |stream: TcpStream, shutdown: Shutdown| serve_connection(stream, router.clone(), Peer(None), shutdown);
    accept(listener, handle, shutdown).await;
}

async fn accept<F>(listener: TcpListener, handle: impl Fn(TcpStream, Shutdown) -> F, mut shutdown: Shutdown)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let for_connections = shutdown.clone();
    loop {
        tokio::select! {
            () = shutdown.requested() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
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
    let _ = tokio::time::timeout(FAREWELL_LIMIT, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_connection<S>(stream: S, router: Router, peer: Peer, mut shutdown: Shutdown)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let mut router = router.clone();
        async move { Ok::<Response, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(HEADER_LIMIT));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(error, "a connection ended early");
    }
}
