//! Which runs read which versions.

use serde_json::{Value, json};
use wandbd_upload::SendError;

use crate::api::Api;
use crate::features::Features;
use crate::fetch::RunPath;

const USE: &str = "\
mutation UseArtifact($artifact: ID!, $entity: String!, $project: String!, $run: String!, $as: String) { \
useArtifact(input: {artifactID: $artifact, entityName: $entity, projectName: $project, runName: $run, usedAs: $as}) { \
artifact { id } } }";

const USE_WITH_ORIGIN: &str = "\
mutation UseArtifact($artifact: ID!, $entity: String!, $project: String!, $run: String!, $as: String, $from: String, $of: String) { \
useArtifact(input: {artifactID: $artifact, entityName: $entity, projectName: $project, runName: $run, usedAs: $as, \
artifactEntityName: $from, artifactProjectName: $of}) { artifact { id } } }";

/// A version that a run reads.
pub(crate) struct Use<'a> {
    pub(crate) id: &'a str,
    /// Where the version was found; empty: not known.
    pub(crate) entity: &'a str,
    pub(crate) project: &'a str,
    /// In which role; empty: none.
    pub(crate) used_as: &'a str,
}

impl Use<'_> {
    /// Tells the server.
    pub(crate) async fn tell(
        &self,
        api: &Api,
        features: &Features,
        run: &RunPath,
    ) -> Result<(), SendError> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut variables = json!({
            "artifact": self.id,
            "entity": run.entity,
            "project": run.project,
            "run": run.run,
            "as": some(self.used_as),
        });
        let with_origin = features.use_with_origin() && !self.entity.is_empty();
        if with_origin {
            variables["from"] = self.entity.into();
            variables["of"] = self.project.into();
        }
        let document = if with_origin { USE_WITH_ORIGIN } else { USE };
        api.graphql::<Value>("UseArtifact", document, variables)
            .await
            .map(drop)
    }
}
