//! The daemon from start to stop.

use std::{io, sync::Arc, time::SystemTime};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use wandbd_ingest::{Control, Hub, HubConfig, IngestError, RunLog, adopt_spills};
use wandbd_journal::{Committer, CommitterTask, OsFiles};
use wandbd_proto::v1;
use wandbd_sampler::Sampler;
use wandbd_stage::Stage;

use crate::{
    cli::Options,
    config::{Config, ConfigError},
    credentials::Credentials,
    deliver::Deliveries,
    local::{self, Hosted, LocalStartError},
    lock::{Lock, LockError},
    retention, snapshots,
    start::private_dir,
    stats::Stats,
    tasks::{self, ended},
};

/// Samples waiting for the journal; the sampler drops and counts what is more.
const SAMPLES: usize = 256;
/// Opened runs waiting for their samples.
const STATS_QUEUE: usize = 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Local(#[from] LocalStartError),
    #[error("cannot {action}")]
    Io {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the socket failed")]
    Server(#[from] tonic::transport::Error),
}

fn io_error(action: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { action, source }
}

/// Serves until a signal, a `stop`, or nothing left to do.
pub(crate) async fn serve(options: &Options) -> Result<(), ServeError> {
    let config = Config::new(options)?;
    log_to_stderr(&config.log);
    set_limits();
    private_dir(&config.state_dir).map_err(io_error("make the state directory"))?;
    let lock = Lock::take(&config.state_dir)?;
    let stop = CancellationToken::new();
    let signals = tokio::spawn(stop_at_signal(stop.clone())?);

    let hosted = local::host(&config, &stop).await?;
    let credentials = Credentials::load(&config.state_dir, hosted.is_some())
        .map_err(io_error("read the credentials file"))?;
    let credentials = Arc::new(credentials);
    let stage = Stage::new(config.state_dir.join("staging"), config.staging_bytes);
    let (committer, committing) = Committer::start(Arc::new(OsFiles));
    let (hub, opened) = make_hub(&config, committer, (&credentials, &stage), &stop);
    let (started, stats, to_stats) = start_sampler(&stop);
    let deliveries = Deliveries::new(
        &hub,
        &credentials,
        hosted.as_ref(),
        (&config, &stage),
        stop.clone(),
    );
    let taking = tokio::spawn(take_up(opened, Arc::clone(&deliveries), to_stats));
    adopt(&hub).await?;

    let listener = bind(&config)?;
    tracing::info!(socket = %config.socket.display(), state = %config.state_dir.display(), "serving");
    let control = Arc::new(Daemon::new(&config, &deliveries, hosted.as_ref()));
    let kept = (Arc::clone(&hub), credentials, stage);
    let keeper = tokio::spawn(retention::keep(config.clone(), kept, stop.clone()));
    let server = tokio::spawn(wandbd_ingest::serve(listener, Arc::clone(&hub), control));
    let result = watch_server(server, &stop).await;

    tracing::info!("stopping");
    let parts = Parts {
        hub,
        sampler: started,
        stats,
        committing,
        deliveries,
        others: [
            ("taking up runs", taking),
            ("keeper", keeper),
            ("signals", signals),
        ],
        hosted,
    };
    parts.end().await;
    remove_socket(&config);
    drop(lock);
    tracing::info!("stopped");
    result
}

/// What is ended at the stop, in the order of the data.
struct Parts {
    hub: Arc<Hub>,
    sampler: Sampler,
    stats: JoinHandle<()>,
    committing: CommitterTask,
    deliveries: Arc<Deliveries>,
    others: [(&'static str, JoinHandle<()>); 3],
    hosted: Option<Hosted>,
}

impl Parts {
    async fn end(self) {
        if timeout(tasks::LIMIT, self.hub.finished()).await.is_err() {
            tracing::warn!("sessions given up; their clients send again what is not acknowledged");
        }
        if timeout(tasks::LIMIT, self.sampler.join()).await.is_err() {
            tracing::warn!("sampler given up");
        }
        ended("stats", self.stats).await;
        if let Ok(Err(error)) = timeout(tasks::LIMIT, self.committing.shutdown()).await {
            tracing::error!(%error, "journal committer ended badly");
        }
        self.deliveries.stage.stop();
        self.deliveries.finished().await;
        for (name, task) in self.others {
            ended(name, task).await;
        }
        if let Some(Hosted { task, .. }) = self.hosted {
            ended("embedded server", task).await;
        }
    }
}

fn remove_socket(config: &Config) {
    match std::fs::remove_file(&config.socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "socket not removed");
        }
        _ => {}
    }
}

/// Ends when the server has; a server that ends before the stop is an error and stops the daemon.
async fn watch_server(
    mut server: JoinHandle<Result<(), tonic::transport::Error>>,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let limited = async {
        stop.cancelled().await;
        tokio::time::sleep(tasks::LIMIT).await;
    };
    tokio::select! {
        ended = &mut server => {
            stop.cancel();
            match ended {
                Ok(result) => Ok(result?),
                Err(error) => Err(io_error("keep the server running")(io::Error::other(error))),
            }
        }
        () = limited => {
            server.abort();
            Ok(())
        }
    }
}

fn make_hub(
    config: &Config,
    committer: Committer,
    (credentials, stage): (&Arc<Credentials>, &Stage),
    stop: &CancellationToken,
) -> (Arc<Hub>, mpsc::Receiver<Arc<RunLog>>) {
    let hub_config = HubConfig {
        runs_dir: config.state_dir.join("runs"),
        spill_dir: config.state_dir.join("spill"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stage: stage.clone(),
    };
    let vault = Arc::<Credentials>::clone(credentials);
    Hub::new(hub_config, Arc::new(committer), vault, stop.clone())
}

/// What earlier daemons and unanswered clients left.
async fn adopt(hub: &Arc<Hub>) -> Result<(), ServeError> {
    let adopting = Arc::clone(hub);
    let adopted = tokio::task::spawn_blocking(move || adopting.adopt_all())
        .await
        .map_err(|error| io_error("adopt runs")(io::Error::other(error)))??;
    if adopted > 0 {
        tracing::info!(runs = adopted, "undelivered runs adopted");
    }
    adopt_spills(hub).await;
    Ok(())
}

fn bind(config: &Config) -> Result<tokio::net::UnixListener, ServeError> {
    if let Some(dir) = config.socket.parent() {
        wandbd_client::paths::private_dir(dir).map_err(ConfigError::from)?;
    }
    Ok(wandbd_ingest::bind(&config.socket)?)
}

type StartedSampler = (Sampler, JoinHandle<()>, mpsc::Sender<Arc<RunLog>>);

fn start_sampler(stop: &CancellationToken) -> StartedSampler {
    let (stats, targets) = Stats::new();
    let (to_journal, samples) = mpsc::channel(SAMPLES);
    let (to_stats, opened) = mpsc::channel(STATS_QUEUE);
    let clock: wandbd_sampler::Clock = Arc::new(system_time);
    let started = Sampler::start(
        wandbd_sampler::devices(),
        clock,
        targets,
        to_journal,
        stop.clone(),
    );
    let stats = tokio::spawn(stats.run(opened, samples));
    (started, stats, to_stats)
}

/// Every run that is opened or adopted: facts, system metrics, delivery.
async fn take_up(
    mut opened: mpsc::Receiver<Arc<RunLog>>,
    deliveries: Arc<Deliveries>,
    to_stats: mpsc::Sender<Arc<RunLog>>,
) {
    let machine = tokio::task::spawn_blocking(wandbd_sampler::machine)
        .await
        .unwrap_or_default();
    let machine = Arc::new(machine);
    loop {
        let run = tokio::select! {
            () = deliveries.stopped() => return,
            run = opened.recv() => match run {
                Some(run) => run,
                None => return,
            },
        };
        deliveries.take(&run);
        if run.has_ended() {
            continue;
        }
        let (facts_of, machine) = (Arc::clone(&run), Arc::clone(&machine));
        let asked = Arc::clone(&deliveries);
        deliveries.spawn(async move { asked.look_around(facts_of, machine).await });
        if to_stats.send(run).await.is_err() {
            return;
        }
    }
}

/// What only the whole program can answer.
struct Daemon {
    config: Config,
    hub: Arc<Hub>,
    deliveries: Arc<Deliveries>,
    local_url: String,
    started_at: f64,
    stop: CancellationToken,
}

impl Daemon {
    fn new(config: &Config, deliveries: &Arc<Deliveries>, hosted: Option<&Hosted>) -> Self {
        Self {
            config: config.clone(),
            hub: Arc::clone(&deliveries.hub),
            deliveries: Arc::clone(deliveries),
            local_url: hosted.map(|hosted| hosted.url.clone()).unwrap_or_default(),
            started_at: now(),
            stop: deliveries.stop.clone(),
        }
    }
}

#[tonic::async_trait]
impl Control for Daemon {
    fn status(&self) -> v1::StatusResponse {
        v1::StatusResponse {
            pid: std::process::id(),
            started_at: self.started_at,
            state_dir: self.config.state_dir.display().to_string(),
            socket: self.config.socket.display().to_string(),
            local_url: self.local_url.clone(),
            sessions: self.hub.sessions(),
            staged_bytes: self.deliveries.stage.bytes(),
            staging_limit: self.deliveries.stage.limit(),
            ..v1::StatusResponse::default()
        }
    }

    fn sync(
        &self,
        request: v1::SyncRequest,
        out: mpsc::Sender<v1::SyncProgress>,
    ) -> Result<(), String> {
        self.deliveries.sync(request, out)
    }

    async fn retry(&self, request: v1::RetryRequest) -> Result<v1::RetryResponse, String> {
        self.deliveries.retry(&request)
    }

    async fn login(&self, request: v1::LoginRequest) -> v1::LoginResponse {
        self.deliveries.login(&request).await
    }

    async fn restore(&self, request: v1::RestoreRequest) -> v1::RestoreResponse {
        self.deliveries.restore(&request).await
    }

    async fn stage(&self, request: v1::StageRequest) -> v1::StageResponse {
        snapshots::keep(&self.deliveries.stage, request).await
    }

    async fn get_artifact(&self, request: v1::GetArtifactRequest) -> v1::GetArtifactResponse {
        self.deliveries.get_artifact(request).await
    }

    fn download_artifact(
        &self,
        request: v1::DownloadArtifactRequest,
        out: mpsc::Sender<v1::DownloadProgress>,
    ) {
        self.deliveries.download_artifact(request, out);
    }

    async fn change_artifact(&self, request: v1::ChangeArtifactRequest) -> v1::GetArtifactResponse {
        self.deliveries.change_artifact(&request).await
    }

    fn shutdown(&self) {
        self.stop.cancel();
    }
}

fn log_to_stderr(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_default();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}

fn set_limits() {
    no_core_dumps();
    many_files();
    // What the daemon writes is for its user alone, also what libraries create for it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Keys live in this process' memory.
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps are not off");
    }
}

/// Every run that is not delivered holds a file, every client a connection.
fn many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "limit of open files not raised");
    }
}

fn stop_at_signal(stop: CancellationToken) -> Result<impl Future<Output = ()> + Send, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(io_error("watch SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io_error("watch SIGINT"))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stop.cancelled() => {}
        }
        stop.cancel();
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the daemon's one clock; everything else is given the time"
)]
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Unix seconds.
pub(crate) fn now() -> f64 {
    system_time()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
