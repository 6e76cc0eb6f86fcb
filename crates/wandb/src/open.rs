//! Opening a run: is it there, may we go on with it, and where do its lines begin?

use std::future::Future;

use wandbd_record::v1::{self, Branch};
use wandbd_record::{Node, Tree};
use wandbd_run::Opened;
use wandbd_upload::{RunStart, SendError};

use crate::api::Api;
use crate::features::Features;
use crate::resume::Past;
use crate::rewind::rewind;
use crate::upsert::{self, Bucket, Upsert};
use crate::url::run_url;

/// How often and by whom a run is opened.
pub(crate) struct Opening<'a> {
    pub(crate) api: &'a Api,
    /// Address of the pages.
    pub(crate) app_url: &'a str,
    pub(crate) start: &'a RunStart,
    /// It was opened before: what `init` said of resuming has had its say.
    pub(crate) again: bool,
}

/// Where a run comes from.
enum Origin<'a> {
    /// Nowhere, or nobody asked.
    New,
    /// It goes on.
    Resumed(Past),
    /// It goes on from an earlier step.
    Rewound(Past, &'a Branch),
    /// It begins as another one.
    Forked(&'a Branch),
}

impl Origin<'_> {
    fn past(&self) -> Option<&Past> {
        match self {
            Origin::Resumed(past) | Origin::Rewound(past, _) => Some(past),
            Origin::New | Origin::Forked(_) => None,
        }
    }

    fn branch(&self) -> Option<&Branch> {
        match self {
            Origin::Forked(branch) | Origin::Rewound(_, branch) => Some(branch),
            Origin::New | Origin::Resumed(_) => None,
        }
    }

    fn config(&self, config_json: &str) -> String {
        let merged = match self.past() {
            Some(past) => past.merged_config(config_json),
            None => config_json.to_owned(),
        };
        match self.branch() {
            Some(branch) => marked(&merged, branch),
            None => merged,
        }
    }
}

/// The id that tells the writer of this journal from others of the same run; empty where there is only one.
pub(crate) fn writer_id(start: &RunStart) -> &str {
    match (&start.note, start.shared()) {
        (Some(note), Some(_)) => &note.session,
        _ => "",
    }
}

impl Opening<'_> {
    /// Opens it; `features` are asked at the same time.
    pub(crate) async fn run<'f>(
        &self,
        features: impl Future<Output = Result<&'f Features, SendError>>,
    ) -> Result<Opened, SendError> {
        let origin = self.origin().await?;
        let config = origin.config(&self.start.config_json);
        let mut upsert = Upsert::opening(self.start, &config);
        if let Some(past) = origin.past() {
            upsert.id = &past.id;
        }
        let (features, bucket) = tokio::try_join!(features, upsert.send(self.api))?;
        Ok(self.opened(bucket, &origin, features))
    }

    async fn origin(&self) -> Result<Origin<'_>, SendError> {
        if self.again || self.start.again {
            return Ok(Origin::New);
        }
        let run = &self.start.run;
        let said = self.start.said();
        if let Some(to) = said.and_then(|said| said.resume_from.as_ref()) {
            if to.run_id != run.run_id {
                let (own, other) = (&run.run_id, &to.run_id);
                return Err(SendError::Usage(format!(
                    "run {own} cannot go on from a step of run {other}: resume_from needs the id of the run itself, fork_from takes another"
                )));
            }
            let project = upsert::project(self.start);
            let past = rewind(self.api, &run.entity, project, to).await?;
            return Ok(Origin::Rewound(past, to));
        }
        if let Some(from) = said.and_then(|said| said.fork_from.as_ref()) {
            if from.run_id == run.run_id {
                let id = &run.run_id;
                return Err(SendError::Usage(format!(
                    "run {id} cannot be forked from itself: choose another id, or use resume_from"
                )));
            }
            return Ok(Origin::Forked(from));
        }
        self.resumed(said).await
    }

    async fn resumed(&self, said: Option<&v1::OpenRun>) -> Result<Origin<'_>, SendError> {
        let run = &self.start.run;
        let mode = match said.map_or("", |said| said.resume.as_str()) {
            _ if self.start.resume => "allow",
            // Another SDK says only that it may be resumed.
            "" if run.resume && said.is_none() => "allow",
            "" => return Ok(Origin::New),
            mode => mode,
        };
        let project = upsert::project(self.start);
        let strict = mode == "must";
        let past = Past::ask(self.api, &run.entity, project, &run.run_id, strict).await?;
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
            ("never", _) | (_, None) => Ok(Origin::New),
            (_, Some(past)) => Ok(Origin::Resumed(past)),
        }
    }

    fn opened(&self, bucket: Bucket, origin: &Origin<'_>, features: &Features) -> Opened {
        let run = &self.start.run;
        let (project, entity) = match bucket.project {
            Some(project) => (project.name, project.entity.map(|entity| entity.name)),
            None => (upsert::project(self.start).to_owned(), None),
        };
        let entity = entity.unwrap_or_else(|| run.entity.clone());
        let none = Past::default();
        let past = origin.past().unwrap_or(&none);
        let own = |own: &String, old: &String| if own.is_empty() { old } else { own }.clone();
        let bases = self.bases(bucket.history_line_count, origin);
        let opened = Opened {
            url: run_url(self.app_url, &entity, &project, &bucket.name),
            storage_id: bucket.id,
            run_id: bucket.name,
            display_name: bucket
                .display_name
                .unwrap_or_else(|| run.display_name.clone()),
            entity,
            project,
            runtime_base: past.runtime,
            inherited_summary: past.summary.clone(),
            inherited_config: origin.past().map_or_else(String::new, Past::plain_config),
            structured_console: features.structured_console(),
            email: self.email(features),
            label: self.label(),
            resumed: matches!(origin, Origin::Resumed(_)),
            writer_id: writer_id(self.start).to_owned(),
            tags: if run.tags.is_empty() {
                &past.tags
            } else {
                &run.tags
            }
            .clone(),
            notes: own(&run.notes, &past.notes),
            group: own(&run.run_group, &past.group),
            job_type: own(&run.job_type, &past.job_type),
            sweep_id: own(&run.sweep_id, &past.sweep_id),
            ..bases
        };
        Opened {
            branch: origin.branch().map(|branch| wandbd_run::Branch {
                run_id: branch.run_id.clone(),
                step: branch.step,
            }),
            ..opened
        }
    }

    /// The account's address belongs to the surroundings of a run that was opened online; an offline run keeps what it has said.
    fn email(&self, features: &Features) -> String {
        let online = self.start.said().is_some_and(|said| !said.offline);
        if online {
            features.email.clone()
        } else {
            String::new()
        }
    }

    /// The numbers from which lines and steps count.
    fn bases(&self, there: Option<u64>, origin: &Origin<'_>) -> Opened {
        let step_base = match origin {
            Origin::New => 0,
            Origin::Resumed(past) => past.next_step,
            Origin::Rewound(_, branch) | Origin::Forked(branch) => branch.step.saturating_add(1),
        };
        let bases = Opened {
            step_base,
            ..Opened::default()
        };
        if self.start.shared().is_some() {
            // The server keeps the lines of each writer apart.
            return bases;
        }
        // A journal of another SDK holds the whole run, unless that was resumed: its lines go over what is there already.
        let whole = self.start.note.is_none() && !self.start.run.resumed;
        let history_base = match origin {
            Origin::Resumed(past) => past.history,
            Origin::Rewound(past, _) => there.unwrap_or(past.history),
            Origin::New if whole => 0,
            Origin::New | Origin::Forked(_) => there.unwrap_or(0),
        };
        let past = origin.past();
        Opened {
            history_base,
            events_base: past.map_or(0, |past| past.events),
            console_base: past.map_or(0, |past| past.console),
            ..bases
        }
    }

    fn label(&self) -> Option<String> {
        let said = self.start.said()?;
        let shared = said.shared.iter().map(|shared| &shared.label);
        let stats = said.stats.iter().map(|stats| &stats.label);
        let mut labels = shared.chain(stats).filter(|label| !label.is_empty());
        labels.next().cloned()
    }
}

/// The config with the mark of a fork or rewind.
fn marked(config_json: &str, branch: &Branch) -> String {
    let Ok(mut config) = Tree::parse_object(config_json) else {
        return config_json.to_owned();
    };
    let mark = serde_json::json!({"run_id": branch.run_id, "step": branch.step});
    if let Ok(mark) = Node::parse(&mark.to_string()) {
        config.set_node(&["_wandb", "value", "branch_point"], mark);
    }
    config.to_strict_json()
}
