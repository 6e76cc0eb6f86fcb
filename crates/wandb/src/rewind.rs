//! Cutting a run back to a step.

use serde::Deserialize;
use serde_json::json;
use wandbd_record::v1::Branch;
use wandbd_upload::SendError;

use crate::api::Api;
use crate::resume::Past;

const DOCUMENT: &str = "\
mutation RewindRun($run: String!, $entity: String, $project: String, $metric: String!, $value: Float!) { \
rewindRun(input: {runName: $run, entityName: $entity, projectName: $project, metricName: $metric, metricValue: $value}) { \
rewoundRun { id name displayName config sweepName historyLineCount project { name entity { name } } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    rewind_run: Option<Payload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    rewound_run: Option<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    id: String,
    config: Option<String>,
    sweep_name: Option<String>,
    history_line_count: Option<u64>,
}

/// Cuts the run back; asking for it twice has the effect of asking once.
pub(crate) async fn rewind(
    api: &Api,
    entity: &str,
    project: &str,
    to: &Branch,
) -> Result<Past, SendError> {
    let refuse = |why: &str| {
        let Branch { run_id, step } = to;
        SendError::Usage(format!(
            "run {run_id} of project {project} cannot be cut back to step {step}: {why}"
        ))
    };
    let entity = (!entity.is_empty()).then_some(entity);
    let variables = json!({
        "run": to.run_id, "entity": entity, "project": project, "metric": "_step", "value": to.step,
    });
    let data: Data = match api.graphql("RewindRun", DOCUMENT, variables).await {
        Err(SendError::Rejected { reason, .. } | SendError::Gone { reason, .. }) => {
            return Err(refuse(&reason));
        }
        answer => answer?,
    };
    let run = data.rewind_run.and_then(|payload| payload.rewound_run);
    let run = run.ok_or_else(|| refuse("the server does not know it"))?;
    let mut past = Past::with_config(run.config.as_deref());
    past.id = run.id;
    past.history = run.history_line_count.unwrap_or(0);
    past.next_step = to.step.saturating_add(1);
    past.sweep_id = run.sweep_name.unwrap_or_default();
    Ok(past)
}
