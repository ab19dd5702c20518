//! Orders that are carried out on the machine itself.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::devices::Queued;
use super::{Api, ApiResult, Segments, json, work};
use crate::tenant::{AdminError, Tenant};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct LockRequest {
    message: String,
}

#[derive(Serialize)]
pub(super) struct Locked {
    id: u64,
    /// Told once: the server does not keep it.
    unlock_code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

type Accepted = ApiResult<(StatusCode, Json<Queued>)>;

pub(super) async fn lock(
    State(service): Api,
    Segments(id): Segments<String>,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<Locked>)> {
    let LockRequest { message } = if body.is_empty() { LockRequest::default() } else { json(&body)? };
    let (id, unlock_code) = work(service, move |service| service.lock_device(&id, &message)).await?;
    Ok((StatusCode::ACCEPTED, Json(Locked { id, unlock_code })))
}

pub(super) async fn unlock(service: Api, id: Segments<String>) -> Accepted {
    queue(service, id, |tenant, id, now| tenant.queue_unlock(id, now)).await
}

pub(super) async fn reboot(service: Api, id: Segments<String>) -> Accepted {
    queue(service, id, |tenant, id, now| tenant.queue_reboot(id, now)).await
}

pub(super) async fn wipe(service: Api, id: Segments<String>) -> Accepted {
    queue(service, id, |tenant, id, now| tenant.queue_wipe(id, now)).await
}

pub(super) async fn confirm_wipe(service: Api, id: Segments<String>) -> Accepted {
    queue(service, id, |tenant, id, now| tenant.queue_wipe_confirmation(id, now)).await
}

pub(super) async fn rename(service: Api, id: Segments<String>, body: Bytes) -> Accepted {
    let Name { name } = json(&body)?;
    queue(service, id, move |tenant, id, now| tenant.queue_rename(id, &name, now)).await
}

async fn queue(
    State(service): Api,
    Segments(device): Segments<String>,
    order: impl FnOnce(&mut Tenant, &str, i64) -> Result<u64, AdminError> + Send + 'static,
) -> Accepted {
    let id = work(service, move |service| service.act(|tenant, now| order(tenant, &device, now))).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { id })))
}
