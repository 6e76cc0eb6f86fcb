//! Which names the server answers to: a web page elsewhere must not reach it under a name of its own (DNS rebinding).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::Response;

use super::{Web, answer};

/// Lets requests through whose `Host` is this machine with the right port.
pub(super) async fn check(State(web): State<Web>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(axum::http::uri::Authority::as_str)
        })
        .unwrap_or_default()
        .to_ascii_lowercase();
    if web.app.hosts.contains(&host) {
        return next.run(request).await;
    }
    answer::error(
        StatusCode::MISDIRECTED_REQUEST,
        "this server answers to localhost only",
    )
}

/// The `Host` values for a port, and for a public address where there is one.
pub(crate) fn accepted(port: u16, public_url: Option<&str>) -> Vec<String> {
    let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .map(|name| format!("{name}:{port}"))
        .collect();
    if port == 80 {
        hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    }
    let public = public_url
        .and_then(|url| url.split_once("://"))
        .map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    hosts.extend(public.map(str::to_ascii_lowercase));
    hosts
}
