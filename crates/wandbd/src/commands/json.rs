//! What `wandbd status --json` says.

use std::path::Path;

use wandbd_proto::v1;

use super::words::state_word;

pub(super) fn as_json(status: &v1::StatusResponse) -> serde_json::Value {
    let runs: Vec<_> = status.run.iter().map(run_as_json).collect();
    let drops: serde_json::Map<_, _> = status
        .drop
        .iter()
        .map(|drop| (drop.reason.clone(), drop.count.into()))
        .collect();
    let local = (!status.local_url.is_empty()).then(|| {
        let data = Path::new(&status.state_dir).join("local");
        serde_json::json!({"url": status.local_url, "data": data})
    });
    serde_json::json!({
        "version": status.version, "pid": status.pid, "started_at": status.started_at, "state_dir": status.state_dir,
        "socket": status.socket, "local": local, "sessions": status.sessions, "runs": runs, "dropped": drops,
        "staged_bytes": status.staged_bytes, "staging_limit": status.staging_limit,
    })
}

fn run_as_json(run: &v1::Run) -> serde_json::Value {
    serde_json::json!({
        "run_id": run.run_id, "entity": run.entity, "project": run.project, "display_name": run.display_name, "url": run.url,
        "state": state_word(run.state()), "cause": run.cause, "rows": run.rows, "rows_delivered": run.rows_delivered,
        "bytes_pending": run.bytes_pending, "rows_dropped": run.rows_dropped, "lines_quarantined": run.lines_quarantined,
        "journal": run.journal, "next_step": run.next_step, "start_time": run.start_time, "exit_code": run.exit_code,
        "resumed": run.resumed, "opened": run.opened, "error": run.error, "starting_step": run.starting_step, "tags": run.tag,
        "notes": run.notes, "group": run.group, "job_type": run.job_type, "sweep_id": run.sweep_id,
        "artifacts_waiting": run.artifacts_waiting, "artifacts_superseded": run.artifacts_superseded,
        "artifacts_failed": run.artifact_failed,
    })
}
