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
//! | login | `POST /graphql` and `file_stream` need HTTP Basic `api:<key>`, or a bearer token from `POST /oidc/token` | 401 |
//! | identity tokens | only those that the rules name are exchanged | 400 |
//! | `Host` | `localhost`, `127.0.0.1` or `[::1]` with the right port, or the host of `public_url` | 421 |
//! | signed addresses | verb, subject and expiry (24 h) are signed; an `Authorization` header beside them is refused | 403, 400, violation `signed_with_authorization` |
//! | uploads | `Content-MD5`, `Content-Length`, the announced digest of artifact files and manifests | 400 |
//! | rows and system metrics | no holes: an offset past the end; sending lines again replaces them | 400, violation `gap` |
//! | ended runs | only posts that change nothing, until an upsert by name opens the run again | 409, violation `after_complete` |
//! | `uploaded` | names files that are here | violation `uploaded_without_file` |
//! | run files after the end | taken: people add files later, uploaders do not | violation `upload_after_complete` |
//! | two posts at once of one writer | taken one after the other | violation `concurrent_posts` |
//! | heartbeats | a running run posts every 30 s; more than 35 s between two posts | violation `heartbeat_gap` |
//! | unknown run | | 404 |
//! | pace, when limited | `file_stream` posts per second, of a run and of a project | 429 with `Retry-After`, violation `too_many_posts` |
//! | commits | manifest digest, every file stored with its digest and size | GraphQL error |
//! | uploads in parts | all parts, their tags, the digest of the whole | GraphQL error; a part that comes twice: violation `part_sent_again` |
//!
//! # Artifacts
//! A manifest is whole (`FULL`), changes to a base (`INCREMENTAL`) or one writer's part (`PATCH`); the commit puts the latter together and
//! gives the version a manifest and digest of its own. Files are not synced one by one but all together by the commit that makes
//! them a version. Versions can be linked to portfolios; all entities belong to the organization `local`, whose entity
//! `local-org` holds the registries.
//!
//! Limits: JSON bodies 64 MiB; file uploads none (they go to disk as they come). Any entity and project name works and is made
//! on first use; without one they are `local` and `uncategorized`. Numbers and features can be changed for tests: [`Rules`],
//! also as `rules.json` in `data_dir`.
//!
//! # States
//! `running` from the first upsert on; `crashed` after 300 s without a post, and running again with the next one. `complete` with
//! exit code 0 is `finished`; with another one `killed` if the run was asked to stop, `preempted` if it sent `preempting`
//! (`preempting` until then), else `failed`. Silence of a stopped or preempting run makes it `killed` or `preempted` instead of
//! crashed. An upsert by name opens an ended or silent run again.
//!
//! # Branches and several writers
//! A new run whose config holds `_wandb.branch_point` begins with the rows of the run that it names, up to that step
//! (`fork_from`); `rewindRun` cuts rows off (`resume_from`). Posts with `X-WANDB-USE-ASYNC-FILESTREAM` and
//! `X-WANDB-ASYNC-CLIENT-ID` come from one of several writers of a run: each counts its lines from 0, and all make one history in
//! the order of arrival; summaries and configs are laid over each other.
//!
//! # GraphQL
//! The operations of the run lifecycle and of the public API (`gql`). Whatever is not there is answered with a GraphQL error that
//! names the field. History is never offered as Parquet, so readers page through rows.
//!
//! # Inspection API
//! For the page and for tests; the page's cookie or `Authorization: Basic api:<key>`. Times are Unix seconds.
//! * `GET /api/health` (no login): `{"ok": true}`
//! * `GET /api/runs`: list of `{entity, project, name, displayName, state, exitcode, group, jobType, tags, notes, createdAt,
//!   heartbeatAt, historyLineCount, eventsLineCount, logLineCount, lastStep, posts, sweep, stopped}`
//! * `GET /api/runs/{entity}/{project}/{run}`: the same with `config`, `summary` (JSON; `NaN` and infinities as text), `files`
//!   `[{name, size, md5, url, updatedAt}]`, `artifacts` and `usedArtifacts` `[{name, type, version, aliases, digest, size, state,
//!   files, ..}]`, `metrics` and `systemMetrics` `[{key, kind, rows}]`, `violations` `{kind: count}`, `postTimes` (the last 1000),
//!   `alerts` `[{at, title, text, severity, repeats}]`, `longestSilence` (seconds), `host`, `program`, `repo`, `commit`
//! * `.../history?from=&limit=&keys=` and `.../events?..`: `{from, next, total, lines}`, lines as raw text; 1000 unless said
//!   otherwise, at most 100,000
//! * `.../console?from=&limit=`: the same with lines `{number, timestamp, level, label, text}`
//! * `POST .../stop`: asks the run to stop, as the page's button does
//! * `GET /api/violations`: `{"entity/project/run": {kind: count}}` of all runs that broke a rule
//! * `GET /api/server`: `{tokenExchanges, disabledFeatures, now}`
//! * `.../media?keys=["a"]&from=&limit=`: `{rows: [{line, step, values: {key: value}}], next}`, only rows that have one of the keys
//! * `.../raw/{name}`: a run's file; with `?show=frame` as a page in a sandbox
//! * `GET /api/artifacts/{entity}/{project}`: collections `[{name, type, kind, description, tags, count, latest}]`;
//!   `.../{collection}`: the same with `versions`; `.../{collection}/{version or alias}?from=&limit=`: `{name, version, aliases, tags,
//!   digest, state, size, fileCount, metadata, files, manifest, links, lineage: {run, inputs, usedBy}, ..}`, 200 files unless said
//!   otherwise; `.../{version}/raw/{name}`: a file, references to artifacts here followed
//! * `GET /api/client-artifacts/{client id}`: `{entity, project, name, type, version}`
//! * `GET /api/uploads`: the last 100 uploads `[{subject, name, size, status, began, ended}]`
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
mod merged;
mod mime;
mod pace;
mod rules;
mod secret;
mod server;
mod sign;
mod store;
mod uploads;

pub use clock::Clock;
pub use config::Config;
pub use error::LocalError;
pub use rules::Rules;
pub use secret::ApiKey;
pub use server::LocalServer;

/// The one user of this server and the entity of runs that name none.
pub(crate) const USER: &str = "local";
