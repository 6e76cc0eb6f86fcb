//! Processes, memory and network where there is no `/proc`: by `sysinfo`, for macOS.
//!
//! Linux builds it for its tests only.

use std::collections::HashMap;
use std::time::Instant;

use sysinfo::{Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::device::Device;
use crate::error::DeviceError;
use crate::keys::{
    CPU, MEMORY_AVAILABLE, MEMORY_PERCENT, NETWORK_RECV, NETWORK_SENT, PROC_MEMORY_PERCENT,
    PROC_RSS,
};
use crate::metric::{MIB, Metric, Readings, as_f64, percent};
use crate::target::Target;

static METRICS: [Metric; 7] = [
    CPU,
    PROC_RSS,
    PROC_MEMORY_PERCENT,
    MEMORY_AVAILABLE,
    MEMORY_PERCENT,
    NETWORK_SENT,
    NETWORK_RECV,
];

pub(crate) fn probe() -> Option<Box<dyn Device>> {
    let device = Portable {
        system: System::new().ok()?,
        networks: Networks::new_with_refreshed_list().ok()?,
        cores: System::physical_core_count().unwrap_or(1).max(1),
        cpu: HashMap::new(),
    };
    Some(Box::new(device))
}

struct Portable {
    system: System,
    networks: Networks,
    cores: usize,
    /// CPU milliseconds of each target's processes at its last sample.
    cpu: HashMap<u64, (Instant, HashMap<Pid, u64>)>,
}

impl Device for Portable {
    fn name(&self) -> &'static str {
        "host"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn sample(&mut self, now: Instant, targets: &[Target]) -> Result<Readings, DeviceError> {
        let mut readings = Readings::default();
        self.refresh(targets);
        self.machine(&mut readings);
        for target in targets {
            self.target(now, target, &mut readings);
        }
        Ok(readings)
    }
}

impl Portable {
    /// All processes only if somebody wants a tree: there is no other way to find children.
    fn refresh(&mut self, targets: &[Target]) {
        let kind = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .without_tasks();
        let pids: Vec<Pid> = targets
            .iter()
            .map(|target| Pid::from_u32(target.pid))
            .collect();
        let which = if targets.iter().any(|target| target.process_tree) {
            ProcessesToUpdate::All
        } else {
            ProcessesToUpdate::Some(&pids)
        };
        self.system.refresh_processes_specifics(which, true, kind);
        self.system.refresh_memory();
        self.networks.refresh(true);
    }

    fn machine(&self, readings: &mut Readings) {
        let (total, available) = (self.system.total_memory(), self.system.available_memory());
        readings.machine(&MEMORY_AVAILABLE, None, as_f64(available) / MIB);
        if let Some(value) = percent(total.saturating_sub(available), total) {
            readings.machine(&MEMORY_PERCENT, None, value);
        }
        let outside = || {
            self.networks
                .iter()
                .filter(|(name, _)| *name != "lo0" && *name != "lo")
                .map(|(_, data)| data)
        };
        readings.machine(
            &NETWORK_SENT,
            None,
            outside()
                .map(sysinfo::NetworkData::total_transmitted)
                .sum::<u64>(),
        );
        readings.machine(
            &NETWORK_RECV,
            None,
            outside()
                .map(sysinfo::NetworkData::total_received)
                .sum::<u64>(),
        );
    }

    fn target(&mut self, now: Instant, target: &Target, readings: &mut Readings) {
        let members = self.members(target);
        let processes: Vec<_> = members
            .iter()
            .filter_map(|pid| self.system.process(*pid))
            .collect();
        if processes.is_empty() {
            self.cpu.remove(&target.id);
            return;
        }
        let rss: u64 = processes.iter().map(|process| process.memory()).sum();
        readings.target(target.id, &PROC_RSS, None, as_f64(rss) / MIB);
        if let Some(value) = percent(rss, self.system.total_memory()) {
            readings.target(target.id, &PROC_MEMORY_PERCENT, None, value);
        }
        let used: HashMap<Pid, u64> = processes
            .iter()
            .map(|process| (process.pid(), process.accumulated_cpu_time()))
            .collect();
        if let Some((then, before)) = self.cpu.get(&target.id) {
            let grown: u64 = used
                .iter()
                .map(|(pid, ms)| ms.saturating_sub(before.get(pid).copied().unwrap_or(0)))
                .sum();
            let capacity_s = now.saturating_duration_since(*then).as_secs_f64()
                * as_f64(u64::try_from(self.cores).unwrap_or(1));
            if capacity_s > 0.0 {
                readings.target(target.id, &CPU, None, as_f64(grown) / 10.0 / capacity_s);
            }
        }
        self.cpu.insert(target.id, (now, used));
    }

    fn members(&self, target: &Target) -> Vec<Pid> {
        let mut members = vec![Pid::from_u32(target.pid)];
        let mut next = 0;
        while let Some(&parent) = members.get(next).filter(|_| target.process_tree) {
            next += 1;
            let processes = self.system.processes().values();
            let children: Vec<Pid> = processes
                .filter(|process| process.parent() == Some(parent))
                .map(sysinfo::Process::pid)
                .collect();
            members.extend(children.into_iter().filter(|child| *child != parent));
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Number;

    #[test]
    fn the_portable_host_knows_memory_network_and_its_own_process() {
        let mut device = probe().unwrap();
        let target = Target {
            process_tree: true,
            ..Target::new(1, std::process::id())
        };

        let readings = device.sample(Instant::now(), &[target]).unwrap();

        let machine: Vec<&str> = readings
            .machine
            .iter()
            .map(|reading| reading.metric.key)
            .collect();
        assert_eq!(
            machine,
            [
                "proc.memory.availableMB",
                "memory_percent",
                "network.sent",
                "network.recv"
            ]
        );
        let rss = readings
            .targets
            .iter()
            .find(|(_, reading)| reading.metric.key == "proc.memory.rssMB")
            .unwrap();
        assert!(
            matches!(rss.1.value, Number::Float(mib) if mib > 0.0),
            "{rss:?}"
        );
    }

    #[test]
    fn cpu_appears_with_the_second_sample() {
        let mut device = probe().unwrap();
        let target = Target::new(1, std::process::id());
        let start = Instant::now();
        let has_cpu = |readings: &Readings| {
            readings
                .targets
                .iter()
                .any(|(_, reading)| reading.metric.key == "cpu")
        };

        let first = device.sample(start, std::slice::from_ref(&target)).unwrap();
        let second = device
            .sample(start + std::time::Duration::from_secs(1), &[target])
            .unwrap();

        assert!(!has_cpu(&first));
        assert!(has_cpu(&second));
    }

    #[test]
    fn a_process_that_is_not_there_leaves_the_machines_values() {
        let mut device = probe().unwrap();
        let readings = device
            .sample(Instant::now(), &[Target::new(1, u32::MAX >> 1)])
            .unwrap();
        assert!(readings.targets.is_empty());
        assert!(!readings.machine.is_empty());
    }
}
