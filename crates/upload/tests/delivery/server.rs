//! A destination in memory that fails as it is told, and writes down what a real one would not forgive.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use wandbd_record::v1;
use wandbd_record::wandb::AlertRecord;
use wandbd_run::Opened;
use wandbd_upload::{
    Answer, ArtifactOutcome, Block, Content, Destination, ExitState, FileResult, Pace,
    ParamsChange, Post, RunStart, RunState, SendError, UploadFile, Version,
};

/// What goes wrong with one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    Unreachable,
    Down,
    Busy,
    Unauthorized,
    Forbidden,
    Gone,
    Conflict,
    /// 400, 413, 422.
    Rejected,
    /// A state that `init` forbids.
    Usage,
    /// The request is processed, the answer does not arrive.
    AnswerLost,
    /// Nothing is ever heard.
    Hang,
}

#[derive(Default)]
pub struct Inner {
    /// For whatever is asked next.
    pub faults: VecDeque<Fault>,
    /// For the next posts.
    pub post_faults: VecDeque<Fault>,
    /// For whatever is asked next on one channel.
    pub own_faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// The run is not there: nothing but opening it helps.
    pub deleted: bool,
    pub alerts: Vec<String>,
    /// How often each file came.
    pub puts: BTreeMap<String, usize>,
    pub params: Vec<ParamsChange>,
    pub updates: usize,
    /// What was told of several writers.
    pub starts: Vec<RunStart>,
    /// A line with this text is refused.
    pub poison: Option<&'static str>,
    pub history: Vec<String>,
    pub events: Vec<String>,
    pub console: BTreeMap<u64, String>,
    pub summary: Option<String>,
    pub uploaded: Vec<String>,
    pub files: BTreeMap<String, Vec<u8>>,
    pub config: Option<String>,
    pub artifacts: Vec<String>,
    pub links: Vec<String>,
    pub used: BTreeSet<String>,
    pub complete: Option<i32>,
    pub opens: usize,
    pub posts: Vec<Instant>,
    pub reauthorized: usize,
    pub stop: bool,
    /// What must never happen.
    pub violations: Vec<String>,
    in_flight: bool,
    last_start: Option<Instant>,
}

pub struct MemoryServer {
    pub pace: Pace,
    inner: Mutex<Inner>,
}

impl MemoryServer {
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> MemoryServer {
        let pace = Pace {
            max_post_bytes: 400,
            ..Pace::default()
        };
        MemoryServer {
            pace,
            inner: Mutex::new(Inner {
                faults: faults.into_iter().collect(),
                ..Inner::default()
            }),
        }
    }

    pub fn look(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// The uploader was killed: its request is cut off.
    pub fn killed(&self) {
        let mut inner = self.look();
        inner.in_flight = false;
        inner.last_start = None;
    }

    async fn fault(&self, channel: &'static str) -> Result<bool, SendError> {
        let own = self.own_fault(channel);
        let fault = own.or_else(|| self.look().faults.pop_front());
        self.suffer(fault.unwrap_or(Fault::None)).await
    }

    fn own_fault(&self, channel: &'static str) -> Option<Fault> {
        let mut inner = self.look();
        let own = inner.own_faults.get_mut(channel);
        own.and_then(VecDeque::pop_front)
    }

    async fn post_fault(&self) -> Result<bool, SendError> {
        let fault = self.look().post_faults.pop_front();
        match fault {
            Some(fault) => self.suffer(fault).await,
            None => self.fault("post").await,
        }
    }

    async fn suffer(&self, fault: Fault) -> Result<bool, SendError> {
        let reason = String::from("test");
        match fault {
            Fault::None => Ok(false),
            Fault::AnswerLost => Ok(true),
            Fault::Unreachable => Err(SendError::Unreachable("no route".into())),
            Fault::Down => Err(SendError::Server {
                status: 500,
                reason,
            }),
            Fault::Busy => Err(SendError::Busy(Some(Duration::from_secs(90)))),
            Fault::Unauthorized => Err(SendError::Unauthorized(reason)),
            Fault::Forbidden => Err(SendError::Forbidden(reason)),
            Fault::Gone => Err(SendError::Gone {
                status: 404,
                reason,
            }),
            Fault::Conflict => Err(SendError::Conflict(reason)),
            Fault::Rejected => Err(SendError::Rejected {
                status: 422,
                reason,
            }),
            Fault::Usage => Err(SendError::Usage(reason)),
            Fault::Hang => {
                self.look().in_flight = false;
                pending().await
            }
        }
    }

    fn lost<T>(answer: T, lost: bool) -> Result<T, SendError> {
        if lost {
            return Err(SendError::Unreachable("connection reset".into()));
        }
        Ok(answer)
    }
}

impl Inner {
    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// An empty run under the same id.
    fn make_again(&mut self) {
        self.history.clear();
        self.events.clear();
        self.console.clear();
        self.files.clear();
        self.uploaded.clear();
        self.summary = None;
        self.complete = None;
    }

    fn begin_post(&mut self, gap: Duration) {
        let now = Instant::now();
        if self.in_flight {
            self.violation("two posts at once".into());
        }
        let last = self.last_start.replace(now);
        if last.is_some_and(|last| now - last < gap) {
            self.violation(format!("a post after {:?}", last.map(|last| now - last)));
        }
        self.in_flight = true;
        self.posts.push(now);
    }

    fn end_post(&mut self) {
        self.in_flight = false;
    }

    fn refuses(&self, post: &Post) -> bool {
        let blocks = [&post.history, &post.events, &post.console];
        let mut lines = blocks.iter().flat_map(|block| block.lines());
        self.poison
            .is_some_and(|poison| lines.any(|line| line.contains(poison)))
    }

    fn store(&mut self, name: &str, block: &Block) {
        let mut lines = match name {
            "history" => std::mem::take(&mut self.history),
            _ => std::mem::take(&mut self.events),
        };
        for (n, line) in block.lines().iter().enumerate() {
            let at = usize::try_from(block.offset).unwrap() + n;
            if at > lines.len() {
                self.violation(format!("gap in {name}: {at} after {}", lines.len()));
            } else if at == lines.len() {
                lines.push(line.clone());
            } else if lines[at] != *line {
                self.violation(format!("{name} {at} changed: {} -> {line}", lines[at]));
            }
        }
        if self.complete.is_some()
            && !block.lines().is_empty()
            && lines.len() as u64 <= block.offset
        {
            self.violation("lines after complete".into());
        }
        match name {
            "history" => self.history = lines,
            _ => self.events = lines,
        }
    }

    fn process(&mut self, post: &Post) {
        self.store("history", &post.history);
        self.store("events", &post.events);
        for (n, line) in post.console.lines().iter().enumerate() {
            self.console
                .insert(post.console.offset + n as u64, line.clone());
        }
        if let Some(summary) = &post.summary {
            self.summary = Some(summary.to_string());
        }
        self.uploaded.extend(post.uploaded.iter().cloned());
        if let Some(code) = post.complete {
            self.complete = Some(code);
        }
    }
}

#[async_trait]
impl Destination for MemoryServer {
    async fn open(&self, run: &RunStart) -> Result<Opened, SendError> {
        let lost = self.fault("open").await?;
        let mut inner = self.look();
        inner.opens += 1;
        inner.starts.push(run.clone());
        if std::mem::take(&mut inner.deleted) {
            inner.make_again();
        }
        inner.config = Some(run.config_json.clone());
        let opened = Opened {
            run_id: run.run.run_id.clone(),
            entity: run.run.entity.clone(),
            project: run.run.project.clone(),
            history_base: inner.history.len() as u64,
            events_base: inner.events.len() as u64,
            ..Opened::default()
        };
        Self::lost(opened, lost)
    }

    async fn update(&self, _: &Opened, state: &RunState) -> Result<(), SendError> {
        let lost = self.fault("update").await?;
        let mut inner = self.look();
        inner.updates += 1;
        inner.params.extend(state.params.clone());
        inner.config = Some(state.config_json.clone());
        drop(inner);
        Self::lost((), lost)
    }

    async fn post(&self, _: &Opened, post: &Post) -> Result<Answer, SendError> {
        self.look().begin_post(self.pace.min_gap);
        sleep(Duration::from_millis(30)).await;
        let fault = self.post_fault().await;
        let mut inner = self.look();
        inner.end_post();
        let lost = fault?;
        if inner.deleted {
            return Err(SendError::Gone {
                status: 404,
                reason: "no such run".into(),
            });
        }
        if inner.refuses(post) {
            return Err(SendError::Rejected {
                status: 400,
                reason: "bad line".into(),
            });
        }
        inner.process(post);
        let stopped = inner.stop;
        Self::lost(Answer { stopped }, lost)
    }

    async fn put_files(&self, _: &Opened, files: &[UploadFile]) -> Vec<FileResult> {
        let mut results = Vec::new();
        for file in files {
            let content = match &file.content {
                Content::Bytes(bytes) => bytes.to_vec(),
                Content::Path(path) => std::fs::read(path).unwrap(),
            };
            let result = self.fault("files").await.and_then(|lost| {
                let mut inner = self.look();
                *inner.puts.entry(file.name.clone()).or_default() += 1;
                inner.files.insert(file.name.clone(), content);
                drop(inner);
                Self::lost((), lost)
            });
            results.push(FileResult {
                name: file.name.clone(),
                result,
            });
        }
        results
    }

    async fn alert(&self, _: &Opened, alert: &AlertRecord) -> Result<(), SendError> {
        let lost = self.fault("alert").await?;
        let mut inner = self.look();
        if inner.complete.is_some() {
            inner.violation("an alert after complete".into());
        }
        inner.alerts.push(alert.title.clone());
        Self::lost((), lost)
    }

    async fn artifact(&self, _: &Opened, version: &Version) -> Result<ArtifactOutcome, SendError> {
        let artifact = &version.record;
        let lost = self.fault("artifact").await?;
        let mut inner = self.look();
        if inner.complete.is_some() {
            inner.violation("an artifact after complete".into());
        }
        let id = artifact.client_id.clone();
        if inner.artifacts.contains(&id) {
            let id = format!("server-{id}");
            return Self::lost(ArtifactOutcome { id, new: false }, lost);
        }
        inner.artifacts.push(id.clone());
        let id = format!("server-{id}");
        Self::lost(ArtifactOutcome { id, new: true }, lost)
    }

    async fn link(&self, _: &Opened, link: &v1::Link) -> Result<(), SendError> {
        let lost = self.fault("link").await?;
        let said = format!("{} -> {}", link.artifact_id, link.target);
        let mut inner = self.look();
        if !inner.links.contains(&said) {
            inner.links.push(said);
        }
        Self::lost((), lost)
    }

    async fn use_artifact(&self, _: &Opened, id: &str) -> Result<(), SendError> {
        let lost = self.fault("use").await?;
        self.look().used.insert(id.to_owned());
        Self::lost((), lost)
    }

    async fn reauthorize(&self) {
        self.look().reauthorized += 1;
    }

    fn exit_files(&self, state: &ExitState) -> Vec<UploadFile> {
        vec![UploadFile {
            name: "config.yaml".into(),
            content: Content::Bytes(state.config_json.clone().into_bytes().into()),
        }]
    }

    fn pace(&self) -> Pace {
        self.pace.clone()
    }
}
