//! What is fetched, and from where.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;
use wandbd_record::v1;
use wandbd_upload::SendError;

use super::item::Item;
use crate::artifact::store::{Expected, below};
use crate::artifact::{Artifacts, Refusal, Stored, StoredEntry, fetch_manifest};
use crate::graphql::Edges;
use crate::shipment::hex;

/// From so many files on, their addresses are asked for together.
const MANY: usize = 5;

/// Addresses of one answer.
const PAGE: usize = 1000;

/// A reference that leads to a reference, and so on.
const HOPS: usize = 8;

/// Entries that lie in another version.
const REFERENCE: &str = "wandb-artifact://";

const ADDRESSES: &str = "\
query ArtifactAddresses($id: ID!, $first: Int, $after: String) { artifact(id: $id) { files(first: $first, after: $after) { \
edges { node { name directUrl } } pageInfo { endCursor hasNextPage } } } }";

/// All that is to be done.
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    /// Paths whose content lies elsewhere.
    pub(super) references: Vec<String>,
}

/// A version whose files are fetched.
struct Origin {
    facts: v1::ArtifactFacts,
    stored: Stored,
}

#[derive(Deserialize)]
struct Data {
    artifact: Option<Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    files: Option<Files>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Files {
    #[serde(flatten)]
    edges: Edges<File>,
    page_info: Option<PageInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    direct_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
}

impl Artifacts {
    pub(super) async fn plan(
        &self,
        request: &v1::DownloadArtifactRequest,
    ) -> Result<Plan, Refusal> {
        let root = Path::new(&request.root);
        if !root.is_absolute() {
            return Err(Refusal::Rule(
                "an absolute path to put the files is needed".to_owned(),
            ));
        }
        let mut origins = HashMap::new();
        let first = self.origin(&mut origins, &request.id).await?;
        let chosen = chosen(&first.stored, request)?;
        let mut plan = Plan {
            items: Vec::new(),
            references: Vec::new(),
        };
        for path in chosen {
            let target = below(root, &path)
                .ok_or_else(|| Refusal::Rule(format!("{path:?} leads out of the artifact")))?;
            match self.resolve(&mut origins, &request.id, &path).await? {
                Resolved::File {
                    origin,
                    path,
                    entry,
                } => {
                    let origin = self.origin(&mut origins, &origin).await?;
                    plan.items.push(Item {
                        address: self.address(origin, &path, &entry).await?,
                        expected: expected(&entry),
                        origin: origin.facts.id.clone(),
                        direct: None,
                        path,
                        target,
                    });
                }
                Resolved::Elsewhere => plan.references.push(path),
                Resolved::Missing if request.allow_missing_references => {}
                Resolved::Missing => {
                    return Err(Refusal::Missing(format!(
                        "{path} refers to a file of another artifact that is not there"
                    )));
                }
            }
        }
        self.direct_addresses(&mut plan.items).await;
        Ok(plan)
    }

    async fn origin<'a>(
        &self,
        known: &'a mut HashMap<String, Origin>,
        id: &str,
    ) -> Result<&'a Origin, Refusal> {
        if !known.contains_key(id) {
            let facts = self.by_id(id).await?;
            let stored = fetch_manifest(&self.api, id).await?;
            known.insert(id.to_owned(), Origin { facts, stored });
        }
        known
            .get(id)
            .ok_or_else(|| Refusal::Missing(format!("the server has no artifact with id {id}")))
    }

    /// Follows references into other versions.
    async fn resolve(
        &self,
        origins: &mut HashMap<String, Origin>,
        id: &str,
        path: &str,
    ) -> Result<Resolved, Refusal> {
        let (mut id, mut path) = (id.to_owned(), path.to_owned());
        for _ in 0..HOPS {
            let origin = match self.origin(origins, &id).await {
                Ok(origin) => origin,
                Err(Refusal::Missing(_) | Refusal::Server(SendError::Gone { .. })) => {
                    return Ok(Resolved::Missing);
                }
                Err(error) => return Err(error),
            };
            let Some(entry) = origin.stored.contents.get(&path) else {
                return Ok(Resolved::Missing);
            };
            let Some(reference) = &entry.reference else {
                let entry = Box::new(entry.clone());
                return Ok(Resolved::File {
                    origin: id,
                    path,
                    entry,
                });
            };
            let Some((other, inside)) = target(reference) else {
                return Ok(Resolved::Elsewhere);
            };
            (id, path) = (other, inside);
        }
        Ok(Resolved::Missing)
    }

    /// The address that is good as long as the version is there. It asks for credentials.
    async fn address(
        &self,
        origin: &Origin,
        path: &str,
        entry: &StoredEntry,
    ) -> Result<String, SendError> {
        let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let facts = &origin.facts;
        let base = self.api.base.as_str();
        let hash = hex(&STANDARD.decode(&entry.digest).unwrap_or_default());
        if origin.stored.storage("storageLayout") == Some("V1") {
            return Ok(format!(
                "{base}/artifacts/{}/{hash}",
                escape(&facts.source_entity)
            ));
        }
        let region = origin.stored.storage("storageRegion").unwrap_or("default");
        let mut address = format!("{base}/artifactsV2/{}", escape(region));
        let birth = entry.birth.as_deref().unwrap_or_default();
        let with_id = self.features().await?.download_by_id();
        let id = with_id.then_some(facts.id.as_str());
        let collection = [
            &*facts.source_entity,
            &*facts.source_project,
            &*facts.source_collection,
        ];
        for part in collection.into_iter().chain(id).chain([birth]) {
            address.push('/');
            address.push_str(&escape(part));
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        Ok(format!("{address}/{hash}/{}", escape(name)))
    }

    /// Asks for addresses that lead straight to the storage, where there are many files. Without them it takes longer, no more.
    async fn direct_addresses(&self, items: &mut [Item]) {
        let origins: BTreeSet<String> = items.iter().map(|item| item.origin.clone()).collect();
        for origin in origins {
            let count = items.iter().filter(|item| item.origin == origin).count();
            if count < MANY {
                continue;
            }
            let found = match self.addresses(&origin).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(%error, "no direct addresses");
                    continue;
                }
            };
            for item in items.iter_mut().filter(|item| item.origin == origin) {
                item.direct = found.get(&item.path).cloned();
            }
        }
    }

    async fn addresses(&self, id: &str) -> Result<HashMap<String, String>, SendError> {
        let mut found = HashMap::new();
        let mut after = None;
        loop {
            let variables = json!({"id": id, "first": PAGE, "after": after});
            let data: Data = self
                .api
                .graphql("ArtifactAddresses", ADDRESSES, variables)
                .await?;
            let Some(files) = data.artifact.and_then(|artifact| artifact.files) else {
                return Ok(found);
            };
            for edge in files.edges.edges {
                if let Some(address) = edge.node.direct_url.filter(|url| !url.is_empty()) {
                    found.insert(edge.node.name, address);
                }
            }
            match files.page_info {
                Some(page) if page.has_next_page && page.end_cursor.is_some() => {
                    after = page.end_cursor;
                }
                _ => return Ok(found),
            }
        }
    }
}

enum Resolved {
    File {
        origin: String,
        path: String,
        entry: Box<StoredEntry>,
    },
    /// The client has to fetch it.
    Elsewhere,
    Missing,
}

/// The paths that are wanted, in order.
fn chosen(stored: &Stored, request: &v1::DownloadArtifactRequest) -> Result<Vec<String>, Refusal> {
    let unknown = request.path.iter();
    if let Some(path) = unknown
        .into_iter()
        .find(|path| !stored.contents.contains_key(*path))
    {
        return Err(Refusal::Missing(format!("the artifact holds no {path}")));
    }
    let wanted: BTreeSet<&String> = request.path.iter().collect();
    let paths = stored.contents.keys();
    let paths = paths.filter(|path| {
        (wanted.is_empty() || wanted.contains(path)) && path.starts_with(&request.prefix)
    });
    Ok(paths.cloned().collect())
}

/// Id and path of a reference into another version.
fn target(reference: &str) -> Option<(String, String)> {
    let (id, path) = reference.strip_prefix(REFERENCE)?.split_once('/')?;
    let bytes: Option<Vec<u8>> = (0..id.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(id.get(at..at + 2)?, 16).ok())
        .collect();
    Some((STANDARD.encode(bytes?), path.to_owned()))
}

fn expected(entry: &StoredEntry) -> Expected {
    let md5 = !entry.extra.contains_key("alg");
    Expected {
        md5: md5.then(|| entry.digest.clone()),
        size: entry.size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_into_another_version_names_its_id_and_path() {
        let found = target("wandb-artifact://413a31/dir/t.json");
        assert_eq!(found, Some(("QTox".into(), "dir/t.json".into())));
        for other in ["s3://b/k", "wandb-artifact://4/x", "wandb-artifact://zz/x"] {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn paths_are_chosen_by_name_or_by_their_beginning() {
        let stored: Stored = serde_json::from_value(json!({"contents": {
            "a": {"digest": "d"}, "dir/b": {"digest": "d"}, "dir/c": {"digest": "d"},
        }}))
        .unwrap();
        let request = |path: &[&str], prefix: &str| v1::DownloadArtifactRequest {
            path: path.iter().map(|&path| path.to_owned()).collect(),
            prefix: prefix.into(),
            ..v1::DownloadArtifactRequest::default()
        };

        assert_eq!(chosen(&stored, &request(&[], "")).unwrap().len(), 3);
        assert_eq!(
            chosen(&stored, &request(&[], "dir/")).unwrap(),
            ["dir/b", "dir/c"]
        );
        assert_eq!(chosen(&stored, &request(&["a"], "")).unwrap(), ["a"]);
        assert!(chosen(&stored, &request(&["x"], "")).is_err());
    }
}
