//! Routes of the device endpoints.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use tokio::sync::Semaphore;

use super::read_body;
use crate::service::{Answer, ENROLMENT_LIMIT, MANAGEMENT_LIMIT, Service};
use crate::tenant::{Authority, Endpoint};

/// The client certificate of the connection that a request came over, in DER.
#[derive(Debug, Clone)]
pub(super) struct Peer(pub(super) Option<Arc<[u8]>>);

/// What the routes share.
#[derive(Clone)]
struct Endpoints {
    service: Arc<Service>,
    /// Admits only as many enrolment requests at a time as there are processors: anybody may send them, and testing a
    /// password is slow on purpose. The others wait without holding a thread that devices need for their sessions.
    enrolments: Arc<Semaphore>,
}

const INTUNE: Option<Authority> = Some(Authority::Intune);
const CO_MANAGEMENT: Option<Authority> = Some(Authority::CoManagement);
const OFFICE_365: Option<Authority> = Some(Authority::Office365);

type Handler = fn(&Service, &[u8], Option<&[u8]>) -> Answer;

/// The routes for devices.
pub(crate) fn router(service: Arc<Service>) -> Router {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let enrolments = Arc::new(Semaphore::new(processors));
    Router::new()
        .route("/EnrollmentServer/Discovery.svc", get(probe).post(discovery))
        .route("/EnrollmentServer/Policy.svc", post(policy))
        .route("/EnrollmentServer/Enrollment.svc", post(enrolment))
        .route("/ManagementServer/MDM.svc", post(|state, request| management(state, request, None)))
        .route("/ManagementServer/Intune/MDM.svc", post(|state, request| management(state, request, INTUNE)))
        .route(
            "/ManagementServer/CoManagement/MDM.svc",
            post(|state, request| management(state, request, CO_MANAGEMENT)),
        )
        .route("/ManagementServer/Office365/MDM.svc", post(|state, request| management(state, request, OFFICE_365)))
        .with_state(Endpoints { service, enrolments })
}

async fn probe(State(endpoints): State<Endpoints>) -> Response {
    respond(endpoints.service.probe())
}

async fn discovery(State(endpoints): State<Endpoints>, request: Request) -> Response {
    endpoints.enrol(request, |service, body, _| service.discovery(body)).await
}

async fn policy(State(endpoints): State<Endpoints>, request: Request) -> Response {
    endpoints.enrol(request, |service, body, _| service.policy(body)).await
}

async fn enrolment(State(endpoints): State<Endpoints>, request: Request) -> Response {
    endpoints.enrol(request, Service::enrolment).await
}

/// Nothing is kept of the body that a stranger sends.
async fn management(
    State(Endpoints { service, .. }): State<Endpoints>,
    request: Request,
    at: Option<Authority>,
) -> Response {
    let (parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.0.clone());
    let (asked, stranger) = (service.clone(), peer.clone());
    let refusal = match work(move || asked.turn_away(stranger.as_deref())).await {
        Ok(refusal) => refusal,
        Err(failure) => return failure,
    };
    let refusal = match refusal {
        Some(refusal) => Some(refusal),
        None => match turn_back(&service, Endpoint::Management, &parts).await {
            Ok(refusal) => refusal,
            Err(failure) => return failure,
        },
    };
    let body = read_body(&parts.headers, body, if refusal.is_some() { 0 } else { MANAGEMENT_LIMIT }).await;
    match (refusal, body) {
        (Some(refusal), _) => respond(refusal),
        (None, Err(status)) => unread(status, MANAGEMENT_LIMIT),
        (None, Ok(body)) => {
            let endpoint =
                move |service: &Service, body: &[u8], peer: Option<&[u8]>| service.management(body, peer, at);
            answer(service, endpoint, body, peer).await
        }
    }
}

/// The refusal of a request for what its header says.
async fn turn_back(service: &Arc<Service>, endpoint: Endpoint, parts: &Parts) -> Result<Option<Answer>, Response> {
    let service = service.clone();
    // A header that is no text is no media type either.
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let query = parts.uri.query().map(str::to_owned);
    work(move || service.turn_back(endpoint, content_type.as_deref(), query.as_deref())).await
}

impl Endpoints {
    async fn enrol(self, request: Request, endpoint: Handler) -> Response {
        let (parts, body) = request.into_parts();
        let body = match read_body(&parts.headers, body, ENROLMENT_LIMIT).await {
            Ok(body) => body,
            Err(status) => return unread(status, ENROLMENT_LIMIT),
        };
        match turn_back(&self.service, Endpoint::Enrolment, &parts).await {
            Ok(None) => {}
            Ok(Some(refusal)) => return respond(refusal),
            Err(failure) => return failure,
        }
        let peer = parts.extensions.get::<Peer>().and_then(|peer| peer.0.clone());
        // The semaphore is never closed; if it were, it would hold up nobody.
        let _permit = self.enrolments.acquire().await;
        answer(self.service, endpoint, body, peer).await
    }
}

async fn answer(
    service: Arc<Service>,
    endpoint: impl FnOnce(&Service, &[u8], Option<&[u8]>) -> Answer + Send + 'static,
    body: Vec<u8>,
    peer: Option<Arc<[u8]>>,
) -> Response {
    work(move || endpoint(&service, &body, peer.as_deref())).await.map_or_else(|failure| failure, respond)
}

/// Does a piece of work off the threads that serve the network: it may wait for the tenant or for the disk.
pub(super) async fn work<T: Send + 'static>(task: impl FnOnce() -> T + Send + 'static) -> Result<T, Response> {
    tokio::task::spawn_blocking(task).await.map_err(|error| {
        tracing::error!(%error, "a request ended without an answer");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

pub(super) fn unread(status: StatusCode, limit: usize) -> Response {
    (status, format!("a request here may have at most {limit} bytes and take a minute\n")).into_response()
}

/// A body of known size goes out with Content-Length and never in chunks, as this protocol demands.
pub(super) fn respond(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}
