//! A version as a server describes it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use wandbd_record::v1;

use super::name::Name;
use crate::url::project_url;

/// The fields of a version that are asked for.
macro_rules! version_fields {
    () => {
        "id digest state versionIndex description metadata ttlDurationSeconds ttlIsInherited tags { name } historyStep size fileCount \
commitHash createdAt updatedAt artifactType { name } artifactSequence { name project { name entity { name } } } \
aliases { alias artifactCollection { __typename name project { name entity { name } } } }"
    };
}
pub(super) use version_fields;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) entity: Option<Named>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) project: Option<Project>,
}

impl Collection {
    /// Entity, project and name.
    pub(super) fn place(&self) -> (String, String, String) {
        let project = self.project.clone();
        let (project, entity) = project.map_or((String::new(), None), |p| (p.name, p.entity));
        let entity = entity.map(|entity| entity.name).unwrap_or_default();
        (entity, project, self.name.clone())
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alias {
    alias: String,
    artifact_collection: Option<Collection>,
}

/// A version.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the server's names")]
pub(super) struct Version {
    pub(super) id: String,
    digest: Option<String>,
    state: Option<String>,
    version_index: Option<u64>,
    description: Option<String>,
    metadata: Option<String>,
    ttl_duration_seconds: Option<Number>,
    ttl_is_inherited: Option<bool>,
    tags: Option<Vec<Named>>,
    history_step: Option<Number>,
    size: Option<Number>,
    file_count: Option<Number>,
    commit_hash: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
    artifact_type: Option<Named>,
    artifact_sequence: Option<Collection>,
    aliases: Option<Vec<Alias>>,
}

/// Large numbers travel as numbers or as texts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Number {
    Integer(i64),
    Text(String),
    Float(f64),
}

impl Number {
    fn value(&self) -> i64 {
        match self {
            Number::Integer(value) => *value,
            Number::Text(text) => text.parse().unwrap_or(0),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "sizes are below 2^53; a cast saturates"
            )]
            Number::Float(value) => *value as i64,
        }
    }

    fn natural(number: Option<&Number>) -> u64 {
        number.map_or(0, |number| u64::try_from(number.value()).unwrap_or(0))
    }
}

/// A version in a collection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Membership {
    version_index: Option<u64>,
    aliases: Option<Vec<Alias>>,
    artifact_collection: Option<Collection>,
    pub(super) artifact: Option<Version>,
}

impl Version {
    pub(super) fn kind(&self) -> &str {
        self.artifact_type.as_ref().map_or("", |kind| &kind.name)
    }

    /// Entity, project and collection in which it was made.
    pub(super) fn source(&self) -> (String, String, String) {
        let sequence = self.artifact_sequence.as_ref();
        sequence.map(Collection::place).unwrap_or_default()
    }

    /// All that is known, seen from the collection in which it was made.
    pub(super) fn facts(self, app_url: &str) -> v1::ArtifactFacts {
        let (entity, project, collection) = self.source();
        let index = self.version_index.unwrap_or(0);
        let ttl = self.ttl_duration_seconds.as_ref().map(Number::value);
        let inherited = self.ttl_is_inherited.unwrap_or(ttl.is_none());
        let here = |alias: &Alias| match &alias.artifact_collection {
            Some(other) => other.place() == (entity.clone(), project.clone(), collection.clone()),
            None => true,
        };
        let aliases = self.aliases.iter().flatten().filter(|alias| here(alias));
        let mut facts = v1::ArtifactFacts {
            alias: aliases.map(|alias| alias.alias.clone()).collect(),
            r#type: self.kind().to_owned(),
            size: Number::natural(self.size.as_ref()),
            file_count: Number::natural(self.file_count.as_ref()),
            history_step: self.history_step.as_ref().map(Number::value),
            id: self.id,
            source_entity: entity.clone(),
            source_project: project.clone(),
            source_collection: collection.clone(),
            version_index: index,
            source_version_index: index,
            description: self.description.unwrap_or_default(),
            metadata_json: self.metadata.unwrap_or_default(),
            tag: names(self.tags),
            state: self.state.unwrap_or_default(),
            digest: self.digest.unwrap_or_default(),
            created_at: self.created_at.unwrap_or_default(),
            updated_at: self.updated_at.unwrap_or_default(),
            commit_hash: self.commit_hash.unwrap_or_default(),
            ttl_s: ttl
                .filter(|_| !inherited)
                .map(|ttl| if ttl > 0 { ttl } else { -1 }),
            ttl_inherited: inherited,
            entity,
            project,
            collection,
            ..v1::ArtifactFacts::default()
        };
        facts.url = page(app_url, &facts);
        facts
    }
}

impl Membership {
    /// All that is known, seen from this collection; `asked` is how it was asked for.
    pub(super) fn facts(self, app_url: &str, asked: &Name) -> Option<v1::ArtifactFacts> {
        let place = self.artifact_collection.as_ref().map(Collection::place);
        let mut facts = self.artifact?.facts(app_url);
        let (entity, project, collection) = place.unwrap_or_default();
        let or = |said: String, asked: &String| if said.is_empty() { asked.clone() } else { said };
        facts.entity = or(entity, &asked.entity);
        facts.project = or(project, &asked.project);
        facts.collection = or(collection, &asked.collection);
        if let Some(index) = self.version_index {
            facts.version_index = index;
        }
        if let Some(aliases) = self.aliases {
            facts.alias = aliases.into_iter().map(|alias| alias.alias).collect();
        }
        facts.url = page(app_url, &facts);
        Some(facts)
    }
}

fn names(tags: Option<Vec<Named>>) -> Vec<String> {
    tags.into_iter().flatten().map(|tag| tag.name).collect()
}

/// The address of its page.
fn page(app_url: &str, facts: &v1::ArtifactFacts) -> String {
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let project = project_url(app_url, &facts.entity, &facts.project);
    format!(
        "{project}/artifacts/{}/{}/v{}",
        escape(&facts.r#type)
            .replace("%5F", "_")
            .replace("%2D", "-"),
        escape(&facts.collection)
            .replace("%5F", "_")
            .replace("%2D", "-")
            .replace("%2E", "."),
        facts.version_index
    )
}
