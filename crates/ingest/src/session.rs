//! One stream of one process: hello, chunks in, acks out.
//!
//! At most [`UNACKED`] chunks are journaled ahead of their ack; beyond that the stream is not read and gRPC's flow control
//! holds the client back.

use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Duration};

use prost::Message as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use wandbd_journal::{Journal, Position};
use wandbd_proto::v1::{self, client_message, hello::Role, server_message::Kind};

use crate::{
    append::Appended,
    delivery::Delivery,
    error::IngestError,
    hub::Hub,
    making::{News, Prepared, Turn, Workshop, work_in},
    run_log::RunLog,
    status::status,
};

/// Chunks of one session that may wait for their commit.
const UNACKED: usize = 64;
/// Chunks of one session that may be in the making.
const AHEAD: usize = 8;
/// The same in bytes; one more chunk is begun below it.
const AHEAD_BYTES: usize = 32 << 20;
/// How often a client hears that its records are being worked on.
const BEAT: Duration = Duration::from_secs(1);
/// A client that does not take its answers for so long is disconnected.
const SEND_LIMIT: Duration = Duration::from_mins(1);

type Out = mpsc::Sender<Result<v1::ServerMessage, Status>>;

/// Serves the stream until the client leaves, something fails, or the daemon stops.
pub(crate) async fn serve(
    hub: Arc<Hub>,
    peer_pid: Option<u32>,
    mut inbound: Streaming<v1::ClientMessage>,
    out: Out,
) {
    let stop = hub.stop.clone();
    let result = tokio::select! {
        () = stop.cancelled() => Err(Status::unavailable("the daemon stops; connect again")),
        result = greet(&hub, peer_pid, &mut inbound, &out) => result,
    };
    let result = match result {
        Ok(Some((joined, acked))) => {
            let mut session = Session {
                journal: joined.journal.clone(),
                known: acked,
                joined,
                workshop: Arc::clone(&hub.workshop),
                news: News::default(),
                last_turn: None,
                preparing: VecDeque::new(),
                waiting: VecDeque::new(),
                out: out.clone(),
            };
            let result = tokio::select! {
                () = stop.cancelled() => Err(Status::unavailable("the daemon stops; connect again")),
                // The disk may hang: a client that has gone away must not be waited for.
                () = out.closed() => Err(Status::cancelled("the client is gone")),
                result = session.pump(&mut inbound, acked) => result,
            };
            session.settle().await;
            result
        }
        Ok(None) => Ok(()),
        Err(status) => Err(status),
    };
    if let Err(status) = result {
        tracing::debug!(%status, "session over");
        out.send(Err(status)).await.ok();
    }
}

/// Reads the hello and answers it; `None` when the session was refused or the client left.
async fn greet(
    hub: &Arc<Hub>,
    peer_pid: Option<u32>,
    inbound: &mut Streaming<v1::ClientMessage>,
    out: &Out,
) -> Result<Option<(Joined, u64)>, Status> {
    let Some(message) = inbound.message().await? else {
        return Ok(None);
    };
    let Some(client_message::Kind::Hello(hello)) = message.kind else {
        return Err(Status::invalid_argument(
            "the first message must be a hello",
        ));
    };
    let version = hub.version().to_owned();
    let alone = hub.alone(&hello.session).lock_owned().await;
    let hub = Arc::clone(hub);
    let opened = tokio::task::spawn_blocking(move || {
        let _alone = alone;
        join(&hub, peer_pid, hello)
    });
    let opened = opened
        .await
        .map_err(|error| Status::internal(error.to_string()))?;
    let welcome = |acked_seq| {
        Kind::Welcome(v1::Welcome {
            daemon_version: version,
            acked_seq,
        })
    };
    match opened {
        Ok(joined) => {
            let durable = joined.journal.wait_durable(joined.position).await;
            durable.map_err(|error| Status::unavailable(error.to_string()))?;
            send(out, welcome(joined.seq)).await?;
            send(out, Kind::Run(joined.run.describe())).await?;
            let acked = joined.seq;
            Ok(Some((joined, acked)))
        }
        Err(IngestError::Invalid(reason)) => {
            send(out, welcome(0)).await?;
            let refused = vec![v1::Refusal { seq: 0, reason }];
            send(
                out,
                Kind::Ack(v1::Ack {
                    refused,
                    ..v1::Ack::default()
                }),
            )
            .await?;
            Ok(None)
        }
        Err(error) => Err(status(&error)),
    }
}

/// The run that a hello names, with what is journaled of the session already. Blocking; for one at a time of a session ([`Hub::alone`]).
pub(crate) fn join(
    hub: &Arc<Hub>,
    peer_pid: Option<u32>,
    hello: v1::Hello,
) -> Result<Joined, IngestError> {
    let session = hello.session;
    if session.is_empty() {
        return Err(IngestError::Invalid(
            "hello.session is empty; give a UUID".into(),
        ));
    }
    let run = match hello.role {
        Some(Role::Open(open)) => {
            let owner = Hub::owner_process(peer_pid, hello.process);
            hub.open(&session, open, &owner)?
        }
        Some(Role::Attach(owner)) => {
            let run = hub.attach(&owner)?;
            if run.has_ended() {
                return Err(IngestError::Invalid(format!(
                    "run {} has ended; a worker cannot log to it any more",
                    run.run_id()
                )));
            }
            run
        }
        None => {
            return Err(IngestError::Invalid(
                "hello.role is not set; give `open` or `attach`".into(),
            ));
        }
    };
    let known = run.connect(&session)?;
    Ok(Joined {
        run,
        session,
        seq: known.seq,
        journal: known.journal,
        position: known.position,
        stop: hub.stop.clone(),
    })
}

/// A session that is counted as connected until this is dropped.
pub(crate) struct Joined {
    pub(crate) run: Arc<RunLog>,
    pub(crate) session: String,
    /// The last sequence number that is journaled.
    pub(crate) seq: u64,
    pub(crate) journal: Journal,
    pub(crate) position: Position,
    stop: CancellationToken,
}

impl Drop for Joined {
    fn drop(&mut self) {
        // At a stop the next daemon goes on with the session: its open row stays open.
        if self.stop.is_cancelled() {
            return;
        }
        let (run, session) = (Arc::clone(&self.run), std::mem::take(&mut self.session));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let gone = run.with_disk(move |run| run.disconnect(&session)).await;
            if let Err(error) = gone {
                tracing::warn!(run = run.run_id(), %error, "a session is not taken off its run");
            }
        });
    }
}

/// A chunk on its way to the journal.
struct Preparing {
    task: JoinHandle<Result<Prepared, IngestError>>,
    /// What takes time with it.
    busy: String,
    bytes: usize,
}

struct Session {
    joined: Joined,
    /// The journal that this stream's positions are of. When the run moves to another, the stream ends and the client asks what is there.
    journal: Journal,
    workshop: Arc<Workshop>,
    /// Made, and not journaled yet.
    news: News,
    /// The last sequence number that came.
    known: u64,
    /// Comes when all that is in the making is made.
    last_turn: Option<oneshot::Receiver<()>>,
    /// Chunks in the making, in their order.
    preparing: VecDeque<Preparing>,
    /// Journaled, not yet known to be durable.
    waiting: VecDeque<Appended>,
    out: Out,
}

impl Session {
    /// Reads chunks and acknowledges them as they become durable, until the client has said all it had to say.
    async fn pump(
        &mut self,
        inbound: &mut Streaming<v1::ClientMessage>,
        acked: u64,
    ) -> Result<(), Status> {
        let mut committed = self.journal.committed();
        let mut delivery = self.joined.run.delivery();
        let mut last_acked = acked;
        let mut reading = true;
        let mut beat = tokio::time::interval(BEAT);
        while reading || !self.waiting.is_empty() || !self.preparing.is_empty() {
            tokio::select! {
                biased;
                changed = committed.changed(), if !self.waiting.is_empty() => {
                    changed.map_err(|_| Status::unavailable("the journal is closed"))?;
                    if let Some(error) = &committed.borrow().failed {
                        return Err(Status::unavailable(error.to_string()));
                    }
                    last_acked = self.ack(&committed, last_acked).await?;
                }
                prepared = next(&mut self.preparing), if !self.preparing.is_empty() => {
                    let appended = self.append(prepared?).await?;
                    self.waiting.push_back(appended);
                    last_acked = self.ack(&committed, last_acked).await?;
                    beat.reset();
                }
                _ = beat.tick(), if !self.preparing.is_empty() => self.busy(last_acked).await?,
                message = inbound.message(), if reading && self.has_room() => {
                    let message = message?;
                    match message.and_then(|message| message.kind) {
                        None => reading = false,
                        Some(client_message::Kind::Chunk(chunk)) => {
                            if self.preparing.is_empty() {
                                beat.reset();
                            }
                            if let Some(chunk) = self.prepare(chunk) {
                                let appended = self.append(chunk).await?;
                                self.waiting.push_back(appended);
                                last_acked = self.ack(&committed, last_acked).await?;
                            }
                        }
                        Some(client_message::Kind::Hello(_)) => {
                            return Err(Status::invalid_argument("hello was said already"));
                        }
                    }
                }
                changed = delivery.changed() => {
                    changed.map_err(|_| Status::unavailable("the run is gone"))?;
                    self.tell(&mut delivery, last_acked).await?;
                }
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        let bytes: usize = self.preparing.iter().map(|one| one.bytes).sum();
        self.waiting.len() < UNACKED && self.preparing.len() < AHEAD && bytes < AHEAD_BYTES
    }

    /// A chunk that can be journaled at once is given back; others are made ready.
    fn prepare(&mut self, chunk: v1::Chunk) -> Option<Prepared> {
        let known = self.known;
        let last = (chunk.first_seq + chunk.record.len() as u64).saturating_sub(1);
        self.known = known.max(last);
        let work = work_in(&chunk).filter(|_| !self.joined.run.has_ended());
        let mut bytes = 0;
        let task = match work {
            None if self.preparing.is_empty() => return Some(Prepared::plain(chunk)),
            None => tokio::spawn(async { Ok(Prepared::plain(chunk)) }),
            Some(_) => {
                bytes = chunk.encoded_len();
                let (after, next) = oneshot::channel();
                let turn = Turn {
                    before: self.last_turn.replace(next),
                    after: Some(after),
                };
                let (shop, run) = (Arc::clone(&self.workshop), Arc::clone(&self.joined.run));
                tokio::spawn(shop.prepare(run, chunk, known, self.news.clone(), turn))
            }
        };
        self.preparing.push_back(Preparing {
            task,
            busy: work.unwrap_or_default(),
            bytes,
        });
        None
    }

    /// Tells the client that its records are being worked on.
    async fn busy(&self, acked: u64) -> Result<(), Status> {
        let mut busy = self.preparing.iter().map(|one| one.busy.as_str());
        let ack = v1::Ack {
            seq: acked,
            next_step: self.joined.run.next_step(),
            busy: busy
                .find(|busy| !busy.is_empty())
                .unwrap_or("records")
                .to_owned(),
            ..v1::Ack::default()
        };
        send(&self.out, Kind::Ack(ack)).await
    }

    async fn append(&self, chunk: Prepared) -> Result<Appended, Status> {
        let id = self.joined.session.clone();
        let news = self.news.clone();
        self.joined
            .run
            .with_disk(move |run| {
                let made = chunk.made();
                let appended = run.append_chunk(&id, chunk);
                news.forget(&made);
                appended
            })
            .await
            .flatten()
            .map_err(|error| status(&error))
            .and_then(|appended| {
                if appended.journal.is_same(&self.journal) {
                    Ok(appended)
                } else {
                    Err(Status::unavailable("the journal has moved; connect again"))
                }
            })
    }

    /// One ack for everything that is durable now.
    async fn ack(
        &mut self,
        committed: &watch::Receiver<wandbd_journal::State>,
        last: u64,
    ) -> Result<u64, Status> {
        let durable = committed.borrow().durable;
        let mut ack: Option<v1::Ack> = None;
        while let Some(group) = self.waiting.pop_front_if(|group| group.position <= durable) {
            let ack = ack.get_or_insert_default();
            ack.seq = group.seq;
            self.tidy(group.used);
            ack.refused.extend(group.refused);
        }
        let Some(mut ack) = ack else { return Ok(last) };
        ack.next_step = self.joined.run.next_step();
        ack.stop = self.joined.run.delivery().borrow().stop;
        let seq = ack.seq;
        send(&self.out, Kind::Ack(ack)).await?;
        Ok(seq)
    }

    /// Removes private files whose content is safe elsewhere.
    fn tidy(&self, used: Vec<PathBuf>) {
        if !used.is_empty() {
            let shop = Arc::clone(&self.workshop);
            // Nobody waits for it: what is left is swept later.
            drop(tokio::task::spawn_blocking(move || shop.tidy(&used)));
        }
    }

    async fn tell(
        &self,
        delivery: &mut watch::Receiver<Delivery>,
        acked: u64,
    ) -> Result<(), Status> {
        let stop = delivery.borrow_and_update().stop;
        send(&self.out, Kind::Run(self.joined.run.describe())).await?;
        if stop {
            let ack = v1::Ack {
                seq: acked,
                next_step: self.joined.run.next_step(),
                stop,
                ..v1::Ack::default()
            };
            send(&self.out, Kind::Ack(ack)).await?;
        }
        Ok(())
    }

    /// Waits for the commits under way, so that a stop acks what is journaled.
    async fn settle(&mut self) {
        let Some(last) = self.waiting.back().map(|group| group.position) else {
            return;
        };
        let journal = self.journal.clone();
        if journal.wait_durable(last).await.is_ok() {
            self.ack(&journal.committed(), 0).await.ok();
        }
    }
}

/// The next chunk, when it is ready.
async fn next(preparing: &mut VecDeque<Preparing>) -> Result<Prepared, Status> {
    let Some(front) = preparing.front_mut() else {
        return std::future::pending().await;
    };
    let prepared = (&mut front.task).await;
    preparing.pop_front();
    prepared
        .map_err(|error| Status::internal(error.to_string()))?
        .map_err(|error| status(&error))
}

async fn send(out: &Out, kind: Kind) -> Result<(), Status> {
    let message = v1::ServerMessage { kind: Some(kind) };
    match tokio::time::timeout(SEND_LIMIT, out.send(Ok(message))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Status::cancelled("the client is gone")),
        Err(_) => Err(Status::deadline_exceeded("the client takes no answers")),
    }
}
