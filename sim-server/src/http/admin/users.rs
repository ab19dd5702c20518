//! Users and enrolment tokens.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use mdm_protocol::Secret;
use serde::{Deserialize, Serialize};

use super::{Api, ApiResult, Segments, json, work};
use crate::tenant::UserView;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    name: String,
    password: String,
    #[serde(default = "licensed")]
    licensed: bool,
}

fn licensed() -> bool {
    true
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
    let NewUser { name, password, licensed } = json(&body)?;
    let password = Secret::new(password);
    let user = work(service, move |service| service.add_user(name, password, licensed)).await?;
    Ok((StatusCode::CREATED, Json(user)))
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
