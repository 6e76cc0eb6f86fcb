//! Alerts: a message to the people who watch a run.

use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_record::wandb::AlertRecord;
use wandbd_run::Opened;
use wandbd_upload::SendError;

use crate::api::Api;

const DOCUMENT: &str = "\
mutation NotifyScriptableRunAlert($entity: String!, $project: String!, $run: String!, $title: String!, $text: String!, \
$severity: AlertSeverity, $wait: Duration) { \
notifyScriptableRunAlert(input: {entityName: $entity, projectName: $project, runName: $run, title: $title, text: $text, \
severity: $severity, waitDuration: $wait}) { success } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    notify_scriptable_run_alert: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    success: bool,
}

/// Tells it; the server drops repeats of a title within its waiting time (milliseconds).
pub(crate) async fn alert(
    api: &Api,
    opened: &Opened,
    alert: &AlertRecord,
) -> Result<(), SendError> {
    let severity = match alert.level.as_str() {
        "" => Value::Null,
        level => level.to_ascii_uppercase().into(),
    };
    let variables = json!({
        "entity": opened.entity,
        "project": opened.project,
        "run": opened.run_id,
        "title": alert.title,
        "text": alert.text,
        "severity": severity,
        "wait": alert.wait_duration,
    });
    let data: Data = api
        .graphql("NotifyScriptableRunAlert", DOCUMENT, variables)
        .await?;
    match data.notify_scriptable_run_alert {
        Some(Payload { success: true }) => Ok(()),
        _ => Err(SendError::Rejected {
            status: 200,
            reason: "the server did not pass the alert on".to_owned(),
        }),
    }
}
