//! Opening a run: is it there, may we go on with it, and where do its lines begin?

use std::future::Future;

use wandbd_run::Opened;
use wandbd_upload::{RunStart, SendError};

use crate::api::Api;
use crate::resume::Past;
use crate::upsert::{self, Bucket, Upsert};
use crate::url::run_url;

/// How often and by whom a run is opened.
pub(crate) struct Opening<'a> {
    pub(crate) api: &'a Api,
    /// Address of the pages.
    pub(crate) app_url: &'a str,
    pub(crate) start: &'a RunStart,
    /// This process has opened it before: `resume` has had its say.
    pub(crate) again: bool,
}

impl Opening<'_> {
    /// Opens it; `structured_console` is asked at the same time.
    pub(crate) async fn run(
        &self,
        structured_console: impl Future<Output = Result<bool, SendError>>,
    ) -> Result<Opened, SendError> {
        let past = self.past().await?;
        let start = self.start;
        let merged = past
            .as_ref()
            .map(|past| past.merged_config(&start.config_json));
        let mut upsert = Upsert::opening(start, merged.as_deref().unwrap_or(&start.config_json));
        if let Some(past) = &past {
            upsert.id = &past.id;
        }
        let (structured_console, bucket) =
            tokio::try_join!(structured_console, upsert.send(self.api))?;
        Ok(self.opened(bucket, past.as_ref(), structured_console))
    }

    /// The run until now, if it is to be gone on with.
    async fn past(&self) -> Result<Option<Past>, SendError> {
        let said = self.start.note.as_ref().and_then(|note| note.run.as_ref());
        let mode = said.map_or("", |said| said.resume.as_str());
        if mode.is_empty() || self.again {
            return Ok(None);
        }
        let run = &self.start.run;
        let project = upsert::project(self.start);
        let past = Past::ask(self.api, &run.entity, project, &run.run_id).await?;
        let id = &run.run_id;
        match (mode, past) {
            ("never", Some(past)) if !past.is_just_opened(&self.start.config_json) => {
                Err(SendError::Usage(format!(
                    "run {id} exists already in project {project}, and resume is \"never\": choose another id"
                )))
            }
            ("must", None) => Err(SendError::Usage(format!(
                "run {id} does not exist in project {project}, and resume is \"must\": choose an id that exists"
            ))),
            ("never", _) => Ok(None),
            (_, past) => Ok(past),
        }
    }

    fn opened(&self, bucket: Bucket, past: Option<&Past>, structured_console: bool) -> Opened {
        let run = &self.start.run;
        let (project, entity) = match bucket.project {
            Some(project) => (project.name, project.entity.map(|entity| entity.name)),
            None => (upsert::project(self.start).to_owned(), None),
        };
        let entity = entity.unwrap_or_else(|| run.entity.clone());
        let said = self.start.note.as_ref().and_then(|note| note.run.as_ref());
        let label = said
            .and_then(|said| said.stats.as_ref())
            .map(|stats| stats.label.clone());
        // A journal of another SDK holds the whole run, unless that was resumed: its lines go over what is there already.
        let whole = self.start.note.is_none() && !run.resumed;
        let there = bucket.history_line_count.unwrap_or(0);
        let history_base = match past {
            Some(past) => past.history,
            None if whole => 0,
            None => there,
        };
        Opened {
            url: run_url(self.app_url, &entity, &project, &bucket.name),
            storage_id: bucket.id,
            run_id: bucket.name,
            display_name: bucket
                .display_name
                .unwrap_or_else(|| run.display_name.clone()),
            entity,
            project,
            history_base,
            events_base: past.map_or(0, |past| past.events),
            console_base: past.map_or(0, |past| past.console),
            step_base: past.map_or(0, |past| past.next_step),
            runtime_base: past.map_or(0.0, |past| past.runtime),
            inherited_summary: past.map_or_else(String::new, |past| past.summary.clone()),
            inherited_config: past.map_or_else(String::new, Past::plain_config),
            structured_console,
            label: label.filter(|label| !label.is_empty()),
            resumed: past.is_some(),
            ..Opened::default()
        }
    }
}
