//! Logging in: HTTP Basic `api:<key>` or a bearer token from `/oidc/token` for clients, a cookie for the page.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Web, answer};
use crate::app::App;
use crate::secret::same;

/// Lets only requests with the API key or an access token through.
pub(super) async fn require_key(State(web): State<Web>, request: Request, next: Next) -> Response {
    if has_key(&web.app, request.headers()) {
        return next.run(request).await;
    }
    answer::error(
        StatusCode::UNAUTHORIZED,
        "API key or access token missing or wrong: send HTTP Basic authentication as user `api`, or a bearer token",
    )
}

/// Lets requests with the page's cookie or the API key through. What the cookie may change, only this page may ask for: other
/// pages on this machine are the same site to a browser, so the origin has to be this server.
pub(super) async fn require_key_or_cookie(
    State(web): State<Web>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let by_page = has_cookie(&web.app, headers)
        && (request.method().is_safe() || from_here(&web.app, headers));
    if by_page || has_key(&web.app, headers) {
        return next.run(request).await;
    }
    answer::error(
        StatusCode::UNAUTHORIZED,
        "open the link that `wandbd local` prints, or send the API key",
    )
}

fn from_here(app: &App, headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    origin
        .and_then(|origin| origin.split_once("://"))
        .is_some_and(|(_, host)| app.hosts.iter().any(|known| known == host))
}

fn has_key(app: &App, headers: &HeaderMap) -> bool {
    let text = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let Some((scheme, code)) = text.and_then(|text| text.split_once(' ')) else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return app.signer.accepts_token(code.trim(), app.now());
    }
    let pair = STANDARD.decode(code.trim()).ok();
    scheme.eq_ignore_ascii_case("basic")
        && pair
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
