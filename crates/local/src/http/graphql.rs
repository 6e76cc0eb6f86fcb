//! `POST /graphql`.

use async_graphql::parser::parse_query;
use async_graphql::{Request, Variables};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::{Web, answer};
use crate::gql::Shared;

#[derive(Deserialize)]
struct Body {
    query: String,
    #[serde(default)]
    variables: Value,
    #[serde(rename = "operationName", default)]
    operation_name: Option<String>,
}

pub(super) async fn answer(State(web): State<Web>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => {
            return answer::error(
                StatusCode::BAD_REQUEST,
                format!("not a GraphQL request: {error}"),
            );
        }
    };
    let name = body.operation_name.filter(|name| !name.is_empty());
    let mut variables = Variables::from_json(body.variables);
    fill_in_defaults(&body.query, name.as_deref(), &mut variables);
    let mut request = Request::new(body.query).variables(variables);
    if let Some(name) = name {
        request = request.operation_name(name);
    }
    if headers.contains_key("x-wandb-use-async-filestream") {
        request = request.data(Shared);
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

/// Variables that are not given get the default of their declaration here, because the library looks at defaults in arguments
/// only and not in `@include` and `@skip`, where the official client relies on them. A query that does not parse is left to the
/// library's own error.
fn fill_in_defaults(query: &str, name: Option<&str>, variables: &mut Variables) {
    let Ok(document) = parse_query(query) else {
        return;
    };
    for (operation, definition) in document.operations.iter() {
        let wanted = name.is_none_or(|name| operation.is_none_or(|operation| operation == name));
        if !wanted {
            continue;
        }
        for variable in &definition.node.variable_definitions {
            if let Some(default) = &variable.node.default_value {
                let name = variable.node.name.node.clone();
                variables
                    .entry(name)
                    .or_insert_with(|| default.node.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_counts_where_nothing_was_given() {
        let query =
            "query A($i: Boolean = true, $j: Int = 3, $k: Int) { a } query B($l: Int = 4) { b }";
        let mut variables = Variables::from_json(serde_json::json!({"j": 5}));

        fill_in_defaults(query, Some("A"), &mut variables);

        let filled = serde_json::to_value(&variables).unwrap();
        assert_eq!(filled, serde_json::json!({"i": true, "j": 5}));
    }
}
