//! Files of a run: addresses for a batch, then one upload each.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use wandbd_run::Opened;
use wandbd_upload::{Content, FileResult, SendError, UploadFile};

use crate::answer::{again, nonsense};
use crate::api::Api;
use crate::put::{Source, put};

/// Uploads at the same time.
pub(crate) const AT_ONCE: usize = 8;

const DOCUMENT: &str = "\
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) { \
createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) { \
runID uploadHeaders files { name uploadUrl } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    create_run_files: Option<Targets>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    upload_headers: Option<Vec<String>>,
    files: Option<Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    name: String,
    upload_url: Option<String>,
}

/// Uploads all files; one result for each.
pub(crate) async fn put_files(api: &Api, opened: &Opened, files: &[UploadFile]) -> Vec<FileResult> {
    match put_batch(api, opened, files).await {
        // One bad name spoils the batch: find out which.
        Err(SendError::Rejected { .. }) if files.len() > 1 => {
            let mut results = Vec::with_capacity(files.len());
            for file in files {
                let alone = std::slice::from_ref(file);
                results.extend(settle(put_batch(api, opened, alone).await, alone));
            }
            results
        }
        outcome => settle(outcome, files),
    }
}

/// A failure of the whole is one of each file.
fn settle(outcome: Result<Vec<FileResult>, SendError>, files: &[UploadFile]) -> Vec<FileResult> {
    outcome.unwrap_or_else(|error| {
        let result = |file: &UploadFile| FileResult {
            name: file.name.clone(),
            result: Err(again(&error)),
        };
        files.iter().map(result).collect()
    })
}

async fn put_batch(
    api: &Api,
    opened: &Opened,
    files: &[UploadFile],
) -> Result<Vec<FileResult>, SendError> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let variables = json!({
        "entity": opened.entity,
        "project": opened.project,
        "run": opened.run_id,
        "files": names,
    });
    let data: Data = api.graphql("CreateRunFiles", DOCUMENT, variables).await?;
    let targets = data.create_run_files;
    let targets = targets.ok_or_else(|| nonsense("CreateRunFiles", "no addresses in it"))?;
    let headers = targets.upload_headers.unwrap_or_default();
    let addresses = targets.files.unwrap_or_default().into_iter();
    let addresses: BTreeMap<String, Option<String>> = addresses
        .map(|target| (target.name, target.upload_url))
        .collect();
    let mut uploads = Vec::with_capacity(files.len());
    for file in files {
        let address = addresses.get(&file.name).cloned().flatten();
        uploads.push(put_one(api, file, address, &headers));
    }
    Ok(stream::iter(uploads)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await)
}

async fn put_one(
    api: &Api,
    file: &UploadFile,
    address: Option<String>,
    headers: &[String],
) -> FileResult {
    let source = match &file.content {
        Content::Path(path) => Source::File(path.clone()),
        Content::Bytes(bytes) => Source::Bytes(bytes.clone()),
    };
    let result = match address {
        Some(address) => put(api, &address, headers, &source).await.map(drop),
        None => Err(SendError::NoAddress),
    };
    FileResult {
        name: file.name.clone(),
        result,
    }
}
