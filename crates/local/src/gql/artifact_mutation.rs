//! Making and changing artifacts.

use async_graphql::{Context, ID, Object, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::artifact::{Artifact, ArtifactManifest};
use super::artifact_commit::{commit_settled, finish_parts};
use super::artifact_input::{
    AddAliasesInput, ArtifactCollectionAliasInput, ArtifactDigestAlgorithm,
    ArtifactManifestPayload, ArtifactManifestType, ArtifactPayload, CommitArtifactInput,
    CompleteMultipartUploadArtifactInput, CompleteMultipartUploadArtifactPayload,
    CreateArtifactFilesInput, CreateArtifactFilesPayload, CreateArtifactInput,
    CreateArtifactManifestInput, CreateArtifactPayload, DeleteAliasesInput, DeleteArtifactInput,
    NewFile, NewFileConnection, NewFileEdge, UpdateArtifactInput, UpdateArtifactManifestInput,
    UploadMultipartUrls, UploadUrlPart, UseArtifactInput, names_of,
};
use super::run_input::{DONE, Success};
use super::scalars::{Int64, row};
use super::{app, entity};
use crate::app::App;
use crate::error::{StoreError, StoreResult};
use crate::sign::hex;
use crate::store::artifact_files::{self, ArtifactFileRow};
use crate::store::artifacts::{self, NewArtifact};
use crate::store::multipart::{self, MultipartRow};
use crate::store::upsert::DEFAULT_PROJECT;
use crate::store::{aliases, collections, members, removal, runs};

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
                    let parts = file.upload_parts_input.as_ref().map_or(0, Vec::len);
                    let upload = (stored.blob.is_none() && parts > 0).then(|| {
                        multipart::begin(db, stored.id, i64::try_from(parts).unwrap_or(0))
                    });
                    let birth = artifacts::by_id(db, stored.birth_id)?;
                    Ok((stored, upload.transpose()?, Artifact(birth)))
                });
                announced.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let edges = announced
            .into_iter()
            .map(|(file, upload, artifact)| NewFileEdge {
                node: NewFile::new(app, file, upload, artifact),
            })
            .collect();
        Ok(CreateArtifactFilesPayload {
            files: NewFileConnection { edges },
        })
    }

    async fn complete_multipart_upload_artifact(
        &self,
        context: &Context<'_>,
        input: CompleteMultipartUploadArtifactInput,
    ) -> Result<CompleteMultipartUploadArtifactPayload> {
        let app = app(context)?;
        let digest = finish_parts(app, input).await?;
        Ok(CompleteMultipartUploadArtifactPayload { digest })
    }

    async fn commit_artifact(
        &self,
        context: &Context<'_>,
        input: CommitArtifactInput,
    ) -> Result<ArtifactPayload> {
        let number = row("Artifact", &input.artifact_id)?;
        let artifact = commit_settled(app(context)?, number).await?;
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
                artifacts::use_by(db, run.id, number, input.used_as.as_deref())?;
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
                for input in &input.aliases {
                    let place = place_of(db, number, input)?;
                    aliases::set(db, place, number, std::slice::from_ref(&input.alias))?;
                }
                Ok(())
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
                for input in &input.aliases {
                    let place = place_of(db, number, input)?;
                    aliases::unset(db, place, number, std::slice::from_ref(&input.alias))?;
                }
                Ok(())
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
                let blobs = removal::artifact(db, number, with_aliases)?;
                Ok((artifacts::by_id(db, number)?, blobs))
            })
            .await?;
        app.release(blobs).await?;
        Ok(ArtifactPayload {
            artifact: Artifact(artifact),
        })
    }
}

/// Row number of the collection that an alias is in: the named one, which has to hold the version, else that of its origin.
fn place_of(
    db: &rusqlite::Connection,
    artifact_id: i64,
    input: &ArtifactCollectionAliasInput,
) -> StoreResult<i64> {
    let artifact = artifacts::by_id(db, artifact_id)?;
    let (Some(entity), Some(project)) = (&input.entity_name, &input.project_name) else {
        return Ok(artifact.collection_id);
    };
    let name = &input.artifact_collection_name;
    let missing = || StoreError::NotFound(format!("artifact in collection {name}"));
    let collection = collections::by_path(db, entity, project, name)?.ok_or_else(missing)?;
    members::find(db, &collection, &artifact)?.ok_or_else(missing)?;
    Ok(collection.id)
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
    fn new(
        app: &App,
        file: ArtifactFileRow,
        upload: Option<MultipartRow>,
        artifact: Artifact,
    ) -> Self {
        let subject = format!("artifact-file-{}", file.id);
        let upload_url = file
            .blob
            .is_none()
            .then(|| app.signer.url("put", &subject, &file.name, app.now()));
        let upload_multipart_urls = upload.map(|upload| UploadMultipartUrls {
            upload_url_parts: (1..=upload.parts)
                .map(|number| UploadUrlPart {
                    part_number: Int64(number),
                    upload_url: app.signer.url(
                        "put",
                        &format!("part-{}-{number}", upload.id),
                        &file.name,
                        app.now(),
                    ),
                })
                .collect(),
            upload_id: upload.upload_id,
        });
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
            upload_multipart_urls,
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
            ttl: self
                .ttl_duration_seconds
                .map(|ttl| ttl.0)
                .filter(|ttl| *ttl != INHERIT),
            distributed_id: self.distributed_id.filter(|id| !id.is_empty()),
            history_step: self.history_step.map(|step| step.0),
            client_id: self.client_id.map(|id| id.to_string()),
            sequence_client_id: self.sequence_client_id.map(|id| id.to_string()),
        })
    }
}

/// As a TTL: that of the collection or project.
const INHERIT: i64 = -1;

impl UpdateArtifactInput {
    fn apply(
        self,
        db: &rusqlite::Connection,
        number: i64,
        now: f64,
    ) -> Result<artifacts::ArtifactRow, StoreError> {
        let artifact = artifacts::by_id(db, number)?;
        let gone = names_of(self.tags_to_delete);
        let tags = collections::retagged(artifact.tags, names_of(self.tags_to_add), &gone);
        db.execute(
            "UPDATE artifacts SET description = coalesce(?2, description), metadata = coalesce(?3, metadata), \
             ttl = nullif(coalesce(?4, ttl), -1), tags = ?5, updated_at = ?6 WHERE id = ?1",
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
            let place = artifact.collection_id;
            db.execute(
                "DELETE FROM aliases WHERE artifact_id = ?1 AND collection_id = ?2",
                [number, place],
            )?;
            let names: Vec<String> = wanted.into_iter().map(|input| input.alias).collect();
            aliases::set(db, place, number, &names)?;
        }
        artifacts::by_id(db, number)
    }
}
