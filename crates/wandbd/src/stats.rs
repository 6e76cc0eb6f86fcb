//! System metrics from the sampler into the journals of live runs.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use wandbd_ingest::RunLog;
use wandbd_proto::v1;
use wandbd_proto::wandb::record::RecordType;
use wandbd_record::{convert::stats_record, note::record};
use wandbd_sampler::{Number, Sample, Target};

/// Seconds between samples where the run names none, as in W&B.
const INTERVAL_S: f64 = 15.0;
/// W&B's floor.
const FLOOR_S: f64 = 0.1;

/// Which runs are sampled, and where their samples go.
pub(crate) struct Stats {
    runs: HashMap<u64, Arc<RunLog>>,
    next: u64,
    targets: watch::Sender<Arc<[Target]>>,
}

impl Stats {
    /// Nothing sampled yet; the receiver is for the sampler.
    pub(crate) fn new() -> (Self, watch::Receiver<Arc<[Target]>>) {
        let (targets, receiver) = watch::channel(Arc::from([]));
        let stats = Self {
            runs: HashMap::new(),
            next: 0,
            targets,
        };
        (stats, receiver)
    }

    /// Takes in opened runs and samples until both ends are closed.
    pub(crate) async fn run(
        mut self,
        mut opened: mpsc::Receiver<Arc<RunLog>>,
        mut samples: mpsc::Receiver<Sample>,
    ) {
        loop {
            tokio::select! {
                run = opened.recv() => match run {
                    Some(run) => self.add(run),
                    None => return,
                },
                sample = samples.recv() => match sample {
                    Some(sample) => self.take(sample),
                    None => return,
                },
            }
        }
    }

    fn add(&mut self, run: Arc<RunLog>) {
        let stats = run.open().stats.unwrap_or_default();
        if stats.disabled || run.has_ended() {
            return;
        }
        self.next += 1;
        self.runs.insert(self.next, run);
        self.publish();
    }

    /// Journals a sample; a run that has ended is sampled no more.
    fn take(&mut self, sample: Sample) {
        let Some(run) = self.runs.get(&sample.target).cloned() else {
            return;
        };
        let label = label(&run.open());
        let items = sample.readings.into_iter().map(|(key, number)| {
            let key = if label.is_empty() {
                key
            } else {
                format!("{key}/l:{label}")
            };
            (key, json(number))
        });
        let record = record(RecordType::Stats(stats_record(seconds(sample.at), items)));
        let target = sample.target;
        if !run.append_soon(vec![record]) {
            tracing::warn!(
                run = run.run_id(),
                "a sample of system metrics is lost: the disk does not answer"
            );
        }
        if run.has_ended() {
            self.runs.remove(&target);
            self.publish();
        }
    }

    fn publish(&self) {
        let targets = self.runs.iter().map(|(id, run)| target(*id, run)).collect();
        self.targets.send_replace(targets);
    }
}

/// How a writer among several of one run marks its metrics.
fn label(open: &v1::OpenRun) -> String {
    let own = open.stats.as_ref().map(|stats| stats.label.clone());
    own.filter(|label| !label.is_empty())
        .or_else(|| open.shared.as_ref().map(|shared| shared.label.clone()))
        .unwrap_or_default()
}

/// Unix seconds.
fn seconds(at: std::time::SystemTime) -> f64 {
    at.duration_since(std::time::SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// Readings are finite, so that every one is a JSON number.
fn json(number: Number) -> String {
    match number {
        Number::Int(value) => value.to_string(),
        Number::Float(value) => {
            let mut text = String::new();
            wandbd_record::json::push_f64(&mut text, value);
            text
        }
    }
}

fn target(id: u64, run: &RunLog) -> Target {
    let stats = run.open().stats.unwrap_or_default();
    let owner = run.opened().owner.clone().unwrap_or_default();
    let v1::Process {
        pid, start_time, ..
    } = owner;
    let interval = if stats.interval_s > 0.0 {
        stats.interval_s
    } else {
        INTERVAL_S
    };
    let disk_paths = if stats.disk_path.is_empty() {
        vec![PathBuf::from("/")]
    } else {
        stats.disk_path.iter().map(PathBuf::from).collect()
    };
    Target {
        id,
        pid,
        start_time,
        interval: Duration::from_secs_f64(interval.clamp(FLOOR_S, 86_400.0)),
        disk_paths,
        process_tree: stats.process_tree,
    }
}
