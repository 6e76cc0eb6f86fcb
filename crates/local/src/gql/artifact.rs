//! Artifact versions, as they are read.

use async_graphql::{Context, ID, Object, Result, SimpleObject, Union};

use super::app;
use super::collection::{ArtifactCollection, ArtifactSequence};
use super::connection::{Connection, Window};
use super::file::{File, Source};
use super::run::Run;
use super::scalars::{DateTime, Int64, JsonString, id};
use super::user::User;
use crate::store::aliases;
use crate::store::artifact_files::{self, ArtifactFileRow};
use crate::store::artifacts::{self, ArtifactRow, CollectionRow};
use crate::store::runs::{self, ProjectRow};

/// TTL of an artifact that has none of its own.
const INHERITED_TTL: i64 = -2;

/// A version of an artifact.
pub(crate) struct Artifact(pub(crate) ArtifactRow);

/// A tag.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Tag {
    id: ID,
    name: String,
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
        Int64(self.0.ttl.unwrap_or(INHERITED_TTL))
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
        let tags = self.0.tags.iter().zip(1..);
        tags.map(|(name, number)| Tag {
            id: id("Tag", number).into(),
            name: name.clone(),
        })
        .collect()
    }
    async fn artifact_sequence(&self, context: &Context<'_>) -> Result<ArtifactSequence> {
        Ok(ArtifactSequence(collection(context, &self.0).await?))
    }
    async fn artifact_type(&self, context: &Context<'_>) -> Result<ArtifactType> {
        let number = self.0.collection_id;
        let kind = app(context)?
            .store
            .read(move |db| {
                let row = artifacts::collection_by_id(db, number)?;
                let project = runs::project_or_missing(db, &row.entity, &row.project)?;
                Ok(ArtifactType {
                    project,
                    name: row.kind,
                })
            })
            .await?;
        Ok(kind)
    }
    async fn aliases(&self, context: &Context<'_>) -> Result<Vec<ArtifactAlias>> {
        version_aliases(context, &self.0).await
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
    async fn artifact_memberships(&self) -> Connection<ArtifactCollectionMembership> {
        let window = Window::new(None, None);
        Connection::of(vec![self.0.clone()], window, ArtifactCollectionMembership)
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

/// A version's place in a collection.
pub(crate) struct ArtifactCollectionMembership(pub(crate) ArtifactRow);

#[Object]
impl ArtifactCollectionMembership {
    async fn id(&self) -> ID {
        id("ArtifactCollectionMembership", self.0.id).into()
    }
    async fn version_index(&self) -> Option<i64> {
        self.0.version
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn aliases(&self, context: &Context<'_>) -> Result<Vec<ArtifactAlias>> {
        version_aliases(context, &self.0).await
    }
    async fn artifact(&self) -> Artifact {
        Artifact(self.0.clone())
    }
    async fn artifact_collection(&self, context: &Context<'_>) -> Result<ArtifactCollection> {
        Ok(ArtifactSequence(collection(context, &self.0).await?).into())
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
    row: i64,
    alias: String,
    collection: CollectionRow,
}

impl ArtifactAlias {
    pub(crate) fn new(row: i64, alias: String, collection: CollectionRow) -> Self {
        Self {
            row,
            alias,
            collection,
        }
    }
}

#[Object]
impl ArtifactAlias {
    async fn id(&self) -> ID {
        id("ArtifactAlias", self.row).into()
    }
    async fn alias(&self) -> &str {
        &self.alias
    }
    async fn artifact_collection(&self) -> ArtifactCollection {
        ArtifactSequence(self.collection.clone()).into()
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
            .read(move |db| artifacts::collection(db, project, &name))
            .await?;
        let found = found.filter(|row| row.kind == self.name);
        Ok(found.map(|row| ArtifactSequence(row).into()))
    }
    #[allow(unused_variables, reason = "collections are always in order of name")]
    async fn artifact_collections(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        filters: Option<JsonString>,
        order: Option<String>,
    ) -> Result<Connection<ArtifactCollection>> {
        let (project, kind) = (self.project.id, self.name.clone());
        let rows = app(context)?
            .store
            .read(move |db| artifacts::collections(db, project, Some(&kind)))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, |row| {
            ArtifactSequence(row).into()
        }))
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

async fn collection(context: &Context<'_>, artifact: &ArtifactRow) -> Result<CollectionRow> {
    let number = artifact.collection_id;
    let row = app(context)?
        .store
        .read(move |db| artifacts::collection_by_id(db, number))
        .await?;
    Ok(row)
}

async fn version_aliases(
    context: &Context<'_>,
    artifact: &ArtifactRow,
) -> Result<Vec<ArtifactAlias>> {
    let (number, collection_id) = (artifact.id, artifact.collection_id);
    let list = app(context)?
        .store
        .read(move |db| {
            let collection = artifacts::collection_by_id(db, collection_id)?;
            let rows = aliases::of(db, number)?.into_iter();
            Ok(rows
                .map(|(row, alias)| ArtifactAlias::new(row, alias, collection.clone()))
                .collect())
        })
        .await?;
    Ok(list)
}

async fn files(
    context: &Context<'_>,
    artifact_id: i64,
    names: Option<Vec<String>>,
    after: Option<String>,
    first: Option<i32>,
) -> Result<Connection<File>> {
    let mut rows: Vec<ArtifactFileRow> = app(context)?
        .store
        .read(move |db| artifact_files::files(db, artifact_id))
        .await?;
    if let Some(names) = names.filter(|names| !names.is_empty()) {
        rows.retain(|row| names.contains(&row.name));
    }
    let signer = app(context)?.signer.clone();
    let now = app(context)?.now();
    let window = Window::new(first, after.as_deref());
    Ok(Connection::of(rows, window, |row| File {
        source: Source::Artifact(row),
        run: (0, String::new()),
        signer: signer.clone(),
        now,
    }))
}
