//! Errors of the admin API as JSON.

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use serde::de::DeserializeOwned;

use crate::service::ServiceError;
use crate::tenant::AdminError;

/// An error answer: a status and a sentence.
#[derive(Debug)]
pub(super) struct ApiError(pub(super) StatusCode, pub(super) String);

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let status = match &error {
            ServiceError::Refused(AdminError::NotFound(_)) => StatusCode::NOT_FOUND,
            ServiceError::Refused(AdminError::Conflict(_)) => StatusCode::CONFLICT,
            ServiceError::Refused(AdminError::Forbidden(_)) => StatusCode::FORBIDDEN,
            ServiceError::Refused(AdminError::Invalid(_)) => StatusCode::BAD_REQUEST,
            ServiceError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            ServiceError::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

/// The named segments of the address; unlike axum's own [`Path`], it refuses what is no text in JSON.
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Self(segments)).map_err(|refusal| ApiError(refusal.status(), refusal.body_text()))
    }
}

/// The parameters of the query; what is not known or not readable is refused in JSON.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(read)| Self(read)).map_err(|refusal| ApiError(refusal.status(), refusal.body_text()))
    }
}
