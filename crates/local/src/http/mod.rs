//! The HTTP side: routes and what holds for all of them.

mod answer;
mod artifact_pages;
mod auth;
mod file_stream;
mod graphql;
mod host;
mod inspect;
mod oidc;
mod page;
mod raw;
mod storage;
mod subject;
mod take_in;

pub(crate) use host::accepted as accepted_hosts;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post, put};

use crate::app::App;
use crate::gql::LocalSchema;

/// Largest body of a JSON request. Uploads have no limit: they go to disk as they come.
const MOST_JSON_BYTES: usize = 64 * 1024 * 1024;

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) app: Arc<App>,
    pub(crate) schema: LocalSchema,
}

/// All routes.
pub(crate) fn router(web: Web) -> Router {
    let clients = Router::new()
        .route("/graphql", post(graphql::answer))
        .route(
            "/files/{entity}/{project}/{run}/file_stream",
            post(file_stream::post),
        )
        .route(
            "/files/{entity}/{project}/{run}/{*name}",
            get(storage::run_file),
        )
        .route("/artifacts/files/{id}/{*name}", get(storage::artifact_file))
        .route(
            "/artifactsV2/{region}/{entity}/{project}/{collection}/{birth}/{md5}/{name}",
            get(storage::artifact_by_digest),
        )
        .route(
            "/artifactsV2/{region}/{entity}/{project}/{collection}/{artifact}/{birth}/{md5}/{name}",
            get(storage::artifact_by_id_and_digest),
        )
        .route(
            "/artifacts/{entity}/{md5}",
            get(storage::artifact_by_entity_and_digest),
        )
        .layer(middleware::from_fn_with_state(
            web.clone(),
            auth::require_key,
        ));
    let storage = Router::new()
        .route("/storage/put/{subject}/{name}", put(take_in::store))
        .route("/storage/get/{subject}/{name}", get(storage::fetch))
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .route("/oidc/token", post(oidc::token))
        .merge(clients)
        .merge(storage)
        .merge(inspect::routes(&web))
        .merge(page::routes(&web))
        .fallback(answer::no_such_page)
        .layer(DefaultBodyLimit::max(MOST_JSON_BYTES))
        .layer(middleware::from_fn_with_state(web.clone(), host::check))
        .with_state(web)
}
