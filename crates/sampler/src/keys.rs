//! The rows that every platform can fill: W&B's names, byte for byte.

use crate::metric::{Kind, Metric, Unit};

pub(crate) const CPU: Metric = Metric {
    key: "cpu",
    unit: Unit::Percent,
    kind: Kind::Now,
    doc: "CPU time of the process since its last sample, of the cores it may use",
};
pub(crate) const PROC_RSS: Metric = Metric {
    key: "proc.memory.rssMB",
    unit: Unit::Mebibytes,
    kind: Kind::Now,
    doc: "resident memory of the process",
};
pub(crate) const PROC_MEMORY_PERCENT: Metric = Metric {
    key: "proc.memory.percent",
    unit: Unit::Percent,
    kind: Kind::Now,
    doc: "resident memory of the process, of the memory it may use",
};
pub(crate) const MEMORY_AVAILABLE: Metric = Metric {
    key: "proc.memory.availableMB",
    unit: Unit::Mebibytes,
    kind: Kind::Now,
    doc: "memory left below the cgroup's limit, else on the machine",
};
pub(crate) const MEMORY_PERCENT: Metric = Metric {
    key: "memory_percent",
    unit: Unit::Percent,
    kind: Kind::Now,
    doc: "memory in use, of the cgroup's limit, else of the machine",
};
pub(crate) const NETWORK_SENT: Metric = Metric {
    key: "network.sent",
    unit: Unit::Bytes,
    kind: Kind::SinceStart,
    doc: "sent by all interfaces but loopback",
};
pub(crate) const NETWORK_RECV: Metric = Metric {
    key: "network.recv",
    unit: Unit::Bytes,
    kind: Kind::SinceStart,
    doc: "received by all interfaces but loopback",
};
