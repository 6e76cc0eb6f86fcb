//! A version's place in a collection: where it was logged, or where it was linked to.

use async_graphql::{Context, ID, Object, Result};

use super::app;
use super::artifact::{Artifact, ArtifactAlias, files};
use super::collection::ArtifactCollection;
use super::connection::Connection;
use super::file::File;
use super::scalars::{DateTime, id};
use crate::store::aliases;
use crate::store::members::Member;

/// A version's place in a collection.
pub(crate) struct ArtifactCollectionMembership(pub(crate) Member);

#[Object]
impl ArtifactCollectionMembership {
    async fn id(&self) -> ID {
        id("ArtifactCollectionMembership", self.0.id).into()
    }
    async fn version_index(&self) -> Option<i64> {
        self.0.version
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn aliases(&self, context: &Context<'_>) -> Result<Vec<ArtifactAlias>> {
        let collection = self.0.collection.clone();
        let (place, artifact) = (collection.id, self.0.artifact.id);
        let rows = app(context)?
            .store
            .read(move |db| aliases::of_member(db, place, artifact))
            .await?;
        let aliases = rows.into_iter();
        Ok(aliases
            .map(|row| ArtifactAlias::new(row, collection.clone()))
            .collect())
    }
    async fn artifact(&self) -> Artifact {
        Artifact(self.0.artifact.clone())
    }
    async fn artifact_collection(&self) -> ArtifactCollection {
        self.0.collection.clone().into()
    }
    async fn files(
        &self,
        context: &Context<'_>,
        names: Option<Vec<String>>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<File>> {
        files(context, self.0.artifact.id, names, after, first).await
    }
}
