//! `POST /graphql`.

use async_graphql::{Request, Variables};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::{Web, answer};

#[derive(Deserialize)]
struct Body {
    query: String,
    #[serde(default)]
    variables: Value,
    #[serde(rename = "operationName", default)]
    operation_name: Option<String>,
}

pub(super) async fn answer(State(web): State<Web>, body: Bytes) -> Response {
    let body: Body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => {
            return answer::error(
                StatusCode::BAD_REQUEST,
                format!("not a GraphQL request: {error}"),
            );
        }
    };
    let mut request = Request::new(body.query).variables(Variables::from_json(body.variables));
    if let Some(name) = body.operation_name.filter(|name| !name.is_empty()) {
        request = request.operation_name(name);
    }
    let response = web.schema.execute(request).await;
    for error in &response.errors {
        tracing::debug!(%error, "GraphQL error");
    }
    match serde_json::to_vec(&response) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
