//! What belongs to a run: files, artifacts, its sweep.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};

use super::app;
use super::artifact::Artifact;
use super::connection::{Connection, Window};
use super::file::{File, Source};
use crate::store::runs::RunRow;
use crate::store::{artifacts, files};

/// The belongings of a run.
#[derive(Clone)]
pub(crate) struct Parts(pub(super) Arc<RunRow>);

#[Object]
impl Parts {
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
        let now = app(context)?.now();
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
