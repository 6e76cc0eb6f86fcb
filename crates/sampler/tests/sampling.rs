//! The sampler through its public face, with fake devices and a clock that stands still until it is moved.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wandbd_sampler::{
    Clock, Device, DeviceError, Kind, Metric, Number, Readings, Sample, Sampler, Target, Unit,
};

static METRICS: [Metric; 3] = [
    Metric {
        key: "asked",
        unit: Unit::Count,
        kind: Kind::Now,
        doc: "how often this device was asked",
    },
    Metric {
        key: "flow",
        unit: Unit::Bytes,
        kind: Kind::SinceStart,
        doc: "1,000 more with each question",
    },
    Metric {
        key: "mine",
        unit: Unit::Count,
        kind: Kind::Now,
        doc: "the id of the target",
    },
];
static HUNG: [Metric; 1] = [Metric {
    key: "hung",
    unit: Unit::Count,
    kind: Kind::Now,
    doc: "the number of the question, late or never",
}];

/// Counts how often it is asked.
struct Counting(Arc<AtomicUsize>);

impl Device for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn sample(&mut self, _now: Instant, targets: &[Target]) -> Result<Readings, DeviceError> {
        let asked = u64::try_from(self.0.fetch_add(1, Ordering::SeqCst) + 1).unwrap();
        let mut readings = Readings::default();
        readings.machine(&METRICS[0], None, asked);
        readings.machine(&METRICS[1], None, 1_000 * asked);
        for target in targets {
            readings.target(target.id, &METRICS[2], None, target.id);
        }
        Ok(readings)
    }
}

/// Blocks in each call until it is let go.
struct Hung {
    entered: Arc<AtomicUsize>,
    let_go: std_mpsc::Receiver<()>,
}

impl Device for Hung {
    fn name(&self) -> &'static str {
        "hung"
    }

    fn metrics(&self) -> &'static [Metric] {
        &HUNG
    }

    fn sample(&mut self, _now: Instant, _targets: &[Target]) -> Result<Readings, DeviceError> {
        let entered = self.entered.fetch_add(1, Ordering::SeqCst) + 1;
        if self.let_go.recv().is_err() {
            return Err(DeviceError::Driver {
                call: "sample",
                reason: "the test is over".to_owned(),
            });
        }
        let mut readings = Readings::default();
        readings.machine(&HUNG[0], None, u64::try_from(entered).unwrap());
        Ok(readings)
    }
}

struct Panicking;

impl Device for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    fn metrics(&self) -> &'static [Metric] {
        &[]
    }

    fn sample(&mut self, _now: Instant, _targets: &[Target]) -> Result<Readings, DeviceError> {
        panic!("a driver's bug")
    }
}

/// Tokio's paused clock runs ahead when all tasks wait; a blocking task that waits too makes it stand still, so that
/// device threads can answer in their own time.
struct Frozen(#[allow(dead_code, reason = "held, not read")] std_mpsc::Sender<()>);

fn freeze() -> Frozen {
    let (hold, wait) = std_mpsc::channel::<()>();
    drop(tokio::task::spawn_blocking(move || wait.recv()));
    Frozen(hold)
}

struct Bench {
    targets: watch::Sender<Arc<[Target]>>,
    samples: mpsc::Receiver<Sample>,
    stop: CancellationToken,
    sampler: Sampler,
    start: tokio::time::Instant,
    _frozen: Frozen,
}

impl Bench {
    fn new(devices: Vec<Box<dyn Device>>, targets: Vec<Target>, queue: usize) -> Self {
        let frozen = freeze();
        let start = tokio::time::Instant::now();
        let clock: Clock = Arc::new(move || SystemTime::UNIX_EPOCH + start.elapsed());
        let (targets, watched) = watch::channel(Arc::from(targets));
        let (out, received) = mpsc::channel(queue);
        let stop = CancellationToken::new();
        let sampler = Sampler::start(devices, clock, watched, out, stop.clone());
        Self {
            targets,
            samples: received,
            stop,
            sampler,
            start,
            _frozen: frozen,
        }
    }

    /// The next sample, as (seconds since the start, sample); the clock stands still meanwhile.
    async fn next(&mut self) -> (u64, Sample) {
        let mut found = None;
        eventually(|| {
            found = self.samples.try_recv().ok();
            found.is_some()
        })
        .await;
        let sample = found.unwrap();
        (
            sample
                .at
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_secs(),
            sample,
        )
    }

    /// Moves the clock to this second after the start.
    async fn at(&self, second: u64) {
        let target = self.start + Duration::from_secs(second);
        tokio::time::advance(target - tokio::time::Instant::now()).await;
    }

    async fn end(self) {
        self.stop.cancel();
        self.sampler.join().await.unwrap();
    }
}

async fn eventually(mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < limit, "not within 20 s");
        tokio::task::yield_now().await;
    }
}

fn target(id: u64, interval_s: u64) -> Target {
    Target {
        interval: Duration::from_secs(interval_s),
        ..Target::new(id, 0)
    }
}

fn value(sample: &Sample, key: &str) -> Option<Number> {
    sample
        .readings
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| *value)
}

fn counting() -> (Box<dyn Device>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    (Box::new(Counting(Arc::clone(&asked))), asked)
}

#[tokio::test(start_paused = true)]
async fn a_target_is_sampled_at_once_and_then_once_per_interval() {
    let (device, _) = counting();
    let mut bench = Bench::new(vec![device], vec![target(1, 15)], 8);
    for second in [0, 15, 30] {
        bench.at(second).await;
        assert_eq!(bench.next().await.0, second);
    }
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn targets_that_are_due_together_share_one_question_and_one_time() {
    let (device, asked) = counting();
    let mut bench = Bench::new(
        vec![device],
        vec![target(1, 10), target(2, 10), target(3, 20)],
        8,
    );
    let first = [bench.next().await, bench.next().await, bench.next().await];
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(
        first
            .iter()
            .map(|(_, sample)| sample.at)
            .collect::<HashSet<_>>()
            .len(),
        1
    );
    for (id, (_, sample)) in (1..).zip(&first) {
        assert_eq!(value(sample, "mine"), Some(Number::Int(id)));
    }

    bench.at(10).await;
    let second = [bench.next().await.1.target, bench.next().await.1.target];
    bench.at(20).await;
    let third = [
        bench.next().await.1.target,
        bench.next().await.1.target,
        bench.next().await.1.target,
    ];

    assert_eq!((second, third), ([1, 2], [1, 2, 3]));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn running_totals_begin_with_a_targets_first_sample() {
    let (device, _) = counting();
    let mut bench = Bench::new(vec![device], vec![target(1, 10)], 8);
    assert_eq!(value(&bench.next().await.1, "flow"), Some(Number::Int(0)));

    bench.at(5).await;
    bench
        .targets
        .send_replace(Arc::from([target(1, 10), target(2, 10)]));
    let newcomer = bench.next().await;
    assert_eq!((newcomer.0, newcomer.1.target), (5, 2));
    assert_eq!(value(&newcomer.1, "flow"), Some(Number::Int(0)));

    bench.at(10).await;
    assert_eq!(
        value(&bench.next().await.1, "flow"),
        Some(Number::Int(2_000))
    );
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_targets_no_device_is_asked_and_with_the_first_one_it_begins() {
    let (device, asked) = counting();
    let mut bench = Bench::new(vec![device], vec![], 8);
    bench.at(3_600).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0);

    bench.targets.send_replace(Arc::from([target(7, 15)]));

    let (second, sample) = bench.next().await;
    assert_eq!((second, sample.target), (3_600, 7));
    assert_eq!(value(&sample, "asked"), Some(Number::Int(1)));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts() {
    let (device, _) = counting();
    let mut bench = Bench::new(
        vec![device],
        vec![target(1, 10), target(2, 10), target(3, 10)],
        1,
    );
    eventually(|| bench.sampler.dropped() == 2).await;
    assert_eq!(bench.next().await.1.target, 1);
    bench.end().await;
}

/// In real time: only so is it certain that the healthy device had answered when the limit passed.
#[tokio::test]
async fn a_hung_device_silences_only_itself_and_is_asked_again_when_it_has_answered() {
    // given a device that hangs beside a healthy one
    let entered = Arc::new(AtomicUsize::new(0));
    let (release, let_go) = std_mpsc::channel();
    let hung = Box::new(Hung {
        entered: Arc::clone(&entered),
        let_go,
    });
    let (healthy, _) = counting();
    let often = Target {
        interval: Duration::from_millis(100),
        ..Target::new(1, 0)
    };
    let mut bench = Bench::new(vec![hung, healthy], vec![often], 64);

    // when ticks pass, then the samples come without it, and it is not asked again
    for _ in 0..3 {
        let (_, sample) = bench.next().await;
        assert_eq!(value(&sample, "hung"), None);
        assert_eq!(value(&sample, "mine"), Some(Number::Int(1)));
    }
    assert_eq!(entered.load(Ordering::SeqCst), 1);

    // when it answers at last, then that late answer is dropped and the next one counts
    for _ in 0..1_000 {
        release.send(()).unwrap();
    }
    let mut answer = None;
    eventually(|| {
        answer = bench
            .samples
            .try_recv()
            .ok()
            .and_then(|sample| value(&sample, "hung"));
        answer.is_some()
    })
    .await;
    assert_eq!(answer, Some(Number::Int(2)));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_hung_device() {
    let entered = Arc::new(AtomicUsize::new(0));
    let (_release, let_go) = std_mpsc::channel();
    let bench = Bench::new(
        vec![Box::new(Hung {
            entered: Arc::clone(&entered),
            let_go,
        })],
        vec![target(1, 10)],
        8,
    );
    eventually(|| entered.load(Ordering::SeqCst) == 1).await;
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_panics_is_left_out() {
    let (healthy, _) = counting();
    let mut bench = Bench::new(vec![Box::new(Panicking), healthy], vec![target(1, 10)], 8);
    assert_eq!(value(&bench.next().await.1, "asked"), Some(Number::Int(1)));
    bench.at(10).await;
    assert_eq!(value(&bench.next().await.1, "asked"), Some(Number::Int(2)));
    bench.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_listens_any_more() {
    let (device, _) = counting();
    let bench = Bench::new(vec![device], vec![], 8);
    drop(bench.samples);
    bench.sampler.join().await.unwrap();
}
