//! The gRPC face of the hub and of what the program offers.

use std::{pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming, transport::server::UdsConnectInfo};
use wandbd_proto::v1::{self, wandbd_server::Wandbd};

use crate::{hub::Hub, run_log::RunLog, session, status::status};

/// Answers that a slow client may leave waiting.
const OUT_QUEUE: usize = 64;

/// What only the whole program can answer.
#[tonic::async_trait]
pub trait Control: Send + Sync + 'static {
    /// What the daemon is doing.
    fn status(&self) -> v1::StatusResponse;

    /// Begins to deliver files of runs; progress goes to `out` until it is dropped. `refuse` says why not.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    fn sync(
        &self,
        request: v1::SyncRequest,
        out: mpsc::Sender<v1::SyncProgress>,
    ) -> Result<(), String>;

    /// Tries a run again now, whatever it waits for.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    async fn retry(&self, request: v1::RetryRequest) -> Result<v1::RetryResponse, String>;

    /// Asks who a key belongs to and sends what has waited for it.
    async fn login(&self, request: v1::LoginRequest) -> v1::LoginResponse;

    /// Reads a file of a run from its server.
    async fn restore(&self, request: v1::RestoreRequest) -> v1::RestoreResponse;

    /// Keeps files as they are now.
    async fn stage(&self, request: v1::StageRequest) -> v1::StageResponse;

    /// A version of an artifact.
    async fn get_artifact(&self, request: v1::GetArtifactRequest) -> v1::GetArtifactResponse;

    /// Begins to bring files of a version here; progress goes to `out` until it is dropped.
    fn download_artifact(
        &self,
        request: v1::DownloadArtifactRequest,
        out: mpsc::Sender<v1::DownloadProgress>,
    );

    /// Changes what may change of a version.
    async fn change_artifact(&self, request: v1::ChangeArtifactRequest) -> v1::GetArtifactResponse;

    /// Begins the graceful stop.
    fn shutdown(&self);
}

pub(crate) struct Service<C> {
    pub(crate) hub: Arc<Hub>,
    pub(crate) control: Arc<C>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<C: Control> Wandbd for Service<C> {
    type PublishStream = Answers<v1::ServerMessage>;
    type SyncStream = Answers<v1::SyncProgress>;
    type DownloadArtifactStream = Answers<v1::DownloadProgress>;

    async fn publish(
        &self,
        request: Request<Streaming<v1::ClientMessage>>,
    ) -> Result<Response<Self::PublishStream>, Status> {
        let peer_pid = request
            .extensions()
            .get::<UdsConnectInfo>()
            .and_then(|info| info.peer_cred?.pid())
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid > 0);
        let (out, answers) = mpsc::channel(OUT_QUEUE);
        let hub = Arc::clone(&self.hub);
        self.hub
            .spawn(session::serve(hub, peer_pid, request.into_inner(), out));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::Run>, Status> {
        let session = request.into_inner().session;
        let run = self.hub.get(&session).ok_or_else(|| {
            Status::not_found(format!("no run of session {session} is known here"))
        })?;
        let run = run.with_disk(RunLog::describe_whole).await;
        run.map(Response::new).map_err(|error| status(&error))
    }

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        let mut status = self.control.status();
        self.hub.version().clone_into(&mut status.version);
        status.run = self.hub.all().iter().map(|run| run.describe()).collect();
        let drops = self.hub.drops.all();
        status
            .drop
            .extend(drops.into_iter().map(|(reason, count)| v1::Drop {
                reason: reason.to_owned(),
                count,
            }));
        Ok(Response::new(status))
    }

    async fn sync(
        &self,
        request: Request<v1::SyncRequest>,
    ) -> Result<Response<Self::SyncStream>, Status> {
        let (out, answers) = mpsc::channel(OUT_QUEUE);
        self.control
            .sync(request.into_inner(), out)
            .map_err(Status::invalid_argument)?;
        let answers = tokio_stream::StreamExt::map(ReceiverStream::new(answers), Ok);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn retry(
        &self,
        request: Request<v1::RetryRequest>,
    ) -> Result<Response<v1::RetryResponse>, Status> {
        let retried = self.control.retry(request.into_inner()).await;
        retried.map(Response::new).map_err(Status::not_found)
    }

    async fn login(
        &self,
        request: Request<v1::LoginRequest>,
    ) -> Result<Response<v1::LoginResponse>, Status> {
        let answer = self.control.login(request.into_inner()).await;
        Ok(Response::new(answer))
    }

    async fn restore(
        &self,
        request: Request<v1::RestoreRequest>,
    ) -> Result<Response<v1::RestoreResponse>, Status> {
        let answer = self.control.restore(request.into_inner()).await;
        Ok(Response::new(answer))
    }

    async fn stage(
        &self,
        request: Request<v1::StageRequest>,
    ) -> Result<Response<v1::StageResponse>, Status> {
        let answer = self.control.stage(request.into_inner()).await;
        Ok(Response::new(answer))
    }

    async fn get_artifact(
        &self,
        request: Request<v1::GetArtifactRequest>,
    ) -> Result<Response<v1::GetArtifactResponse>, Status> {
        let answer = self.control.get_artifact(request.into_inner()).await;
        Ok(Response::new(answer))
    }

    async fn download_artifact(
        &self,
        request: Request<v1::DownloadArtifactRequest>,
    ) -> Result<Response<Self::DownloadArtifactStream>, Status> {
        let (out, answers) = mpsc::channel(OUT_QUEUE);
        self.control.download_artifact(request.into_inner(), out);
        let answers = tokio_stream::StreamExt::map(ReceiverStream::new(answers), Ok);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn change_artifact(
        &self,
        request: Request<v1::ChangeArtifactRequest>,
    ) -> Result<Response<v1::GetArtifactResponse>, Status> {
        let answer = self.control.change_artifact(request.into_inner()).await;
        Ok(Response::new(answer))
    }

    async fn shutdown(
        &self,
        _: Request<v1::ShutdownRequest>,
    ) -> Result<Response<v1::ShutdownResponse>, Status> {
        self.control.shutdown();
        Ok(Response::new(v1::ShutdownResponse {}))
    }
}
