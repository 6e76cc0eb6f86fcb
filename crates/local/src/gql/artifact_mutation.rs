//! Making and changing artifacts.

use async_graphql::{Context, ID, Object, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::artifact::{Artifact, ArtifactManifest};
use super::artifact_input::{
    AddAliasesInput, ArtifactCollectionAliasInput, ArtifactDigestAlgorithm,
    ArtifactManifestPayload, ArtifactManifestType, ArtifactPayload, CommitArtifactInput,
    CreateArtifactFilesInput, CreateArtifactFilesPayload, CreateArtifactInput,
    CreateArtifactManifestInput, CreateArtifactPayload, DeleteAliasesInput, DeleteArtifactInput,
    NewFile, NewFileConnection, NewFileEdge, TagInput, UpdateArtifactInput,
    UpdateArtifactManifestInput, UseArtifactInput,
};
use super::run_input::{DONE, Success};
use super::scalars::row;
use super::{app, entity};
use crate::app::App;
use crate::error::StoreError;
use crate::sign::hex;
use crate::store::artifact_files::{self, ArtifactFileRow};
use crate::store::artifacts::{self, NewArtifact};
use crate::store::upsert::DEFAULT_PROJECT;
use crate::store::{aliases, commit, runs};

/// Mutations of artifacts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ArtifactMutation;

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
        let now = app(context)?.now();
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
                artifact_files::manifest(db, artifact_id, about, base)
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
                artifact_files::manifest_blob(db, manifest)?;
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
                    let stored =
                        artifact_files::announce_file(db, artifact, &file.name, &file.md5)?;
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
        let now = app.now();
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
        let now = app(context)?.now();
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
    let now = app.now();
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
            .then(|| app.signer.url("put", &subject, &file.name, app.now()));
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
