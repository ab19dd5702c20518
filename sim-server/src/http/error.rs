//! Errors of the admin API as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

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
