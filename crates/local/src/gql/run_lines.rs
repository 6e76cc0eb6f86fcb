//! Rows, system metrics and console lines of a run.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use serde_json::{Map, Value, json};

use super::app;
use super::connection::{Connection, Window};
use super::scalars::{Int64, Json, JsonString};
use crate::console;
use crate::extjson;
use crate::store::lines::{self, LineFile};
use crate::store::runs::RunRow;
use crate::store::series;

/// The lines of a run.
#[derive(Clone)]
pub(crate) struct Lines(pub(super) Arc<RunRow>);

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
impl Lines {
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
}

impl Lines {
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
