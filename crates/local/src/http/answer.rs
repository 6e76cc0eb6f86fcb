//! Error answers: JSON with `error` as text, the way W&B clients read them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::StoreError;

/// An answer with a status and one sentence.
pub(super) fn error(status: StatusCode, message: impl Into<String>) -> Response {
    let message = message.into();
    let body = json!({"error": message, "errors": [{"message": message}]});
    (status, Json(body)).into_response()
}

pub(super) async fn no_such_page() -> Response {
    error(StatusCode::NOT_FOUND, "no such page")
}

/// A storage error as an answer; what is not the client's fault is logged.
pub(super) fn from_store(failure: &StoreError) -> Response {
    let status = match failure {
        StoreError::NotFound(_) => StatusCode::NOT_FOUND,
        StoreError::Refused(_) => StatusCode::BAD_REQUEST,
        StoreError::Sqlite(_) | StoreError::Io(_) | StoreError::Task => {
            tracing::error!(error = %failure, "request failed");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    error(status, failure.to_string())
}
