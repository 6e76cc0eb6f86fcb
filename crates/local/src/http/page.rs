//! The web page: static files, and the token that opens it.

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::{Web, answer, auth};
use crate::secret::same;

const INDEX: &str = include_str!("../../page/index.html");
const LOCKED: &str = include_str!("../../page/locked.html");
/// A module of the page by its name.
macro_rules! module {
    ($name:literal) => {
        (
            $name,
            "text/javascript",
            include_str!(concat!("../../page/", $name)),
        )
    };
}

const ASSETS: [(&str, &str, &str); 16] = [
    (
        "style.css",
        "text/css",
        include_str!("../../page/style.css"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../page/icon.svg"),
    ),
    module!("main.js"),
    module!("dom.js"),
    module!("chart.js"),
    module!("charts.js"),
    module!("run.js"),
    module!("header.js"),
    module!("console.js"),
    module!("artifacts.js"),
    module!("lineage.js"),
    module!("media.js"),
    module!("pictures.js"),
    module!("plots.js"),
    module!("custom.js"),
    module!("table.js"),
];

/// How long a browser keeps the page open, in seconds: a year.
const COOKIE_S: u32 = 365 * 24 * 3600;

pub(super) fn routes(web: &Web) -> Router<Web> {
    let guarded = Router::new()
        .route("/", get(index))
        .route("/{entity}/{project}", get(index))
        .route("/{entity}/{project}/runs/{run}", get(index))
        .route("/{entity}/{project}/artifacts", get(index))
        .route("/{entity}/{project}/artifacts/{kind}/{name}", get(index))
        .route(
            "/{entity}/{project}/artifacts/{kind}/{name}/{version}",
            get(index),
        )
        .layer(middleware::from_fn_with_state(web.clone(), unlock));
    Router::new()
        .route("/page/{asset}", get(asset))
        .merge(guarded)
        .layer(middleware::from_fn(protect))
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
}

/// Opens the page for who brings the token or its cookie: a good token becomes a cookie and leaves the address.
async fn unlock(
    State(web): State<Web>,
    Query(token): Query<Token>,
    request: Request,
    next: Next,
) -> Response {
    let app = &web.app;
    match token.token {
        Some(token) if same(&token, &app.secrets.page_token) => {
            let cookie = format!(
                "{}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={COOKIE_S}",
                auth::cookie_name(app)
            );
            let headers = [
                (SET_COOKIE, cookie),
                (LOCATION, request.uri().path().to_owned()),
            ];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        None if auth::has_cookie(app, request.headers()) => next.run(request).await,
        _ => (StatusCode::FORBIDDEN, Html(LOCKED)).into_response(),
    }
}

async fn index() -> Html<&'static str> {
    Html(INDEX)
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, text)) => ([(CONTENT_TYPE, *kind)], *text).into_response(),
        None => answer::error(StatusCode::NOT_FOUND, "no such page"),
    }
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
