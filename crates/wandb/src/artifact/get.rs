//! Looking for a version.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use wandbd_record::v1;
use wandbd_record::v1::get_artifact_response::Verdict;
use wandbd_upload::SendError;

use super::facts::{Membership, Version, version_fields};
use super::name::Name;
use super::{Artifacts, Refusal, Use, entity, manifest};

/// Without another wish an answer is waited for this long.
const PATIENCE: Duration = Duration::from_mins(1);

/// More is not believed.
const PATIENCE_MAX: f64 = 86_400.0;

const BY_NAME: &str = concat!(
    "query ArtifactByName($entity: String!, $project: String!, $name: String!) { ",
    "project(name: $project, entityName: $entity) { artifactCollectionMembership(name: $name) { versionIndex aliases { alias } ",
    "artifactCollection { __typename name project { name entity { name } } } artifact { ",
    version_fields!(),
    " } } } }"
);

/// For servers that do not know memberships.
const BY_NAME_BEFORE: &str = concat!(
    "query ArtifactByNameBefore($entity: String!, $project: String!, $name: String!) { ",
    "project(name: $project, entityName: $entity) { artifact(name: $name) { ",
    version_fields!(),
    " } } }"
);

const BY_ID: &str = concat!(
    "query ArtifactByID($id: ID!) { artifact(id: $id) { ",
    version_fields!(),
    " } }"
);

#[derive(Deserialize)]
struct ByName {
    project: Option<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    artifact_collection_membership: Option<Membership>,
    artifact: Option<Version>,
}

#[derive(Deserialize)]
struct ById {
    artifact: Option<Version>,
}

impl Artifacts {
    /// A version by its name or its id; whoever asks by a client id has to fill in the id. With `use` the run at home reads it from now on,
    /// with `manifest` its manifest comes along. Answers within `timeout_s` (60 s if that says nothing).
    pub async fn get(&self, request: &v1::GetArtifactRequest) -> v1::GetArtifactResponse {
        let wish = request.timeout_s;
        let patience = if wish.is_finite() && wish > 0.0 {
            Duration::from_secs_f64(wish.min(PATIENCE_MAX))
        } else {
            PATIENCE
        };
        let found = match tokio::time::timeout(patience, self.find(request)).await {
            Ok(found) => found,
            Err(_) => Err(SendError::Timeout(patience).into()),
        };
        match found {
            Ok(facts) => v1::GetArtifactResponse {
                verdict: Verdict::Found.into(),
                message: String::new(),
                artifact: Some(facts),
            },
            Err(refusal) => refusal.answer(),
        }
    }

    async fn find(&self, request: &v1::GetArtifactRequest) -> Result<v1::ArtifactFacts, Refusal> {
        let mut facts = if request.id.is_empty() {
            self.by_name(&request.name).await?
        } else {
            self.by_id(&request.id).await?
        };
        if !request.r#type.is_empty() && request.r#type != facts.r#type {
            return Err(Refusal::Rule(format!(
                "{}/{}/{}:v{} is of type {}, not {}",
                facts.entity,
                facts.project,
                facts.collection,
                facts.version_index,
                facts.r#type,
                request.r#type
            )));
        }
        if request.r#use {
            self.used(&facts, &request.use_as).await?;
        }
        if request.manifest {
            facts.manifest_json = manifest::text(&self.api, &facts.id).await?;
        }
        Ok(facts)
    }

    /// By its id on the server.
    pub(super) async fn by_id(&self, id: &str) -> Result<v1::ArtifactFacts, Refusal> {
        let variables = json!({ "id": id });
        let data: ById = self.api.graphql("ArtifactByID", BY_ID, variables).await?;
        let version = data.artifact;
        let version = version
            .ok_or_else(|| Refusal::Missing(format!("the server has no artifact with id {id}")))?;
        Ok(version.facts(&self.app_url))
    }

    async fn by_name(&self, text: &str) -> Result<v1::ArtifactFacts, Refusal> {
        let text = text.strip_prefix("wandb-artifact://").unwrap_or(text);
        let mut name = Name::parse(text)?;
        if name.project.is_empty() {
            name.project.clone_from(&self.home.project);
        }
        if name.project.is_empty() {
            return Err(Refusal::Rule(format!(
                "{text:?} names no project; write entity/project/name:version"
            )));
        }
        if name.in_registry() {
            let own = self.entity().await?;
            name.entity = entity::of_registry(&self.api, &own, &name.entity).await?;
        } else if name.entity.is_empty() {
            name.entity = self.entity().await?;
        }
        let facts = match self.membership(&name).await {
            Err(SendError::Rejected { .. }) => self.before(&name).await?,
            answer => answer?,
        };
        facts.ok_or_else(|| {
            Refusal::Missing(format!(
                "artifact {} not found in {}/{}",
                name.last(),
                name.entity,
                name.project
            ))
        })
    }

    async fn membership(&self, name: &Name) -> Result<Option<v1::ArtifactFacts>, SendError> {
        let variables = json!({
            "entity": name.entity, "project": name.project, "name": name.last(),
        });
        let data: ByName = self
            .api
            .graphql("ArtifactByName", BY_NAME, variables)
            .await?;
        let project = data.project;
        let membership = project.and_then(|project| project.artifact_collection_membership);
        Ok(membership.and_then(|found| found.facts(&self.app_url, name)))
    }

    async fn before(&self, name: &Name) -> Result<Option<v1::ArtifactFacts>, SendError> {
        let variables = json!({
            "entity": name.entity, "project": name.project, "name": name.last(),
        });
        let data: ByName = self
            .api
            .graphql("ArtifactByNameBefore", BY_NAME_BEFORE, variables)
            .await?;
        let version = data.project.and_then(|project| project.artifact);
        Ok(version.map(|version| version.facts(&self.app_url)))
    }

    async fn used(&self, facts: &v1::ArtifactFacts, used_as: &str) -> Result<(), Refusal> {
        if self.home.run.is_empty() {
            return Err(Refusal::Rule(
                "an artifact is used by a run, and none asks".to_owned(),
            ));
        }
        let used = Use {
            id: &facts.id,
            entity: &facts.entity,
            project: &facts.project,
            used_as,
        };
        let mut run = self.home.clone();
        run.entity = self.entity().await?;
        let features = self.features().await?;
        Ok(used.tell(&self.api, features, &run).await?)
    }
}
