//! The socket's server: reads bounded requests, checks who asks, and hands them to the agent.

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{ControlError, ControlRequest, ControlResult, ErrorCode};
use crate::engine::authorization;
use crate::shell::agent::Message;
use crate::shell::files::{FileError, create_private_dir};

const MAX_REQUEST: usize = 256 << 10;
const MAX_CONNECTIONS: usize = 32;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any session may last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(900);

/// Opens the socket; one that a dead daemon left behind is replaced.
pub fn bind(path: &Path) -> Result<UnixListener, FileError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        create_private_dir(directory)?;
        // Everyone may ask; what for is checked request by request.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory, open).map_err(FileError::of("open up", directory))?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(FileError::of("replace", path)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(FileError::of("listen on", path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).map_err(FileError::of("open up", path))?;
    Ok(listener)
}

/// Serves until the agent is gone.
pub async fn serve(listener: UnixListener, agent: mpsc::Sender<Message>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = agent.closed() => return,
        };
        let Ok((stream, _)) = stream else {
            // Out of descriptors, most likely; trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let agent = agent.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection(stream, agent)).await;
            drop(place);
        });
    }
}

async fn connection(stream: UnixStream, agent: mpsc::Sender<Message>) {
    let Ok(caller) = stream.peer_cred().map(|credentials| credentials.uid()) else { return };
    let service = service_fn(move |request| respond(request, caller, agent.clone()));
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    caller: u32,
    agent: mpsc::Sender<Message>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let result = answer(request, caller, &agent).await;
    let (status, body) = match result {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => (http_status(error.code), serde_json::json!({ "error": error })),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn answer(request: Request<Incoming>, caller: u32, agent: &mpsc::Sender<Message>) -> ControlResult {
    if request.method() != Method::POST || request.uri().path() != "/v1" {
        return Err(ControlError::new(ErrorCode::Usage, "requests are POSTed to /v1"));
    }
    let body = tokio::time::timeout(HEADER_TIMEOUT, Limited::new(request.into_body(), MAX_REQUEST).collect()).await;
    let body = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err(ControlError::new(ErrorCode::Usage, format!("the request was refused: {error}"))),
        Err(_) => return Err(ControlError::new(ErrorCode::Usage, "the request did not arrive in time")),
    };
    let request: ControlRequest = serde_json::from_slice(&body)
        .map_err(|error| ControlError::new(ErrorCode::Usage, format!("the request is not understood: {error}")))?;
    let own = rustix::process::geteuid().as_raw();
    if !authorization::is_allowed(request.permission(), caller, own) {
        return Err(ControlError::new(ErrorCode::Forbidden, "only root may do that").with_advice("Try it with sudo."));
    }
    let (reply, answer) = oneshot::channel();
    let gone = || ControlError::new(ErrorCode::Failed, "the agent is shutting down");
    agent.send(Message::Control(request, reply)).await.map_err(|_| gone())?;
    answer.await.unwrap_or_else(|_| Err(gone()))
}

fn http_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Usage => StatusCode::BAD_REQUEST,
        ErrorCode::NotEnrolled => StatusCode::CONFLICT,
        ErrorCode::Unreachable => StatusCode::BAD_GATEWAY,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
    }
}
