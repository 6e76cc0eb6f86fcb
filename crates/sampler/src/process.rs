//! The processes of the targets, and the memory and CPU they may use, on Linux.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cgroup::{Cgroup, Limit, Limits, Throttling};
use crate::device::Device;
use crate::error::DeviceError;
use crate::keys::{CPU, MEMORY_AVAILABLE, MEMORY_PERCENT, PROC_MEMORY_PERCENT, PROC_RSS};
use crate::metric::{Kind, MIB, Metric, Readings, Unit, as_f64, percent};
use crate::procfs::{self, Meminfo, Stat};
use crate::target::Target;
use crate::tree;

const THREADS: Metric = Metric {
    key: "proc.cpu.threads",
    unit: Unit::Count,
    kind: Kind::Now,
    doc: "threads of the process",
};
const THROTTLED: Metric = Metric {
    key: "proc.cpu.throttledPercent",
    unit: Unit::Percent,
    kind: Kind::Now,
    doc: "periods since the last sample in which the cgroup's CPU quota held it back",
};
const OOM_KILLS: Metric = Metric {
    key: "proc.memory.oomKills",
    unit: Unit::Count,
    kind: Kind::SinceStart,
    doc: "processes killed for the cgroup's memory limit",
};

static METRICS: [Metric; 8] = [
    CPU,
    THREADS,
    PROC_RSS,
    PROC_MEMORY_PERCENT,
    MEMORY_AVAILABLE,
    MEMORY_PERCENT,
    THROTTLED,
    OOM_KILLS,
];

/// Limits may change while a job runs.
const LIMITS_AGAIN: Duration = Duration::from_mins(1);

/// A tree is walked again after this time, so that fast sampling stays cheap.
const WALK_AGAIN: Duration = Duration::from_secs(1);

/// What is remembered of a target that is not asked for any more is forgotten after this time and four intervals.
const FORGET_AFTER: Duration = Duration::from_mins(1);

pub(crate) fn probe() -> Option<Box<dyn Device>> {
    let proc = PathBuf::from("/proc");
    proc.join("self/stat")
        .exists()
        .then(|| Box::new(Processes::new(proc, Host::here())) as Box<dyn Device>)
}

/// What does not change while the machine runs.
#[derive(Clone, Copy, Debug)]
struct Host {
    page_bytes: u64,
    ticks_per_second: f64,
    physical_cores: usize,
    logical_cores: usize,
}

impl Host {
    fn here() -> Self {
        // Not `available_parallelism`: that is what this process may use, not what is there.
        let online = fs::read_to_string("/sys/devices/system/cpu/online").ok();
        let logical_cores = online
            .and_then(|list| procfs::cpu_list(&list))
            .unwrap_or(usize::MAX);
        Self {
            page_bytes: u64::try_from(rustix::param::page_size()).unwrap_or(4096),
            ticks_per_second: as_f64(rustix::param::clock_ticks_per_second()),
            physical_cores: sysinfo::System::physical_core_count()
                .unwrap_or(logical_cores)
                .max(1),
            logical_cores,
        }
    }
}

struct Processes {
    proc: PathBuf,
    host: Host,
    known: HashMap<u64, Known>,
}

/// CPU ticks by pid and start time.
type Ticks = HashMap<(u32, u64), u64>;

/// What is remembered of a target from one sample to the next.
struct Known {
    asked: Instant,
    interval: Duration,
    pid: u32,
    start_time: u64,
    /// CPU ticks at the last sample; `None` before the first.
    cpu: Option<(Instant, Ticks)>,
    tree: Option<(Instant, Vec<u32>)>,
    limits: Option<(Instant, Limits, Option<usize>)>,
    throttling: Option<Throttling>,
}

impl Processes {
    fn new(proc: PathBuf, host: Host) -> Self {
        Self {
            proc,
            host,
            known: HashMap::new(),
        }
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.proc.join(file)).ok()
    }

    fn stat(&self, pid: u32) -> Option<Stat> {
        procfs::stat(&self.read(&format!("{pid}/stat"))?).filter(|stat| stat.alive)
    }

    fn sample_target(
        &self,
        known: &mut Known,
        now: Instant,
        target: &Target,
        machine: Option<Meminfo>,
        out: &mut Readings,
    ) {
        let members = self.members(known, now, target);
        self.look_at_limits(known, now, target, !members.is_empty());
        let (limits, allowed) = known
            .limits
            .as_ref()
            .map(|(_, limits, allowed)| (limits, *allowed))
            .unzip();
        let limits = limits.cloned().unwrap_or_default();
        let total = memory(target.id, &limits, machine, out);
        throttling(known, target.id, &limits, out);
        if members.is_empty() {
            return;
        }
        let capacity = self
            .host
            .capacity(limits.cpus.map(|quota| quota.value), allowed.flatten());
        self.cpu(known, now, target.id, capacity, &members, out);
        out.target(
            target.id,
            &THREADS,
            None,
            members.iter().map(|(_, stat)| stat.threads).sum::<u64>(),
        );
        let pages: u64 = members.iter().map(|(_, stat)| stat.rss_pages).sum();
        let rss = pages.saturating_mul(self.host.page_bytes);
        out.target(target.id, &PROC_RSS, None, as_f64(rss) / MIB);
        if let Some(value) = total.and_then(|total| percent(rss, total)) {
            out.target(target.id, &PROC_MEMORY_PERCENT, None, value);
        }
    }

    /// The target's process and, if asked for, its descendants; empty when the process is gone or another has its pid.
    fn members(&self, known: &mut Known, now: Instant, target: &Target) -> Vec<(u32, Stat)> {
        let Some(root) = (target.pid != 0).then(|| self.stat(target.pid)).flatten() else {
            return Vec::new();
        };
        if known.start_time == 0 {
            known.start_time = root.start_time;
        }
        if known.start_time != root.start_time {
            return Vec::new();
        }
        if !target.process_tree {
            return vec![(target.pid, root)];
        }
        let fresh = known
            .tree
            .as_ref()
            .is_some_and(|(walked, _)| now.saturating_duration_since(*walked) < WALK_AGAIN);
        if !fresh {
            known.tree = Some((now, tree::with_descendants(&self.proc, target.pid)));
        }
        let pids = known.tree.as_ref().map_or(&[][..], |(_, pids)| pids);
        pids.iter()
            .filter_map(|pid| Some((*pid, self.stat(*pid)?)))
            .collect()
    }

    fn look_at_limits(&self, known: &mut Known, now: Instant, target: &Target, alive: bool) {
        let fresh = known
            .limits
            .as_ref()
            .is_some_and(|(read, ..)| now.saturating_duration_since(*read) < LIMITS_AGAIN);
        if fresh || (!alive && known.limits.is_some()) {
            return;
        }
        let who = if alive {
            target.pid.to_string()
        } else {
            "self".to_owned()
        };
        let mounts = procfs::mounts(&self.read("self/mountinfo").unwrap_or_default());
        let group = self
            .read(&format!("{who}/cgroup"))
            .and_then(|text| Cgroup::find(&mounts, &text));
        let limits = group.map(|group| group.limits()).unwrap_or_default();
        let allowed = self
            .read(&format!("{who}/status"))
            .and_then(|text| procfs::allowed_cpus(&text));
        known.limits = Some((now, limits, allowed));
    }

    fn cpu(
        &self,
        known: &mut Known,
        now: Instant,
        id: u64,
        capacity: f64,
        members: &[(u32, Stat)],
        out: &mut Readings,
    ) {
        let ticks: Ticks = members
            .iter()
            .map(|(pid, stat)| ((*pid, stat.start_time), stat.cpu_ticks))
            .collect();
        if let Some((then, before)) = &known.cpu {
            // A process that was not there before was born in between: all its ticks count.
            let used: u64 = ticks
                .iter()
                .map(|(who, ticks)| ticks.saturating_sub(before.get(who).copied().unwrap_or(0)))
                .sum();
            let seconds = now.saturating_duration_since(*then).as_secs_f64();
            if seconds > 0.0 {
                let cores = as_f64(used) / self.host.ticks_per_second / seconds;
                out.target(id, &CPU, None, 100.0 * cores / capacity);
            }
        }
        known.cpu = Some((now, ticks));
    }
}

impl Host {
    /// The cores a process may use: its quota or its CPU mask if they are smaller than the machine, else physical cores.
    fn capacity(&self, quota: Option<f64>, allowed: Option<usize>) -> f64 {
        let cores = |count: usize| as_f64(u64::try_from(count).unwrap_or(1));
        let allowed = allowed
            .filter(|count| *count < self.logical_cores)
            .map(cores);
        let tightest = quota
            .into_iter()
            .chain(allowed)
            .filter(|cpus| *cpus > 0.0)
            .reduce(f64::min);
        tightest.unwrap_or_else(|| cores(self.physical_cores))
    }
}

/// Reports memory in use and left, and returns the memory the target may use, in bytes.
fn memory(id: u64, limits: &Limits, machine: Option<Meminfo>, out: &mut Readings) -> Option<u64> {
    // A limit above what the machine has limits nothing.
    let limit = limits
        .memory
        .as_ref()
        .filter(|limit| machine.is_none_or(|machine| limit.value < machine.total));
    let figures = match limit {
        Some(limit) => limit
            .memory_current()
            .map(|used| (used, limit.value, limit.value.saturating_sub(used))),
        None => machine.map(|all| {
            (
                all.total.saturating_sub(all.available),
                all.total,
                all.available,
            )
        }),
    };
    if let Some(kills) = limit.and_then(Limit::oom_kills) {
        out.target(id, &OOM_KILLS, None, kills);
    }
    let (used, total, available) = figures?;
    out.target(id, &MEMORY_AVAILABLE, None, as_f64(available) / MIB);
    if let Some(value) = percent(used, total) {
        out.target(id, &MEMORY_PERCENT, None, value);
    }
    Some(total)
}

fn throttling(known: &mut Known, id: u64, limits: &Limits, out: &mut Readings) {
    let now = limits.cpus.as_ref().and_then(Limit::throttling);
    if let (Some(before), Some(now)) = (known.throttling, now) {
        let periods = now.periods.saturating_sub(before.periods);
        if let Some(value) = percent(now.throttled.saturating_sub(before.throttled), periods) {
            out.target(id, &THROTTLED, None, value);
        }
    }
    known.throttling = now;
}

impl Device for Processes {
    fn name(&self) -> &'static str {
        "process"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn sample(&mut self, now: Instant, targets: &[Target]) -> Result<Readings, DeviceError> {
        let machine = self.read("meminfo").and_then(|text| procfs::meminfo(&text));
        let mut readings = Readings::default();
        for target in targets {
            let before = self
                .known
                .remove(&target.id)
                .filter(|known| known.pid == target.pid);
            let mut known = before.unwrap_or_else(|| Known::new(now, target));
            known.asked = now;
            known.interval = target.interval;
            self.sample_target(&mut known, now, target, machine, &mut readings);
            self.known.insert(target.id, known);
        }
        self.known.retain(|_, known| {
            let patience = known
                .interval
                .saturating_mul(4)
                .saturating_add(FORGET_AFTER);
            now.saturating_duration_since(known.asked) < patience
        });
        Ok(readings)
    }
}

impl Known {
    fn new(now: Instant, target: &Target) -> Self {
        Self {
            asked: now,
            interval: target.interval,
            pid: target.pid,
            start_time: target.start_time,
            cpu: None,
            tree: None,
            limits: None,
            throttling: None,
        }
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
