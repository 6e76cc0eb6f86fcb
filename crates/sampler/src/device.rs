//! The seam for everything that can be sampled, and the list of what is.

use std::time::Instant;

use crate::disk;
use crate::error::DeviceError;
use crate::metric::{Metric, Readings};
use crate::target::Target;
#[cfg(target_os = "linux")]
use crate::{network, process};

/// A source of metrics: the host's processes, its disks, one vendor's accelerators.
///
/// A device lives on an OS thread of its own, so it may block; one that blocks for longer than
/// [`DEVICE_LIMIT`](crate::DEVICE_LIMIT) is left out until it has answered.
pub trait Device: Send {
    /// A short name for logs.
    fn name(&self) -> &'static str;

    /// Every metric that [`sample`](Self::sample) may return.
    fn metrics(&self) -> &'static [Metric];

    /// Reads the device once, for the targets that are due on this tick. `now` is the tick's monotonic time, for rates.
    ///
    /// # Errors
    /// [`DeviceError`] when the device as a whole cannot be read; a single value that cannot be read is left out.
    fn sample(&mut self, now: Instant, targets: &[Target]) -> Result<Readings, DeviceError>;
}

/// The devices of this machine: those whose `probe` found something.
#[cfg(target_os = "linux")]
pub fn devices() -> Vec<Box<dyn Device>> {
    [process::probe(), network::probe(), disk::probe()]
        .into_iter()
        .flatten()
        .collect()
}

/// The devices of this machine: those whose `probe` found something.
#[cfg(not(target_os = "linux"))]
pub fn devices() -> Vec<Box<dyn Device>> {
    [crate::portable::probe(), disk::probe()]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_devices_claim_the_same_key() {
        let mut seen = HashSet::new();
        for device in devices() {
            for metric in device.metrics() {
                assert!(seen.insert(metric.key), "{} is claimed twice", metric.key);
            }
        }
        assert!(
            seen.contains("cpu")
                && seen.contains("network.sent")
                && seen.contains("disk.{}.usageGB")
        );
    }

    #[test]
    fn what_a_device_returns_is_in_its_table() {
        for mut device in devices() {
            let target = Target::new(1, std::process::id());
            let readings = device.sample(Instant::now(), &[target]).unwrap();

            let all = readings
                .machine
                .iter()
                .chain(readings.targets.iter().map(|(_, reading)| reading));
            for reading in all {
                assert!(
                    device.metrics().contains(reading.metric),
                    "{}: {}",
                    device.name(),
                    reading.metric.key
                );
            }
        }
    }
}
