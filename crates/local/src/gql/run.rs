//! A run: identity and texts. Its rows are in [`super::run_lines`], what belongs to it in [`super::run_parts`].

use std::sync::Arc;

use async_graphql::{Context, ID, MergedObject, Object, Result};
use serde_json::{Map, Value};

use super::app;
use super::project::Project;
use super::run_lines::Lines;
use super::run_parts::Parts;
use super::scalars::{DateTime, JsonString, id};
use super::user::User;
use crate::extjson;
use crate::store::runs::{self, RunRow, shown};

/// A run.
#[derive(MergedObject, Clone)]
pub(crate) struct Run(Identity, Lines, Parts);

impl Run {
    pub(crate) fn new(row: RunRow) -> Self {
        let row = Arc::new(row);
        Self(
            Identity(Arc::clone(&row)),
            Lines(Arc::clone(&row)),
            Parts(row),
        )
    }
}

/// Who the run is, how it fares, what it was told.
#[derive(Clone)]
pub(crate) struct Identity(Arc<RunRow>);

#[Object]
impl Identity {
    async fn id(&self) -> ID {
        id("Run", self.0.id).into()
    }
    async fn name(&self) -> &str {
        &self.0.name
    }
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }
    async fn project_id(&self) -> i64 {
        self.0.project.id
    }
    async fn project(&self) -> Project {
        Project(self.0.project.clone())
    }
    async fn user(&self) -> User {
        User
    }
    async fn tags(&self) -> &[String] {
        &self.0.tags
    }
    async fn sweep_name(&self) -> Option<&str> {
        self.0.sweep.as_deref()
    }
    #[allow(clippy::unused_async, reason = "resolvers are asynchronous")]
    async fn state(&self, context: &Context<'_>) -> Result<&str> {
        Ok(self.0.state(app(context)?.moment()))
    }
    async fn stopped(&self) -> bool {
        self.0.stopped
    }
    #[graphql(name = "exitcode")]
    async fn exit_code(&self) -> Option<i64> {
        self.0.exitcode
    }
    async fn group(&self) -> Option<&str> {
        shown(self.0.group.as_deref())
    }
    async fn group_name(&self) -> Option<&str> {
        shown(self.0.group.as_deref())
    }
    async fn job_type(&self) -> Option<&str> {
        shown(self.0.job_type.as_deref())
    }
    async fn job_program(&self) -> Option<&str> {
        self.0.program.as_deref()
    }
    async fn job_repo(&self) -> Option<&str> {
        self.0.repo.as_deref()
    }
    async fn commit(&self) -> Option<&str> {
        self.0.commit.as_deref()
    }
    async fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }
    async fn read_only(&self) -> bool {
        false
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn heartbeat_at(&self) -> DateTime {
        DateTime::at(self.0.heartbeat_at)
    }
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }
    async fn history_line_count(&self) -> i64 {
        self.0.history_lines
    }
    async fn events_line_count(&self) -> i64 {
        self.0.events_lines
    }
    async fn log_line_count(&self) -> i64 {
        self.0.console_lines
    }

    async fn config(&self, context: &Context<'_>) -> Result<JsonString> {
        Ok(JsonString(self.texts(context).await?.0))
    }
    async fn summary_metrics(&self, context: &Context<'_>) -> Result<JsonString> {
        Ok(JsonString(self.texts(context).await?.1))
    }
    async fn wandb_config(
        &self,
        context: &Context<'_>,
        keys: Option<Vec<String>>,
    ) -> Result<JsonString> {
        let (config, _) = self.texts(context).await?;
        let ours = extjson::get(&config, "_wandb").and_then(|entry| extjson::get(entry, "value"));
        let mut chosen = Map::new();
        for (key, raw) in ours.map(extjson::entries).into_iter().flatten() {
            let wanted = keys
                .as_ref()
                .is_none_or(|keys| keys.iter().any(|wanted| *wanted == *key));
            if let (true, Some(value)) = (wanted, extjson::to_json(raw)) {
                chosen.insert(key.into_owned(), value);
            }
        }
        Ok(JsonString(Value::Object(chosen).to_string()))
    }
}

impl Identity {
    async fn texts(&self, context: &Context<'_>) -> Result<(String, String)> {
        let run_id = self.0.id;
        let texts = app(context)?
            .store
            .read(move |db| runs::texts(db, run_id))
            .await?;
        Ok(texts)
    }
}
