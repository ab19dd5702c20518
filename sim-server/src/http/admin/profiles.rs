//! Profiles and their assignments.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

use serde::Deserialize;

use super::{Api, ApiResult, Parameters, Segments, json, text, work};
use crate::tenant::{Assignment, Authority, ProfileView};

/// Which authority a profile is put for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placement {
    authority: Option<Authority>,
}

pub(super) async fn list(State(service): Api) -> ApiResult<Json<Vec<ProfileView>>> {
    work(service, |service| service.view(|tenant| Ok(tenant.profiles()))).await.map(Json)
}

pub(super) async fn show(State(service): Api, Segments(name): Segments<String>) -> ApiResult<Json<ProfileView>> {
    work(service, move |service| service.view(|tenant| tenant.profile(&name))).await.map(Json)
}

pub(super) async fn put(
    State(service): Api,
    Segments(name): Segments<String>,
    Parameters(Placement { authority }): Parameters<Placement>,
    body: Bytes,
) -> ApiResult<Json<ProfileView>> {
    let fragment = text(&body)?.to_owned();
    work(service, move |service| service.act(|tenant, now| tenant.put_profile(&name, &fragment, authority, now)))
        .await
        .map(Json)
}

pub(super) async fn remove(State(service): Api, Segments(name): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.remove_profile(&name))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn assign(
    State(service): Api,
    Segments(name): Segments<String>,
    body: Bytes,
) -> ApiResult<Json<ProfileView>> {
    let assignment: Assignment = json(&body)?;
    work(service, move |service| service.act(|tenant, _| tenant.assign_profile(&name, assignment))).await.map(Json)
}
