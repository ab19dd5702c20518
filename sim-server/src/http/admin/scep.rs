//! One-time challenges for SCEP, and requests that wait for an administrator.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::{Api, ApiResult, Segments, work};
use crate::tenant::ScepRequestView;

#[derive(Serialize)]
pub(super) struct Challenge {
    challenge: String,
    expires: i64,
}

pub(super) async fn add_challenge(State(service): Api) -> ApiResult<(StatusCode, Json<Challenge>)> {
    let (challenge, expires) = work(service, |service| service.add_scep_challenge()).await?;
    Ok((StatusCode::CREATED, Json(Challenge { challenge: challenge.expose().to_owned(), expires })))
}

pub(super) async fn requests(State(service): Api) -> ApiResult<Json<Vec<ScepRequestView>>> {
    work(service, |service| service.view(|tenant| Ok(tenant.scep_requests()))).await.map(Json)
}

pub(super) async fn approve(api: Api, segments: Segments<String>) -> ApiResult<Json<ScepRequestView>> {
    decide(api, segments, true).await
}

pub(super) async fn reject(api: Api, segments: Segments<String>) -> ApiResult<Json<ScepRequestView>> {
    decide(api, segments, false).await
}

async fn decide(
    State(service): Api,
    Segments(transaction): Segments<String>,
    approve: bool,
) -> ApiResult<Json<ScepRequestView>> {
    work(service, move |service| service.act(|tenant, _| tenant.decide_scep_request(&transaction, approve)))
        .await
        .map(Json)
}
