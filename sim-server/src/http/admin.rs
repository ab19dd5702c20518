//! Routes of the admin API: JSON in, JSON out, behind a bearer token.

mod devices;
mod profiles;
mod users;

use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use mdm_protocol::Secret;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::read_body;
use crate::service::{Service, ServiceError};
use crate::tenant::{Settings, SettingsPatch};

const BODY_LIMIT: usize = 4 << 20;

type ApiResult<T> = Result<T, ApiError>;
type Api = State<Arc<Service>>;

/// The routes for administrators who present this token.
pub(crate) fn router(service: Arc<Service>, token: Secret) -> Router {
    let token = Arc::new(token);
    let api = Router::new()
        .route("/tenant", get(tenant).patch(change_tenant))
        .route("/users", get(users::list).post(users::add))
        .route("/users/{name}", delete(users::remove))
        .route("/users/{name}/tokens", post(users::add_token))
        .route("/tokens", post(users::add_userless_token))
        .route("/devices", get(devices::list))
        .route("/devices/{id}", get(devices::show).delete(devices::remove))
        .route("/devices/{id}/unenrol", post(devices::unenrol))
        .route("/devices/{id}/commands", get(devices::commands).post(devices::queue))
        .route("/devices/{id}/commands/{command}", get(devices::command))
        .route("/devices/{id}/profiles/{name}/resend", post(devices::resend))
        .route("/profiles", get(profiles::list))
        .route("/profiles/{name}", get(profiles::show).put(profiles::put).delete(profiles::remove))
        .route("/profiles/{name}/assignment", put(profiles::assign));
    Router::new()
        .nest("/api/v1", api)
        .fallback(|| async { ApiError(StatusCode::NOT_FOUND, "there is no such address".to_owned()) })
        .method_not_allowed_fallback(|| async {
            ApiError(StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method".to_owned())
        })
        .layer(middleware::from_fn(limit_body))
        .layer(middleware::from_fn(move |request, next| authorise(token.clone(), request, next)))
        .with_state(service)
}

async fn authorise(token: Arc<Secret>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    let expected = format!("Bearer {}", token.expose());
    if constant_time::verify_slices_are_equal(given, expected.as_bytes()).is_ok() {
        return next.run(request).await;
    }
    let sentence = "the request needs the header Authorization: Bearer <admin token>";
    let mut response = ApiError(StatusCode::UNAUTHORIZED, sentence.to_owned()).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
    response
}

async fn limit_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match read_body(&parts.headers, body, BODY_LIMIT).await {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(status) => {
            ApiError(status, format!("a request here may have at most {BODY_LIMIT} bytes and take a minute"))
                .into_response()
        }
    }
}

fn json<T: DeserializeOwned>(body: &Bytes) -> ApiResult<T> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError(StatusCode::BAD_REQUEST, format!("the body is not the JSON expected here: {error}")))
}

fn text(body: &Bytes) -> ApiResult<&str> {
    std::str::from_utf8(body).map_err(|_| ApiError(StatusCode::BAD_REQUEST, "the body is not UTF-8 text".to_owned()))
}

/// Does a piece of work that may wait for the disk.
async fn work<T: Send + 'static>(
    service: Arc<Service>,
    task: impl FnOnce(&Service) -> Result<T, ServiceError> + Send + 'static,
) -> ApiResult<T> {
    let done = tokio::task::spawn_blocking(move || task(&service)).await;
    Ok(done.map_err(|error| ApiError(StatusCode::INTERNAL_SERVER_ERROR, format!("the request failed: {error}")))??)
}

async fn tenant(State(service): Api) -> ApiResult<Json<Settings>> {
    work(service, |service| service.view(|tenant| Ok(tenant.settings().clone()))).await.map(Json)
}

async fn change_tenant(State(service): Api, body: Bytes) -> ApiResult<Json<Settings>> {
    let patch: SettingsPatch = json(&body)?;
    work(service, move |service| service.act(|tenant, _| tenant.change_settings(patch).cloned())).await.map(Json)
}
