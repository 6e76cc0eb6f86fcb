//! `POST /oidc/token`: an identity token (JWT) becomes an access token.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;

use super::Web;
use crate::secret::same;

/// The one grant that is known.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

#[derive(Deserialize)]
pub(super) struct Exchange {
    grant_type: String,
    assertion: String,
}

/// Gives an access token for an identity token that the rules name.
pub(super) async fn token(State(web): State<Web>, Form(exchange): Form<Exchange>) -> Response {
    let app = &web.app;
    if exchange.grant_type != GRANT {
        return refusal("unsupported_grant_type", "only JWT bearer grants are known");
    }
    let known = &app.rules.identity_tokens;
    if !known.iter().any(|known| same(known, &exchange.assertion)) {
        return refusal("invalid_grant", "this identity token is not accepted here");
    }
    app.exchanges.fetch_add(1, Ordering::Relaxed);
    let lifetime_s = app.rules.access_token_s;
    Json(json!({
        "access_token": app.signer.token(app.now(), lifetime_s.into()),
        "token_type": "Bearer",
        "expires_in": lifetime_s,
    }))
    .into_response()
}

fn refusal(code: &str, why: &str) -> Response {
    let body = json!({"error": code, "error_description": why});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
