//! The socket's server: reads bounded requests, checks who asks, and hands them to the agent.

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{ControlError, ControlRequest, ControlResult, ErrorCode};
use crate::engine::authorization::{self, Pace};
use crate::shell::agent::Message;
use crate::shell::clock;
use crate::shell::files::{FileError, create_private_dir};

/// What a request of someone who may enrol may measure: room for a file of certificate authorities.
const MAX_REQUEST: usize = 2 << 20;
/// What anyone else's may.
const MAX_QUESTION: usize = 16 << 10;
const MAX_CONNECTIONS: u32 = 32;
/// How many of these are for anyone; the others are kept for those who may enrol and unenrol.
const MAX_QUESTIONERS: usize = 24;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that somebody may wait for an answer, or for somebody to take it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(900);

/// Opens the socket; one that a dead daemon left behind is replaced.
pub fn bind(path: &Path) -> Result<UnixListener, FileError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        create_private_dir(directory)?;
        // Everyone may ask; what for is checked request by request.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory, open).map_err(FileError::of("open up", directory))?;
    }
    // The lock is on the state; a service with another state may have the same socket.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(FileError::of("listen on", path)(std::io::ErrorKind::AddrInUse.into()));
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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let questioners = Arc::new(Semaphore::new(MAX_QUESTIONERS));
    let pace = Arc::new(Mutex::new(Pace::default()));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = agent.closed() => break,
        };
        let Ok((stream, _)) = stream else {
            // Out of descriptors, most likely; trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(caller) = stream.peer_cred().map(|credentials| credentials.uid()) else { continue };
        let questioner = if is_privileged(caller) {
            None
        } else if let Ok(place) = Arc::clone(&questioners).try_acquire_owned() {
            Some(place)
        } else {
            // Hung up on: nobody can keep root from the socket by holding all of its places.
            continue;
        };
        let (agent, pace) = (agent.clone(), Arc::clone(&pace));
        tokio::spawn(async move {
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection(stream, caller, agent, pace)).await;
            drop((place, questioner));
        });
    }
    // Answers that are on their way arrive; the caller of this function sets the limit.
    let _ = places.acquire_many(MAX_CONNECTIONS).await;
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a caller may do everything.
fn is_privileged(caller: u32) -> bool {
    authorization::is_allowed(authorization::Request::Unenrol, caller, own_user())
}

async fn connection(stream: UnixStream, caller: u32, agent: mpsc::Sender<Message>, pace: Arc<Mutex<Pace>>) {
    let service = service_fn(move |request| respond(request, caller, agent.clone(), Arc::clone(&pace)));
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
    pace: Arc<Mutex<Pace>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let result = answer(request, caller, &agent, &pace).await;
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

async fn answer(
    request: Request<Incoming>,
    caller: u32,
    agent: &mpsc::Sender<Message>,
    pace: &Mutex<Pace>,
) -> ControlResult {
    if request.method() != Method::POST || request.uri().path() != "/v1" {
        return Err(ControlError::new(ErrorCode::Usage, "requests are POSTed to /v1"));
    }
    let limit = if is_privileged(caller) { MAX_REQUEST } else { MAX_QUESTION };
    let body = tokio::time::timeout(HEADER_TIMEOUT, Limited::new(request.into_body(), limit).collect()).await;
    let body = match body {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err(ControlError::new(ErrorCode::Usage, format!("the request was refused: {error}"))),
        Err(_) => return Err(ControlError::new(ErrorCode::Usage, "the request did not arrive in time")),
    };
    let request: ControlRequest = serde_json::from_slice(&body)
        .map_err(|error| ControlError::new(ErrorCode::Usage, format!("the request is not understood: {error}")))?;
    if !authorization::is_allowed(request.permission(), caller, own_user()) {
        return Err(ControlError::new(ErrorCode::Forbidden, "only root may do that").with_advice("Try it with sudo."));
    }
    if request.permission() == authorization::Request::CheckIn && !is_privileged(caller) {
        let admitted = pace.lock().unwrap_or_else(PoisonError::into_inner).admit(caller, clock::now().boot_ms);
        admitted.map_err(too_often)?;
    }
    let (reply, answer) = oneshot::channel();
    agent.send(Message::Control(request, reply)).await.map_err(|_| ControlError::shutting_down())?;
    answer.await.unwrap_or_else(|_| Err(ControlError::shutting_down()))
}

fn too_often(seconds: u64) -> ControlError {
    ControlError::new(ErrorCode::Failed, "you have asked for check-ins too often")
        .with_advice(format!("Try again in {seconds} s; mdm-agent status answers at any time."))
}

fn http_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Usage => StatusCode::BAD_REQUEST,
        ErrorCode::NotEnrolled | ErrorCode::NotCompliant => StatusCode::CONFLICT,
        ErrorCode::Unreachable => StatusCode::BAD_GATEWAY,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
    }
}
