//! Devices and the commands queued for them.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::users::Token;
use super::{Api, ApiError, ApiResult, Parameters, Segments, json, text, work};
use crate::tenant::{Admin, Authority, CommandView, ComplianceReport, DeviceFilter, DeviceSummary, DeviceView};

#[derive(Serialize)]
pub(super) struct Queued {
    pub(super) id: u64,
}

pub(super) async fn list(
    State(service): Api,
    Parameters(filter): Parameters<DeviceFilter>,
) -> ApiResult<Json<Vec<DeviceSummary>>> {
    work(service, move |service| service.view_now(|tenant, now| Ok(tenant.listed_devices(&filter, now))))
        .await
        .map(Json)
}

pub(super) async fn show(State(service): Api, Segments(id): Segments<String>) -> ApiResult<Json<DeviceView>> {
    work(service, move |service| service.view_now(|tenant, now| tenant.listed_device(&id, now))).await.map(Json)
}

pub(super) async fn remove(State(service): Api, Segments(id): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.remove_device(&id))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn unenrol(
    State(service): Api,
    Segments(id): Segments<String>,
) -> ApiResult<(StatusCode, Json<Queued>)> {
    let id = work(service, move |service| service.act(|tenant, now| tenant.queue_unenrolment(&id, now))).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { id })))
}

pub(super) async fn block(State(service): Api, Segments(id): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.block_device(&id, true))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn unblock(State(service): Api, Segments(id): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.block_device(&id, false))).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    authority: Authority,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    user: Option<String>,
}

pub(super) async fn change_authority(
    State(service): Api,
    Extension(admin): Extension<Admin>,
    Segments(id): Segments<String>,
    body: Bytes,
) -> ApiResult<Json<DeviceView>> {
    let Place { authority } = json(&body)?;
    work(service, move |service| service.act(|tenant, now| tenant.move_userless_device(&admin, &id, authority, now)))
        .await
        .map(Json)
}

pub(super) async fn change_user(
    State(service): Api,
    Segments(id): Segments<String>,
    body: Bytes,
) -> ApiResult<Json<DeviceView>> {
    let Owner { user } = json(&body)?;
    work(service, move |service| service.act(|tenant, now| tenant.change_device_user(&id, user.as_deref(), now)))
        .await
        .map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    compliant: bool,
}

pub(super) async fn set_compliance(
    State(service): Api,
    Segments(id): Segments<String>,
    body: Bytes,
) -> ApiResult<StatusCode> {
    let Verdict { compliant } = json(&body)?;
    work(service, move |service| service.act(|tenant, now| tenant.set_compliance(&id, compliant, now))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn compliance(State(service): Api) -> ApiResult<Json<ComplianceReport>> {
    work(service, |service| service.view_now(|tenant, now| Ok(tenant.compliance_report(now)))).await.map(Json)
}

pub(super) async fn ring(State(service): Api, Segments(id): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.ring_device(&id))).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn renew(
    State(service): Api,
    Segments(id): Segments<String>,
) -> ApiResult<(StatusCode, Json<Queued>)> {
    let id = work(service, move |service| service.act(|tenant, now| tenant.queue_renewal(&id, now))).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { id })))
}

pub(super) async fn recover(
    State(service): Api,
    Segments(id): Segments<String>,
) -> ApiResult<(StatusCode, Json<Token>)> {
    let (token, expires) = work(service, move |service| service.add_recovery_token(&id)).await?;
    Ok((StatusCode::CREATED, Json(Token::new(&token, expires))))
}

pub(super) async fn queue(
    State(service): Api,
    Segments(id): Segments<String>,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<Queued>)> {
    let fragment = text(&body)?.to_owned();
    let id = work(service, move |service| service.act(|tenant, now| tenant.queue_command(&id, &fragment, now))).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { id })))
}

pub(super) async fn commands(State(service): Api, Segments(id): Segments<String>) -> ApiResult<Json<Vec<CommandView>>> {
    work(service, move |service| service.view(|tenant| tenant.commands(&id))).await.map(Json)
}

pub(super) async fn command(
    State(service): Api,
    Segments((id, command)): Segments<(String, String)>,
) -> ApiResult<Json<CommandView>> {
    let number = command
        .parse()
        .map_err(|_| ApiError(StatusCode::NOT_FOUND, format!("{command:?} is not the number of a command")))?;
    work(service, move |service| service.view(|tenant| tenant.command(&id, number))).await.map(Json)
}

pub(super) async fn resend(
    State(service): Api,
    Segments((id, name)): Segments<(String, String)>,
) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.resend_profile(&id, &name))).await?;
    Ok(StatusCode::ACCEPTED)
}
