//! Routes of the push service, as ntfy has them.

mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use self::stream::MessageStream;
use super::read_body;
use crate::push::{Draft, Hub, PushError, Since, topics};
use crate::service::machine_now;

/// Somewhat more than a message with all that ntfy's JSON may say beside it.
const BODY_LIMIT: usize = 16 << 10;
const NDJSON: &str = "application/x-ndjson; charset=utf-8";

#[derive(Clone)]
struct Endpoints {
    hub: Arc<Hub>,
    /// How often a silent stream says that it is still there.
    keepalive: Duration,
}

type Outcome = Result<Response, PushError>;

/// The routes of the push service.
pub(crate) fn router(hub: Arc<Hub>, keepalive: Duration) -> Router {
    Router::new()
        .route("/", axum::routing::post(publish_json).put(publish_json))
        .route("/v1/health", get(|| async { Json(json!({ "healthy": true })) }))
        .route("/{topic}", get(probe).post(publish).put(publish))
        .route("/{topic}/auth", get(auth))
        .route("/{topic}/json", get(subscribe))
        .fallback(|| async { PushError::NotFound })
        .with_state(Endpoints { hub, keepalive })
}

async fn publish(State(endpoints): State<Endpoints>, Path(topic): Path<String>, request: Request) -> Outcome {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, BODY_LIMIT).await.map_err(|_| PushError::TooLong)?;
    let parameter = |names: &[&str]| parameter(&parts.headers, &parts.uri, names);
    let message = match String::from_utf8(body).map_err(|_| PushError::NotText)? {
        empty if empty.is_empty() => parameter(&["message", "m"]).unwrap_or_default(),
        message => message,
    };
    let priority = parameter(&["priority", "prio", "p"]).map(|text| text.parse().map_err(|_| PushError::Priority));
    let tags = parameter(&["tags", "tag", "ta"]).unwrap_or_default();
    let draft = Draft {
        topic,
        message,
        title: parameter(&["title", "t"]),
        priority: priority.transpose()?,
        tags: tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        fleeting: parameter(&["cache"]).is_some_and(|cache| matches!(cache.as_str(), "no" | "false" | "0")),
    };
    endpoints.publish(draft)
}

async fn publish_json(State(endpoints): State<Endpoints>, request: Request) -> Outcome {
    let (parts, body) = request.into_parts();
    let body = read_body(&parts.headers, body, BODY_LIMIT).await.map_err(|_| PushError::TooLong)?;
    endpoints.publish(serde_json::from_slice(&body).map_err(|_| PushError::Json)?)
}

impl Endpoints {
    /// Beside ntfy's answer, there are the headers of WNS for senders that know those.
    fn publish(&self, draft: Draft) -> Outcome {
        let (message, heard) = self.hub.publish(draft, machine_now())?;
        let mut response = Json(&message).into_response();
        let headers = response.headers_mut();
        headers.insert("x-wns-status", HeaderValue::from_static("received"));
        let connection = if heard { "connected" } else { "disconnected" };
        headers.insert("x-wns-deviceconnectionstatus", HeaderValue::from_static(connection));
        if let Ok(id) = HeaderValue::from_str(&message.id) {
            headers.insert("x-wns-msg-id", id);
        }
        Ok(response)
    }
}

/// Whether a topic may be used: any that can be one may.
async fn auth(Path(list): Path<String>) -> Result<Json<Value>, PushError> {
    topics(&list).map(|_| Json(json!({ "success": true })))
}

/// What UnifiedPush asks of an endpoint.
async fn probe(Path(list): Path<String>) -> Result<Json<Value>, PushError> {
    topics(&list).map(|_| Json(json!({ "unifiedpush": { "version": 1 } })))
}

async fn subscribe(
    State(Endpoints { hub, keepalive }): State<Endpoints>,
    Path(list): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Outcome {
    let (topics, moment) = (topics(&list)?, machine_now());
    let poll = parameter(&headers, &uri, &["poll", "po"]).is_some_and(|poll| poll == "1" || poll == "true");
    let since = match parameter(&headers, &uri, &["since", "si"]) {
        Some(since) => Since::parse(&since, moment)?,
        None if poll => Since::All,
        None => Since::Nothing,
    };
    let body = if poll {
        let lines = hub.messages(&topics, &since, moment);
        Body::from(lines.iter().map(crate::push::Message::line).collect::<String>())
    } else {
        let subscription = hub.subscribe(topics, &since, moment)?;
        Body::new(MessageStream::new(subscription, hub, list, keepalive))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// A parameter by any of its names: as a header, with or without `X-`, or in the query.
fn parameter(headers: &HeaderMap, uri: &Uri, names: &[&str]) -> Option<String> {
    let in_header = |name: &&str| {
        let value = headers.get(format!("x-{name}")).or_else(|| headers.get(*name))?;
        Some(value.to_str().ok()?.trim().to_owned())
    };
    let in_query = |name: &&str| {
        let mut pairs = uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.find(|(key, _)| key == name)?;
        Some(decode(value))
    };
    names.iter().find_map(in_header).or_else(|| names.iter().find_map(in_query))
}

/// Undoes the escapes of a query; what is no escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, escaped) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl IntoResponse for PushError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "code": self.code(), "http": self.http(), "error": self.to_string() });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("x-wns-status", HeaderValue::from_static("channelthrottled"));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
