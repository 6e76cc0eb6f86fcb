//! A run: identity, texts, rows, files, artifacts.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use serde_json::{Map, Value, json};

use super::app;
use super::artifact::Artifact;
use super::connection::{Connection, Window};
use super::file::{File, Source};
use super::project::Project;
use super::scalars::{DateTime, Int64, Json, JsonString, id};
use super::user::User;
use crate::clock;
use crate::console;
use crate::extjson;
use crate::store::lines::{self, LineFile};
use crate::store::runs::{self, RunRow};
use crate::store::{artifacts, files, series};

/// A run.
#[derive(Clone)]
pub(crate) struct Run(pub(crate) RunRow);

/// Exported history; there is none here, so clients read rows page by page.
#[derive(Debug, SimpleObject)]
pub(crate) struct ParquetHistory {
    parquet_urls: Vec<String>,
    live_data: Vec<Json>,
}

/// One line of the console.
#[derive(Debug, SimpleObject)]
pub(crate) struct LogLine {
    number: i64,
    timestamp: Option<String>,
    level: String,
    label: String,
    line: String,
}

#[Object]
impl Run {
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
    async fn state(&self) -> &str {
        self.0.state(clock::now())
    }
    async fn stopped(&self) -> bool {
        self.0.stopped
    }
    #[graphql(name = "exitcode")]
    async fn exit_code(&self) -> Option<i64> {
        self.0.exitcode
    }
    async fn group(&self) -> Option<&str> {
        self.0.group.as_deref()
    }
    async fn group_name(&self) -> Option<&str> {
        self.0.group.as_deref()
    }
    async fn job_type(&self) -> Option<&str> {
        self.0.job_type.as_deref()
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

    async fn system_metrics(&self, context: &Context<'_>) -> Result<JsonString> {
        let last = self.tail(context, LineFile::Events).await?;
        Ok(JsonString(
            last.into_iter().next().unwrap_or_else(|| "{}".into()),
        ))
    }
    async fn history_tail(&self, context: &Context<'_>) -> Result<JsonString> {
        let last = self.tail(context, LineFile::History).await?;
        Ok(JsonString(Value::from(last).to_string()))
    }
    async fn events_tail(&self, context: &Context<'_>) -> Result<JsonString> {
        let last = self.tail(context, LineFile::Events).await?;
        Ok(JsonString(Value::from(last).to_string()))
    }

    async fn history_keys(&self, context: &Context<'_>) -> Result<Json> {
        let run_id = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| lines::keys(db, run_id, LineFile::History))
            .await?;
        let mut keys = Map::new();
        for (key, kind, count) in rows {
            let entry = keys
                .entry(key)
                .or_insert_with(|| json!({"typeCounts": [], "monotonic": false}));
            if let Some(counts) = entry["typeCounts"].as_array_mut() {
                counts.push(json!({"type": kind, "count": count}));
            }
        }
        Ok(Json(
            json!({"sets": [], "keys": keys, "lastStep": self.0.last_step}),
        ))
    }

    async fn parquet_history(
        &self,
        context: &Context<'_>,
        live_keys: Vec<String>,
    ) -> Result<ParquetHistory> {
        let run_id = self.0.id;
        let first = app(context)?
            .store
            .read(move |db| lines::page(db, run_id, LineFile::History, 0, 1))
            .await?;
        let live_data = first
            .iter()
            .map(|(line, text)| {
                let mut row = Map::new();
                row.insert(String::from("_step"), Value::from(*line));
                for key in &live_keys {
                    if let Some(value) = extjson::lookup(text, key).and_then(extjson::to_json) {
                        row.insert(key.clone(), value);
                    }
                }
                Json(Value::Object(row))
            })
            .collect();
        Ok(ParquetHistory {
            parquet_urls: Vec::new(),
            live_data,
        })
    }

    async fn history(
        &self,
        context: &Context<'_>,
        min_step: Option<Int64>,
        max_step: Option<Int64>,
        samples: Option<i32>,
    ) -> Result<Vec<String>> {
        let run_id = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| match (min_step, max_step) {
                (None, None) => {
                    lines::sample(db, run_id, LineFile::History, samples.unwrap_or(500).into())
                }
                (min, max) => lines::steps(
                    db,
                    run_id,
                    min.map_or(i64::MIN, |step| step.0),
                    max.map_or(i64::MAX, |step| step.0),
                ),
            })
            .await?;
        Ok(rows)
    }

    async fn events(&self, context: &Context<'_>, samples: Option<i32>) -> Result<Vec<String>> {
        let run_id = self.0.id;
        let samples = samples.unwrap_or(500).into();
        let rows = app(context)?
            .store
            .read(move |db| lines::sample(db, run_id, LineFile::Events, samples))
            .await?;
        Ok(rows)
    }

    async fn sampled_history(
        &self,
        context: &Context<'_>,
        specs: Vec<JsonString>,
    ) -> Result<Vec<Json>> {
        let run_id = self.0.id;
        let lists = app(context)?
            .store
            .read(move |db| {
                specs
                    .iter()
                    .map(|spec| series::sampled(db, run_id, &spec.0))
                    .collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(lists
            .into_iter()
            .map(|rows| Json(Value::Array(rows)))
            .collect())
    }

    #[allow(unused_variables, reason = "paging is always the improved one")]
    async fn log_lines(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        use_improved_pagination: Option<bool>,
    ) -> Result<Connection<LogLine>> {
        let run_id = self.0.id;
        let total = self.0.console_lines;
        let mut window = Window::new(first.or(Some(1000)), after.as_deref());
        if let Some(last) = last {
            window.count = i64::from(last).clamp(0, 10_000);
            window.from = (total - window.count).max(0);
        }
        let rows = app(context)?
            .store
            .read(move |db| console::page(db, run_id, window.from, window.count, total))
            .await?;
        let items = rows.into_iter().map(|line| (None, LogLine::from(line)));
        Ok(Connection::page(items.collect(), window.from, total))
    }

    async fn file_count(&self, context: &Context<'_>) -> Result<i64> {
        let run_id = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| files::list(db, run_id, None))
            .await?;
        Ok(i64::try_from(rows.len())?)
    }

    async fn files(
        &self,
        context: &Context<'_>,
        names: Option<Vec<Option<String>>>,
        after: Option<String>,
        first: Option<i32>,
        pattern: Option<String>,
    ) -> Result<Connection<File>> {
        let run_id = self.0.id;
        let names: Vec<String> = names.into_iter().flatten().flatten().collect();
        let rows = app(context)?
            .store
            .read(move |db| {
                let mut rows = files::list(db, run_id, pattern.as_deref())?;
                if names.is_empty() {
                    return Ok(rows.into_iter().map(Source::Run).collect());
                }
                rows.retain(|row| names.contains(&row.name));
                let missing = names
                    .iter()
                    .filter(|name| !rows.iter().any(|row| row.name == **name))
                    .cloned()
                    .map(Source::Absent);
                let missing: Vec<Source> = missing.collect();
                let mut all: Vec<Source> = rows.into_iter().map(Source::Run).collect();
                all.extend(missing);
                Ok(all)
            })
            .await?;
        let signer = app(context)?.signer.clone();
        let now = clock::now();
        let window = Window::new(first, after.as_deref());
        let place = format!(
            "{}/{}/{}",
            self.0.project.entity, self.0.project.name, self.0.name
        );
        Ok(Connection::of(rows, window, |source| File {
            source,
            run: (run_id, place.clone()),
            signer: signer.clone(),
            now,
        }))
    }

    async fn output_artifacts(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<Artifact>> {
        let run_id = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| artifacts::logged_by(db, run_id))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, Artifact))
    }

    async fn input_artifacts(
        &self,
        context: &Context<'_>,
        after: Option<String>,
        first: Option<i32>,
    ) -> Result<Connection<Artifact>> {
        let run_id = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| artifacts::used_by(db, run_id))
            .await?;
        let window = Window::new(first, after.as_deref());
        Ok(Connection::of(rows, window, Artifact))
    }
}

impl Run {
    async fn texts(&self, context: &Context<'_>) -> Result<(String, String)> {
        let run_id = self.0.id;
        let texts = app(context)?
            .store
            .read(move |db| runs::texts(db, run_id))
            .await?;
        Ok(texts)
    }

    async fn tail(&self, context: &Context<'_>, file: LineFile) -> Result<Vec<String>> {
        let run_id = self.0.id;
        let rows = app(context)?
            .store
            .read(move |db| lines::tail(db, run_id, file, 1))
            .await?;
        Ok(rows.into_iter().map(|(_, text)| text).collect())
    }
}

impl From<console::Line> for LogLine {
    fn from(line: console::Line) -> Self {
        Self {
            number: line.number,
            timestamp: line.timestamp,
            level: line.level,
            label: line.label,
            line: line.text,
        }
    }
}
