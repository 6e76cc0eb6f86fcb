//! Brings a run to its end: hashes what was accepted, watches the owner, and writes the exit record when all is said.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    events::Events, hub::Hub, making::ARTIFACT_LOST, process, run_log::RunLog, spill::adopt_spills,
    status::chain,
};

/// How long sessions that still hold a stream are waited for, once the owner is gone or has said exit.
const GRACE: Duration = Duration::from_secs(5);
/// How long other runs' spills may hold up the end of this one.
const SPILLS: Duration = Duration::from_secs(5);
/// How long to wait before a failed write to the journal is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often event files are looked at.
const EVENTS: Duration = Duration::from_secs(1);
/// The exit code of a run whose owner left no word, as W&B's own sync sets it.
const NO_EXIT: i32 = 1;

/// Ends when the run has ended, or at `stop`.
pub(crate) async fn mind(run: Arc<RunLog>, hub: Arc<Hub>) {
    let stop = hub.stop.clone();
    tokio::select! {
        () = stop.cancelled() => {}
        () = until_ended(&run, &hub) => {}
    }
}

async fn until_ended(run: &Arc<RunLog>, hub: &Arc<Hub>) {
    let owner = run.opened().owner.clone().unwrap_or_default();
    let owner_gone = process::gone(&owner);
    tokio::pin!(owner_gone);
    let mut gone = false;
    let mut grace_ends: Option<Instant> = None;
    let mut events = Events::default();
    let mut look_again = Instant::now() + EVENTS;
    while !run.has_ended() {
        settle(run).await;
        if hash_next(run, hub).await {
            continue;
        }
        let exit = run.announced_exit();
        // A stream proves life, also of an owner whose process cannot be seen from here.
        let over = exit.is_some() || gone && !run.owner_is_connected();
        if over {
            let until = *grace_ends.get_or_insert_with(|| Instant::now() + GRACE);
            let quiet = run.is_quiet(exit.is_none())
                && !run.is_fresh_from_disk(GRACE)
                && !run.awaits_facts();
            if quiet || Instant::now() >= until {
                // What clients could not hand over belongs before the end, and may hold the exit itself.
                if timeout(SPILLS, adopt_spills(hub)).await.is_err() {
                    tracing::warn!(
                        run = run.run_id(),
                        "the run ends before all spills were looked at: a disk does not answer"
                    );
                }
                if events.read(run, hub, true).await {
                    end(run).await;
                } else {
                    tokio::time::sleep(AGAIN).await;
                }
                continue;
            }
        } else {
            grace_ends = None;
        }
        let mut until = grace_ends.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
        if run.see().event_files {
            if Instant::now() >= look_again {
                events.read(run, hub, false).await;
                look_again = Instant::now() + EVENTS;
            }
            until = until.min(look_again);
        }
        tokio::select! {
            () = &mut owner_gone, if !gone => gone = true,
            () = run.changed.notified() => {}
            () = sleep_until(until) => {}
        }
    }
}

/// Journals where the run goes on, when the server has said so.
async fn settle(run: &Arc<RunLog>) {
    let Some(opened) = run.unsettled() else {
        return;
    };
    if let Ok(Err(error)) | Err(error) = run.with_disk(move |run| run.settle(&opened)).await {
        tracing::warn!(run = run.run_id(), %error, "where the run goes on is not journaled yet");
        tokio::time::sleep(AGAIN).await;
        run.changed.notify_one();
    }
}

/// Writes the exit record. When the disk fails the run is read back, and the next round tries again.
async fn end(run: &Arc<RunLog>) {
    let exit = run.announced_exit();
    if exit.is_none() {
        tracing::warn!(
            run = run.run_id(),
            "the training process is gone without finish()"
        );
    }
    let code = exit.map_or(NO_EXIT, |exit| exit.exit_code);
    let ended = match run.with_disk(move |run| run.end(code)).await {
        Ok(Ok((journal, position))) => journal
            .wait_durable(position)
            .await
            .map_err(|error| error.to_string()),
        Ok(Err(error)) | Err(error) => Err(error.to_string()),
    };
    if let Err(cause) = ended {
        tracing::warn!(run = run.run_id(), cause, "exit not journaled yet");
        tokio::time::sleep(AGAIN).await;
        if let Err(error) = run.with_disk(RunLog::read_back).await {
            tracing::warn!(run = run.run_id(), %error, "journal not usable yet");
        }
    }
}

/// Hashes the next accepted artifact, if there is one.
async fn hash_next(run: &Arc<RunLog>, hub: &Hub) -> bool {
    if !run.see().artifacts_wait {
        return false;
    }
    let Ok(Some(hashing)) = run.with_disk(RunLog::next_artifact).await else {
        return false;
    };
    let client_id = hashing.artifact.client_id.clone();
    let name = hashing.artifact.name.clone();
    let hashed = tokio::task::spawn_blocking(move || hashing.run()).await;
    let hashed = match hashed {
        Ok(Ok(record)) => Ok(record),
        Ok(Err(error)) if error.is_disk() => {
            let cause = chain(&error);
            tracing::warn!(
                run = run.run_id(),
                artifact = name,
                cause,
                "artifact not hashed yet"
            );
            tokio::time::sleep(AGAIN).await;
            return true;
        }
        Ok(Err(error)) => {
            let reason = format!("artifact {name:?} is lost: {}", chain(&error));
            tracing::error!(run = run.run_id(), reason);
            hub.drops.count(ARTIFACT_LOST, 1);
            Err(reason)
        }
        Err(error) => {
            tracing::error!(run = run.run_id(), artifact = name, %error, "hashing ended early; it will be tried again");
            tokio::time::sleep(AGAIN).await;
            return true;
        }
    };
    let finished = run.with_disk(move |run| run.finish_artifact(&client_id, hashed));
    if let Ok(Err(error)) | Err(error) = finished.await {
        tracing::warn!(run = run.run_id(), artifact = name, %error, "artifact not journaled yet");
        tokio::time::sleep(AGAIN).await;
    }
    true
}
