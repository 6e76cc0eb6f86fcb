//! The sending side: one task per session on the sender's thread.
//!
//! It says hello, waits for the welcome, sends what is not acknowledged, and then what comes: at once for the first record after a
//! pause, after that whatever there is every 50 ms. Whatever goes wrong ends in the same place: connect again, hello again, send again.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel,
};
use wandbd_proto::v1;

use crate::{
    codec::Encoded,
    core::{Core, Phase},
    error::chain,
    hub::Link,
    messages,
    parts::Parts,
};

/// How long a record may wait for company. Each round costs the trainer three wake-ups and the daemon a commit, whatever it carries.
const TICK: Duration = Duration::from_millis(50);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Chunks handed to the stream that it has not written yet.
const AHEAD: usize = 2;
/// How long the daemon may take to answer a good-bye.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long nobody is told that there is no daemon.
const PATIENCE: Duration = Duration::from_secs(5);

enum End {
    /// The session is over.
    Done,
    /// Connect again.
    Lost(String),
}

/// Serves one session until it is over.
pub(crate) async fn publish(core: Arc<Core>, link: Arc<Link>) {
    tokio::select! {
        () = keep_connected(&core, &link) => {}
        () = core.abandon.notified() => {}
    }
    core.update(|shared| {
        shared.connected = false;
        shared.phase = Phase::Closed;
    });
    link.leave();
}

async fn keep_connected(core: &Core, link: &Link) {
    let mut backoff = BACKOFF_MIN;
    let mut lost_at = Instant::now();
    loop {
        let connections = core.lock().connections;
        let End::Lost(why) = connection(core, link).await else {
            return;
        };
        let was_connected = core.update(|shared| {
            shared.connected = false;
            shared.asleep = false;
            shared.connections > connections
        });
        if was_connected {
            backoff = BACKOFF_MIN;
            lost_at = Instant::now();
        } else if lost_at.elapsed() >= PATIENCE {
            complain(core, link, &why);
        }
        let mut pause = jittered(backoff);
        let patience = PATIENCE.saturating_sub(lost_at.elapsed());
        if !patience.is_zero() {
            // The next try tells whether to complain: not much later than promised.
            pause = pause.min(patience + BACKOFF_MIN);
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
        tokio::select! {
            () = sleep(pause) => {}
            () = core.wake.notified() => backoff = BACKOFF_MIN,
        }
    }
}

fn complain(core: &Core, link: &Link, why: &str) {
    // That the window is full says as much.
    if core.lock().told_full {
        return;
    }
    messages::say(
        "unreachable",
        format!(
            "no answer from the wandbd daemon at {} ({why}); training goes on, up to {} MiB of records are kept and sent when it is back",
            link.socket().display(),
            link.settings.buffer_bytes >> 20,
        ),
    );
}

/// Between 75 and 125 percent.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    pause.mul_f64(0.75 + f64::from(u16::try_from(random).unwrap_or(0)) / 1024.0)
}

/// One connection, from hello to its end.
async fn connection(core: &Core, link: &Link) -> End {
    let hurry = core.lock().hurry;
    let (number, channel) = match link.channel(hurry).await {
        Ok(found) => found,
        Err(error) => return End::Lost(chain(&error)),
    };
    match stream(core, link, channel).await {
        Ok(end) => end,
        Err(status) => {
            link.broken(number);
            End::Lost(format!("{:?}: {}", status.code(), status.message()))
        }
    }
}

async fn stream(core: &Core, link: &Link, channel: Channel) -> Result<End, Status> {
    let (to_daemon, outgoing) = mpsc::channel::<Parts>(AHEAD);
    to_daemon
        .try_send(core.hello_message())
        .map_err(|_| Status::internal("the stream did not take the hello"))?;
    let greeting = greet(core, channel, ReceiverStream::new(outgoing));
    tokio::pin!(greeting);
    let greeted = tokio::select! {
        greeted = &mut greeting => greeted?,
        () = sleep(PATIENCE) => {
            complain(core, link, "it does not say welcome");
            greeting.await?
        }
    };
    let Some(mut incoming) = greeted else {
        return Ok(End::Done);
    };
    let goodbye = tokio::select! {
        received = receive(core, link, &mut incoming) => return received,
        () = send(core, &to_daemon) => to_daemon,
    };
    // Closing our half is the good-bye; the daemon then ends its own.
    drop(goodbye);
    match timeout(GOODBYE, receive(core, link, &mut incoming)).await {
        Ok(_) | Err(_) => Ok(End::Done),
    }
}

/// Opens the stream and waits for the welcome. None: the session is refused.
async fn greet(
    core: &Core,
    channel: Channel,
    outgoing: ReceiverStream<Parts>,
) -> Result<Option<Streaming<v1::ServerMessage>>, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready()
        .await
        .map_err(|error| Status::unavailable(chain(&error)))?;
    let path = PathAndQuery::from_static("/wandbd.v1.Wandbd/Publish");
    let mut incoming = grpc
        .streaming(Request::new(outgoing), path, Encoded::new())
        .await?
        .into_inner();
    loop {
        let message: v1::ServerMessage = incoming.message().await?.ok_or_else(closed)?;
        let is_welcome = matches!(message.kind, Some(v1::server_message::Kind::Welcome(_)));
        if !core.receive(message) {
            return Ok(None);
        }
        if is_welcome {
            return Ok(Some(incoming));
        }
    }
}

fn closed() -> Status {
    Status::unavailable("the daemon closed the stream")
}

async fn receive(
    core: &Core,
    link: &Link,
    incoming: &mut Streaming<v1::ServerMessage>,
) -> Result<End, Status> {
    // The last ack that was there when nothing came for a while and records waited.
    let mut stuck_at = None;
    loop {
        let Ok(message) = timeout(PATIENCE, incoming.message()).await else {
            let (acked, last) = {
                let shared = core.lock();
                (shared.window.acked(), shared.window.last())
            };
            if acked < last && stuck_at == Some(acked) {
                complain(core, link, "it does not acknowledge");
            }
            stuck_at = (acked < last).then_some(acked);
            continue;
        };
        stuck_at = None;
        if !core.receive(message?.ok_or_else(closed)?) {
            return Ok(End::Done);
        }
        let leaving = core.lock().phase == Phase::Leaving;
        if leaving {
            core.wake.notify_one();
        }
    }
}

/// Sends until everything is said and acknowledged.
async fn send(core: &Core, to_daemon: &mpsc::Sender<Parts>) {
    while has_something(core).await {
        drain(core, to_daemon).await;
        tokio::select! {
            () = sleep(TICK) => {}
            () = core.wake.notified() => {}
        }
    }
}

/// Waits, asleep, until there is something to send. False: nothing will come any more.
async fn has_something(core: &Core) -> bool {
    loop {
        {
            let mut shared = core.lock();
            let window = &shared.window;
            if window.has_unsent() {
                shared.asleep = false;
                return true;
            }
            if shared.phase != Phase::Open && window.acked() >= window.last() {
                return false;
            }
            shared.asleep = true;
        }
        core.wake.notified().await;
    }
}

/// Sends what there is at this moment.
async fn drain(core: &Core, to_daemon: &mpsc::Sender<Parts>) {
    let until = core.lock().window.last();
    // Made before the lock is taken: `log` never waits for the allocator.
    let mut spare = Vec::with_capacity(4096);
    while let Ok(place) = to_daemon.reserve().await {
        let chunk = core.lock().window.next_chunk(until, &mut spare);
        match chunk {
            Some(chunk) => place.send(chunk),
            None => return,
        }
    }
}
