//! Routes of the admin API: JSON in, JSON out, behind a bearer token.

mod admins;
mod devices;
mod orders;
mod profiles;
mod scep;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Extension, Json, Router};
use mdm_protocol::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Parameters, Segments};
use super::read_body;
use crate::service::{Service, ServiceError};
use crate::tenant::{Admin, ApnsCertificate, Preview, SettingsPatch, TenantMode, TenantView};

const BODY_LIMIT: usize = 4 << 20;

type ApiResult<T> = Result<T, ApiError>;
type Api = State<Arc<Service>>;

/// The routes for administrators who present this token, under these names of the server or under any address.
pub(crate) fn router(service: Arc<Service>, token: Secret, names: Vec<String>) -> Router {
    let (token, names, asked) = (Arc::new(token), Arc::new(names), service.clone());
    let api = Router::new()
        .route("/tenant", get(tenant).patch(change_tenant))
        .route("/authority/preview", get(preview))
        .route("/admins", get(admins::list).post(admins::add))
        .route("/admins/{name}", delete(admins::remove))
        .route("/audit", get(admins::audit))
        .route("/clock", get(clock).post(move_clock))
        .route("/users", get(users::list).post(users::add))
        .route("/users/{name}", delete(users::remove).patch(users::change))
        .route("/licences", get(users::licences))
        .route("/groups", get(users::groups))
        .route("/groups/{name}", get(users::group).put(users::put_group).delete(users::remove_group))
        .route("/devices/{id}/ring", post(devices::ring))
        .route("/devices/{id}/compliance", put(devices::set_compliance))
        .route("/compliance", get(devices::compliance))
        .route("/devices/{id}/authority", put(devices::change_authority))
        .route("/devices/{id}/user", put(devices::change_user))
        .route("/apns", put(upload_apns))
        .route("/users/{name}/preview", post(users::preview))
        .route("/users/{name}/tokens", post(users::add_token))
        .route("/tokens", post(users::add_userless_token))
        .route("/devices", get(devices::list))
        .route("/devices/{id}", get(devices::show).delete(devices::remove))
        .route("/devices/{id}/unenrol", post(devices::unenrol))
        .route("/devices/{id}/block", post(devices::block))
        .route("/devices/{id}/unblock", post(devices::unblock))
        .route("/devices/{id}/lock", post(orders::lock))
        .route("/devices/{id}/unlock", post(orders::unlock))
        .route("/devices/{id}/reboot", post(orders::reboot))
        .route("/devices/{id}/rename", post(orders::rename))
        .route("/devices/{id}/wipe", post(orders::wipe))
        .route("/devices/{id}/wipe/confirm", post(orders::confirm_wipe))
        .route("/devices/{id}/renew", post(devices::renew))
        .route("/devices/{id}/recovery", post(devices::recover))
        .route("/devices/{id}/commands", get(devices::commands).post(devices::queue))
        .route("/devices/{id}/commands/{command}", get(devices::command))
        .route("/devices/{id}/profiles/{name}/resend", post(devices::resend))
        .route("/scep/challenges", post(scep::add_challenge))
        .route("/scep/requests", get(scep::requests))
        .route("/scep/requests/{transaction}/approve", post(scep::approve))
        .route("/scep/requests/{transaction}/reject", post(scep::reject))
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
        .layer(middleware::from_fn(move |request, next| authorise(asked.clone(), token.clone(), request, next)))
        .layer(middleware::from_fn(move |request, next| check_host(names.clone(), request, next)))
        .with_state(service)
}

/// A web page whose own name was made to lead here (DNS rebinding) would ask under that name.
async fn check_host(names: Arc<Vec<String>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = request.uri().authority().cloned().or(header);
    if host.is_some_and(|host| is_own_name(host.host(), &names)) {
        return next.run(request).await;
    }
    let sentence = "this server is not known by that name; ask for it by its address, as localhost, or by a name that \
        it was started with (--host-name)";
    ApiError(StatusCode::MISDIRECTED_REQUEST, sentence.to_owned()).into_response()
}

fn is_own_name(host: &str, names: &[String]) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    host.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| host.eq_ignore_ascii_case(name))
}

/// Lets in whoever presents the token of an administrator whose role allows the request, and has the audit note what
/// came of it.
async fn authorise(service: Arc<Service>, token: Arc<Secret>, mut request: Request, next: Next) -> Response {
    let admin = match find_admin(service.clone(), &token, request.headers()).await {
        Ok(Some(admin)) => admin,
        Ok(None) => {
            let sentence = "the request needs the header Authorization: Bearer <admin token>";
            let mut response = ApiError(StatusCode::UNAUTHORIZED, sentence.to_owned()).into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        Err(error) => return error.into_response(),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let below = path.strip_prefix("/api/v1").unwrap_or(&path);
    let response = if admin.may(method.as_str(), below) {
        request.extensions_mut().insert(admin.clone());
        next.run(request).await
    } else {
        ApiError(StatusCode::FORBIDDEN, format!("the role of {:?} does not allow this", admin.name)).into_response()
    };
    if method.is_safe() {
        return response;
    }
    let (what, outcome) = (format!("{method} {below}"), response.status().to_string());
    let audit = move |service: &Service| {
        service.act(|tenant, now| {
            tenant.audit(&admin.name, &what, &outcome, now);
            Ok(())
        })
    };
    if let Err(error) = work(service, audit).await {
        tracing::error!(error = error.1, "a line of the audit could not be stored");
    }
    response
}

async fn find_admin(service: Arc<Service>, token: &Secret, headers: &HeaderMap) -> ApiResult<Option<Admin>> {
    let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let (scheme, credentials) = given.split_at(given.len().min("Bearer ".len()));
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Ok(None);
    }
    if constant_time::verify_slices_are_equal(credentials, token.expose().as_bytes()).is_ok() {
        return Ok(Some(Admin::owner()));
    }
    let credentials = credentials.to_vec();
    work(service, move |service| service.view(|tenant| Ok(tenant.admin_of(&credentials)))).await
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

async fn tenant(State(service): Api) -> ApiResult<Json<TenantView>> {
    work(service, |service| service.view_now(|tenant, now| Ok(tenant.tenant_view(now)))).await.map(Json)
}

/// How far the tenant's clock is to be moved.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    /// By so many seconds; back, if negative.
    advance: i64,
}

async fn clock(State(service): Api) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "now": service.clock().now() }))
}

async fn move_clock(State(service): Api, body: Bytes) -> ApiResult<Json<serde_json::Value>> {
    let ClockMove { advance } = json(&body)?;
    service.clock().advance(advance);
    tracing::info!(seconds = advance, "the tenant's clock was moved");
    Ok(Json(serde_json::json!({ "now": service.clock().now() })))
}

async fn change_tenant(
    State(service): Api,
    Extension(admin): Extension<Admin>,
    body: Bytes,
) -> ApiResult<Json<TenantView>> {
    let patch: SettingsPatch = json(&body)?;
    work(service, move |service| service.act(|tenant, now| tenant.change_settings_as(&admin, patch, now)))
        .await
        .map(Json)
}

/// Which change is asked about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    to: TenantMode,
}

async fn preview(State(service): Api, Parameters(Change { to }): Parameters<Change>) -> ApiResult<Json<Preview>> {
    work(service, move |service| service.view(|tenant| tenant.preview(to))).await.map(Json)
}

/// How long the uploaded certificate is good for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    days: u32,
}

async fn upload_apns(State(service): Api, body: Bytes) -> ApiResult<Json<ApnsCertificate>> {
    let Upload { days } = json(&body)?;
    work(service, move |service| service.act(|tenant, now| tenant.upload_apns_certificate(days, now))).await.map(Json)
}
