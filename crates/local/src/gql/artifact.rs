//! Artifact versions, as they are read.

use async_graphql::{Context, ID, Object, Result, SimpleObject, Union};

use super::app;
use super::collection::{self, ArtifactCollection, ArtifactSequence};
use super::connection::{Connection, Window};
use super::file::{File, Source};
use super::membership::ArtifactCollectionMembership;
use super::run::Run;
use super::scalars::{DateTime, Int64, JsonString, id};
use super::user::User;
use crate::store::aliases::{self, AliasRow};
use crate::store::artifact_files::{self, ArtifactFileRow};
use crate::store::artifacts::{self, ArtifactRow};
use crate::store::collections::{self, CollectionRow};
use crate::store::members;
use crate::store::runs::{self, ProjectRow};

/// TTL of an artifact that stays for ever.
const NO_TTL: i64 = -2;

/// A version of an artifact.
pub(crate) struct Artifact(pub(crate) ArtifactRow);

/// A tag.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Tag {
    id: ID,
    name: String,
}

impl Tag {
    /// The tags of these names.
    pub(super) fn all(names: &[String]) -> Vec<Self> {
        let tags = names.iter().zip(1..);
        tags.map(|(name, number)| Self {
            id: id("Tag", number).into(),
            name: name.clone(),
        })
        .collect()
    }
}

/// Who made an artifact.
#[derive(Union)]
pub(crate) enum ArtifactCreator {
    /// A run logged it.
    Run(Box<Run>),
    /// Nobody knows better.
    User(User),
}

#[Object]
impl Artifact {
    async fn id(&self) -> ID {
        id("Artifact", self.0.id).into()
    }
    async fn digest(&self) -> &str {
        &self.0.digest
    }
    async fn digest_algorithm(&self) -> &str {
        "MANIFEST_MD5"
    }
    async fn state(&self) -> &str {
        &self.0.state
    }
    async fn version_index(&self) -> Option<i64> {
        self.0.version
    }
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }
    async fn metadata(&self) -> Option<JsonString> {
        self.0.metadata.clone().map(JsonString)
    }
    async fn ttl_duration_seconds(&self) -> Int64 {
        Int64(self.0.ttl.unwrap_or(NO_TTL))
    }
    async fn ttl_is_inherited(&self) -> bool {
        self.0.ttl.is_none()
    }
    async fn history_step(&self) -> Option<Int64> {
        self.0.history_step.map(Int64)
    }
    async fn size(&self) -> Int64 {
        Int64(self.0.size)
    }
    async fn file_count(&self) -> i64 {
        self.0.file_count
    }
    async fn commit_hash(&self) -> Option<&str> {
        (self.0.state == "COMMITTED").then_some(self.0.digest.as_str())
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn updated_at(&self) -> Option<DateTime> {
        self.0.updated_at.map(DateTime::at)
    }
    async fn tags(&self) -> Vec<Tag> {
        Tag::all(&self.0.tags)
    }
    async fn artifact_sequence(&self, context: &Context<'_>) -> Result<ArtifactSequence> {
        let number = self.0.collection_id;
        let row = app(context)?
            .store
            .read(move |db| collections::by_id(db, number))
            .await?;
        Ok(ArtifactSequence::new(row))
    }
    async fn artifact_type(&self, context: &Context<'_>) -> Result<ArtifactType> {
        let number = self.0.collection_id;
        let kind = app(context)?
            .store
            .read(move |db| {
                let row = collections::by_id(db, number)?;
                let project = runs::project_or_missing(db, &row.entity, &row.project)?;
                Ok(ArtifactType {
                    project,
                    name: row.artifact_type,
                })
            })
            .await?;
        Ok(kind)
    }
    async fn aliases(&self, context: &Context<'_>) -> Result<Vec<ArtifactAlias>> {
        let number = self.0.id;
        let list = app(context)?
            .store
            .read(move |db| {
                let aliases = aliases::of(db, number)?.into_iter();
                let named = aliases.map(|row| {
                    let collection = collections::by_id(db, row.collection_id)?;
                    Ok(ArtifactAlias::new(row, collection))
                });
                named.collect()
            })
            .await?;
        Ok(list)
    }
    async fn current_manifest(&self, context: &Context<'_>) -> Result<Option<ArtifactManifest>> {
        let Some(number) = self.0.manifest_id else {
            return Ok(None);
        };
        let app = app(context)?;
        let (_, name, _) = app
            .store
            .read(move |db| artifact_files::manifest_blob(db, number))
            .await?;
        Ok(Some(ArtifactManifest::new(number, |verb, subject| {
            app.signer.url(verb, subject, &name, app.now())
        })))
    }
    async fn created_by(&self, context: &Context<'_>) -> Result<ArtifactCreator> {
        let Some(number) = self.0.run_id else {
            return Ok(ArtifactCreator::User(User));
        };
        let run = app(context)?
            .store
            .read(move |db| runs::by_id(db, number))
            .await?;
        Ok(ArtifactCreator::Run(Box::new(Run::new(run))))
    }
    async fn used_by(&self, context: &Context<'_>) -> Result<Connection<Run>> {
        let number = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| {
                let users = artifacts::users(db, number)?;
                users.into_iter().map(|run| runs::by_id(db, run)).collect()
            })
            .await?;
        Ok(Connection::of(
            rows,
            Window::new(Some(1000), None),
            Run::new,
        ))
    }
    async fn artifact_memberships(
        &self,
        context: &Context<'_>,
    ) -> Result<Connection<ArtifactCollectionMembership>> {
        let artifact = self.0.clone();
        let places = app(context)?
            .store
            .read(move |db| members::of_artifact(db, &artifact))
            .await?;
        let window = Window::new(Some(1000), None);
        Ok(Connection::of(places, window, ArtifactCollectionMembership))
    }
    async fn files(
        &self,
        context: &Context<'_>,
        names: Option<Vec<String>>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<File>> {
        files(context, self.0.id, names, after, first).await
    }
}

/// A name that points at a version.
pub(crate) struct ArtifactAlias {
    row: AliasRow,
    collection: CollectionRow,
}

impl ArtifactAlias {
    pub(crate) fn new(row: AliasRow, collection: CollectionRow) -> Self {
        Self { row, collection }
    }
}

#[Object]
impl ArtifactAlias {
    async fn id(&self) -> ID {
        id("ArtifactAlias", self.row.id).into()
    }
    async fn alias(&self) -> &str {
        &self.row.alias
    }
    async fn artifact_collection(&self) -> ArtifactCollection {
        self.collection.clone().into()
    }
}

/// A type of artifacts in a project.
#[derive(Clone)]
pub(crate) struct ArtifactType {
    pub(crate) project: ProjectRow,
    pub(crate) name: String,
}

#[Object]
impl ArtifactType {
    async fn id(&self) -> ID {
        super::scalars::id(&format!("ArtifactType:{}", self.name), self.project.id).into()
    }
    async fn name(&self) -> &str {
        &self.name
    }
    async fn description(&self) -> Option<String> {
        None
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.project.created_at)
    }
    async fn artifact_collection(
        &self,
        context: &Context<'_>,
        name: String,
    ) -> Result<Option<ArtifactCollection>> {
        let project = self.project.id;
        let found = app(context)?
            .store
            .read(move |db| collections::by_name(db, project, &name))
            .await?;
        let found = found.filter(|row| row.artifact_type == self.name);
        Ok(found.map(ArtifactCollection::from))
    }
    async fn artifact_collections(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        filters: Option<JsonString>,
        order: Option<String>,
    ) -> Result<Connection<ArtifactCollection>> {
        let kind = Some(self.name.clone());
        let (page, choice) = ((after, first), (filters, order));
        collection::page(context, self.project.id, kind, page, choice).await
    }
}

/// A manifest: its file, with addresses to read and write it.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ArtifactManifest {
    id: ID,
    file: ManifestFile,
}

/// The file of a manifest.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct ManifestFile {
    id: ID,
    direct_url: String,
    upload_url: Option<String>,
    upload_headers: Vec<String>,
}

impl ArtifactManifest {
    pub(crate) fn new(number: i64, url: impl Fn(&str, &str) -> String) -> Self {
        let subject = format!("manifest-{number}");
        Self {
            id: id("ArtifactManifest", number).into(),
            file: ManifestFile {
                id: id("ManifestFile", number).into(),
                direct_url: url("get", &subject),
                upload_url: Some(url("put", &subject)),
                upload_headers: vec![String::from("Content-Type:application/json")],
            },
        }
    }
}

/// The page of an artifact's files that is asked for.
pub(super) async fn files(
    context: &Context<'_>,
    artifact_id: i64,
    names: Option<Vec<String>>,
    after: Option<String>,
    first: Option<i32>,
) -> Result<Connection<File>> {
    let window = Window::new(first, after.as_deref());
    let names = names.filter(|names| !names.is_empty());
    let (rows, total) = app(context)?
        .store
        .read(move |db| {
            let Some(names) = names else {
                let rows = artifact_files::page(db, artifact_id, window.from, window.count)?;
                return Ok((rows, artifact_files::count(db, artifact_id)?));
            };
            let mut rows = Vec::new();
            for name in names {
                rows.extend(artifact_files::file_by_name(db, artifact_id, &name)?);
            }
            let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            let skip = usize::try_from(window.from).unwrap_or(usize::MAX);
            let take = usize::try_from(window.count).unwrap_or(usize::MAX);
            Ok((rows.into_iter().skip(skip).take(take).collect(), total))
        })
        .await?;
    let app = app(context)?;
    let now = app.now();
    let files = rows.into_iter().map(|row: ArtifactFileRow| {
        let file = File {
            source: Source::Artifact(row),
            run: (0, String::new()),
            signer: app.signer.clone(),
            now,
        };
        (None, file)
    });
    Ok(Connection::page(files.collect(), window.from, total))
}
