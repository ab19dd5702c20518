//! HTTP and TLS round the services: routes, listeners, size limits. It moves bytes and decides nothing.

mod admin;
mod device;
mod error;
mod listener;
mod push;
mod scep;
mod server_certificate;
mod tls;

pub(crate) use admin::router as admin_router;
pub(crate) use device::router as device_router;
pub(crate) use listener::{Shutdown, serve_admin, serve_devices, serve_push, serve_scep};
pub(crate) use push::router as push_router;
pub(crate) use scep::router as scep_router;
pub(crate) use server_certificate::ServerCertificate;
pub(crate) use tls::{TlsError, push_config, server_config};

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);
/// How much of a body that is too large is read and thrown away: a client that is cut off while it sends does not get
/// to see the answer.
const DISCARD_LIMIT: usize = 16 << 20;

/// Reads a body of at most `limit` bytes; of one that is larger nothing is kept.
async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let too_large = announced.is_some_and(|length| length > limit as u64);
    // Whoever asks before sending is told at once.
    if too_large && headers.contains_key(EXPECT) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    tokio::time::timeout(BODY_TIME, collect(body, if too_large { 0 } else { limit }))
        .await
        .unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let (mut kept, mut total) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        // A connection that broke in the middle; nobody will see the status.
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Ok(data) = frame.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total <= limit {
            kept.extend_from_slice(&data);
        } else if total > limit.saturating_add(DISCARD_LIMIT) {
            break;
        } else {
            kept = Vec::new();
        }
    }
    if total > limit { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(kept) }
}
