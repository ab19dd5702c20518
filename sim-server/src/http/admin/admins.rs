//! Administrators and the audit.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Api, ApiResult, Parameters, Segments, json, work};
use crate::tenant::{Admin, AuditLine};

/// A new administrator with the token, which is shown this once.
#[derive(Serialize)]
pub(super) struct Appointed {
    #[serde(flatten)]
    admin: Admin,
    token: String,
}

/// How much of the audit is shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extent {
    #[serde(default = "Extent::usual")]
    limit: usize,
}

impl Extent {
    fn usual() -> usize {
        1000
    }
}

pub(super) async fn list(State(service): Api) -> ApiResult<Json<Vec<Admin>>> {
    work(service, |service| service.view(|tenant| Ok(tenant.admins()))).await.map(Json)
}

pub(super) async fn add(State(service): Api, body: Bytes) -> ApiResult<(StatusCode, Json<Appointed>)> {
    let admin: Admin = json(&body)?;
    let (admin, token) = work(service, move |service| service.add_admin(admin)).await?;
    Ok((StatusCode::CREATED, Json(Appointed { admin, token: token.expose().to_owned() })))
}

pub(super) async fn remove(State(service): Api, Segments(name): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.remove_admin(&name))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn audit(
    State(service): Api,
    Parameters(Extent { limit }): Parameters<Extent>,
) -> ApiResult<Json<Vec<AuditLine>>> {
    work(service, move |service| service.view(|tenant| Ok(tenant.audit_lines(limit)))).await.map(Json)
}
