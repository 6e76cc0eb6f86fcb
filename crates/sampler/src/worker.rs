//! One OS thread per device, asked over a channel and waited for with a limit.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info, warn};

use crate::device::Device;
use crate::error::DeviceError;
use crate::metric::Readings;
use crate::target::Target;

/// How long a device may take to answer before the others go on without it.
pub const DEVICE_LIMIT: Duration = Duration::from_secs(2);

/// Enough for reading text files; a vendor's library runs on it too.
const STACK_BYTES: usize = 1024 * 1024;

type Answer = Result<Readings, DeviceError>;

struct Request {
    now: Instant,
    targets: Arc<[Target]>,
    reply: oneshot::Sender<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Answering,
    Failing,
    Silent,
    Gone,
}

/// The sampler's end of a device's thread.
pub(crate) struct Worker {
    name: &'static str,
    state: State,
    requests: Option<SyncSender<Request>>,
    pending: Option<oneshot::Receiver<Answer>>,
}

impl Worker {
    /// Starts the thread; it sleeps until it is asked and ends when the worker is dropped. Nobody joins it.
    pub(crate) fn spawn(device: Box<dyn Device>) -> Self {
        let name = device.name();
        let (requests, inbox) = sync_channel(1);
        let builder = thread::Builder::new()
            .name(format!("sample-{name}"))
            .stack_size(STACK_BYTES);
        let spawned = builder.spawn(move || serve(device, &inbox));
        let (state, requests) = match spawned {
            Ok(_unjoined) => (State::Answering, Some(requests)),
            Err(error) => {
                error!(device = name, %error, "no thread for a device; it is not sampled");
                (State::Gone, None)
            }
        };
        Self {
            name,
            state,
            requests,
            pending: None,
        }
    }

    /// Asks for a sample, unless an earlier question is still open. True when an answer may be waited for.
    pub(crate) fn ask(&mut self, now: Instant, targets: &Arc<[Target]>) -> bool {
        if let Some(pending) = &mut self.pending {
            if matches!(pending.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                return false;
            }
            // A late answer describes a moment that has passed: dropped.
            self.pending = None;
        }
        let Some(requests) = &self.requests else {
            return false;
        };
        let (reply, pending) = oneshot::channel();
        if requests
            .try_send(Request {
                now,
                targets: Arc::clone(targets),
                reply,
            })
            .is_err()
        {
            self.gone();
            return false;
        }
        self.pending = Some(pending);
        true
    }

    /// The answer to [`ask`](Self::ask), if it comes before `deadline` and is a good one.
    pub(crate) async fn answer(&mut self, deadline: tokio::time::Instant) -> Option<Readings> {
        let pending = self.pending.as_mut()?;
        match tokio::time::timeout_at(deadline, pending).await {
            Err(_late) => {
                self.silent();
                None
            }
            Ok(answer) => {
                self.pending = None;
                match answer {
                    Ok(Ok(readings)) => {
                        self.well();
                        Some(readings)
                    }
                    Ok(Err(error)) => {
                        self.failing(&error);
                        None
                    }
                    Err(_thread_ended) => {
                        self.gone();
                        None
                    }
                }
            }
        }
    }

    fn well(&mut self) {
        if self.state != State::Answering {
            info!(device = self.name, "device answers again");
        }
        self.state = State::Answering;
    }

    fn failing(&mut self, error: &DeviceError) {
        if self.state != State::Failing {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            warn!(device = self.name, %error, cause, "device cannot be sampled");
        }
        self.state = State::Failing;
    }

    fn silent(&mut self) {
        if self.state != State::Silent {
            warn!(
                device = self.name,
                limit_s = DEVICE_LIMIT.as_secs(),
                "device does not answer; going on without it"
            );
        }
        self.state = State::Silent;
    }

    fn gone(&mut self) {
        if self.state != State::Gone {
            error!(
                device = self.name,
                "a device's thread has ended; it is not sampled any more"
            );
        }
        self.state = State::Gone;
        self.requests = None;
        self.pending = None;
    }
}

fn serve(mut device: Box<dyn Device>, inbox: &Receiver<Request>) {
    while let Ok(request) = inbox.recv() {
        let answer = device.sample(request.now, &request.targets);
        if request.reply.send(answer).is_err() {
            // The sampler has stopped; the closed inbox ends the loop.
        }
    }
}
