//! A recorded `/proc` and cgroup in a folder, read by the device.

use std::path::Path;

use super::*;
use crate::metric::Number;

const GIB_BYTES: u64 = 1 << 30;

/// A machine of 4 physical and 8 logical cores, 16 GiB of memory with 12 available, no process yet.
struct Fake {
    folder: tempfile::TempDir,
    device: Processes,
    now: Instant,
}

impl Fake {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Host {
            page_bytes: 4096,
            ticks_per_second: 100.0,
            physical_cores: 4,
            logical_cores: 8,
        };
        let device = Processes::new(folder.path().join("proc"), host);
        let fake = Self {
            folder,
            device,
            now: Instant::now(),
        };
        fake.write(
            "proc/meminfo",
            "MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\n",
        );
        fake
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }

    fn process(&self, pid: u32, start_time: u64, cpu_ticks: u64, threads: u64, rss_pages: u64) {
        let stat = format!(
            "{pid} (python) S 1 1 1 0 -1 0 0 0 0 0 {cpu_ticks} 0 0 0 20 0 {threads} 0 {start_time} 0 {rss_pages} 0\n"
        );
        self.write(&format!("proc/{pid}/stat"), &stat);
    }

    /// A cgroup for `pid` with a quota of 1.5 CPUs and 2 GiB of memory, half of it in use.
    fn limited(&self, pid: u32) {
        let mounted = self.path("cgroup").display().to_string();
        self.write(
            "proc/self/mountinfo",
            &format!("30 24 0:26 / {mounted} rw - cgroup2 cgroup2 rw\n"),
        );
        self.write(&format!("proc/{pid}/cgroup"), "0::/job\n");
        self.write("cgroup/job/cpu.max", "150000 100000\n");
        self.write(
            "cgroup/job/cpu.stat",
            "usage_usec 5\nnr_periods 100\nnr_throttled 10\n",
        );
        self.write("cgroup/job/memory.max", &(2 * GIB_BYTES).to_string());
        self.write("cgroup/job/memory.current", &GIB_BYTES.to_string());
        self.write("cgroup/job/memory.events", "oom 0\noom_kill 2\n");
    }

    fn sample(&mut self, target: &Target, after_s: u64) -> HashMap<&'static str, Number> {
        self.now += Duration::from_secs(after_s);
        let readings = self
            .device
            .sample(self.now, std::slice::from_ref(target))
            .unwrap();
        readings
            .targets
            .iter()
            .map(|(_, reading)| (reading.metric.key, reading.value))
            .collect()
    }
}

#[test]
fn cpu_is_the_growth_since_the_last_sample_over_the_physical_cores() {
    let mut fake = Fake::new();
    let target = Target::new(1, 50);
    fake.process(50, 7, 1_000, 3, 256);
    let first = fake.sample(&target, 0);
    assert_eq!(first.get("cpu"), None);
    assert_eq!(first.get("proc.cpu.threads"), Some(&Number::Int(3)));

    fake.process(50, 7, 1_800, 3, 256);
    let second = fake.sample(&target, 4);

    // 8 s of CPU in 4 s are 2 cores of 4.
    assert_eq!(second.get("cpu").copied(), Some(Number::Float(50.0)));
}

#[test]
fn without_a_cgroup_memory_is_the_machines() {
    let mut fake = Fake::new();
    fake.process(50, 7, 0, 1, 1024 * 256);
    let sample = fake.sample(&Target::new(1, 50), 0);
    assert_eq!(
        sample.get("memory_percent").copied(),
        Some(Number::Float(25.0))
    );
    assert_eq!(
        sample.get("proc.memory.availableMB").copied(),
        Some(Number::Float(12.0 * 1024.0))
    );
    assert_eq!(
        sample.get("proc.memory.rssMB").copied(),
        Some(Number::Float(1024.0))
    );
    assert_eq!(
        sample.get("proc.memory.percent").copied(),
        Some(Number::Float(6.25))
    );
    assert_eq!(sample.get("proc.memory.oomKills"), None);
}

#[test]
fn a_cgroup_limits_memory_and_cpu() {
    let mut fake = Fake::new();
    let target = Target::new(1, 50);
    fake.process(50, 7, 0, 1, 1024 * 256);
    fake.limited(50);
    let first = fake.sample(&target, 0);
    assert_eq!(
        first.get("memory_percent").copied(),
        Some(Number::Float(50.0))
    );
    assert_eq!(
        first.get("proc.memory.availableMB").copied(),
        Some(Number::Float(1024.0))
    );
    assert_eq!(
        first.get("proc.memory.percent").copied(),
        Some(Number::Float(50.0))
    );
    assert_eq!(first.get("proc.memory.oomKills"), Some(&Number::Int(2)));
    assert_eq!(first.get("proc.cpu.throttledPercent"), None);

    fake.process(50, 7, 150, 1, 1024 * 256);
    fake.write("cgroup/job/cpu.stat", "nr_periods 110\nnr_throttled 15\n");
    let second = fake.sample(&target, 1);

    assert_eq!(second.get("cpu").copied(), Some(Number::Float(100.0)));
    assert_eq!(
        second.get("proc.cpu.throttledPercent").copied(),
        Some(Number::Float(50.0))
    );
}

#[test]
fn a_cpu_mask_smaller_than_the_machine_is_the_capacity() {
    let host = Host {
        page_bytes: 4096,
        ticks_per_second: 100.0,
        physical_cores: 4,
        logical_cores: 8,
    };
    let check = |quota, allowed, expect: &str| {
        assert_eq!(
            host.capacity(quota, allowed).to_string(),
            expect,
            "{quota:?} {allowed:?}"
        );
    };
    check(None, None, "4");
    check(None, Some(8), "4");
    check(None, Some(2), "2");
    check(Some(1.5), Some(2), "1.5");
    check(Some(6.0), None, "6");
}

#[test]
fn a_raised_limit_is_seen_after_a_minute() {
    let mut fake = Fake::new();
    let target = Target::new(1, 50);
    fake.process(50, 7, 0, 1, 1);
    fake.limited(50);
    fake.sample(&target, 0);
    fake.write("cgroup/job/memory.max", &(4 * GIB_BYTES).to_string());
    assert_eq!(
        fake.sample(&target, 30).get("memory_percent").copied(),
        Some(Number::Float(50.0))
    );
    assert_eq!(
        fake.sample(&target, 31).get("memory_percent").copied(),
        Some(Number::Float(25.0))
    );
}

#[test]
fn a_tree_sums_its_processes_and_counts_those_born_in_between() {
    let mut fake = Fake::new();
    let target = Target {
        process_tree: true,
        ..Target::new(1, 50)
    };
    fake.process(50, 7, 100, 1, 256);
    fake.write("proc/50/task/50/children", "");
    fake.sample(&target, 0);

    fake.process(50, 7, 200, 1, 256);
    fake.process(51, 9, 300, 2, 512);
    fake.write("proc/50/task/50/children", "51 ");
    let sample = fake.sample(&target, 2);

    assert_eq!(sample.get("proc.cpu.threads"), Some(&Number::Int(3)));
    assert_eq!(
        sample.get("proc.memory.rssMB").copied(),
        Some(Number::Float(3.0))
    );
    // 1 s and 3 s of CPU in 2 s are 2 cores of 4.
    assert_eq!(sample.get("cpu").copied(), Some(Number::Float(50.0)));
}

#[test]
fn a_gone_or_reused_pid_keeps_the_machines_values_only() {
    let mut fake = Fake::new();
    let target = Target {
        start_time: 7,
        ..Target::new(1, 50)
    };
    fake.process(50, 7, 100, 1, 256);
    assert!(fake.sample(&target, 0).contains_key("proc.memory.rssMB"));

    fake.process(50, 8, 100, 1, 256);
    let reused = fake.sample(&target, 15);
    fs::remove_dir_all(fake.path("proc/50")).unwrap();
    let gone = fake.sample(&target, 15);

    for sample in [reused, gone] {
        let mut keys: Vec<_> = sample.into_keys().collect();
        keys.sort_unstable();
        assert_eq!(keys, ["memory_percent", "proc.memory.availableMB"]);
    }
}

#[test]
fn a_target_that_moves_to_another_process_is_followed() {
    let mut fake = Fake::new();
    fake.process(50, 7, 100, 1, 256);
    fake.process(60, 9, 100, 5, 256);
    fake.sample(&Target::new(1, 50), 0);
    let moved = fake.sample(&Target::new(1, 60), 15);
    assert_eq!(moved.get("proc.cpu.threads"), Some(&Number::Int(5)));
    assert_eq!(moved.get("cpu"), None);
}

#[test]
fn an_empty_proc_gives_nothing_and_no_error() {
    let mut fake = Fake::new();
    fs::remove_dir_all(fake.path("proc")).unwrap();
    assert!(fake.sample(&Target::new(1, 50), 0).is_empty());
}

#[test]
fn a_target_that_is_not_asked_for_any_more_is_forgotten() {
    let mut fake = Fake::new();
    fake.sample(&Target::new(1, 50), 0);
    fake.sample(&Target::new(2, 51), 10);
    assert_eq!(fake.device.known.len(), 2);
    fake.sample(&Target::new(2, 51), 200);
    assert_eq!(fake.device.known.keys().copied().collect::<Vec<_>>(), [2]);
}
