//! What may change of a committed version.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wandbd_record::v1;
use wandbd_record::v1::get_artifact_response::Verdict;

use super::{Artifacts, Refusal};

const ADD: &str =
    "mutation AddAliases($input: AddAliasesInput!) { addAliases(input: $input) { success } }";

const REMOVE: &str = "mutation DeleteAliases($input: DeleteAliasesInput!) { deleteAliases(input: $input) { success } }";

const UPDATE: &str = "mutation UpdateArtifact($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id } } }";

const DELETE: &str = "mutation DeleteArtifact($input: DeleteArtifactInput!) { deleteArtifact(input: $input) { artifact { id } } }";

const UNLINK: &str = "mutation UnlinkArtifact($input: UnlinkArtifactInput!) { unlinkArtifact(input: $input) { success } }";

const COLLECTION: &str = "\
query Collection($entity: String!, $project: String!, $name: String!) { project(name: $project, entityName: $entity) { \
artifactCollection(name: $name) { __typename id } } }";

/// What our contract says for a version that is never removed, and for one that inherits; and what W&B says.
const TTL: [(i64, i64); 2] = [(-1, -2), (-2, -1)];

#[derive(Deserialize)]
struct Data {
    project: Option<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    artifact_collection: Option<Collection>,
}

#[derive(Deserialize)]
struct Collection {
    id: String,
}

impl Artifacts {
    /// Makes the changes, in this order: aliases, then the rest, then unlinking or deletion. The answer describes the version as it is
    /// afterwards; of a deleted one it says the id and the state.
    pub async fn change(&self, request: &v1::ChangeArtifactRequest) -> v1::GetArtifactResponse {
        match self.make_changes(request).await {
            Ok(facts) => v1::GetArtifactResponse {
                verdict: Verdict::Found.into(),
                message: String::new(),
                artifact: Some(facts),
            },
            Err(refusal) => refusal.answer(),
        }
    }

    async fn make_changes(
        &self,
        request: &v1::ChangeArtifactRequest,
    ) -> Result<v1::ArtifactFacts, Refusal> {
        for (name, document, aliases) in [
            ("AddAliases", ADD, &request.add_alias),
            ("DeleteAliases", REMOVE, &request.remove_alias),
        ] {
            if aliases.is_empty() {
                continue;
            }
            let [entity, project, collection] = place(&request.collection_path)?;
            let aliases = aliases.iter().map(|alias| {
                json!({
                    "alias": alias, "artifactCollectionName": collection,
                    "entityName": entity, "projectName": project,
                })
            });
            let input = json!({"artifactID": request.id, "aliases": aliases.collect::<Value>()});
            self.mutate(name, document, input).await?;
        }
        if let Some(input) = update(request) {
            self.mutate("UpdateArtifact", UPDATE, input).await?;
        }
        if request.unlink {
            let portfolio = self.collection(&request.collection_path).await?;
            let input = json!({"artifactID": request.id, "artifactPortfolioID": portfolio});
            self.mutate("UnlinkArtifact", UNLINK, input).await?;
        }
        if request.delete {
            let input = json!({"artifactID": request.id, "deleteAliases": request.delete_aliases});
            self.mutate("DeleteArtifact", DELETE, input).await?;
            return Ok(v1::ArtifactFacts {
                id: request.id.clone(),
                state: "DELETED".to_owned(),
                ..v1::ArtifactFacts::default()
            });
        }
        self.by_id(&request.id).await
    }

    async fn mutate(
        &self,
        name: &'static str,
        document: &'static str,
        input: Value,
    ) -> Result<(), Refusal> {
        let variables = json!({ "input": input });
        self.api.graphql::<Value>(name, document, variables).await?;
        Ok(())
    }

    /// The id of a collection.
    async fn collection(&self, path: &str) -> Result<String, Refusal> {
        let [entity, project, name] = place(path)?;
        let variables = json!({"entity": entity, "project": project, "name": name});
        let data: Data = self
            .api
            .graphql("Collection", COLLECTION, variables)
            .await?;
        let collection = data.project.and_then(|project| project.artifact_collection);
        collection
            .map(|collection| collection.id)
            .ok_or_else(|| Refusal::Missing(format!("the server has no collection {path}")))
    }
}

/// What is changed besides aliases; `None`: nothing.
fn update(request: &v1::ChangeArtifactRequest) -> Option<Value> {
    let mut input = Map::new();
    let tags =
        |tags: &[String]| -> Value { tags.iter().map(|tag| json!({ "tagName": tag })).collect() };
    if let Some(description) = &request.description {
        input.insert("description".to_owned(), description.as_str().into());
    }
    if let Some(metadata) = &request.metadata_json {
        input.insert("metadata".to_owned(), metadata.as_str().into());
    }
    if let Some(ttl) = request.ttl_s {
        let theirs = TTL.iter().find(|(ours, _)| *ours == ttl);
        let ttl = theirs.map_or(ttl, |(_, theirs)| *theirs);
        input.insert("ttlDurationSeconds".to_owned(), ttl.into());
    }
    if !request.add_tag.is_empty() {
        input.insert("tagsToAdd".to_owned(), tags(&request.add_tag));
    }
    if !request.remove_tag.is_empty() {
        input.insert("tagsToDelete".to_owned(), tags(&request.remove_tag));
    }
    if input.is_empty() {
        return None;
    }
    input.insert("artifactID".to_owned(), request.id.as_str().into());
    Some(Value::Object(input))
}

fn place(path: &str) -> Result<[&str; 3], Refusal> {
    let parts: Vec<&str> = path.split('/').collect();
    match *parts.as_slice() {
        [entity, project, collection] if !collection.is_empty() => {
            Ok([entity, project, collection])
        }
        _ => Err(Refusal::Rule(format!(
            "{path:?} names no collection; write entity/project/collection"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_said_and_a_lifetime_in_the_servers_numbers() {
        let nothing = v1::ChangeArtifactRequest {
            id: "QTox".into(),
            add_alias: vec!["best".into()],
            ..v1::ChangeArtifactRequest::default()
        };
        assert_eq!(update(&nothing), None);

        for (ours, theirs) in [(-1, -2), (-2, -1), (3600, 3600)] {
            let change = v1::ChangeArtifactRequest {
                ttl_s: Some(ours),
                description: Some(String::new()),
                ..nothing.clone()
            };
            let expect =
                json!({"description": "", "ttlDurationSeconds": theirs, "artifactID": "QTox"});
            assert_eq!(update(&change), Some(expect));
        }
    }

    #[test]
    fn a_collection_is_named_whole() {
        assert_eq!(place("me/digits/model").unwrap(), ["me", "digits", "model"]);
        assert!(place("model").is_err());
        assert!(place("me/digits/").is_err());
    }
}
