//! Users, their groups and licences, and enrolment tokens.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use mdm_protocol::Secret;
use serde::{Deserialize, Serialize};

use super::{Api, ApiResult, Segments, json, work};
use crate::tenant::{GroupView, Licence, LicenceCount, UserPatch, UserPreview, UserView};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
    password: String,
    /// Short for the licence of Intune.
    licensed: Option<bool>,
    licences: Option<BTreeSet<Licence>>,
    #[serde(default)]
    co_managed: bool,
}

#[derive(Serialize)]
pub(super) struct Token {
    token: String,
    expires: i64,
}

impl Token {
    pub(super) fn new(token: &Secret, expires: i64) -> Self {
        Self { token: token.expose().to_owned(), expires }
    }
}

pub(super) async fn list(State(service): Api) -> ApiResult<Json<Vec<UserView>>> {
    work(service, |service| service.view(|tenant| Ok(tenant.users()))).await.map(Json)
}

pub(super) async fn add(State(service): Api, body: Bytes) -> ApiResult<(StatusCode, Json<UserView>)> {
    let NewUser { name, password, licensed, licences, co_managed } = json(&body)?;
    let password = Secret::new(password);
    // Nobody who says nothing of licences wants to be refused for the lack of one.
    let intune = licensed.unwrap_or(licences.is_none()).then_some(Licence::Intune);
    let licences = licences.unwrap_or_default().into_iter().chain(intune).collect();
    let user = work(service, move |service| service.add_user(name, password, licences, co_managed)).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

pub(super) async fn change(
    State(service): Api,
    Segments(name): Segments<String>,
    body: Bytes,
) -> ApiResult<Json<UserView>> {
    let patch: UserPatch = json(&body)?;
    work(service, move |service| service.act(|tenant, now| tenant.change_user(&name, patch, now))).await.map(Json)
}

pub(super) async fn preview(
    State(service): Api,
    Segments(name): Segments<String>,
    body: Bytes,
) -> ApiResult<Json<UserPreview>> {
    let patch: UserPatch = json(&body)?;
    work(service, move |service| service.view(|tenant| tenant.preview_user(&name, &patch))).await.map(Json)
}

pub(super) async fn licences(State(service): Api) -> ApiResult<Json<Vec<LicenceCount>>> {
    work(service, |service| service.view(|tenant| Ok(tenant.licences()))).await.map(Json)
}

pub(super) async fn groups(State(service): Api) -> ApiResult<Json<Vec<GroupView>>> {
    work(service, |service| service.view(|tenant| Ok(tenant.groups()))).await.map(Json)
}

pub(super) async fn group(State(service): Api, Segments(name): Segments<String>) -> ApiResult<Json<GroupView>> {
    work(service, move |service| service.view(|tenant| tenant.group(&name))).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    members: BTreeSet<String>,
}

pub(super) async fn put_group(
    State(service): Api,
    Segments(name): Segments<String>,
    body: Bytes,
) -> ApiResult<Json<GroupView>> {
    let Members { members } = json(&body)?;
    work(service, move |service| service.act(|tenant, _| tenant.put_group(&name, &members))).await.map(Json)
}

pub(super) async fn remove_group(State(service): Api, Segments(name): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.remove_group(&name))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(State(service): Api, Segments(name): Segments<String>) -> ApiResult<StatusCode> {
    work(service, move |service| service.act(|tenant, _| tenant.remove_user(&name))).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn add_token(
    State(service): Api,
    Segments(name): Segments<String>,
) -> ApiResult<(StatusCode, Json<Token>)> {
    let (token, expires) = work(service, move |service| service.add_token(Some(&name))).await?;
    Ok((StatusCode::CREATED, Json(Token::new(&token, expires))))
}

pub(super) async fn add_userless_token(State(service): Api) -> ApiResult<(StatusCode, Json<Token>)> {
    let (token, expires) = work(service, |service| service.add_token(None)).await?;
    Ok((StatusCode::CREATED, Json(Token::new(&token, expires))))
}
