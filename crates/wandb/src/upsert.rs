//! `upsertBucket`: makes a run or changes it. Every field is a variable of its own, as in the released client.

use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_run::Opened;
use wandbd_upload::{ParamsChange, RunStart, RunState, SendError};

use crate::answer::nonsense;
use crate::api::Api;

/// Where runs go that name no project.
const NO_PROJECT: &str = "uncategorized";

const DOCUMENT: &str = "\
mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $group: String, $displayName: String, \
$notes: String, $tags: [String!], $jobType: String, $config: JSONString, $host: String, $program: String, $repo: String, \
$commit: String, $sweep: String) { \
upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity, groupName: $group, displayName: $displayName, \
notes: $notes, tags: $tags, jobType: $jobType, config: $config, host: $host, jobProgram: $program, jobRepo: $repo, \
commit: $commit, sweep: $sweep}) { \
inserted bucket { id name displayName historyLineCount project { name entity { name } } } } }";

/// What an upsert says. Empty, or `None`: leave it as it is.
#[derive(Debug, Default)]
pub(crate) struct Upsert<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) project: &'a str,
    pub(crate) entity: &'a str,
    group: Option<&'a str>,
    display_name: &'a str,
    notes: Option<&'a str>,
    tags: Option<&'a [String]>,
    job_type: Option<&'a str>,
    pub(crate) config: &'a str,
    host: &'a str,
    program: &'a str,
    repo: &'a str,
    commit: &'a str,
    sweep: &'a str,
}

/// The run as the server has it afterwards.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bucket {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) history_line_count: Option<u64>,
    pub(crate) project: Option<Project>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) entity: Option<Entity>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Entity {
    pub(crate) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    upsert_bucket: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    bucket: Option<Bucket>,
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The project of a run.
pub(crate) fn project(start: &RunStart) -> &str {
    match start.run.project.as_str() {
        "" => NO_PROJECT,
        project => project,
    }
}

impl<'a> Upsert<'a> {
    /// Everything that is known when a run is opened.
    pub(crate) fn opening(start: &'a RunStart, config: &'a str) -> Self {
        let run = &start.run;
        let said = start.note.as_ref().and_then(|note| note.run.as_ref());
        let program = said.and_then(|said| said.program.as_ref());
        let git = run.git.as_ref();
        Upsert {
            name: &run.run_id,
            project: project(start),
            entity: &run.entity,
            group: given(&run.run_group),
            display_name: &run.display_name,
            notes: given(&run.notes),
            tags: (!run.tags.is_empty()).then_some(&run.tags),
            job_type: given(&run.job_type),
            config,
            host: &run.host,
            program: program.map_or("", |program| &program.path),
            repo: match git {
                Some(git) => &git.remote_url,
                None => program.map_or("", |program| &program.git_remote_url),
            },
            commit: match git {
                Some(git) => &git.commit,
                None => program.map_or("", |program| &program.git_commit),
            },
            sweep: &run.sweep_id,
            ..Upsert::default()
        }
    }

    /// The config, and the parameters if they changed: they would undo what others have set.
    pub(crate) fn update(opened: &'a Opened, state: &'a RunState) -> Self {
        let bare = Upsert {
            name: &opened.run_id,
            project: &opened.project,
            entity: &opened.entity,
            config: &state.config_json,
            ..Upsert::default()
        };
        match &state.params {
            Some(params) => bare.with(params, &opened.storage_id),
            None => bare,
        }
    }

    fn with(self, params: &'a ParamsChange, id: &'a str) -> Self {
        Upsert {
            id,
            group: params.group.as_deref(),
            display_name: params.display_name.as_deref().unwrap_or_default(),
            notes: params.notes.as_deref(),
            tags: params.tags.as_deref(),
            job_type: params.job_type.as_deref(),
            program: params.program.as_deref().unwrap_or_default(),
            repo: params.git_remote.as_deref().unwrap_or_default(),
            commit: params.git_commit.as_deref().unwrap_or_default(),
            ..self
        }
    }

    fn variables(&self) -> Value {
        let text = |text: &str| match text {
            "" => Value::Null,
            text => text.into(),
        };
        json!({
            "id": text(self.id),
            "name": text(self.name),
            "project": text(self.project),
            "entity": text(self.entity),
            "group": self.group,
            "displayName": text(self.display_name),
            "notes": self.notes,
            "tags": self.tags,
            "jobType": self.job_type,
            "config": text(self.config),
            "host": text(self.host),
            "program": text(self.program),
            "repo": text(self.repo),
            "commit": text(self.commit),
            "sweep": text(self.sweep),
        })
    }

    /// Sends it.
    pub(crate) async fn send(&self, api: &Api) -> Result<Bucket, SendError> {
        let data: Data = api
            .graphql("UpsertBucket", DOCUMENT, self.variables())
            .await?;
        let payload = data.upsert_bucket.and_then(|payload| payload.bucket);
        payload.ok_or_else(|| nonsense("UpsertBucket", "no run in it"))
    }
}
