//! Questions to the daemon that are not part of a stream. Each has a limit, and is asked again once if the connection that was there
//! turns out to be dead.

use std::{
    future::Future,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use tokio::time::timeout;
use tonic::{Code, Response, Status, transport::Channel};
use wandbd_proto::v1::{self, wandbd_client::WandbdClient};

use crate::{
    Settings,
    error::CallError,
    hub::{self, Link},
};

/// A run's summary can be large.
pub(crate) const ANSWER_MAX: usize = 64 << 20;
/// How often a waiting caller is given the chance to leave.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// Asks who a key belongs to, and lets runs go that waited for it. Starts a missing daemon if that is allowed. `poll` is called about
/// every 50 ms and ends the wait by returning true.
///
/// # Errors
/// [`CallError`] says why there is no answer.
pub fn login(
    settings: &Settings,
    request: v1::LoginRequest,
    limit: Duration,
    poll: &mut dyn FnMut() -> bool,
) -> Result<v1::LoginResponse, CallError> {
    ask(&hub::link(settings), limit, poll, move |mut client| {
        let request = request.clone();
        async move { client.login(request).await }
    })
}

/// Reads a file of a run from its server into a file on this machine. Starts a missing daemon if that is allowed. `poll` as for
/// [`login`].
///
/// # Errors
/// [`CallError`] says why there is no answer.
pub fn restore(
    settings: &Settings,
    request: v1::RestoreRequest,
    limit: Duration,
    poll: &mut dyn FnMut() -> bool,
) -> Result<v1::RestoreResponse, CallError> {
    ask(&hub::link(settings), limit, poll, move |mut client| {
        let request = request.clone();
        async move { client.restore(request).await }
    })
}

/// Keeps the connection open while somebody asks.
pub(crate) struct Entered(pub(crate) Arc<Link>);

impl Entered {
    pub(crate) fn new(link: &Arc<Link>) -> Self {
        link.enter();
        Self(Arc::clone(link))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Makes a call on the sender's thread and waits for its answer.
pub(crate) fn ask<T, F>(
    link: &Arc<Link>,
    limit: Duration,
    poll: &mut dyn FnMut() -> bool,
    call: impl Fn(WandbdClient<Channel>) -> F + Send + Sync + 'static,
) -> Result<T, CallError>
where
    T: Send + 'static,
    F: Future<Output = Result<Response<T>, Status>> + Send,
{
    let timed_out = move || CallError::TimedOut {
        limit_s: limit.as_secs_f64(),
    };
    let begin = Instant::now();
    let (answer, answered) = mpsc::sync_channel(1);
    let entered = Entered::new(link);
    let asked = hub::spawn(async move {
        let result = timeout(limit, call_twice(&entered.0, call)).await;
        drop(entered);
        // Nobody may be waiting any more.
        answer
            .try_send(result.unwrap_or_else(|_| Err(timed_out())))
            .unwrap_or_default();
    });
    if !asked {
        return Err(CallError::Thread);
    }
    loop {
        let rest = limit.saturating_sub(begin.elapsed());
        match answered.recv_timeout(rest.min(POLL)) {
            Ok(result) => return result,
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(CallError::Thread),
            Err(mpsc::RecvTimeoutError::Timeout) if rest.is_zero() => return Err(timed_out()),
            Err(mpsc::RecvTimeoutError::Timeout) if poll() => return Err(CallError::Interrupted),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
}

async fn call_twice<T, F>(
    link: &Link,
    call: impl Fn(WandbdClient<Channel>) -> F,
) -> Result<T, CallError>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut is_first = true;
    loop {
        let (number, channel) = link.channel(true).await?;
        let client = WandbdClient::new(channel).max_decoding_message_size(ANSWER_MAX);
        match call(client).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if is_first && is_lost(&status) => link.broken(number),
            Err(status) => return Err(CallError::Failed(status)),
        }
        is_first = false;
    }
}

/// Whether it may have been the connection. All calls can be made twice.
pub(crate) fn is_lost(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
    )
}
