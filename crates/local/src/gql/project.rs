//! A project and what lies in it.

use async_graphql::{Context, ID, Object, Result};

use super::app;
use super::artifact::{Artifact, ArtifactType};
use super::collection::{self, ArtifactCollection};
use super::connection::{Connection, Window};
use super::entity::Entity;
use super::membership::ArtifactCollectionMembership;
use super::run::Run;
use super::scalars::{DateTime, JsonString, id};
use super::sweep::Sweep;
use super::user::User;
use crate::clock::Moment;
use crate::error::{StoreError, StoreResult};
use crate::store::filter::{self, Candidate};
use crate::store::runs::{self, ProjectRow, RunRow};
use crate::store::sweeps::{self, SweepRow};
use crate::store::{aliases, collections};

/// A project.
pub(crate) struct Project(pub(crate) ProjectRow);

#[Object]
impl Project {
    async fn id(&self) -> ID {
        id("Project", self.0.id).into()
    }
    async fn internal_id(&self) -> ID {
        id("ProjectInternalId", self.0.id).into()
    }
    async fn name(&self) -> &str {
        &self.0.name
    }
    async fn entity_name(&self) -> &str {
        &self.0.entity
    }
    async fn entity(&self) -> Entity {
        Entity {
            name: self.0.entity.clone(),
        }
    }
    async fn description(&self) -> Option<String> {
        None
    }
    async fn access(&self) -> &str {
        "PRIVATE"
    }
    async fn views(&self) -> Option<JsonString> {
        None
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn updated_at(&self) -> Option<DateTime> {
        None
    }
    async fn is_benchmark(&self) -> bool {
        false
    }
    async fn read_only(&self) -> bool {
        false
    }
    async fn user(&self) -> User {
        User
    }

    async fn run_count(&self, context: &Context<'_>, filters: Option<JsonString>) -> Result<i64> {
        let runs = self.choose(context, filters, None).await?;
        Ok(i64::try_from(runs.len())?)
    }

    async fn runs(
        &self,
        context: &Context<'_>,
        filters: Option<JsonString>,
        after: Option<String>,
        first: Option<i32>,
        order: Option<String>,
    ) -> Result<Connection<Run>> {
        let runs = self.choose(context, filters, order).await?;
        Ok(Connection::of(
            runs,
            Window::new(first, after.as_deref()),
            Run::new,
        ))
    }

    async fn run(&self, context: &Context<'_>, name: String) -> Result<Option<Run>> {
        self.find_run(context, name).await
    }

    async fn bucket(
        &self,
        context: &Context<'_>,
        name: String,
        missing_ok: Option<bool>,
    ) -> Result<Option<Run>> {
        let found = self.find_run(context, name.clone()).await?;
        if found.is_none() && missing_ok != Some(true) {
            return Err(StoreError::NotFound(format!("run {name}")).into());
        }
        Ok(found)
    }

    async fn sweep(&self, context: &Context<'_>, sweep_name: String) -> Result<Option<Sweep>> {
        let known = self.known_sweeps(context).await?;
        let found = known.into_iter().find(|sweep| sweep.name == sweep_name);
        Ok(found.map(Sweep))
    }

    async fn total_sweeps(&self, context: &Context<'_>) -> Result<i64> {
        Ok(i64::try_from(self.known_sweeps(context).await?.len())?)
    }

    #[allow(unused_variables, reason = "sweeps are few: all are listed")]
    async fn sweeps(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        filters: Option<JsonString>,
    ) -> Result<Connection<Sweep>> {
        let known = self.known_sweeps(context).await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(known, window, Sweep))
    }

    async fn artifact(&self, context: &Context<'_>, name: String) -> Result<Option<Artifact>> {
        let project = self.0.id;
        let found = app(context)?
            .store
            .read(move |db| aliases::resolve_name(db, project, &name))
            .await?;
        Ok(found.map(|member| Artifact(member.artifact)))
    }

    async fn artifact_collection_membership(
        &self,
        context: &Context<'_>,
        name: String,
    ) -> Result<Option<ArtifactCollectionMembership>> {
        let project = self.0.id;
        let found = app(context)?
            .store
            .read(move |db| aliases::resolve_name(db, project, &name))
            .await?;
        Ok(found.map(ArtifactCollectionMembership))
    }

    async fn artifact_collection(
        &self,
        context: &Context<'_>,
        name: String,
    ) -> Result<Option<ArtifactCollection>> {
        let project = self.0.id;
        let found = app(context)?
            .store
            .read(move |db| collections::by_name(db, project, &name))
            .await?;
        Ok(found.map(ArtifactCollection::from))
    }

    async fn artifact_collections(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        filters: Option<JsonString>,
        order: Option<String>,
    ) -> Result<Connection<ArtifactCollection>> {
        let (page, choice) = ((after, first), (filters, order));
        collection::page(context, self.0.id, None, page, choice).await
    }

    async fn allow_all_artifact_types_in_registry(&self) -> bool {
        true
    }

    async fn artifact_type(
        &self,
        context: &Context<'_>,
        name: String,
    ) -> Result<Option<ArtifactType>> {
        let known = self.types(context).await?;
        Ok(known.into_iter().find(|known| known.name == name))
    }

    #[allow(unused_variables, reason = "every type is always included")]
    async fn artifact_types(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
        include_all: Option<bool>,
    ) -> Result<Connection<ArtifactType>> {
        let types = self.types(context).await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(types, window, |kind| kind))
    }
}

impl Project {
    async fn find_run(&self, context: &Context<'_>, name: String) -> Result<Option<Run>> {
        let project = self.0.clone();
        let found = app(context)?
            .store
            .read(move |db| runs::find(db, &project.entity, &project.name, &name))
            .await?;
        Ok(found.map(Run::new))
    }

    async fn known_sweeps(&self, context: &Context<'_>) -> Result<Vec<SweepRow>> {
        let project = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| sweeps::list(db, project))
            .await?;
        Ok(rows)
    }

    async fn types(&self, context: &Context<'_>) -> Result<Vec<ArtifactType>> {
        let project = self.0.clone();
        let rows = app(context)?
            .store
            .read(move |db| collections::list(db, project.id, None))
            .await?;
        let mut types: Vec<ArtifactType> = Vec::new();
        for row in rows {
            if !types.iter().any(|known| known.name == row.artifact_type) {
                types.push(ArtifactType {
                    project: self.0.clone(),
                    name: row.artifact_type,
                });
            }
        }
        Ok(types)
    }

    async fn choose(
        &self,
        context: &Context<'_>,
        filters: Option<JsonString>,
        order: Option<String>,
    ) -> Result<Vec<RunRow>> {
        let project = self.0.id;
        let filter = filters
            .filter(|text| !text.0.is_empty())
            .map(|text| serde_json::from_str(&text.0))
            .transpose()
            .map_err(|error| format!("filters: {error}"))?
            .unwrap_or_default();
        let moment = app(context)?.moment();
        let rows = app(context)?
            .store
            .read(move |db| chosen(db, project, &filter, order.as_deref(), moment))
            .await?;
        Ok(rows)
    }
}

fn chosen(
    db: &rusqlite::Connection,
    project: i64,
    filter: &serde_json::Value,
    order: Option<&str>,
    moment: Moment,
) -> StoreResult<Vec<RunRow>> {
    let about_texts = |text: &str| text.contains("config.") || text.contains("summary");
    let needs_texts = about_texts(&filter.to_string()) || order.is_some_and(about_texts);
    let mut candidates = Vec::new();
    for run in runs::list(db, Some(project))? {
        let (config, summary) = if needs_texts {
            runs::texts(db, run.id)?
        } else {
            Default::default()
        };
        let candidate = Candidate {
            run,
            config,
            summary,
            moment,
        };
        if filter::passes(filter, &candidate)? {
            candidates.push(candidate);
        }
    }
    filter::sort(&mut candidates, order);
    Ok(candidates
        .into_iter()
        .map(|candidate| candidate.run)
        .collect())
}
