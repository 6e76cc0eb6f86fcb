//! Questions and orders about artifacts, and files that the daemon keeps.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use wandbd_proto::v1::{self, wandbd_client::WandbdClient};

use crate::{
    Settings,
    calls::{self, Entered, POLL},
    core::{Core, Phase, Waited},
    error::CallError,
    hub::{self, Link},
};

/// A daemon that does nothing for so long about what was said is asked all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the daemon to keep files as they are now. `poll` as for [`crate::login`].
///
/// # Errors
/// [`CallError`] says why there is no answer. The daemon may still be at it: do not use the same targets for something else.
pub fn stage(
    settings: &Settings,
    request: v1::StageRequest,
    limit: Duration,
    poll: &mut dyn FnMut() -> bool,
) -> Result<v1::StageResponse, CallError> {
    calls::ask(&hub::link(settings), limit, poll, move |mut client| {
        let request = request.clone();
        async move { client.stage(request).await }
    })
}

/// Asks for a version of an artifact, after everything that this process has said about the run that asks. `poll` as for
/// [`crate::login`].
///
/// # Errors
/// [`CallError`] says why there is no answer.
pub fn get_artifact(
    settings: &Settings,
    request: v1::GetArtifactRequest,
    limit: Duration,
    poll: &mut dyn FnMut() -> bool,
) -> Result<v1::GetArtifactResponse, CallError> {
    let begin = Instant::now();
    if !wait_for_own_words(&request.session, limit, poll) {
        return Err(CallError::Interrupted);
    }
    let rest = limit.saturating_sub(begin.elapsed());
    calls::ask(&hub::link(settings), rest, poll, move |mut client| {
        let request = request.clone();
        async move { client.get_artifact(request).await }
    })
}

/// The daemon cannot know what is still on its way: waits until it has it, or does not get on with it. False: nobody waits any more.
fn wait_for_own_words(session: &str, limit: Duration, poll: &mut dyn FnMut() -> bool) -> bool {
    let begin = Instant::now();
    for core in hub::cores_of(session) {
        let target = core.urge(|shared| shared.window.last());
        loop {
            let before = progress(&core);
            let rest = (limit / 2).saturating_sub(begin.elapsed());
            let waited = core.wait(rest.min(PATIENCE), &mut |_| poll(), &mut |shared| {
                let is_heard = shared.connections > 0 && shared.window.acked() >= target;
                is_heard || shared.phase == Phase::Closed
            });
            if waited == Waited::Interrupted {
                return false;
            }
            if waited == Waited::Done || rest.is_zero() || progress(&core) == before {
                break;
            }
        }
    }
    true
}

fn progress(core: &Core) -> (u64, u64, u64) {
    let shared = core.lock();
    (shared.connections, shared.window.acked(), shared.busy_count)
}

/// Changes what may change of a committed version. `poll` as for [`crate::login`].
///
/// # Errors
/// [`CallError`] says why there is no answer.
pub fn change_artifact(
    settings: &Settings,
    request: v1::ChangeArtifactRequest,
    limit: Duration,
    poll: &mut dyn FnMut() -> bool,
) -> Result<v1::GetArtifactResponse, CallError> {
    calls::ask(&hub::link(settings), limit, poll, move |mut client| {
        let request = request.clone();
        async move { client.change_artifact(request).await }
    })
}

/// Where the last word about a download lies for the caller who waits.
type Latest = Arc<Mutex<Option<v1::DownloadProgress>>>;

/// Brings the files of a version to this machine; returns the last word about it. There is no limit: `poll` is called about every 50 ms,
/// with what is new since its last call, and ends the download by returning true.
///
/// # Errors
/// [`CallError`] says why there is no end. That a file could not be had is no error here: see [`v1::DownloadProgress::error`].
pub fn download_artifact(
    settings: &Settings,
    request: v1::DownloadArtifactRequest,
    poll: &mut dyn FnMut(Option<v1::DownloadProgress>) -> bool,
) -> Result<v1::DownloadProgress, CallError> {
    let link = hub::link(settings);
    let entered = Entered::new(&link);
    let latest = Latest::default();
    let (answer, answered) = mpsc::sync_channel(1);
    // Dropped with the caller's interest.
    let (_interest, gone) = oneshot::channel::<()>();
    let seen = Arc::clone(&latest);
    let asked = hub::spawn(async move {
        let result = tokio::select! {
            result = download(&entered.0, request, &seen) => result,
            _ = gone => Err(CallError::Interrupted),
        };
        drop(entered);
        answer.try_send(result).unwrap_or_default();
    });
    if !asked {
        return Err(CallError::Thread);
    }
    loop {
        match answered.recv_timeout(POLL) {
            Ok(result) => return result,
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(CallError::Thread),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let news = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
                if poll(news) {
                    return Err(CallError::Interrupted);
                }
            }
        }
    }
}

async fn download(
    link: &Link,
    request: v1::DownloadArtifactRequest,
    seen: &Latest,
) -> Result<v1::DownloadProgress, CallError> {
    let mut is_first = true;
    loop {
        let (number, channel) = link.channel(true).await?;
        let mut client = WandbdClient::new(channel).max_decoding_message_size(calls::ANSWER_MAX);
        let status = match follow(&mut client, request.clone(), seen).await {
            Ok(last) => return Ok(last),
            Err(status) => status,
        };
        // What was brought already is found there.
        if !std::mem::take(&mut is_first) || !calls::is_lost(&status) {
            return Err(CallError::Failed(status));
        }
        link.broken(number);
    }
}

async fn follow(
    client: &mut WandbdClient<tonic::transport::Channel>,
    request: v1::DownloadArtifactRequest,
    seen: &Latest,
) -> Result<v1::DownloadProgress, tonic::Status> {
    let mut stream = client.download_artifact(request).await?.into_inner();
    loop {
        match stream.message().await? {
            Some(last) if last.done || !last.error.is_empty() => return Ok(last),
            Some(news) => {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(news);
            }
            None => {
                return Err(tonic::Status::unavailable(
                    "the daemon ended in the middle of the download",
                ));
            }
        }
    }
}
