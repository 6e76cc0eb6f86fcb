//! The W&B destination: credentials, GraphQL, `file_stream`, files, artifacts. The only crate besides the embedded server that
//! knows HTTP.
//!
//! ```text
//! Destination        what it sends
//! open               resume query or rewindRun (if asked for), server features, upsertBucket
//! update             upsertBucket: config, and the parameters when they changed
//! post               POST {base}/files/{entity}/{project}/{run}/file_stream
//! alert              notifyScriptableRunAlert
//! put_files          createRunFiles, then a PUT per file
//! artifact           createArtifact, manifest, files in batches, PUTs, manifest, commitArtifact
//! link, use_artifact linkArtifact, useArtifact
//! ```
//!
//! Beside that: [`verify`] asks whose key it is, [`fetch_file`] reads a file of a run back, [`Artifacts`] finds, changes and downloads
//! versions of artifacts.
//!
//! # Secrets
//! A key is an [`ApiKey`], which does not print. It, or the access token got for an identity token, travels only in the `Authorization` header of requests below the base URL;
//! signed upload addresses never see it. What a server says is kept in errors with the key and the extra headers blotted out; the
//! addresses of requests (a signed one is a secret) are not kept. Redirects are not followed.
//!
//! # Limits
//!
//! | What | How much |
//! |---|---|
//! | a GraphQL answer | 30 s ([`Limits::graphql`]) |
//! | a `file_stream` answer | 180 s ([`Limits::file_stream`]) |
//! | an upload without progress | 180 s ([`Limits::stall`]); its whole time only if it is asked for ([`Limits::transfer`]) |
//! | an exchange of an identity token | 10 s; again 5 min before the access token ends |
//! | an answer that is read | 64 MiB, of an error 64 KiB |
//! | run files at once within one batch | 8, each with up to 1 MiB in memory |
//! | artifact files at once | 32 up over all runs, 16 down per download, each with up to 1 MiB in memory |
//! | artifact files in one announcement | 500 or 1 GiB |
//! | a manifest that is read | 256 MiB |
//! | one PUT of an artifact file | below 2 GiB, then parts of 100 MiB ([`Limits::multipart_from`], [`Limits::part_bytes`]) |
//!
//! # What happens at failure
//! Nothing is tried again here, except artifact files while a batch makes progress: every answer becomes a
//! [`SendError`](wandbd_upload::SendError), whose policy the uploader follows, and every method may be repeated. Connections are
//! pooled per route (proxy, certificates) in [`Transports`], which all destinations share.

mod alert;
mod answer;
mod api;
mod artifact;
mod config_yaml;
mod credentials;
mod destination;
mod error;
mod features;
mod fetch;
mod file_stream;
mod files;
mod graphql;
mod netrc;
mod open;
mod pod;
mod put;
mod resume;
mod rewind;
mod settings;
mod shipment;
mod token_cache;
mod tokens;
mod transports;
mod upsert;
mod url;
mod viewer;
mod yaml;

pub use artifact::Artifacts;
pub use credentials::{ApiKey, find_key, has_credentials};
pub use destination::WandbDestination;
pub use error::{BadKey, FetchError, WandbError};
pub use fetch::{RunPath, fetch_file};
pub use pod::{Pod, image_of};
pub use settings::{KeySource, ServerSettings};
pub use transports::{Limits, Transports, install_tls};
pub use url::{BaseUrl, DEFAULT_BASE_URL, project_url, run_url};
pub use viewer::{Verdict, verify};
