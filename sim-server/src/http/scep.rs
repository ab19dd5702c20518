//! Routes of SCEP (RFC 8894 section 4.1): the operation is in the query, the message in the query or in the body.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mdm_protocol::base64;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::device::{respond, unread, work};
use super::read_body;
use crate::service::{SCEP_LIMIT, ScepOperation, Service};

/// What the routes share.
#[derive(Clone)]
struct Responder {
    service: Arc<Service>,
    /// Opening a message is slow on purpose, and anybody may send one.
    turns: Arc<Semaphore>,
}

#[derive(Deserialize)]
struct Asked {
    operation: String,
    #[serde(default)]
    message: String,
}

/// The routes, to be served with or without TLS: the messages protect themselves.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let turns = Arc::new(Semaphore::new(processors));
    Router::new()
        .route("/scep", get(answer).post(answer))
        .route("/scep/pkiclient.exe", get(answer).post(answer))
        .with_state(Responder { service, turns })
}

async fn answer(State(responder): State<Responder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(Query(asked)) = Query::<Asked>::try_from_uri(&parts.uri) else {
        return (StatusCode::BAD_REQUEST, "the address must end in ?operation=...\n").into_response();
    };
    let operation = match (asked.operation.as_str(), parts.method) {
        ("GetCACaps", _) => ScepOperation::Capabilities,
        ("GetCACert", _) => ScepOperation::Authority,
        ("PKIOperation", Method::POST) => match read_body(&parts.headers, body, SCEP_LIMIT).await {
            Ok(body) => ScepOperation::Message(body),
            Err(status) => return unread(status, SCEP_LIMIT),
        },
        // A plus sign that was not escaped has become a space on the way.
        ("PKIOperation", _) => match base64::decode(&asked.message.replace(' ', "+")) {
            Ok(message) if message.len() <= SCEP_LIMIT => ScepOperation::Message(message),
            _ => return (StatusCode::BAD_REQUEST, "the message must be base64\n").into_response(),
        },
        _ => return (StatusCode::BAD_REQUEST, "this operation is not known here\n").into_response(),
    };
    let _permit = responder.turns.acquire().await;
    let service = responder.service;
    work(move || service.scep(&operation)).await.map_or_else(|failure| failure, respond)
}
