use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use wandbd_journal::Files;
use wandbd_record::wandb::RunRecord;
use wandbd_run::Opened;

use crate::budget::Budget;
use crate::courier::{Courier, Rejection, Stopped};
use crate::cursor::{Cursor, Notebook, SAVE_AGAIN};
use crate::destination::{Destination, RunStart};
use crate::error::{UploadError, chain};
use crate::flow::{Ended, Flow, Parts};
use crate::head::{Head, Reader};
use crate::poster::Poster;
use crate::progress::{Channel, Handle, Standing};
use crate::source::Feed;
use crate::timing::Timing;

/// How an uploader ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has everything.
    Delivered,
    /// It was told to stop; the next one goes on.
    Stopped,
    /// The destination has the run in a state that `init` forbids ([`Progress::error`](crate::Progress::error)). Nothing was sent, and
    /// nothing is until a new uploader asks again.
    Forbidden,
}

/// What a person wants to be different from what the journal says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Whose run it is.
    pub entity: Option<String>,
    /// Which project it belongs to.
    pub project: Option<String>,
    /// Its id.
    pub run_id: Option<String>,
    /// Its job type.
    pub job_type: Option<String>,
    /// Go on with the run if the destination has it, whatever the journal says.
    pub resume: bool,
}

impl Overrides {
    pub(crate) fn apply(&self, run: &mut RunRecord) {
        for (wish, field) in [
            (&self.entity, &mut run.entity),
            (&self.project, &mut run.project),
            (&self.run_id, &mut run.run_id),
            (&self.job_type, &mut run.job_type),
        ] {
            if let Some(wish) = wish {
                field.clone_from(wish);
            }
        }
    }
}

/// All that an uploader needs.
pub struct Setup {
    /// The journal.
    pub feed: Arc<dyn Feed>,
    /// Its path; cursor, opened block and quarantine lie beside it.
    pub journal: PathBuf,
    /// Where the run's files lie, `wandb-metadata.json` for example; `output.log` is made here.
    pub folder: PathBuf,
    /// For the cursor.
    pub files: Arc<dyn Files>,
    /// Where to.
    pub destination: Arc<dyn Destination>,
    /// Shared by all uploaders to that server.
    pub budget: Arc<Budget>,
    /// How patient to be.
    pub timing: Timing,
    /// Deviations from the journal.
    pub overrides: Overrides,
    /// Called with the client id of an artifact when it is delivered, at least once: its staged files may go.
    pub on_artifact_done: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Setup {
    /// The usual: files beside the journal, default patience, a budget of its own, nothing different.
    pub fn new(
        feed: Arc<dyn Feed>,
        journal: &Path,
        files: Arc<dyn Files>,
        destination: Arc<dyn Destination>,
    ) -> Setup {
        let folder = journal.parent().unwrap_or(Path::new(".")).join("files");
        Setup {
            feed,
            journal: journal.to_owned(),
            folder,
            files,
            destination,
            budget: Arc::default(),
            timing: Timing::default(),
            overrides: Overrides::default(),
            on_artifact_done: Arc::new(|_| {}),
        }
    }
}

/// Delivers one run.
pub struct Uploader {
    setup: Setup,
    standing: Standing,
    retry: Arc<watch::Sender<u64>>,
}

impl Uploader {
    /// An uploader, and a handle to look at it and poke it.
    pub fn new(setup: Setup) -> (Uploader, Handle) {
        let (standing, progress) = Standing::new();
        let retry = Arc::new(watch::Sender::new(0));
        let handle = Handle {
            progress,
            retry: Arc::clone(&retry),
        };
        let uploader = Uploader {
            setup,
            standing,
            retry,
        };
        (uploader, handle)
    }

    /// Works until everything is delivered or `stop` is cancelled. It may be dropped at any point; nothing is lost or doubled.
    ///
    /// # Errors
    /// [`UploadError`] when the journal or the cursor cannot be read at all.
    pub async fn run(self, stop: CancellationToken) -> Result<Outcome, UploadError> {
        let Uploader {
            setup,
            standing,
            retry,
        } = self;
        let courier = Arc::new(Courier {
            destination: Arc::clone(&setup.destination),
            budget: Arc::clone(&setup.budget),
            timing: setup.timing.clone(),
            standing,
            stop,
            retry,
            ending: AtomicBool::new(false),
            held_errands: AtomicUsize::new(0),
            name: name(&setup.journal),
        });
        let notebook = Notebook::new(Arc::clone(&setup.files), &setup.journal);
        loop {
            let cursor = notebook.load().await?;
            courier.standing.update(|progress| cursor.report(progress));
            if let Some(opened) = cursor.opened.clone() {
                courier.standing.opened(&Arc::new(opened));
            }
            if cursor.completed {
                courier.standing.delivered();
                return Ok(Outcome::Delivered);
            }
            let reader = Reader::open(Arc::clone(&setup.feed), Arc::clone(&courier))?;
            let delivery = deliver(&setup, &courier, notebook.clone(), cursor, reader);
            match Box::pin(delivery).await {
                Ok(Ended::Delivered) => {
                    info!(run = %courier.name, "delivered");
                    courier.standing.delivered();
                    return Ok(Outcome::Delivered);
                }
                Ok(Ended::Deleted) => {}
                Err(End::Stopped) => return Ok(Outcome::Stopped),
                Err(End::NoRun) => return Err(UploadError::NoRun(setup.journal)),
                Err(End::Forbidden(cause)) => {
                    courier.standing.forbidden(&cause);
                    return Ok(Outcome::Forbidden);
                }
            }
        }
    }
}

enum End {
    Stopped,
    NoRun,
    Forbidden(String),
}

impl From<Stopped> for End {
    fn from(Stopped: Stopped) -> End {
        End::Stopped
    }
}

async fn deliver(
    setup: &Setup,
    courier: &Arc<Courier>,
    notebook: Notebook,
    mut cursor: Cursor,
    mut reader: Reader,
) -> Result<Ended, End> {
    let Some(head) = Head::read(&mut reader, courier, &setup.overrides).await? else {
        if setup.feed.finished() {
            return Err(End::NoRun);
        }
        courier.stop.cancelled().await;
        return Err(End::Stopped);
    };
    let start = Arc::new(RunStart {
        again: cursor.before.is_some(),
        ..head.start.clone()
    });
    let opened = match cursor.opened.clone() {
        Some(opened) => opened,
        None => open(courier, &notebook, &mut cursor, &start).await?,
    };
    let opened = Arc::new(opened);
    courier.standing.opened(&opened);
    let start_again = start.again;
    let poster = Arc::new(Poster {
        courier: Arc::clone(courier),
        start,
        opened: Arc::clone(&opened),
        pace: courier.destination.pace(),
        accepted: AtomicBool::new(cursor.posts > 0),
        last: Mutex::new((cursor.posts > 0 || start_again).then(Instant::now)),
    });
    let parts = Parts {
        courier: Arc::clone(courier),
        poster,
        opened,
        notebook,
        reader,
        feed: Arc::clone(&setup.feed),
        journal: setup.journal.clone(),
        folder: setup.folder.clone(),
        on_artifact_done: Arc::clone(&setup.on_artifact_done),
    };
    Ok(Box::pin(Flow::new(parts, cursor, &head).run()).await?)
}

/// Opens the run and saves what was said, twice, before anything else is sent.
async fn open(
    courier: &Arc<Courier>,
    notebook: &Notebook,
    cursor: &mut Cursor,
    start: &RunStart,
) -> Result<Opened, End> {
    let answer = courier
        .insist(Channel::Open, Rejection::Park, || {
            courier.destination.open(start)
        })
        .await?;
    // Everything else is asked until it is answered.
    let mut opened = answer.map_err(|error| End::Forbidden(chain(&error)))?;
    if let Some(before) = &cursor.before {
        go_on(&mut opened, before);
    }
    cursor.opened = Some(opened.clone());
    loop {
        let saved = match notebook.save_opened(&opened).await {
            Ok(()) => notebook.save(cursor).await,
            failed => failed,
        };
        match saved {
            Ok(()) => {
                courier.flows(Channel::Journal);
                return Ok(opened);
            }
            Err(error) => {
                error!(run = %courier.name, %error, "nothing is sent before this is saved");
                let cause = chain(&error);
                courier.standing.held_up(Channel::Journal, false, cause);
                courier.or_stop(sleep(SAVE_AGAIN)).await?;
            }
        }
    }
}

/// A run that is made again keeps its numbers: of what lay before our lines there is nothing left but the steps.
fn go_on(opened: &mut Opened, before: &Opened) {
    opened.step_base = before.step_base;
    opened.runtime_base = before.runtime_base;
    opened.resumed = before.resumed;
    opened
        .inherited_summary
        .clone_from(&before.inherited_summary);
    opened.inherited_config.clone_from(&before.inherited_config);
    opened.branch.clone_from(&before.branch);
}

/// What a run is called in logs: the journal's file name.
fn name(journal: &Path) -> String {
    let name = journal.file_stem().unwrap_or(journal.as_os_str());
    name.to_string_lossy().into_owned()
}
