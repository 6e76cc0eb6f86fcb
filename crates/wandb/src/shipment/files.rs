//! The files of an artifact: announced in batches, uploaded where the server has no such content yet. While one batch is on its way the
//! next is announced.

use std::collections::{BTreeMap, VecDeque};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_upload::SendError;

use super::hash;
use super::manifest::Entry;
use super::notes::{Notebook, Upload};
use super::parts::{self, Multipart};
use crate::answer::nonsense;
use crate::api::Api;
use crate::graphql::Edges;
use crate::put::{Source, missing, put};

/// Files of one announcement, and how many bytes they have together. Their addresses do not live for ever.
const BATCH: usize = 500;
const BATCH_BYTES: u64 = 1 << 30;

/// While fewer uploads than this are left, the next batch is announced.
const AHEAD: usize = 500;

/// From so many failed uploads on, a round with more failures than successes is not carried on.
const HOPELESS: usize = 16;

const DOCUMENT: &str = "\
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node { \
storagePath uploadUrl uploadHeaders artifact { id } \
uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }";

/// The same for servers without uploads in parts.
const DOCUMENT_PLAIN: &str = "\
mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) { createArtifactFiles(input: $input) { files { edges { node { \
storagePath uploadUrl uploadHeaders artifact { id } } } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    create_artifact_files: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    files: Edges<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    storage_path: Option<String>,
    upload_url: Option<String>,
    upload_headers: Option<Vec<String>>,
    artifact: Option<Id>,
    upload_multipart_urls: Option<Multipart>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Where files are announced.
pub(super) struct Files<'a> {
    pub(super) api: &'a Api,
    pub(super) artifact_id: &'a str,
    pub(super) manifest_id: &'a str,
    /// The server wants the algorithm of digests named.
    pub(super) name_algorithm: bool,
    pub(super) notes: Notebook,
}

/// Files that the server has said something about, by their place among the entries.
type Announced = Vec<(usize, Node)>;

/// What came of a round.
#[derive(Default)]
struct Round {
    births: Vec<(usize, String)>,
    done: usize,
    failed: Vec<usize>,
    cause: Option<SendError>,
}

impl Round {
    /// An error when the rest of it is not worth the while.
    fn note(&mut self, index: usize, result: Result<(), SendError>) -> Result<(), SendError> {
        match result {
            Ok(()) => self.done += 1,
            Err(error @ SendError::Missing { .. }) => return Err(error),
            Err(error) => {
                self.failed.push(index);
                if self.failed.len() >= HOPELESS && self.failed.len() > self.done {
                    return Err(error);
                }
                self.cause.get_or_insert(error);
            }
        }
        Ok(())
    }
}

impl Files<'_> {
    /// Uploads all entries that have a file here, and notes which artifact had their content first. Asks for fresh addresses for what
    /// failed as long as more than half of each round succeeds.
    pub(super) async fn upload(&self, entries: &mut [Entry]) -> Result<(), SendError> {
        let local = entries.iter().enumerate();
        let local = local.filter(|(_, entry)| entry.source.is_some() && entry.birth.is_none());
        let mut left: Vec<usize> = local.map(|(index, _)| index).collect();
        while !left.is_empty() {
            let count = left.len();
            let round = self.round(entries, left).await?;
            for (index, birth) in round.births {
                if let Some(entry) = entries.get_mut(index) {
                    entry.birth = Some(birth);
                }
            }
            if let Some(cause) = round.cause
                && 2 * round.failed.len() >= count
            {
                return Err(cause);
            }
            left = round.failed;
        }
        Ok(())
    }

    async fn round(&self, entries: &[Entry], left: Vec<usize>) -> Result<Round, SendError> {
        let mut round = Round::default();
        let mut sending: FuturesUnordered<BoxFuture<'_, (usize, Result<(), SendError>)>> =
            FuturesUnordered::new();
        let mut waiting = VecDeque::new();
        for index in left {
            let Some(entry) = entries.get(index) else {
                continue;
            };
            match self.noted(entry).await {
                Some(upload) => {
                    round
                        .births
                        .extend(upload.birth.clone().map(|birth| (index, birth)));
                    sending.push(Box::pin(self.go_on(index, entry, upload)));
                }
                None => waiting.push_back(index),
            }
        }
        let mut announcing: Option<BoxFuture<'_, Result<Announced, SendError>>> = None;
        loop {
            if announcing.is_none() && !waiting.is_empty() && sending.len() < AHEAD {
                let batch = self.next_batch(entries, &mut waiting);
                announcing = Some(Box::pin(self.announce(entries, batch)));
            }
            if announcing.is_none() && sending.is_empty() {
                return Ok(round);
            }
            let announced = async {
                match announcing.as_mut() {
                    Some(running) => running.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                announced = announced => {
                    announcing = None;
                    for (index, node) in announced? {
                        let birth = node.artifact.as_ref().map(|artifact| artifact.id.clone());
                        round.births.extend(birth.map(|birth| (index, birth)));
                        if let Some(entry) = entries.get(index) {
                            sending.push(Box::pin(self.upload_one(index, entry, node)));
                        }
                    }
                }
                Some((index, result)) = sending.next() => round.note(index, result)?,
            }
        }
    }

    /// What is known of a file that goes up in parts.
    async fn noted(&self, entry: &Entry) -> Option<Upload> {
        if !parts::is_large(entry.size, &self.api.limits) {
            return None;
        }
        self.notes
            .find(&entry.path, &entry.digest, entry.size)
            .await
    }

    /// A large file is a batch of its own.
    fn next_batch(&self, entries: &[Entry], waiting: &mut VecDeque<usize>) -> Vec<usize> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(&index) = waiting.front() {
            let size = entries.get(index).map_or(0, |entry| entry.size);
            let alone = parts::is_large(size, &self.api.limits) || bytes + size > BATCH_BYTES;
            if !batch.is_empty() && (alone || batch.len() >= BATCH) {
                break;
            }
            waiting.pop_front();
            batch.push(index);
            bytes += size;
            if alone {
                break;
            }
        }
        batch
    }

    async fn announce(&self, entries: &[Entry], batch: Vec<usize>) -> Result<Announced, SendError> {
        let mut md5s = BTreeMap::new();
        let mut files = Vec::with_capacity(batch.len());
        for index in &batch {
            let Some(entry) = entries.get(*index) else {
                continue;
            };
            let mut file = json!({
                "artifactID": self.artifact_id,
                "artifactManifestID": self.manifest_id,
                "name": entry.path,
                "md5": entry.digest,
            });
            if let Some(found) = self.md5s(entry).await? {
                file["uploadPartsInput"] = Upload::announced(&found);
                md5s.insert(*index, found);
            }
            if self.name_algorithm {
                file["digest"] = entry.digest.as_str().into();
            }
            files.push(file);
        }
        let nodes = self.ask(files, !md5s.is_empty()).await?;
        let announced: Announced = batch.into_iter().zip(nodes).collect();
        for (index, node) in &announced {
            if let (Some(md5s), Some(entry)) = (md5s.remove(index), entries.get(*index)) {
                self.begin(entry, node, md5s).await;
            }
        }
        Ok(announced)
    }

    /// The digests of the parts of a large file.
    async fn md5s(&self, entry: &Entry) -> Result<Option<Vec<String>>, SendError> {
        let limits = &self.api.limits;
        let Some(path) = entry.source.as_ref() else {
            return Ok(None);
        };
        if !parts::is_large(entry.size, limits) {
            return Ok(None);
        }
        let part_bytes = parts::part_bytes(entry.size, limits.part_bytes);
        parts::md5s(path, entry.size, part_bytes).await.map(Some)
    }

    async fn ask(&self, files: Vec<Value>, with_parts: bool) -> Result<Vec<Node>, SendError> {
        let count = files.len();
        let mut input = json!({"artifactFiles": files, "storageLayout": "V2"});
        if self.name_algorithm {
            input["digestAlgorithm"] = "MANIFEST_MD5".into();
        }
        let document = if with_parts { DOCUMENT } else { DOCUMENT_PLAIN };
        let variables = json!({ "input": input });
        let data: Data = self
            .api
            .graphql("CreateArtifactFiles", document, variables)
            .await?;
        let edges = data
            .create_artifact_files
            .map(|payload| payload.files.edges);
        let nodes: Vec<Node> = edges.into_iter().flatten().map(|edge| edge.node).collect();
        if nodes.len() != count {
            let detail = format_args!("{} files instead of {count}", nodes.len());
            return Err(nonsense("CreateArtifactFiles", detail));
        }
        Ok(nodes)
    }

    /// Notes an upload in parts, if the server wants one.
    async fn begin(&self, entry: &Entry, node: &Node, md5s: Vec<String>) {
        let Some(target) = &node.upload_multipart_urls else {
            return;
        };
        let upload = Upload {
            digest: entry.digest.clone(),
            size: entry.size,
            part_bytes: parts::part_bytes(entry.size, self.api.limits.part_bytes),
            storage_path: node.storage_path.clone().unwrap_or_default(),
            headers: node.upload_headers.clone().unwrap_or_default(),
            birth: node.artifact.as_ref().map(|artifact| artifact.id.clone()),
            target: target.clone(),
            md5s,
            done: BTreeMap::new(),
            complete: false,
        };
        self.notes.begin(&entry.path, upload).await;
    }

    async fn upload_one(
        &self,
        index: usize,
        entry: &Entry,
        node: Node,
    ) -> (usize, Result<(), SendError>) {
        if node.upload_multipart_urls.is_some()
            && let Some(upload) = self.noted(entry).await
        {
            return self.go_on(index, entry, upload).await;
        }
        // Without an address the server has this content already.
        let (Some(address), Some(path)) = (&node.upload_url, &entry.source) else {
            return (index, Ok(()));
        };
        let source = Source::Sized {
            path: path.clone(),
            size: entry.size,
            md5: entry.digest.clone(),
        };
        let headers = node.upload_headers.as_deref().unwrap_or_default();
        let permit = self.api.puts.acquire().await;
        let sent = put(self.api, address, headers, &source).await;
        drop(permit);
        let sent = match sent {
            Err(error @ SendError::Rejected { .. }) => Err(self.blame(entry, error).await),
            sent => sent.map(drop),
        };
        (index, sent)
    }

    /// Goes on with an upload in parts. Where the server does not know it any more, it begins anew the next time.
    async fn go_on(
        &self,
        index: usize,
        entry: &Entry,
        upload: Upload,
    ) -> (usize, Result<(), SendError>) {
        let sent = match self.send_parts(entry, &upload).await {
            Err(error @ SendError::Rejected { .. }) => Err(self.blame(entry, error).await),
            sent => sent,
        };
        if let Err(
            SendError::Expired { .. }
            | SendError::Rejected { .. }
            | SendError::Gone { .. }
            | SendError::Missing { .. },
        ) = &sent
        {
            self.notes.forget(&entry.path).await;
        }
        (index, sent)
    }

    /// Who is to blame for a file that the storage does not take: a file that has changed is not the one that was logged.
    async fn blame(&self, entry: &Entry, error: SendError) -> SendError {
        let Some(path) = &entry.source else {
            return error;
        };
        match hash(path).await {
            Ok((_, md5)) if md5 == entry.digest => error,
            Ok(_) => missing(path, std::io::Error::other("changed since it was logged")),
            Err(source) => missing(path, source),
        }
    }
}
