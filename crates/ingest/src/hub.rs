//! All runs of this daemon: opened by their owners, joined by workers, adopted from an earlier daemon.
//!
//! What a session may do is said here in plain calls; `service.rs` and `session.rs` carry them over gRPC.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wandbd_journal::Committer;
use wandbd_proto::{v1, wandb, wandb::record::RecordType};
use wandbd_record::{
    BadRecord,
    convert::{header_record, run_record},
    note::{record, set_note},
};
use wandbd_stage::Stage;

use crate::{
    drops::Drops, error::IngestError, load::owner_of, making::Workshop, minder, process,
    run_log::RunLog, vault::Vault,
};

/// Runs waiting to be taken up by the program; when it does not keep up, opening a run waits.
const OPENED_QUEUE: usize = 1024;

/// Why a journal is counted that could not be adopted.
pub const UNREADABLE: &str = "journals that could not be read";

/// Where runs lie.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Online journals, one folder each; offline ones are linked from here.
    pub runs_dir: PathBuf,
    /// Where clients leave what no daemon took.
    pub spill_dir: PathBuf,
    /// Version of the daemon, for headers and answers.
    pub version: String,
    /// Where private copies of users' files lie.
    pub stage: Stage,
}

/// See the module.
pub struct Hub {
    pub(crate) config: HubConfig,
    pub(crate) committer: Arc<Committer>,
    vault: Arc<dyn Vault>,
    runs: Mutex<HashMap<String, Arc<RunLog>>>,
    /// Sessions whose hello is being answered.
    answering: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    opened: mpsc::Sender<Arc<RunLog>>,
    /// What was not kept, by reason.
    pub drops: Arc<Drops>,
    pub(crate) stop: CancellationToken,
    /// Where media are made.
    pub(crate) workshop: Arc<Workshop>,
    /// Held while spills are taken over.
    pub(crate) spilling: tokio::sync::Mutex<()>,
    tasks: TaskTracker,
}

impl Hub {
    /// An empty hub, and the runs that will come, each once: opened, joined or adopted.
    pub fn new(
        config: HubConfig,
        committer: Arc<Committer>,
        vault: Arc<dyn Vault>,
        stop: CancellationToken,
    ) -> (Arc<Self>, mpsc::Receiver<Arc<RunLog>>) {
        let (opened, receiver) = mpsc::channel(OPENED_QUEUE);
        let drops: Arc<Drops> = Arc::default();
        let workshop = Workshop::new(config.stage.clone(), Arc::clone(&drops));
        let hub = Self {
            config,
            committer,
            vault,
            runs: Mutex::default(),
            answering: Mutex::default(),
            opened,
            drops,
            stop,
            workshop: Arc::new(workshop),
            spilling: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
        };
        (Arc::new(hub), receiver)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<RunLog>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be held while a hello of this session is answered: it may wait for a disk, and others must not.
    pub(crate) fn alone(&self, session: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut answering = self
            .answering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        answering.retain(|_, one| Arc::strong_count(one) > 1);
        Arc::clone(answering.entry(session.to_owned()).or_default())
    }

    pub(crate) fn spill_dir(&self) -> &Path {
        &self.config.spill_dir
    }

    /// Version of the daemon.
    pub(crate) fn version(&self) -> &str {
        &self.config.version
    }

    /// The run whose owner has this session.
    pub fn get(&self, session: &str) -> Option<Arc<RunLog>> {
        self.lock().get(session).cloned()
    }

    /// All runs known now, oldest first.
    pub fn all(&self) -> Vec<Arc<RunLog>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by(|a, b| a.start_time().total_cmp(&b.start_time()));
        all
    }

    /// Streams that clients hold now.
    pub fn sessions(&self) -> u32 {
        let sessions = self.all().iter().map(|run| run.sessions()).sum::<usize>();
        u32::try_from(sessions).unwrap_or(u32::MAX)
    }

    /// Forgets a run unless somebody holds a stream of it.
    pub fn forget_quiet(&self, run: &RunLog) {
        if run.sessions() == 0 {
            self.lock().remove(&run.opened().session);
        }
    }

    /// The run with this journal.
    pub fn find(&self, journal: &Path) -> Option<Arc<RunLog>> {
        let real = fs::canonicalize(journal).unwrap_or_else(|_| journal.to_owned());
        let same = |run: &&Arc<RunLog>| run.is_at(journal) || run.is_at(&real);
        self.lock().values().find(same).cloned()
    }

    /// A run's delivery is complete: its journal is marked, which W&B's own tools obey too, and nothing adopts it any more.
    ///
    /// # Errors
    /// When the mark cannot be written; then the next daemon finds the cursor at the end and writes it.
    pub fn mark_delivered(&self, run: &RunLog) -> io::Result<()> {
        mark(&synced_mark(run.path()))?;
        let link = self
            .config
            .runs_dir
            .join(format!("offline-{}", run.opened().session));
        match fs::remove_file(link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits until every minder has ended; for after `stop`.
    pub async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The owner's hello: finds its run, also on disk, or makes one. Blocking; one at a time of a session ([`Hub::alone`]).
    ///
    /// # Errors
    /// [`IngestError::Invalid`] for a hello that cannot open a run, and what the disk says.
    pub fn open(
        self: &Arc<Self>,
        session: &str,
        mut open: v1::OpenRun,
        owner: &v1::Process,
    ) -> Result<Arc<RunLog>, IngestError> {
        wandbd_record::RunId::new(&open.run_id)
            .map_err(|error| IngestError::Invalid(error.to_string()))?;
        if let Some(run) = self.get(session) {
            return Ok(run);
        }
        let run = loop {
            let (path, found) = self.place(session, &open)?;
            if found {
                break RunLog::adopt(&self.committer, &path)?;
            }
            let opened = self.opened(session, &mut open, owner)?;
            let records = opening(&opened, &self.config.version)
                .map_err(|error| IngestError::Invalid(error.to_string()))?;
            match RunLog::create(&self.committer, &path, opened, records) {
                // Another session of the same name was faster: there is another place.
                Err(error) if error.is_taken() => {}
                run => break run?,
            }
        };
        let run = Arc::new(run);
        self.lock().insert(session.to_owned(), Arc::clone(&run));
        self.take_up(&run);
        Ok(run)
    }

    /// What is noted when a run is opened, with the secrets put where they belong.
    fn opened(
        &self,
        session: &str,
        open: &mut v1::OpenRun,
        owner: &v1::Process,
    ) -> Result<v1::Opened, IngestError> {
        let server = open.server.take().unwrap_or_default();
        let kept = self
            .vault
            .keep(&server)
            .map_err(|source| IngestError::Vault {
                run: open.run_id.clone(),
                source,
            })?;
        let use_local = self.vault.use_local(&server);
        open.server = Some(server);
        Ok(v1::Opened {
            owner: Some(owner.clone()),
            session: session.to_owned(),
            key_fingerprint: kept.key,
            header_fingerprint: kept.headers,
            use_local,
            run: Some(wandbd_record::convert::secretless(open)),
        })
    }

    /// The journal of a run, and whether it is there already.
    fn place(&self, session: &str, open: &v1::OpenRun) -> Result<(PathBuf, bool), IngestError> {
        let folder = Path::new(&open.folder);
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| name.starts_with("run-") || name.starts_with("offline-run-"))
            .map_or_else(|| format!("run-{}", open.run_id), str::to_owned);
        let base = match folder
            .parent()
            .filter(|_| open.offline && folder.is_absolute())
        {
            Some(parent) => parent,
            None => &self.config.runs_dir,
        };
        for attempt in 1_u32.. {
            let suffix = if attempt == 1 {
                String::new()
            } else {
                format!("-{attempt}")
            };
            let dir = base.join(format!("{name}{suffix}"));
            let path = dir.join(format!("run-{}.wandb", open.run_id));
            if !path.exists() {
                private_dir(&dir)?;
                if open.offline {
                    self.link(&dir, session)?;
                }
                return Ok((path, false));
            }
            if owner_of(self.committer.files(), &path).as_deref() == Some(session) {
                return Ok((path, true));
            }
        }
        Err(IngestError::Invalid("bug: no place for a journal".into()))
    }

    /// Offline runs lie where the user looks for them; a link lets the next daemon find them.
    fn link(&self, dir: &Path, session: &str) -> Result<(), IngestError> {
        private_dir(&self.config.runs_dir)?;
        let link = self.config.runs_dir.join(format!("offline-{session}"));
        match symlink(dir, &link) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(IngestError::io("create", &link)(error))
            }
            _ => Ok(()),
        }
    }

    /// Starts the minder and tells the program.
    pub(crate) fn take_up(self: &Arc<Self>, run: &Arc<RunLog>) {
        if !run.has_ended() {
            self.tasks
                .spawn(minder::mind(Arc::clone(run), Arc::clone(self)));
        }
        let (opened, run) = (self.opened.clone(), Arc::clone(run));
        self.tasks.spawn(async move {
            if opened.send(run).await.is_err() {
                tracing::debug!("run opened while the daemon stops; the next one takes it up");
            }
        });
    }

    /// A worker's hello: the run of the owner's session.
    ///
    /// # Errors
    /// [`IngestError::UnknownRun`]; the worker tries again, since it may be faster than its parent.
    pub fn attach(&self, owner_session: &str) -> Result<Arc<RunLog>, IngestError> {
        self.get(owner_session)
            .ok_or_else(|| IngestError::UnknownRun(owner_session.to_owned()))
    }

    /// The process behind a connection, as this daemon sees it.
    pub(crate) fn owner_process(peer_pid: Option<u32>, said: Option<v1::Process>) -> v1::Process {
        peer_pid
            .and_then(process::look_at)
            // A pid of another namespace says nothing here: such an owner lives as long as its stream.
            .or(said.filter(process::is_alive))
            .unwrap_or_default()
    }
}

/// The records that begin every journal: header, then run.
fn opening(opened: &v1::Opened, version: &str) -> Result<Vec<wandb::Record>, BadRecord> {
    let open = opened.run.clone().unwrap_or_default();
    let mut run = record(RecordType::Run(run_record(&open)?));
    set_note(
        &mut run,
        v1::Note {
            opened: Some(opened.clone()),
            ..v1::Note::default()
        },
    );
    Ok(vec![
        record(RecordType::Header(header_record(version))),
        run,
    ])
}

/// `<file>.synced`, which W&B's own tools write and obey.
pub fn synced_mark(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".synced");
    PathBuf::from(name)
}

/// An empty file that only its user can read.
fn mark(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

/// Makes a directory that only its user can enter.
pub(crate) fn private_dir(dir: &Path) -> Result<(), IngestError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(IngestError::io("make the directory", dir))
}
