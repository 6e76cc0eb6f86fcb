//! Changing runs: upsert, files, stop, rewind, delete.

use async_graphql::{Context, Object, Result};

use super::project::Project;
use super::run::Run;
use super::run_input::{
    AlertSeverity, CreateRunFilesPayload, DONE, DeleteFilesInput, DeleteRunInput,
    NotifyScriptableRunAlertInput, RewindRunInput, RewindRunPayload, RunFilesInput, StopRunInput,
    Success, UpdateRunStateInput, UploadTarget, UpsertBucketInput, UpsertBucketPayload,
    UpsertModelInput, UpsertModelPayload,
};
use super::scalars::{id, row};
use super::{Shared, app, entity};
use crate::error::StoreError;
use crate::store::alerts::{self, Alert};
use crate::store::upsert::{DEFAULT_PROJECT, Upsert};
use crate::store::{files, rewind, runs, upsert};

/// Mutations of runs and their files.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RunMutation;

#[Object]
impl RunMutation {
    async fn upsert_bucket(
        &self,
        context: &Context<'_>,
        input: UpsertBucketInput,
    ) -> Result<UpsertBucketPayload> {
        let mut change = input.into_change()?;
        change.shared = context.data_opt::<Shared>().is_some();
        let moment = app(context)?.moment();
        let (run, inserted) = app(context)?
            .store
            .write(move |db| upsert::upsert(db, &change, moment))
            .await?;
        Ok(UpsertBucketPayload {
            bucket: Run::new(run),
            inserted,
        })
    }

    async fn upsert_model(
        &self,
        context: &Context<'_>,
        input: UpsertModelInput,
    ) -> Result<UpsertModelPayload> {
        let entity = entity(input.entity_name.as_deref());
        let name = input.name.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
        let now = app(context)?.now();
        let (row, inserted) = app(context)?
            .store
            .write(move |db| {
                let known = runs::project(db, &entity, &name)?.is_some();
                Ok((runs::project_or_new(db, &entity, &name, now)?, !known))
            })
            .await?;
        Ok(UpsertModelPayload {
            project: Project(row.clone()),
            model: Project(row),
            inserted,
        })
    }

    async fn create_run_files(
        &self,
        context: &Context<'_>,
        input: RunFilesInput,
    ) -> Result<CreateRunFilesPayload> {
        let app = app(context)?;
        let now = app.now();
        let names = input.files.clone();
        let (run_id, targets) = app
            .store
            .write(move |db| {
                let run = input.require(db)?;
                let targets = names.into_iter().map(|name| {
                    let file = files::announce(db, run.id, &name, now)?;
                    Ok((file, name))
                });
                Ok((run.id, targets.collect::<Result<Vec<_>, StoreError>>()?))
            })
            .await?;
        let files = targets.into_iter().map(|(file, name)| UploadTarget {
            upload_url: Some(
                app.signer
                    .url("put", &format!("run-file-{file}"), &name, now),
            ),
            name,
        });
        Ok(CreateRunFilesPayload {
            run_id: id("Run", run_id).into(),
            upload_headers: Vec::new(),
            files: files.collect(),
        })
    }

    async fn mark_run_files_uploaded(
        &self,
        context: &Context<'_>,
        input: RunFilesInput,
    ) -> Result<Success> {
        app(context)?
            .store
            .read(move |db| input.require(db).map(drop))
            .await?;
        Ok(DONE)
    }

    async fn delete_run(&self, context: &Context<'_>, input: DeleteRunInput) -> Result<Success> {
        let run_id = row("Run", &input.id)?;
        let with_artifacts = input.delete_artifacts == Some(true);
        let app = app(context)?;
        let blobs = app
            .store
            .write(move |db| runs::delete(db, run_id, with_artifacts))
            .await?;
        app.release(blobs).await?;
        Ok(DONE)
    }

    async fn delete_files(
        &self,
        context: &Context<'_>,
        input: DeleteFilesInput,
    ) -> Result<Success> {
        let app = app(context)?;
        let blobs = app
            .store
            .write(move |db| {
                let mut blobs = Vec::new();
                for file in &input.files {
                    blobs.extend(files::delete(db, row("File", file)?)?);
                }
                Ok(blobs)
            })
            .await?;
        app.release(blobs).await?;
        Ok(DONE)
    }

    async fn stop_run(&self, context: &Context<'_>, input: StopRunInput) -> Result<Success> {
        let run_id = row("Run", &input.id)?;
        app(context)?
            .store
            .write(move |db| runs::stop(db, run_id))
            .await?;
        Ok(DONE)
    }

    async fn update_run_state(
        &self,
        context: &Context<'_>,
        input: UpdateRunStateInput,
    ) -> Result<Success> {
        let run_id = row("Run", &input.id)?;
        if !matches!(input.state.as_str(), "pending" | "failed") {
            return Err(format!("state {:?} cannot be set", input.state).into());
        }
        app(context)?
            .store
            .write(move |db| {
                runs::by_id(db, run_id)?;
                db.execute(
                    "UPDATE runs SET state = ?2 WHERE id = ?1",
                    rusqlite::params![run_id, input.state],
                )?;
                Ok(())
            })
            .await?;
        Ok(DONE)
    }

    async fn rewind_run(
        &self,
        context: &Context<'_>,
        input: RewindRunInput,
    ) -> Result<RewindRunPayload> {
        if input.metric_name != "_step" {
            return Err("runs are rewound by _step only".into());
        }
        #[allow(clippy::cast_possible_truncation, reason = "a step is a whole number")]
        let step = input.metric_value.floor() as i64;
        let now = app(context)?.now();
        let run = app(context)?
            .store
            .write(move |db| {
                let entity = entity(input.entity_name.as_deref());
                let project = input.project_name.as_deref().unwrap_or(DEFAULT_PROJECT);
                let run = runs::require(db, &entity, project, &input.run_name)?;
                rewind::rewind(db, &run, step, now)
            })
            .await?;
        Ok(RewindRunPayload {
            rewound_run: Run::new(run),
        })
    }

    async fn notify_scriptable_run_alert(
        &self,
        context: &Context<'_>,
        input: NotifyScriptableRunAlertInput,
    ) -> Result<Success> {
        let now = app(context)?.now();
        app(context)?
            .store
            .write(move |db| {
                let entity = entity(input.entity_name.as_deref());
                let project = input.project_name.as_deref().unwrap_or(DEFAULT_PROJECT);
                let run = runs::require(db, &entity, project, &input.run_name)?;
                let severity = input.severity.unwrap_or(AlertSeverity::Info);
                let alert = Alert {
                    severity: format!("{severity:?}").to_uppercase(),
                    wait_ms: input.wait_duration.map_or(0, |wait| wait.0),
                    title: input.title,
                    text: input.text,
                };
                alerts::keep(db, run.id, &alert, now)
            })
            .await?;
        Ok(DONE)
    }
}

impl RunFilesInput {
    fn require(&self, db: &rusqlite::Connection) -> Result<runs::RunRow, StoreError> {
        let entity = entity(self.entity_name.as_deref());
        let project = self.project_name.as_deref().unwrap_or(DEFAULT_PROJECT);
        runs::require(db, &entity, project, &self.run_name)
    }
}

impl UpsertBucketInput {
    fn into_change(self) -> Result<Upsert, StoreError> {
        Ok(Upsert {
            id: self
                .id
                .filter(|id| !id.is_empty())
                .map(|id| row("Run", &id))
                .transpose()?,
            name: self.name,
            entity: entity(self.entity_name.as_deref()),
            project: self.model_name.filter(|name| !name.is_empty()),
            display_name: self.display_name,
            group: self.group_name,
            job_type: self.job_type,
            notes: self.notes,
            description: self.description,
            tags: self.tags,
            config: self.config.map(|config| config.0),
            summary: self.summary_metrics.map(|summary| summary.0),
            host: self.host,
            program: self.job_program,
            repo: self.job_repo,
            commit: self.commit,
            sweep: self.sweep,
            state: self.state,
            shared: false,
        })
    }
}
