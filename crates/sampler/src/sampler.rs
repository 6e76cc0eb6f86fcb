//! The task that turns ticks into samples.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::device::Device;
use crate::grid::Grid;
use crate::metric::{Kind, Number, Reading, Readings};
use crate::target::{Sample, Target};
use crate::totals::Totals;
use crate::worker::{DEVICE_LIMIT, Worker};

/// Where wall time comes from.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// A running sampler; dropping it leaves it running until its token says stop.
#[derive(Debug)]
pub struct Sampler {
    task: JoinHandle<()>,
    dropped: Arc<AtomicU64>,
}

impl Sampler {
    /// Starts sampling `targets` as they change. It ends when `stop` is cancelled, when the senders of `targets` are gone,
    /// or when nobody receives `out` any more.
    ///
    /// `out` is never waited for: a sample that finds it full is dropped and counted.
    ///
    /// # Panics
    /// Outside a tokio runtime with time enabled.
    pub fn start(
        devices: Vec<Box<dyn Device>>,
        clock: Clock,
        targets: watch::Receiver<Arc<[Target]>>,
        out: mpsc::Sender<Sample>,
        stop: CancellationToken,
    ) -> Self {
        let dropped = Arc::new(AtomicU64::new(0));
        let beat = Beat {
            workers: devices.into_iter().map(Worker::spawn).collect(),
            clock,
            grid: Grid::new(Instant::now().into_std()),
            totals: Totals::default(),
            out,
            dropped: Arc::clone(&dropped),
        };
        Self {
            task: tokio::spawn(run(beat, targets, stop)),
            dropped,
        }
    }

    /// Samples that were dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits for the end; at most a moment after `stop`, also when a device hangs.
    ///
    /// # Errors
    /// [`JoinError`] when the task panicked or its runtime went away.
    pub async fn join(self) -> Result<(), JoinError> {
        self.task.await
    }
}

async fn run(mut beat: Beat, mut targets: watch::Receiver<Arc<[Target]>>, stop: CancellationToken) {
    beat.retarget(&targets.borrow_and_update().clone());
    loop {
        let next = beat.grid.next();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = beat.out.closed() => return,
            changed = targets.changed() => {
                if changed.is_err() {
                    return;
                }
                beat.retarget(&targets.borrow_and_update().clone());
                continue;
            }
            () = at(next) => {}
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = beat.tick() => {}
        }
    }
}

/// Waits until `next`; for ever without one.
async fn at(next: Option<std::time::Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next.into()).await,
        None => std::future::pending().await,
    }
}

struct Beat {
    workers: Vec<Worker>,
    clock: Clock,
    grid: Grid,
    totals: Totals,
    out: mpsc::Sender<Sample>,
    dropped: Arc<AtomicU64>,
}

impl Beat {
    fn retarget(&mut self, targets: &[Target]) {
        self.grid.retarget(targets, Instant::now().into_std());
        self.totals.keep(
            &targets
                .iter()
                .map(|target| target.id)
                .collect::<HashSet<_>>(),
        );
    }

    async fn tick(&mut self) {
        let now = Instant::now();
        let due: Arc<[Target]> = self.grid.take_due(now.into_std()).into();
        if due.is_empty() {
            return;
        }
        let at = (self.clock)();
        let readings = self.ask_all(now, &due).await;
        for sample in self.samples(at, &due, readings) {
            self.hand_over(sample);
        }
    }

    /// All devices work at the same time; together they have one limit.
    async fn ask_all(&mut self, now: Instant, due: &Arc<[Target]>) -> Vec<Readings> {
        let asked: Vec<bool> = self
            .workers
            .iter_mut()
            .map(|worker| worker.ask(now.into_std(), due))
            .collect();
        let deadline = now + DEVICE_LIMIT;
        let mut all = Vec::new();
        for (worker, asked) in self.workers.iter_mut().zip(asked) {
            if asked && let Some(readings) = worker.answer(deadline).await {
                all.push(readings);
            }
        }
        all
    }

    fn samples(&mut self, at: SystemTime, due: &[Target], readings: Vec<Readings>) -> Vec<Sample> {
        let mut rows: HashMap<u64, Vec<(String, Number)>> = HashMap::new();
        for device in readings {
            for target in due {
                for reading in &device.machine {
                    self.add(&mut rows, target.id, reading);
                }
            }
            for (target, reading) in &device.targets {
                self.add(&mut rows, *target, reading);
            }
        }
        let samples = due
            .iter()
            .filter_map(|target| Some((target.id, rows.remove(&target.id)?)));
        samples
            .map(|(target, readings)| Sample {
                target,
                at,
                readings,
            })
            .collect()
    }

    fn add(
        &mut self,
        rows: &mut HashMap<u64, Vec<(String, Number)>>,
        target: u64,
        reading: &Reading,
    ) {
        if !reading.value.is_finite() {
            return;
        }
        let key = reading.metric.key(reading.instance.as_deref());
        let value = match reading.metric.kind {
            Kind::Now => reading.value,
            Kind::SinceStart => self.totals.since_start(target, &key, reading.value),
        };
        rows.entry(target).or_default().push((key, value));
    }

    fn hand_over(&self, sample: Sample) {
        if let Err(mpsc::error::TrySendError::Full(sample)) = self.out.try_send(sample)
            && self.dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            warn!(
                target_id = sample.target,
                "samples come faster than they are taken; dropping and counting"
            );
        }
    }
}
