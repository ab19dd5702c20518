//! The socket's client, for the command line.

use std::path::Path;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{ControlError, ControlRequest, ControlResult, ErrorCode};

const MAX_ANSWER: usize = 64 << 20;

/// Connects to the daemon; `None` if none listens.
pub async fn connect(path: &Path) -> Option<UnixStream> {
    UnixStream::connect(path).await.ok()
}

/// Asks the daemon.
pub async fn ask(stream: UnixStream, request: &ControlRequest) -> ControlResult {
    let lost = |error: &dyn std::fmt::Display| {
        ControlError::new(ErrorCode::Failed, format!("the daemon does not answer: {error}"))
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
    tokio::spawn(connection);
    let body = serde_json::to_vec(request).map_err(|error| lost(&error))?;
    let request = Request::post("/v1")
        .header(hyper::header::HOST, "mdm-agent")
        .header(hyper::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| lost(&error))?;
    let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
    let is_success = response.status().is_success();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(|error| lost(&error))?.to_bytes();
    let mut value: serde_json::Value = serde_json::from_slice(&body).map_err(|error| lost(&error))?;
    if is_success {
        return Ok(value);
    }
    let error = value.get_mut("error").map(serde_json::Value::take).unwrap_or_default();
    Err(serde_json::from_value(error).unwrap_or_else(|error| lost(&error)))
}
