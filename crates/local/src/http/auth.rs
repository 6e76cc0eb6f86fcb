//! Logging in: HTTP Basic `api:<key>` for clients, a cookie for the page.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Web, answer};
use crate::app::App;
use crate::secret::same;

/// Lets only requests with the API key through; bearer tokens count as none.
pub(super) async fn require_key(State(web): State<Web>, request: Request, next: Next) -> Response {
    if has_key(&web.app, request.headers()) {
        return next.run(request).await;
    }
    answer::error(
        StatusCode::UNAUTHORIZED,
        "API key missing or wrong: send HTTP Basic authentication as user `api`",
    )
}

/// Lets requests with the page's cookie or the API key through.
pub(super) async fn require_key_or_cookie(
    State(web): State<Web>,
    request: Request,
    next: Next,
) -> Response {
    if has_cookie(&web.app, request.headers()) || has_key(&web.app, request.headers()) {
        return next.run(request).await;
    }
    answer::error(
        StatusCode::UNAUTHORIZED,
        "open the link that `wandbd local` prints, or send the API key",
    )
}

fn has_key(app: &App, headers: &HeaderMap) -> bool {
    let text = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    text.and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, code)| STANDARD.decode(code.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .as_deref()
        .and_then(|pair| pair.strip_prefix("api:"))
        .is_some_and(|key| same(key, app.secrets.api_key.reveal()))
}

/// Name of the page's cookie. Cookies do not know ports, so the name does.
pub(super) fn cookie_name(app: &App) -> String {
    format!("wandbd_page_{}", app.port)
}

/// Whether the request brings the page's cookie.
pub(super) fn has_cookie(app: &App, headers: &HeaderMap) -> bool {
    let name = cookie_name(app);
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .any(|(key, value)| key == name && same(value, &app.secrets.page_token))
}
