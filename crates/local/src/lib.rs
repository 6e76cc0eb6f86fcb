//! A small W&B-compatible server for one machine: `SQLite`, files on disk and a web page.
//!
//! It is the backend where there is no W&B account, and the backend of the tests. Clients reach it over HTTP on a loopback
//! address like any other W&B server; it knows nothing of the daemon. What the official SDK logs to it, `wandb.Api()` reads
//! back.
//!
//! # Where things lie
//! Below `data_dir` (mode 0700): `local.sqlite` (WAL, `synchronous=FULL`: an answered post is on disk), `blobs/` (contents by
//! MD5), `incoming/` (uploads under way, cleared at start), `api-key`, `page-token`, `url-key` (mode 0600).
//!
//! # What it is strict about
//! | | rule | answer |
//! |---|---|---|
//! | login | `POST /graphql` and `file_stream` need HTTP Basic `api:<key>`; bearer tokens count as none | 401 |
//! | `Host` | `localhost`, `127.0.0.1` or `[::1]` with the right port, or the host of `public_url` | 421 |
//! | signed addresses | verb, subject and expiry (24 h) are signed; an `Authorization` header beside them is refused | 403, 400 |
//! | uploads | `Content-MD5`, `Content-Length`, the announced digest of artifact files and manifests | 400 |
//! | rows and system metrics | no holes: an offset past the end; sending lines again replaces them | 400, violation `gap` |
//! | ended runs | only posts that change nothing, until an upsert by name opens the run again | 409, violation `after_complete` |
//! | `uploaded` | names files that are here | violation `uploaded_without_file` |
//! | two posts at once for a run | taken one after the other | violation `concurrent_posts` |
//! | unknown run | | 404 |
//! | pace, when limited | `file_stream` posts per second and run | 429 with `Retry-After` |
//! | commits | manifest digest, every file stored with its digest and size | GraphQL error |
//!
//! Limits: JSON bodies 64 MiB; file uploads none (they go to disk as they come). A running run without posts for 300 s is shown
//! as crashed, and as running again with the next post. Any entity and project name works and is made on first use; without
//! one they are `local` and `uncategorized`.
//!
//! # GraphQL
//! The operations of the run lifecycle and of the public API (`gql`). Whatever is not there is answered with a GraphQL error that
//! names the field. History is never offered as Parquet, so readers page through rows.
//!
//! # Inspection API
//! For the page and for tests; the page's cookie or `Authorization: Basic api:<key>`. Times are Unix seconds.
//! * `GET /api/health` (no login): `{"ok": true}`
//! * `GET /api/runs`: list of `{entity, project, name, displayName, state, exitcode, group, jobType, tags, notes, createdAt,
//!   heartbeatAt, historyLineCount, eventsLineCount, logLineCount, lastStep, posts}`
//! * `GET /api/runs/{entity}/{project}/{run}`: the same with `config`, `summary` (JSON; `NaN` and infinities as text), `files`
//!   `[{name, size, md5, url, updatedAt}]`, `artifacts` and `usedArtifacts` `[{name, type, version, aliases, digest, size, state,
//!   files, ..}]`, `metrics` and `systemMetrics` `[{key, kind, rows}]`, `violations` `{kind: count}`, `postTimes` (the last 1000),
//!   `alerts`, `stopped`, `host`, `program`, `repo`, `commit`
//! * `.../history?from=&limit=&keys=` and `.../events?..`: `{from, next, total, lines}`, lines as raw text; 1000 unless said
//!   otherwise, at most 100,000
//! * `.../console?from=&limit=`: the same with lines `{number, timestamp, level, label, text}`
//! * `.../series?keys=a,b&x=_step&file=history&from=&points=500`: `{series: {key: {x, y}}, next}`, thinned so that peaks stay

mod app;
mod blobs;
mod clock;
mod config;
mod console;
mod error;
mod extjson;
mod gql;
mod http;
mod mime;
mod secret;
mod server;
mod sign;
mod store;

pub use config::Config;
pub use error::LocalError;
pub use secret::ApiKey;
pub use server::LocalServer;

/// The one user of this server and the entity of runs that name none.
pub(crate) const USER: &str = "local";
