//! The machine's network interfaces, on Linux.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::device::Device;
use crate::error::DeviceError;
use crate::keys::{NETWORK_RECV, NETWORK_SENT};
use crate::metric::{Kind, Metric, Readings, Unit};
use crate::procfs::{self, Interface};
use crate::target::Target;

const TCP_RETRANSMITS: Metric = Metric {
    key: "network.tcpRetransmits",
    unit: Unit::Count,
    kind: Kind::SinceStart,
    doc: "TCP segments that were sent again",
};

static METRICS: [Metric; 3] = [NETWORK_SENT, NETWORK_RECV, TCP_RETRANSMITS];

pub(crate) fn probe() -> Option<Box<dyn Device>> {
    let proc = PathBuf::from("/proc");
    proc.join("net/dev")
        .exists()
        .then(|| Box::new(Network::new(proc)) as Box<dyn Device>)
}

struct Network {
    proc: PathBuf,
    flow: Flow,
}

impl Network {
    fn new(proc: PathBuf) -> Self {
        Self {
            proc,
            flow: Flow::default(),
        }
    }
}

impl Device for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn sample(&mut self, _now: Instant, _targets: &[Target]) -> Result<Readings, DeviceError> {
        let mut readings = Readings::default();
        if let Ok(text) = fs::read_to_string(self.proc.join("net/dev")) {
            self.flow.add(procfs::interfaces(&text));
            readings.machine(&NETWORK_SENT, None, self.flow.sent);
            readings.machine(&NETWORK_RECV, None, self.flow.received);
        }
        if let Ok(text) = fs::read_to_string(self.proc.join("net/snmp"))
            && let Some(count) = procfs::tcp_retransmits(&text)
        {
            readings.machine(&TCP_RETRANSMITS, None, count);
        }
        Ok(readings)
    }
}

/// Bytes that passed since this began to watch. Interfaces come and go (containers, VPNs): each counts from when it was
/// first seen, so a new one brings no jump, and one that is gone takes nothing away.
#[derive(Debug, Default)]
struct Flow {
    sent: u64,
    received: u64,
    last: HashMap<String, (u64, u64)>,
}

impl Flow {
    fn add(&mut self, interfaces: Vec<Interface>) {
        let before = std::mem::take(&mut self.last);
        for now in interfaces
            .into_iter()
            .filter(|interface| interface.name != "lo")
        {
            if let Some((sent, received)) = before.get(&now.name) {
                self.sent = self.sent.saturating_add(growth(*sent, now.sent));
                self.received = self
                    .received
                    .saturating_add(growth(*received, now.received));
            }
            self.last.insert(now.name, (now.sent, now.received));
        }
    }
}

/// A counter below its last value has begun again at 0.
fn growth(last: u64, now: u64) -> u64 {
    now.checked_sub(last).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Number;

    fn interface(name: &str, sent: u64, received: u64) -> Interface {
        Interface {
            name: name.to_owned(),
            received,
            sent,
        }
    }

    fn flow_of(readings: &[&[(&str, u64, u64)]]) -> (u64, u64) {
        let mut flow = Flow::default();
        for reading in readings {
            flow.add(
                reading
                    .iter()
                    .map(|(name, sent, received)| interface(name, *sent, *received))
                    .collect(),
            );
        }
        (flow.sent, flow.received)
    }

    #[test]
    fn traffic_is_summed_over_interfaces_but_loopback() {
        let flow = flow_of(&[
            &[("lo", 0, 0), ("eth0", 100, 1_000), ("eth1", 5, 5)],
            &[("lo", 77, 77), ("eth0", 110, 1_500), ("eth1", 6, 7)],
        ]);
        assert_eq!(flow, (11, 502));
    }

    #[test]
    fn an_interface_that_appears_or_goes_makes_no_jump() {
        let flow = flow_of(&[
            &[("eth0", 1, 1)],
            &[("eth0", 2, 2), ("veth7", 900, 900)],
            &[("eth0", 3, 3)],
        ]);
        assert_eq!(flow, (2, 2));
    }

    #[test]
    fn an_interface_that_begins_again_counts_from_zero() {
        assert_eq!(flow_of(&[&[("eth0", 50, 50)], &[("eth0", 3, 60)]]), (3, 10));
    }

    #[test]
    fn missing_files_leave_their_values_out() {
        let proc = tempfile::tempdir().unwrap();
        let mut network = Network::new(proc.path().to_path_buf());
        assert_eq!(
            network.sample(Instant::now(), &[]).unwrap(),
            Readings::default()
        );

        fs::create_dir(proc.path().join("net")).unwrap();
        fs::write(proc.path().join("net/snmp"), "Tcp: RetransSegs\nTcp: 9\n").unwrap();
        let readings = network.sample(Instant::now(), &[]).unwrap();
        assert_eq!(readings.machine.len(), 1);
        assert_eq!(readings.machine[0].value, Number::Int(9));
    }
}
