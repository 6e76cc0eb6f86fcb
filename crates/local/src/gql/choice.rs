//! Choosing and ordering collections and versions the way the public API asks for it.

use async_graphql::Result;
use serde_json::Value;

use super::scalars::JsonString;
use crate::clock;
use crate::error::StoreResult;
use crate::store::collections::CollectionRow;
use crate::store::filter::{self, Fields};
use crate::store::members::Member;
use crate::store::runs::ProjectRow;

/// The filter as JSON; without one everything passes.
pub(super) fn parsed(filters: Option<JsonString>) -> Result<Value> {
    let text = filters.filter(|text| !text.0.is_empty());
    let filter = text.map(|text| serde_json::from_str(&text.0)).transpose();
    Ok(filter
        .map_err(|error| format!("filters: {error}"))?
        .unwrap_or_default())
}

/// Those that pass the filter, in the order that is asked for.
pub(super) fn choose<T: Fields>(
    all: Vec<T>,
    filter: &Value,
    order: Option<&str>,
) -> StoreResult<Vec<T>> {
    let mut chosen = Vec::new();
    for item in all {
        if filter::passes(filter, &item)? {
            chosen.push(item);
        }
    }
    if let Some(order) = order.filter(|order| !order.is_empty()) {
        filter::sort_by_field(&mut chosen, order);
    }
    Ok(chosen)
}

impl Fields for CollectionRow {
    fn field(&self, name: &str) -> Value {
        match name {
            "name" => self.name.clone().into(),
            "description" => self.description.clone().into(),
            "type" => self.artifact_type.clone().into(),
            "tag" | "tags" => self.tags.clone().into(),
            "created_at" | "createdAt" => clock::iso(self.created_at).into(),
            "updated_at" | "updatedAt" => {
                clock::iso(self.updated_at.unwrap_or(self.created_at)).into()
            }
            _ => Value::Null,
        }
    }
}

impl Fields for Member {
    fn field(&self, name: &str) -> Value {
        let artifact = &self.artifact;
        if let Some(key) = name.strip_prefix("metadata.") {
            let metadata = artifact.metadata.as_deref().unwrap_or("{}");
            return crate::extjson::lookup(metadata, key)
                .and_then(crate::extjson::to_json)
                .unwrap_or(Value::Null);
        }
        match name {
            "tag" | "tags" => artifact.tags.clone().into(),
            "digest" => artifact.digest.clone().into(),
            "state" => artifact.state.clone().into(),
            "description" => artifact.description.clone().into(),
            "size" => artifact.size.into(),
            "version" | "versionIndex" | "version_index" => self.version.into(),
            "created_at" | "createdAt" => clock::iso(self.created_at).into(),
            "updated_at" | "updatedAt" => {
                clock::iso(artifact.updated_at.unwrap_or(artifact.created_at)).into()
            }
            _ => Value::Null,
        }
    }
}

impl Fields for ProjectRow {
    fn field(&self, name: &str) -> Value {
        match name {
            "name" => self.name.clone().into(),
            "created_at" | "createdAt" => clock::iso(self.created_at).into(),
            _ => Value::Null,
        }
    }
}
