//! The real devices of this machine, in real time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wandbd_sampler::{Number, Sample, Sampler, Target, devices, machine};

/// A process that does nothing but count, killed with the test.
struct Burner(Child);

impl Burner {
    fn start() -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", "while :; do :; done"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Self(shell.spawn().unwrap())
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn float(sample: &Sample, key: &str) -> Option<f64> {
    match sample.readings.iter().find(|(name, _)| name == key)?.1 {
        Number::Float(value) => Some(value),
        Number::Int(_) => None,
    }
}

async fn sample_until(target: Target, what: &str, done: impl Fn(&Sample) -> bool) -> Sample {
    let (_targets, watched) = watch::channel(Arc::from([target]));
    let (out, mut received) = mpsc::channel(8);
    let stop = CancellationToken::new();
    #[allow(clippy::disallowed_methods, reason = "the edge of this test")]
    let clock = Arc::new(SystemTime::now);
    let sampler = Sampler::start(devices(), clock, watched, out, stop.clone());
    let wait = async {
        while let Some(sample) = received.recv().await {
            if done(&sample) {
                return sample;
            }
        }
        panic!("the sampler ended");
    };
    let sample = tokio::time::timeout(Duration::from_secs(30), wait).await;
    stop.cancel();
    sampler.join().await.unwrap();
    sample.unwrap_or_else(|_| panic!("not within 30 s: {what}"))
}

#[tokio::test]
async fn a_process_that_burns_cpu_shows_it() {
    let burner = Burner::start();
    let target = Target {
        interval: Duration::from_millis(100),
        ..Target::new(1, burner.0.id())
    };
    let sample = sample_until(target, "cpu above 0", |sample| {
        float(sample, "cpu").is_some_and(|cpu| cpu > 0.0)
    })
    .await;
    assert!(
        float(&sample, "proc.memory.rssMB").is_some_and(|mib| mib > 0.0),
        "{sample:?}"
    );
}

#[tokio::test]
async fn a_childs_cpu_counts_for_the_tree_it_belongs_to() {
    // given a process (this one) whose child burns CPU while it waits itself
    let _burner = Burner::start();
    let interval = Duration::from_secs(1);
    let target = Target {
        interval,
        process_tree: true,
        ..Target::new(1, std::process::id())
    };
    // A fifth of a core is far beyond what waiting costs.
    let cores = f64::from(machine().cpu_count);
    let burns = |sample: &Sample| float(sample, "cpu").is_some_and(|cpu| cpu * cores > 20.0);
    sample_until(target, "a fifth of a core", burns).await;
}

#[tokio::test]
async fn the_first_sample_has_the_names_that_wandb_uses() {
    let sample = sample_until(Target::new(1, std::process::id()), "a sample", |_| true).await;
    let expected = [
        "proc.memory.rssMB",
        "proc.memory.percent",
        "proc.memory.availableMB",
        "memory_percent",
        "disk./.usagePercent",
        "disk./.usageGB",
        "network.sent",
        "network.recv",
    ];
    for key in expected {
        assert!(
            sample.readings.iter().any(|(name, _)| name == key),
            "{key} is missing in {sample:?}"
        );
    }
}
