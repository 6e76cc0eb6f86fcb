//! Making and changing artifacts.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::artifact::{Artifact, ArtifactManifest};
use super::run_mutation::{DONE, Success};
use super::scalars::{Int64, JsonString, row};
use super::{app, entity};
use crate::app::App;
use crate::clock;
use crate::error::StoreError;
use crate::sign::hex;
use crate::store::artifacts::{self, ArtifactFileRow, NewArtifact};
use crate::store::upsert::DEFAULT_PROJECT;
use crate::store::{aliases, commit, runs};

/// Mutations of artifacts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArtifactMutation;

/// How an artifact's digest is computed; only MD5 is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ArtifactDigestAlgorithm {
    /// MD5 over the manifest's paths and MD5 digests.
    #[graphql(name = "MANIFEST_MD5")]
    ManifestMd5,
    /// Not accepted.
    #[graphql(name = "MANIFEST_XXH128")]
    ManifestXxh128,
}

/// Whether a manifest is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ArtifactManifestType {
    /// Everything.
    Full,
    /// One writer's part.
    Patch,
    /// Changes to a base.
    Incremental,
}

/// An alias in a collection of the same project.
#[derive(Debug, InputObject)]
pub(crate) struct ArtifactAliasInput {
    artifact_collection_name: Option<String>,
    alias: String,
}

/// An alias in a named collection.
#[derive(Debug, InputObject)]
pub(crate) struct ArtifactCollectionAliasInput {
    entity_name: Option<String>,
    project_name: Option<String>,
    artifact_collection_name: String,
    alias: String,
}

/// A tag.
#[derive(Debug, InputObject)]
pub(crate) struct TagInput {
    tag_name: String,
    tag_category_name: Option<String>,
    attributes: Option<JsonString>,
}

/// A new version.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactInput {
    entity_name: Option<String>,
    project_name: Option<String>,
    artifact_type_name: String,
    artifact_collection_name: Option<String>,
    artifact_collection_names: Option<Vec<String>>,
    run_name: Option<String>,
    digest: String,
    digest_algorithm: Option<ArtifactDigestAlgorithm>,
    description: Option<String>,
    metadata: Option<JsonString>,
    labels: Option<JsonString>,
    aliases: Option<Vec<ArtifactAliasInput>>,
    tags: Option<Vec<TagInput>>,
    ttl_duration_seconds: Option<Int64>,
    history_step: Option<Int64>,
    enable_digest_deduplication: Option<bool>,
    #[graphql(name = "distributedID")]
    distributed_id: Option<String>,
    #[graphql(name = "clientID")]
    client_id: Option<ID>,
    #[graphql(name = "sequenceClientID")]
    sequence_client_id: Option<ID>,
    storage_region: Option<String>,
    client_mutation_id: Option<String>,
}

/// An artifact.
#[derive(SimpleObject)]
#[graphql(name = "CreateArtifactPayload")]
pub(crate) struct CreateArtifactPayload {
    artifact: Artifact,
}

/// An artifact after a change.
#[derive(SimpleObject)]
pub(crate) struct ArtifactPayload {
    artifact: Artifact,
}

/// A manifest to announce.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactManifestInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    #[graphql(name = "baseArtifactID")]
    base_artifact_id: Option<ID>,
    name: String,
    digest: String,
    entity_name: Option<String>,
    project_name: Option<String>,
    run_name: Option<String>,
    #[graphql(name = "type")]
    kind: Option<ArtifactManifestType>,
    client_mutation_id: Option<String>,
}

/// A manifest to announce again.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateArtifactManifestInput {
    #[graphql(name = "artifactManifestID")]
    artifact_manifest_id: ID,
    digest: Option<String>,
    #[graphql(name = "baseArtifactID")]
    base_artifact_id: Option<ID>,
    client_mutation_id: Option<String>,
}

/// A manifest with its addresses.
#[derive(Debug, SimpleObject)]
pub(crate) struct ArtifactManifestPayload {
    artifact_manifest: ArtifactManifest,
}

/// Files to announce.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactFilesInput {
    artifact_files: Vec<CreateArtifactFileSpecInput>,
    storage_layout: Option<String>,
    #[graphql(name = "cloudRegionID")]
    cloud_region_id: Option<ID>,
    digest_algorithm: Option<ArtifactDigestAlgorithm>,
    client_mutation_id: Option<String>,
}

/// One file to announce.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactFileSpecInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    #[graphql(name = "artifactManifestID")]
    artifact_manifest_id: Option<ID>,
    name: String,
    md5: String,
    digest: Option<String>,
    mimetype: Option<String>,
    upload_parts_input: Option<Vec<UploadPartsInput>>,
}

/// One part of a large file.
#[derive(Debug, InputObject)]
pub(crate) struct UploadPartsInput {
    part_number: Int64,
    #[graphql(name = "hexMD5")]
    hex_md5: String,
}

/// Where to upload files.
#[derive(SimpleObject)]
pub(crate) struct CreateArtifactFilesPayload {
    files: NewFileConnection,
}

/// The files in the order they were announced.
#[derive(SimpleObject)]
pub(crate) struct NewFileConnection {
    edges: Vec<NewFileEdge>,
}

/// One of them.
#[derive(SimpleObject)]
pub(crate) struct NewFileEdge {
    node: NewFile,
}

/// A file to upload; without an address its content is stored already.
#[derive(SimpleObject)]
pub(crate) struct NewFile {
    name: String,
    display_name: String,
    storage_path: String,
    upload_url: Option<String>,
    upload_headers: Vec<String>,
    /// Always null: files of any size go up in one piece here.
    upload_multipart_urls: Option<UploadMultipartUrls>,
    artifact: Artifact,
}

/// Addresses for the parts of a large file; never given here.
#[derive(Debug, SimpleObject)]
pub(crate) struct UploadMultipartUrls {
    #[graphql(name = "uploadID")]
    upload_id: String,
    upload_url_parts: Vec<UploadUrlPart>,
}

/// The address for one part.
#[derive(Debug, SimpleObject)]
pub(crate) struct UploadUrlPart {
    part_number: Int64,
    upload_url: String,
}

/// An artifact to commit.
#[derive(Debug, InputObject)]
pub(crate) struct CommitArtifactInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    client_mutation_id: Option<String>,
}

/// An artifact that a run reads.
#[derive(Debug, InputObject)]
pub(crate) struct UseArtifactInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    entity_name: Option<String>,
    project_name: Option<String>,
    run_name: String,
    artifact_entity_name: Option<String>,
    artifact_project_name: Option<String>,
    used_as: Option<String>,
    client_mutation_id: Option<String>,
}

/// Changes to a version.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateArtifactInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    description: Option<String>,
    metadata: Option<JsonString>,
    labels: Option<JsonString>,
    ttl_duration_seconds: Option<Int64>,
    aliases: Option<Vec<ArtifactAliasInput>>,
    tags_to_add: Option<Vec<TagInput>>,
    tags_to_delete: Option<Vec<TagInput>>,
    client_mutation_id: Option<String>,
}

/// Aliases to add.
#[derive(Debug, InputObject)]
pub(crate) struct AddAliasesInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    aliases: Vec<ArtifactCollectionAliasInput>,
    client_mutation_id: Option<String>,
}

/// Aliases to take away.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteAliasesInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    aliases: Vec<ArtifactCollectionAliasInput>,
    client_mutation_id: Option<String>,
}

/// A version to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteArtifactInput {
    #[graphql(name = "artifactID")]
    artifact_id: ID,
    delete_aliases: Option<bool>,
    client_mutation_id: Option<String>,
}

#[Object]
impl ArtifactMutation {
    async fn create_artifact(
        &self,
        context: &Context<'_>,
        input: CreateArtifactInput,
    ) -> Result<CreateArtifactPayload> {
        if input.digest_algorithm == Some(ArtifactDigestAlgorithm::ManifestXxh128) {
            return Err("digest algorithm MANIFEST_XXH128 is not supported".into());
        }
        let now = clock::now();
        let artifact = app(context)?
            .store
            .write(move |db| {
                let new = input.into_new(db, now)?;
                artifacts::create(db, &new, now)
            })
            .await?;
        Ok(CreateArtifactPayload {
            artifact: Artifact(artifact),
        })
    }

    async fn create_artifact_manifest(
        &self,
        context: &Context<'_>,
        input: CreateArtifactManifestInput,
    ) -> Result<ArtifactManifestPayload> {
        let artifact_id = row("Artifact", &input.artifact_id)?;
        let base = base_of(input.base_artifact_id.as_ref())?;
        let kind = match input.kind.unwrap_or(ArtifactManifestType::Full) {
            ArtifactManifestType::Full => "FULL",
            ArtifactManifestType::Patch => "PATCH",
            ArtifactManifestType::Incremental => "INCREMENTAL",
        };
        let app = app(context)?;
        let manifest = app
            .store
            .write(move |db| {
                let about = (input.name.as_str(), kind, input.digest.as_str());
                artifacts::manifest(db, artifact_id, about, base)
            })
            .await?;
        Ok(manifest_payload(app, manifest))
    }

    async fn update_artifact_manifest(
        &self,
        context: &Context<'_>,
        input: UpdateArtifactManifestInput,
    ) -> Result<ArtifactManifestPayload> {
        let manifest = row("ArtifactManifest", &input.artifact_manifest_id)?;
        let base = base_of(input.base_artifact_id.as_ref())?;
        let app = app(context)?;
        app.store
            .write(move |db| {
                artifacts::manifest_blob(db, manifest)?;
                db.execute(
                    "UPDATE manifests SET digest = coalesce(?2, digest), base_id = coalesce(?3, base_id) WHERE id = ?1",
                    rusqlite::params![manifest, input.digest, base],
                )?;
                Ok(())
            })
            .await?;
        Ok(manifest_payload(app, manifest))
    }

    async fn create_artifact_files(
        &self,
        context: &Context<'_>,
        input: CreateArtifactFilesInput,
    ) -> Result<CreateArtifactFilesPayload> {
        let app = app(context)?;
        let announced = app
            .store
            .write(move |db| {
                let announced = input.artifact_files.iter().map(|file| {
                    let artifact = row("Artifact", &file.artifact_id)?;
                    let stored = artifacts::announce_file(db, artifact, &file.name, &file.md5)?;
                    let birth = artifacts::by_id(db, stored.birth_id)?;
                    Ok((stored, Artifact(birth)))
                });
                announced.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let edges = announced
            .into_iter()
            .map(|(file, artifact)| NewFileEdge {
                node: NewFile::new(app, file, artifact),
            })
            .collect();
        Ok(CreateArtifactFilesPayload {
            files: NewFileConnection { edges },
        })
    }

    async fn commit_artifact(
        &self,
        context: &Context<'_>,
        input: CommitArtifactInput,
    ) -> Result<ArtifactPayload> {
        let number = row("Artifact", &input.artifact_id)?;
        let app = app(context)?;
        let blobs = app.blobs.clone();
        let now = clock::now();
        let artifact = app
            .store
            .write(move |db| commit::commit(db, &blobs, number, now))
            .await?;
        Ok(ArtifactPayload {
            artifact: Artifact(artifact),
        })
    }

    async fn use_artifact(
        &self,
        context: &Context<'_>,
        input: UseArtifactInput,
    ) -> Result<ArtifactPayload> {
        let number = row("Artifact", &input.artifact_id)?;
        let artifact = app(context)?
            .store
            .write(move |db| {
                let entity = entity(input.entity_name.as_deref());
                let project = input.project_name.as_deref().unwrap_or(DEFAULT_PROJECT);
                let run = runs::require(db, &entity, project, &input.run_name)?;
                let artifact = artifacts::by_id(db, number)?;
                artifacts::use_by(db, run.id, number)?;
                Ok(artifact)
            })
            .await?;
        Ok(ArtifactPayload {
            artifact: Artifact(artifact),
        })
    }

    async fn update_artifact(
        &self,
        context: &Context<'_>,
        input: UpdateArtifactInput,
    ) -> Result<ArtifactPayload> {
        let number = row("Artifact", &input.artifact_id)?;
        let now = clock::now();
        let artifact = app(context)?
            .store
            .write(move |db| input.apply(db, number, now))
            .await?;
        Ok(ArtifactPayload {
            artifact: Artifact(artifact),
        })
    }

    async fn add_aliases(&self, context: &Context<'_>, input: AddAliasesInput) -> Result<Success> {
        let number = row("Artifact", &input.artifact_id)?;
        app(context)?
            .store
            .write(move |db| {
                let artifact = artifacts::by_id(db, number)?;
                aliases::set(db, &artifact, &alias_names(&input.aliases))
            })
            .await?;
        Ok(DONE)
    }

    async fn delete_aliases(
        &self,
        context: &Context<'_>,
        input: DeleteAliasesInput,
    ) -> Result<Success> {
        let number = row("Artifact", &input.artifact_id)?;
        app(context)?
            .store
            .write(move |db| {
                let artifact = artifacts::by_id(db, number)?;
                aliases::unset(db, &artifact, &alias_names(&input.aliases))
            })
            .await?;
        Ok(DONE)
    }

    async fn delete_artifact(
        &self,
        context: &Context<'_>,
        input: DeleteArtifactInput,
    ) -> Result<ArtifactPayload> {
        let number = row("Artifact", &input.artifact_id)?;
        let app = app(context)?;
        let (artifact, blobs) = app
            .store
            .write(move |db| {
                let with_aliases = input.delete_aliases == Some(true);
                let blobs = artifacts::delete(db, number, with_aliases)?;
                Ok((artifacts::by_id(db, number)?, blobs))
            })
            .await?;
        app.release(blobs).await?;
        Ok(ArtifactPayload {
            artifact: Artifact(artifact),
        })
    }
}

fn base_of(id: Option<&ID>) -> Result<Option<i64>, StoreError> {
    id.filter(|id| !id.is_empty())
        .map(|id| row("Artifact", id))
        .transpose()
}

fn manifest_payload(app: &App, number: i64) -> ArtifactManifestPayload {
    let now = clock::now();
    ArtifactManifestPayload {
        artifact_manifest: ArtifactManifest::new(number, |verb, subject| {
            app.signer.url(verb, subject, "wandb_manifest.json", now)
        }),
    }
}

impl NewFile {
    fn new(app: &App, file: ArtifactFileRow, artifact: Artifact) -> Self {
        let subject = format!("artifact-file-{}", file.id);
        let upload_url = file
            .blob
            .is_none()
            .then(|| app.signer.url("put", &subject, &file.name, clock::now()));
        let md5 = STANDARD.decode(&file.digest).unwrap_or_default();
        Self {
            storage_path: format!("wandb_artifacts/{}/{}", file.birth_id, hex(&md5)),
            upload_headers: vec![
                format!("Content-MD5:{}", file.digest),
                String::from("Content-Type:application/octet-stream"),
            ],
            display_name: file.name.clone(),
            name: file.name,
            upload_url,
            upload_multipart_urls: None,
            artifact,
        }
    }
}

impl CreateArtifactInput {
    fn into_new(self, db: &rusqlite::Connection, now: f64) -> Result<NewArtifact, StoreError> {
        let entity = entity(self.entity_name.as_deref());
        let project = self.project_name.as_deref().unwrap_or(DEFAULT_PROJECT);
        let project = runs::project_or_new(db, &entity, project, now)?;
        let run_id = match self.run_name.filter(|name| !name.is_empty()) {
            Some(name) => Some(runs::require(db, &entity, &project.name, &name)?.id),
            None => None,
        };
        let collection = self
            .artifact_collection_name
            .or_else(|| self.artifact_collection_names?.into_iter().next())
            .ok_or_else(|| StoreError::Refused(String::from("artifact has no name")))?;
        let aliases = self.aliases.into_iter().flatten();
        Ok(NewArtifact {
            project_id: project.id,
            kind: self.artifact_type_name,
            aliases: aliases
                .filter(|input| {
                    let other = input.artifact_collection_name.as_deref();
                    other.is_none_or(|name| name == collection)
                })
                .map(|input| input.alias)
                .collect(),
            collection,
            run_id,
            digest: self.digest,
            description: self.description,
            metadata: self.metadata.map(|metadata| metadata.0),
            tags: names_of(self.tags),
            ttl: self.ttl_duration_seconds.map(|ttl| ttl.0),
            history_step: self.history_step.map(|step| step.0),
            client_id: self.client_id.map(|id| id.to_string()),
            sequence_client_id: self.sequence_client_id.map(|id| id.to_string()),
        })
    }
}

fn names_of(tags: Option<Vec<TagInput>>) -> Vec<String> {
    tags.into_iter().flatten().map(|tag| tag.tag_name).collect()
}

impl UpdateArtifactInput {
    fn apply(
        self,
        db: &rusqlite::Connection,
        number: i64,
        now: f64,
    ) -> Result<artifacts::ArtifactRow, StoreError> {
        let artifact = artifacts::by_id(db, number)?;
        let gone = names_of(self.tags_to_delete);
        let mut tags = artifact.tags.clone();
        tags.retain(|tag| !gone.contains(tag));
        for tag in names_of(self.tags_to_add) {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        db.execute(
            "UPDATE artifacts SET description = coalesce(?2, description), metadata = coalesce(?3, metadata), \
             ttl = coalesce(?4, ttl), tags = ?5, updated_at = ?6 WHERE id = ?1",
            rusqlite::params![
                number,
                self.description,
                self.metadata.map(|metadata| metadata.0),
                self.ttl_duration_seconds.map(|ttl| ttl.0),
                serde_json::Value::from(tags).to_string(),
                now,
            ],
        )?;
        if let Some(wanted) = self.aliases {
            db.execute("DELETE FROM aliases WHERE artifact_id = ?1", [number])?;
            let names: Vec<String> = wanted.into_iter().map(|input| input.alias).collect();
            aliases::set(db, &artifact, &names)?;
        }
        artifacts::by_id(db, number)
    }
}

fn alias_names(aliases: &[ArtifactCollectionAliasInput]) -> Vec<String> {
    aliases.iter().map(|input| input.alias.clone()).collect()
}
