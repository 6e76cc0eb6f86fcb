//! What run mutations take and answer.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::project::Project;
use super::run::Run;
use super::scalars::{Duration, JsonString};

/// What to make or change; null leaves a value as it is.
#[derive(Debug, InputObject)]
pub(crate) struct UpsertBucketInput {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) model_name: Option<String>,
    pub(super) entity_name: Option<String>,
    pub(super) group_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) config: Option<JsonString>,
    pub(super) host: Option<String>,
    pub(super) debug: Option<bool>,
    pub(super) job_program: Option<String>,
    pub(super) job_repo: Option<String>,
    pub(super) job_type: Option<String>,
    pub(super) state: Option<String>,
    pub(super) sweep: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) summary_metrics: Option<JsonString>,
    pub(super) client_mutation_id: Option<String>,
}

/// The run after an upsert.
#[derive(SimpleObject)]
pub(crate) struct UpsertBucketPayload {
    pub(super) bucket: Run,
    pub(super) inserted: bool,
}

/// Files that are about to be uploaded, or were.
#[derive(Debug, InputObject)]
pub(crate) struct RunFilesInput {
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) run_name: String,
    pub(super) files: Vec<String>,
    pub(super) client_mutation_id: Option<String>,
}

/// Where to upload files.
#[derive(Debug, SimpleObject)]
pub(crate) struct CreateRunFilesPayload {
    #[graphql(name = "runID")]
    pub(super) run_id: ID,
    pub(super) upload_headers: Vec<String>,
    pub(super) files: Vec<UploadTarget>,
}

/// One file to upload.
#[derive(Debug, SimpleObject)]
pub(crate) struct UploadTarget {
    pub(super) name: String,
    pub(super) upload_url: Option<String>,
}

/// Done or not.
#[derive(Debug, SimpleObject)]
pub(crate) struct Success {
    pub(crate) success: bool,
    pub(crate) client_mutation_id: Option<String>,
}

pub(crate) const DONE: Success = Success {
    success: true,
    client_mutation_id: None,
};

/// A run to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteRunInput {
    pub(super) id: ID,
    pub(super) delete_artifacts: Option<bool>,
    pub(super) client_mutation_id: Option<String>,
}

/// Files to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteFilesInput {
    pub(super) files: Vec<ID>,
    pub(super) project_id: Option<i64>,
    pub(super) client_mutation_id: Option<String>,
}

/// A run to stop.
#[derive(Debug, InputObject)]
pub(crate) struct StopRunInput {
    pub(super) id: ID,
    pub(super) client_mutation_id: Option<String>,
}

/// A state to set.
#[derive(Debug, InputObject)]
pub(crate) struct UpdateRunStateInput {
    pub(super) id: ID,
    pub(super) state: String,
    pub(super) client_mutation_id: Option<String>,
}

/// A run to cut back.
#[derive(Debug, InputObject)]
pub(crate) struct RewindRunInput {
    pub(super) run_name: String,
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) metric_name: String,
    pub(super) metric_value: f64,
    pub(super) client_mutation_id: Option<String>,
}

/// The run after it was cut back.
#[derive(SimpleObject)]
pub(crate) struct RewindRunPayload {
    pub(super) rewound_run: Run,
}

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum AlertSeverity {
    /// For information.
    Info,
    /// A warning.
    Warn,
    /// An error.
    Error,
}

/// An alert.
#[derive(Debug, InputObject)]
pub(crate) struct NotifyScriptableRunAlertInput {
    pub(super) entity_name: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) run_name: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) severity: Option<AlertSeverity>,
    pub(super) wait_duration: Option<Duration>,
    pub(super) client_mutation_id: Option<String>,
}

/// A project to make.
#[derive(Debug, InputObject)]
pub(crate) struct UpsertModelInput {
    pub(super) name: Option<String>,
    pub(super) entity_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) access: Option<String>,
    pub(super) client_mutation_id: Option<String>,
}

/// The project after an upsert.
#[derive(SimpleObject)]
pub(crate) struct UpsertModelPayload {
    pub(super) project: Project,
    pub(super) model: Project,
    pub(super) inserted: bool,
}
