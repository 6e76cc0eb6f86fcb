//! Names of versions: `[[entity/]project/]collection[:version or alias]`.

use super::Refusal;

/// The version that is meant where none is named.
const NEWEST: &str = "latest";

/// Where a project of this name lies, its entity is an organization.
const REGISTRY: &str = "wandb-registry-";

/// A name in its parts; what is empty was not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) entity: String,
    pub(crate) project: String,
    pub(crate) collection: String,
    /// `v3` or an alias.
    pub(crate) version: String,
}

impl Name {
    /// Reads a name.
    pub(super) fn parse(text: &str) -> Result<Name, Refusal> {
        let parts: Vec<&str> = text.trim().split('/').collect();
        let (entity, project, rest) = match *parts.as_slice() {
            [rest] => ("", "", rest),
            [project, rest] => ("", project, rest),
            [entity, project, rest] => (entity, project, rest),
            _ => return Err(wrong(text)),
        };
        let (collection, version) = rest.split_once(':').unwrap_or((rest, NEWEST));
        if collection.is_empty() || version.is_empty() || version.contains(':') {
            return Err(wrong(text));
        }
        Ok(Name {
            entity: entity.to_owned(),
            project: project.to_owned(),
            collection: collection.to_owned(),
            version: version.to_owned(),
        })
    }

    /// It is one of a registry.
    pub(crate) fn in_registry(&self) -> bool {
        self.project.starts_with(REGISTRY)
    }

    /// Collection and version.
    pub(crate) fn last(&self) -> String {
        format!("{}:{}", self.collection, self.version)
    }
}

fn wrong(text: &str) -> Refusal {
    Refusal::Rule(format!(
        "{text:?} names no artifact; write [[entity/]project/]name:version, where the version is v0, v1, ... or an alias"
    ))
}

/// The collection of a name.
pub(crate) fn base_of(name: &str) -> &str {
    name.split_once(':').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_say_its_project_and_entity_and_means_the_newest_version() {
        for (text, expect) in [
            ("model", ["", "", "model", "latest"]),
            ("model:v3", ["", "", "model", "v3"]),
            ("digits/model:best", ["", "digits", "model", "best"]),
            ("me/digits/model:v0", ["me", "digits", "model", "v0"]),
        ] {
            let name = Name::parse(text).unwrap();
            let parts = [name.entity, name.project, name.collection, name.version];
            assert_eq!(parts.each_ref().map(String::as_str), expect, "{text}");
        }
        for text in ["", "a/b/c/d", "model:", ":v1", "a:b:c"] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }
}
