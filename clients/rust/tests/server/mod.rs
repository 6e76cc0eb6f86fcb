//! A daemon for tests: takes records, remembers them by session and number, and misbehaves on request.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    reason = "each test uses a part of it"
)]

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{net::UnixListener, runtime::Runtime, sync::Notify};
use tokio_stream::{Stream, StreamExt as _, wrappers::UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};
use wandbd_client::{
    Fields, Settings,
    proto::{self as v1, client_message, record, server_message},
};
use wandbd_proto::v1::wandbd_server::{Wandbd, WandbdServer};

const BUSY_EVERY: Duration = Duration::from_millis(20);

/// What is known of one session.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub hellos: Vec<v1::Hello>,
    pub records: Vec<v1::Record>,
    pub on_disk: u64,
    pub repeated: u64,
    pub holes: u64,
    pub largest_chunk: usize,
    pub goodbyes: u64,
}

impl Seen {
    pub fn rows(&self) -> Vec<&v1::Row> {
        self.records
            .iter()
            .filter_map(|record| match &record.kind {
                Some(record::Kind::Row(row)) => Some(row),
                _ => None,
            })
            .collect()
    }

    pub fn gaps(&self) -> Vec<v1::Gap> {
        self.records
            .iter()
            .filter_map(|record| match record.kind {
                Some(record::Kind::Gap(gap)) => Some(gap),
                _ => None,
            })
            .collect()
    }

    pub fn has_exit(&self) -> bool {
        self.records
            .iter()
            .any(|record| matches!(record.kind, Some(record::Kind::Exit(_))))
    }
}

#[derive(Default)]
pub struct World {
    pub sessions: BTreeMap<String, Seen>,
    /// Nothing is read while this is set.
    pub stalled: bool,
    /// Acks are kept back while this is set.
    pub mute: bool,
    /// This many chunks are taken, then the stream breaks without an ack.
    pub cut_after: Option<u32>,
    /// How long it takes over each chunk.
    pub pace: Duration,
    /// Every session is refused with this.
    pub refuse: Option<String>,
    pub connections: u32,
    /// Goes out after the next ack.
    pub run: Option<v1::Run>,
    /// Acks say that the owner asked for a stop.
    pub stop: bool,
    /// Said again and again while acks are kept back.
    pub busy: Option<String>,
    /// What the next downloads say; those after them say nothing and do not end.
    pub downloads: VecDeque<Vec<v1::DownloadProgress>>,
}

#[derive(Clone, Default)]
pub struct Daemon {
    pub world: Arc<Mutex<World>>,
    pub go_on: Arc<Notify>,
}

/// A daemon that listens. Dropping it kills it.
pub struct Listening {
    runtime: Option<Runtime>,
    socket: PathBuf,
}

impl Daemon {
    pub fn listen(&self, socket: &Path) -> Listening {
        if socket.exists() {
            std::fs::remove_file(socket).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(async { UnixListener::bind(socket).unwrap() });
        let service = WandbdServer::new(self.clone()).max_decoding_message_size(16 << 20);
        runtime.spawn(async move {
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(UnixListenerStream::new(listener))
                .await
                .unwrap();
        });
        Listening {
            runtime: Some(runtime),
            socket: socket.to_owned(),
        }
    }

    /// What was received and not acknowledged is gone, as after a power cut.
    pub fn forget(&self) {
        for seen in self.world.lock().unwrap().sessions.values_mut() {
            seen.records
                .truncate(usize::try_from(seen.on_disk).unwrap());
        }
    }

    pub fn set(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
        self.go_on.notify_waiters();
    }

    pub fn seen(&self, session: &str) -> Seen {
        let world = self.world.lock().unwrap();
        world.sessions.get(session).cloned().unwrap_or_default()
    }

    fn chunk(&self, session: &str, chunk: v1::Chunk) -> Result<Option<u64>, Status> {
        use prost::Message as _;
        let mut world = self.world.lock().unwrap();
        let mute = world.mute;
        let cut = world.cut_after;
        world.cut_after = cut.and_then(|left| left.checked_sub(1));
        let seen = world.sessions.get_mut(session).unwrap();
        if chunk.record.len() > 1 {
            seen.largest_chunk = seen.largest_chunk.max(chunk.encoded_len());
        }
        for (seq, record) in (chunk.first_seq..).zip(chunk.record) {
            let next = seen.records.len() as u64 + 1;
            match seq.cmp(&next) {
                Ordering::Less => seen.repeated += 1,
                Ordering::Equal => seen.records.push(record),
                Ordering::Greater => seen.holes += 1,
            }
        }
        if cut == Some(0) {
            return Err(Status::unavailable("cut"));
        }
        if mute {
            return Ok(None);
        }
        seen.on_disk = seen.records.len() as u64;
        Ok(Some(seen.on_disk))
    }

    async fn while_stalled(&self) {
        loop {
            let go_on = self.go_on.notified();
            if !self.world.lock().unwrap().stalled {
                return;
            }
            go_on.await;
        }
    }

    fn has_ended(&self, session: &str) -> bool {
        let world = self.world.lock().unwrap();
        let last = world
            .sessions
            .get(session)
            .and_then(|seen| seen.records.last());
        last.is_some_and(|record| matches!(record.kind, Some(record::Kind::Exit(_))))
    }

    /// After a pause of the acks: the number to tell now.
    fn held_back(&self, session: &str) -> Option<u64> {
        let mut world = self.world.lock().unwrap();
        if world.mute {
            return None;
        }
        let seen = world.sessions.get_mut(session)?;
        seen.on_disk = seen.records.len() as u64;
        Some(seen.on_disk)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        std::fs::remove_file(&self.socket).ok();
    }
}

fn message(kind: server_message::Kind) -> Result<v1::ServerMessage, Status> {
    Ok(v1::ServerMessage { kind: Some(kind) })
}

type Answers = Pin<Box<dyn Stream<Item = Result<v1::ServerMessage, Status>> + Send>>;

#[tonic::async_trait]
impl Wandbd for Daemon {
    type PublishStream = Answers;
    type DownloadArtifactStream = std::pin::Pin<
        Box<dyn tokio_stream::Stream<Item = Result<v1::DownloadProgress, Status>> + Send>,
    >;
    type SyncStream = Pin<Box<dyn Stream<Item = Result<v1::SyncProgress, Status>> + Send>>;

    async fn publish(
        &self,
        request: Request<Streaming<v1::ClientMessage>>,
    ) -> Result<Response<Answers>, Status> {
        let daemon = self.clone();
        let mut incoming = request.into_inner();
        let (answers, outgoing) = tokio::sync::mpsc::channel(16);
        tokio::spawn(async move {
            if let Err(status) = daemon.serve(&mut incoming, &answers).await {
                answers.send(Err(status)).await.ok();
            }
        });
        Ok(Response::new(Box::pin(
            tokio_stream::wrappers::ReceiverStream::new(outgoing),
        )))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let session = request.into_inner().session;
        Ok(Response::new(v1::Run {
            summary_json: "{\"a\":1}".to_owned(),
            rows: self.seen(&session).rows().len() as u64,
            session,
            ..v1::Run::default()
        }))
    }

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn sync(
        &self,
        _: Request<v1::SyncRequest>,
    ) -> Result<Response<Self::SyncStream>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn retry(
        &self,
        _: Request<v1::RetryRequest>,
    ) -> Result<Response<v1::RetryResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn login(
        &self,
        request: Request<v1::LoginRequest>,
    ) -> Result<Response<v1::LoginResponse>, Status> {
        let server = request.into_inner().server.unwrap_or_default();
        Ok(Response::new(v1::LoginResponse {
            verdict: v1::login_response::Verdict::Valid.into(),
            username: server.api_key,
            ..v1::LoginResponse::default()
        }))
    }

    async fn restore(
        &self,
        request: Request<v1::RestoreRequest>,
    ) -> Result<Response<v1::RestoreResponse>, Status> {
        self.while_stalled().await;
        Ok(Response::new(v1::RestoreResponse {
            found: false,
            message: request.into_inner().name,
        }))
    }

    async fn stage(
        &self,
        request: Request<v1::StageRequest>,
    ) -> Result<Response<v1::StageResponse>, Status> {
        use v1::stage_response::Kept;
        let file = request.into_inner().file;
        let kept = file.iter().map(|_| Kept::Leased.into()).collect();
        Ok(Response::new(v1::StageResponse {
            file: kept,
            full: String::new(),
        }))
    }

    async fn get_artifact(
        &self,
        request: Request<v1::GetArtifactRequest>,
    ) -> Result<Response<v1::GetArtifactResponse>, Status> {
        let artifact = v1::ArtifactFacts {
            collection: request.into_inner().name,
            ..v1::ArtifactFacts::default()
        };
        Ok(Response::new(v1::GetArtifactResponse {
            verdict: v1::get_artifact_response::Verdict::Found.into(),
            artifact: Some(artifact),
            ..v1::GetArtifactResponse::default()
        }))
    }

    async fn download_artifact(
        &self,
        _: Request<v1::DownloadArtifactRequest>,
    ) -> Result<Response<Self::DownloadArtifactStream>, Status> {
        let news = self.world.lock().unwrap().downloads.pop_front();
        let Some(news) = news else {
            return Ok(Response::new(Box::pin(tokio_stream::pending())));
        };
        let news = tokio_stream::iter(news.into_iter().map(Ok));
        let slowly = news.throttle(Duration::from_millis(60));
        Ok(Response::new(Box::pin(slowly)))
    }

    async fn change_artifact(
        &self,
        request: Request<v1::ChangeArtifactRequest>,
    ) -> Result<Response<v1::GetArtifactResponse>, Status> {
        Ok(Response::new(v1::GetArtifactResponse {
            message: request.into_inner().id,
            ..v1::GetArtifactResponse::default()
        }))
    }

    async fn shutdown(
        &self,
        _: Request<v1::ShutdownRequest>,
    ) -> Result<Response<v1::ShutdownResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

type Answer = tokio::sync::mpsc::Sender<Result<v1::ServerMessage, Status>>;

impl Daemon {
    async fn serve(
        &self,
        incoming: &mut Streaming<v1::ClientMessage>,
        answers: &Answer,
    ) -> Result<(), Status> {
        self.while_stalled().await;
        let Some(client_message::Kind::Hello(hello)) =
            incoming.message().await?.and_then(|message| message.kind)
        else {
            return Err(Status::invalid_argument("no hello"));
        };
        let session = hello.session.clone();
        let (acked_seq, refuse) = {
            let mut world = self.world.lock().unwrap();
            world.connections += 1;
            let refuse = world.refuse.clone();
            let seen = world.sessions.entry(session.clone()).or_default();
            seen.hellos.push(hello.clone());
            (seen.on_disk, refuse)
        };
        let welcome = v1::Welcome {
            daemon_version: "test".to_owned(),
            acked_seq,
        };
        answers
            .send(message(server_message::Kind::Welcome(welcome)))
            .await
            .ok();
        if let Some(reason) = refuse {
            let refused = vec![v1::Refusal { seq: 0, reason }];
            let ack = v1::Ack {
                refused,
                ..v1::Ack::default()
            };
            answers
                .send(message(server_message::Kind::Ack(ack)))
                .await
                .ok();
            return Ok(());
        }
        self.records(&session, incoming, answers).await
    }

    async fn say_busy(&self, session: &str, answers: &Answer) {
        let ack = {
            let world = self.world.lock().unwrap();
            let Some(busy) = world.busy.clone() else {
                return;
            };
            let seq = world.sessions.get(session).unwrap().on_disk;
            v1::Ack {
                seq,
                busy,
                ..v1::Ack::default()
            }
        };
        let ack = message(server_message::Kind::Ack(ack));
        answers.send(ack).await.ok();
    }

    async fn records(
        &self,
        session: &str,
        incoming: &mut Streaming<v1::ClientMessage>,
        answers: &Answer,
    ) -> Result<(), Status> {
        loop {
            self.while_stalled().await;
            let go_on = self.go_on.notified();
            let answer = tokio::select! {
                next = incoming.next() => match next {
                    None => {
                        self.world.lock().unwrap().sessions.get_mut(session).unwrap().goodbyes += 1;
                        return Ok(());
                    }
                    Some(next) => match next?.kind {
                        Some(client_message::Kind::Chunk(chunk)) => {
                            let pace = self.world.lock().unwrap().pace;
                            tokio::time::sleep(pace).await;
                            self.chunk(session, chunk)?
                        }
                        other => return Err(Status::invalid_argument(format!("{other:?}"))),
                    },
                },
                () = go_on => self.held_back(session),
                () = tokio::time::sleep(BUSY_EVERY) => {
                    self.say_busy(session, answers).await;
                    None
                }
            };
            if let Some(seq) = answer {
                let (stop, run) = {
                    let mut world = self.world.lock().unwrap();
                    (world.stop, world.run.take())
                };
                let ack = v1::Ack {
                    seq,
                    stop,
                    ..v1::Ack::default()
                };
                answers
                    .send(message(server_message::Kind::Ack(ack)))
                    .await
                    .ok();
                if let Some(run) = run {
                    let run = message(server_message::Kind::Run(run));
                    answers.send(run).await.ok();
                }
                if self.has_ended(session) {
                    let run = v1::Run {
                        state: v1::run::State::Delivered.into(),
                        entity: "me".to_owned(),
                        ..v1::Run::default()
                    };
                    answers
                        .send(message(server_message::Kind::Run(run)))
                        .await
                        .ok();
                }
            }
        }
    }
}

/// A place for a socket and a state directory, and settings that use them and start nothing.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("w")
                .tempdir_in("/tmp")
                .unwrap(),
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("v1.sock")
    }

    pub fn settings(&self) -> Settings {
        settings_at(self.dir.path())
    }
}

pub fn settings_at(dir: &Path) -> Settings {
    Settings {
        state: dir.join("state"),
        socket: dir.join("v1.sock"),
        socket_named: true,
        buffer_bytes: 128 << 20,
        autostart: false,
        daemon: None,
        daemon_env: Vec::new(),
        defer: true,
        ack_limit: Duration::from_secs(20),
    }
}

/// One number per row.
pub fn number(name: &str, value: f64) -> Fields {
    let mut fields = Fields::new();
    let mark = fields.enter(name);
    fields.number(value);
    fields.leave(mark);
    fields
}

/// Looks every 5 ms whether something has become true.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "not within 30 s: {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Nobody wants to leave early.
pub fn never() -> bool {
    false
}
