//! Routes of the device endpoints.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::read_body;
use crate::service::{Answer, ENROLMENT_LIMIT, MANAGEMENT_LIMIT, Service};

/// The client certificate of the connection that a request came over, in DER.
#[derive(Debug, Clone)]
pub(super) struct Peer(pub(super) Option<Arc<[u8]>>);

/// The routes for devices.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/EnrollmentServer/Discovery.svc", get(probe).post(discovery))
        .route("/EnrollmentServer/Policy.svc", post(policy))
        .route("/EnrollmentServer/Enrollment.svc", post(enrolment))
        .route("/ManagementServer/MDM.svc", post(management))
        .with_state(service)
}

async fn probe(State(service): State<Arc<Service>>) -> Response {
    respond(service.probe())
}

async fn discovery(State(service): State<Arc<Service>>, request: Request) -> Response {
    call(service, request, ENROLMENT_LIMIT, |service, body, _| service.discovery(body)).await
}

async fn policy(State(service): State<Arc<Service>>, request: Request) -> Response {
    call(service, request, ENROLMENT_LIMIT, |service, body, _| service.policy(body)).await
}

async fn enrolment(State(service): State<Arc<Service>>, request: Request) -> Response {
    call(service, request, ENROLMENT_LIMIT, Service::enrolment).await
}

async fn management(State(service): State<Arc<Service>>, request: Request) -> Response {
    call(service, request, MANAGEMENT_LIMIT, Service::management).await
}

/// Reads the body and has a service answer it, off the threads that serve the network: an answer waits for the disk.
async fn call(
    service: Arc<Service>,
    request: Request,
    limit: usize,
    endpoint: fn(&Service, &[u8], Option<&[u8]>) -> Answer,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body, limit).await {
        Ok(body) => body,
        Err(status) => {
            return (status, format!("a request here may have at most {limit} bytes and take a minute\n"))
                .into_response();
        }
    };
    let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.0.clone());
    let answer = tokio::task::spawn_blocking(move || endpoint(&service, &body, peer.as_deref())).await;
    answer.map_or_else(
        |error| {
            tracing::error!(%error, "a request ended without an answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        },
        respond,
    )
}

/// A body of known size goes out with Content-Length and never in chunks, as this protocol demands.
fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
