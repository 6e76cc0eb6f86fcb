//! A version in another collection.

use serde_json::{Value, json};
use wandbd_record::v1;
use wandbd_run::Opened;
use wandbd_upload::SendError;

use super::entity;
use super::name::{Name, base_of};
use crate::api::Api;

const LINK: &str = "\
mutation LinkArtifact($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex } }";

/// Links a version; its target is read as `[[entity/]project/]collection`, in the run's own project by default.
pub(crate) async fn link(api: &Api, opened: &Opened, link: &v1::Link) -> Result<(), SendError> {
    let refuse = |reason: String| SendError::Rejected { status: 0, reason };
    let target = base_of(&link.target);
    let name = Name::parse(target).map_err(|error| refuse(error.text()))?;
    let entity = if name.in_registry() {
        entity::of_registry(api, &opened.entity, &name.entity).await?
    } else if name.entity.is_empty() {
        opened.entity.clone()
    } else {
        name.entity
    };
    let project = match name.project.as_str() {
        "" => &opened.project,
        project => project,
    };
    let aliases = link.alias.iter();
    let aliases: Value = aliases
        .map(|alias| json!({"artifactCollectionName": name.collection, "alias": alias}))
        .collect();
    let mut input = json!({
        "artifactPortfolioName": name.collection,
        "entityName": entity,
        "projectName": project,
        "aliases": aliases,
    });
    if link.artifact_id.is_empty() {
        input["clientID"] = link.client_id.as_str().into();
    } else {
        input["artifactID"] = link.artifact_id.as_str().into();
    }
    let variables = json!({ "input": input });
    api.graphql::<Value>("LinkArtifact", LINK, variables)
        .await
        .map(drop)
}
