//! What artifact mutations take and answer.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::artifact::{Artifact, ArtifactManifest};
use super::scalars::{Int64, JsonString};

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
    pub(super) artifact_collection_name: Option<String>,
    pub(super) alias: String,
}

/// An alias in a named collection.
#[derive(Debug, InputObject)]
pub(crate) struct ArtifactCollectionAliasInput {
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) artifact_collection_name: String,
    pub(super) alias: String,
}

/// A tag.
#[derive(Debug, InputObject)]
pub(crate) struct TagInput {
    pub(super) tag_name: String,
    pub(super) tag_category_name: Option<String>,
    pub(super) attributes: Option<JsonString>,
}

/// Names of tags.
pub(super) fn names_of(tags: Option<Vec<TagInput>>) -> Vec<String> {
    tags.into_iter().flatten().map(|tag| tag.tag_name).collect()
}

/// A new version.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactInput {
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) artifact_type_name: String,
    pub(super) artifact_collection_name: Option<String>,
    pub(super) artifact_collection_names: Option<Vec<String>>,
    pub(super) run_name: Option<String>,
    pub(super) digest: String,
    pub(super) digest_algorithm: Option<ArtifactDigestAlgorithm>,
    pub(super) description: Option<String>,
    pub(super) metadata: Option<JsonString>,
    pub(super) labels: Option<JsonString>,
    pub(super) aliases: Option<Vec<ArtifactAliasInput>>,
    pub(super) tags: Option<Vec<TagInput>>,
    pub(super) ttl_duration_seconds: Option<Int64>,
    pub(super) history_step: Option<Int64>,
    pub(super) enable_digest_deduplication: Option<bool>,
    #[graphql(name = "distributedID")]
    pub(super) distributed_id: Option<String>,
    #[graphql(name = "clientID")]
    pub(super) client_id: Option<ID>,
    #[graphql(name = "sequenceClientID")]
    pub(super) sequence_client_id: Option<ID>,
    pub(super) storage_region: Option<String>,
    pub(super) client_mutation_id: Option<String>,
}

/// An artifact.
#[derive(SimpleObject)]
#[graphql(name = "CreateArtifactPayload")]
pub(crate) struct CreateArtifactPayload {
    pub(super) artifact: Artifact,
}

/// An artifact after a change.
#[derive(SimpleObject)]
pub(crate) struct ArtifactPayload {
    pub(super) artifact: Artifact,
}

/// A manifest to announce.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactManifestInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    #[graphql(name = "baseArtifactID")]
    pub(super) base_artifact_id: Option<ID>,
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) run_name: Option<String>,
    #[graphql(name = "type")]
    pub(super) kind: Option<ArtifactManifestType>,
    pub(super) client_mutation_id: Option<String>,
}

/// A manifest to announce again.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateArtifactManifestInput {
    #[graphql(name = "artifactManifestID")]
    pub(super) artifact_manifest_id: ID,
    pub(super) digest: Option<String>,
    #[graphql(name = "baseArtifactID")]
    pub(super) base_artifact_id: Option<ID>,
    pub(super) client_mutation_id: Option<String>,
}

/// A manifest with its addresses.
#[derive(Debug, SimpleObject)]
pub(crate) struct ArtifactManifestPayload {
    pub(super) artifact_manifest: ArtifactManifest,
}

/// Files to announce.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactFilesInput {
    pub(super) artifact_files: Vec<CreateArtifactFileSpecInput>,
    pub(super) storage_layout: Option<String>,
    #[graphql(name = "cloudRegionID")]
    pub(super) cloud_region_id: Option<ID>,
    pub(super) digest_algorithm: Option<ArtifactDigestAlgorithm>,
    pub(super) client_mutation_id: Option<String>,
}

/// One file to announce.
#[derive(Debug, InputObject)]
pub(crate) struct CreateArtifactFileSpecInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    #[graphql(name = "artifactManifestID")]
    pub(super) artifact_manifest_id: Option<ID>,
    pub(super) name: String,
    pub(super) md5: String,
    pub(super) digest: Option<String>,
    pub(super) mimetype: Option<String>,
    pub(super) upload_parts_input: Option<Vec<UploadPartsInput>>,
}

/// One part of a large file.
#[derive(Debug, InputObject)]
pub(crate) struct UploadPartsInput {
    pub(super) part_number: Int64,
    /// MD5 of the part; its tag when the upload is completed.
    #[graphql(name = "hexMD5")]
    pub(super) hex_md5: String,
}

/// Where to upload files.
#[derive(SimpleObject)]
pub(crate) struct CreateArtifactFilesPayload {
    pub(super) files: NewFileConnection,
}

/// The files in the order they were announced.
#[derive(SimpleObject)]
pub(crate) struct NewFileConnection {
    pub(super) edges: Vec<NewFileEdge>,
}

/// One of them.
#[derive(SimpleObject)]
pub(crate) struct NewFileEdge {
    pub(super) node: NewFile,
}

/// A file to upload; without an address its content is stored already.
#[derive(SimpleObject)]
pub(crate) struct NewFile {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) storage_path: String,
    pub(super) upload_url: Option<String>,
    pub(super) upload_headers: Vec<String>,
    /// Where the parts go, if the file was announced in parts.
    pub(super) upload_multipart_urls: Option<UploadMultipartUrls>,
    pub(super) artifact: Artifact,
}

/// Addresses for the parts of a large file.
#[derive(Debug, SimpleObject)]
pub(crate) struct UploadMultipartUrls {
    #[graphql(name = "uploadID")]
    pub(super) upload_id: String,
    pub(super) upload_url_parts: Vec<UploadUrlPart>,
}

/// The address for one part.
#[derive(Debug, SimpleObject)]
pub(crate) struct UploadUrlPart {
    pub(super) part_number: Int64,
    pub(super) upload_url: String,
}

/// What to do with an upload in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum CompleteMultipartAction {
    /// Put the parts together.
    #[graphql(name = "Complete")]
    Complete,
    /// Throw them away.
    #[graphql(name = "Abort")]
    Abort,
}

/// An upload in parts to end.
#[derive(Debug, InputObject)]
pub(crate) struct CompleteMultipartUploadArtifactInput {
    pub(super) complete_multipart_action: CompleteMultipartAction,
    pub(super) completed_parts: Vec<UploadPartsInput>,
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) storage_path: String,
    #[graphql(name = "uploadID")]
    pub(super) upload_id: String,
    pub(super) client_mutation_id: Option<String>,
}

/// The digest of the whole file.
#[derive(Debug, SimpleObject)]
pub(crate) struct CompleteMultipartUploadArtifactPayload {
    pub(super) digest: Option<String>,
}

/// An artifact to commit.
#[derive(Debug, InputObject)]
pub(crate) struct CommitArtifactInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) client_mutation_id: Option<String>,
}

/// An artifact that a run reads.
#[derive(Debug, InputObject)]
pub(crate) struct UseArtifactInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) run_name: String,
    pub(super) artifact_entity_name: Option<String>,
    pub(super) artifact_project_name: Option<String>,
    pub(super) used_as: Option<String>,
    pub(super) client_mutation_id: Option<String>,
}

/// Changes to a version.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateArtifactInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) description: Option<String>,
    pub(super) metadata: Option<JsonString>,
    pub(super) labels: Option<JsonString>,
    pub(super) ttl_duration_seconds: Option<Int64>,
    pub(super) aliases: Option<Vec<ArtifactAliasInput>>,
    pub(super) tags_to_add: Option<Vec<TagInput>>,
    pub(super) tags_to_delete: Option<Vec<TagInput>>,
    pub(super) client_mutation_id: Option<String>,
}

/// Aliases to add.
#[derive(Debug, InputObject)]
pub(crate) struct AddAliasesInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) aliases: Vec<ArtifactCollectionAliasInput>,
    pub(super) client_mutation_id: Option<String>,
}

/// Aliases to take away.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteAliasesInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) aliases: Vec<ArtifactCollectionAliasInput>,
    pub(super) client_mutation_id: Option<String>,
}

/// A version to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteArtifactInput {
    #[graphql(name = "artifactID")]
    pub(super) artifact_id: ID,
    pub(super) delete_aliases: Option<bool>,
    pub(super) client_mutation_id: Option<String>,
}
