//! Files of runs, read back.

use std::path::{Path, PathBuf};

use http::HeaderMap;
use http::header::{AUTHORIZATION, LOCATION};
use reqwest::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use url::Url;
use wandbd_upload::SendError;

use crate::answer::{nonsense, refusal};
use crate::api::{Api, read, unreachable};
use crate::error::FetchError;
use crate::graphql::Edges;
use crate::settings::ServerSettings;
use crate::transports::Transports;

const QUERY: &str = "\
query RunFile($entity: String, $project: String!, $run: String!, $names: [String!]) { \
project(name: $project, entityName: $entity) { run(name: $run) { \
files(names: $names, first: 1) { edges { node { name url directUrl } } } } } }";

/// Storages send clients on to others; more often than this makes no sense.
const REDIRECTS: usize = 5;

/// An answer that is not the file is not read further than this, in bytes.
const ERROR_MAX: usize = 64 << 10;

/// A run, as its page's address names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunPath {
    /// Whose it is; empty: the default one of the key's owner.
    pub entity: String,
    /// Its project.
    pub project: String,
    /// Its id.
    pub run: String,
}

#[derive(Deserialize)]
struct Data {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    run: Option<Run>,
}

#[derive(Deserialize)]
struct Run {
    files: Option<Edges<File>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    url: Option<String>,
    direct_url: Option<String>,
}

/// Reads the file `name` of a run to `target`, whose folders are made. It appears there when it is whole; `false` when the server has
/// no such run or file.
///
/// # Errors
/// [`FetchError`] says in one line what failed.
pub async fn fetch_file(
    transports: &Transports,
    settings: ServerSettings,
    run: &RunPath,
    name: &str,
    target: &Path,
) -> Result<bool, FetchError> {
    let api = Api::new(transports, settings)?;
    let Some(place) = find(&api, run, name).await? else {
        return Ok(false);
    };
    let response = get(&api, place)
        .await
        .map_err(|error| api.discreet(error))?;
    let failed = |source| FetchError::Target {
        path: target.to_owned(),
        source,
    };
    if let Some(folder) = target.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    let beside = beside(target);
    let stored = match store(&api, response, &beside).await {
        Ok(()) => tokio::fs::rename(&beside, target).await.map_err(failed),
        Err(Failure::Server(error)) => Err(FetchError::Server(api.discreet(error))),
        Err(Failure::Disk(source)) => Err(failed(source)),
    };
    if stored.is_err() {
        tokio::fs::remove_file(&beside).await.ok();
    }
    stored.map(|()| true)
}

/// Where a file lies.
pub(crate) struct Place {
    address: Url,
    /// The address holds its own leave: whoever adds credentials is turned away.
    signed: bool,
}

impl Place {
    /// An address that holds its own leave.
    pub(crate) fn signed(api: &Api, address: &str) -> Result<Place, SendError> {
        Place::at(api, address, true)
    }

    /// An address of the server itself.
    pub(crate) fn own(api: &Api, address: &str) -> Result<Place, SendError> {
        Place::at(api, address, false)
    }

    fn at(api: &Api, address: &str, signed: bool) -> Result<Place, SendError> {
        let address = api.base.resolve(address);
        let address = address.map_err(|error| nonsense("a request for a file", error))?;
        Ok(Place { address, signed })
    }
}

async fn find(api: &Api, run: &RunPath, name: &str) -> Result<Option<Place>, SendError> {
    let entity = (!run.entity.is_empty()).then_some(&run.entity);
    let variables = json!({
        "entity": entity, "project": run.project, "run": run.run, "names": [name],
    });
    let data: Data = api.graphql("RunFile", QUERY, variables).await?;
    let files = data.project.and_then(|project| project.run?.files);
    let mut files = files.into_iter().flat_map(|files| files.edges);
    let Some(file) = files.find(|file| file.node.name == name) else {
        return Ok(None);
    };
    let given = |address: Option<String>| address.filter(|address| !address.is_empty());
    let direct = given(file.node.direct_url);
    let signed = direct.is_some();
    let Some(address) = direct.or(given(file.node.url)) else {
        return Ok(None);
    };
    let address = api.base.resolve(&address);
    let address = address.map_err(|error| nonsense("RunFile", error))?;
    Ok(Some(Place { address, signed }))
}

/// Credentials go only to the server itself, and not with signed addresses. Where it sends clients on to is one.
pub(crate) async fn get(api: &Api, place: Place) -> Result<Response, SendError> {
    let Place {
        mut address,
        mut signed,
    } = place;
    let limit = api.limits.stall;
    for _ in 0..=REDIRECTS {
        let mut headers: HeaderMap = api.headers.clone();
        headers.remove(AUTHORIZATION);
        if !signed && api.base.holds(&address) {
            headers.insert(AUTHORIZATION, api.authorization().await?);
        }
        let request = api.http.get(address.clone()).headers(headers).send();
        let response = tokio::time::timeout(limit, request).await;
        let response = response.map_err(|_| SendError::Timeout(limit))?;
        let response = response.map_err(|error| unreachable(error, limit))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let to = response.headers().get(LOCATION);
        let to = to.and_then(|to| address.join(to.to_str().ok()?).ok());
        match to {
            Some(to) if status.is_redirection() => (address, signed) = (to, true),
            _ => {
                let headers = response.headers().clone();
                let body = read(response, ERROR_MAX, limit).await.unwrap_or_default();
                return Err(refusal(status.as_u16(), &headers, &body));
            }
        }
    }
    Err(nonsense(
        "a request for a file",
        "it sends clients on for ever",
    ))
}

enum Failure {
    Server(SendError),
    Disk(std::io::Error),
}

async fn store(api: &Api, mut response: Response, path: &Path) -> Result<(), Failure> {
    let limit = api.limits.stall;
    let mut file = tokio::fs::File::create(path).await.map_err(Failure::Disk)?;
    loop {
        let chunk = tokio::time::timeout(limit, response.chunk()).await;
        let chunk = chunk.map_err(|_| Failure::Server(SendError::Timeout(limit)))?;
        let chunk = chunk.map_err(|error| Failure::Server(unreachable(error, limit)))?;
        let Some(chunk) = chunk else { break };
        file.write_all(&chunk).await.map_err(Failure::Disk)?;
    }
    file.flush().await.map_err(Failure::Disk)
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".wandbd-{}", std::process::id()));
    target.with_file_name(name)
}
