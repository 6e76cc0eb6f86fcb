//! File systems of the paths a target names, and on Linux the block devices below them.
//!
//! A device of its own, because a dead network file system blocks whoever looks at it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::device::Device;
use crate::error::DeviceError;
use crate::metric::{GIB, Kind, Metric, Readings, Unit, as_f64, percent};
use crate::target::Target;

#[cfg(target_os = "linux")]
use linux::BlockDevices;

const USAGE_PERCENT: Metric = Metric {
    key: "disk.{}.usagePercent",
    unit: Unit::Percent,
    kind: Kind::Now,
    doc: "space in use, of what is there for ordinary users",
};
const USAGE: Metric = Metric {
    key: "disk.{}.usageGB",
    unit: Unit::Gibibytes,
    kind: Kind::Now,
    doc: "space in use",
};
const READ: Metric = Metric {
    key: "disk.{}.in",
    unit: Unit::Mebibytes,
    kind: Kind::SinceStart,
    doc: "read from the device below the path",
};
const WRITTEN: Metric = Metric {
    key: "disk.{}.out",
    unit: Unit::Mebibytes,
    kind: Kind::SinceStart,
    doc: "written to the device below the path",
};

static METRICS: [Metric; 4] = [USAGE_PERCENT, USAGE, READ, WRITTEN];

#[allow(clippy::unnecessary_wraps, reason = "the form of every probe")]
pub(crate) fn probe() -> Option<Box<dyn Device>> {
    Some(Box::new(Disks::new(PathBuf::from("/proc"))))
}

struct Disks {
    #[cfg(target_os = "linux")]
    blocks: BlockDevices,
}

impl Disks {
    #[cfg(target_os = "linux")]
    fn new(proc: PathBuf) -> Self {
        Self {
            blocks: BlockDevices::new(proc),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn new(_proc: PathBuf) -> Self {
        Self {}
    }
}

impl Device for Disks {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    #[cfg_attr(
        not(target_os = "linux"),
        allow(unused_variables, reason = "only Linux has rates here")
    )]
    fn sample(&mut self, now: Instant, targets: &[Target]) -> Result<Readings, DeviceError> {
        let mut readings = Readings::default();
        for target in targets {
            for path in &target.disk_paths {
                let Some(space) = space(path) else { continue };
                let name = path.to_string_lossy();
                if let Some(value) = percent(space.used, space.used.saturating_add(space.available))
                {
                    readings.target(target.id, &USAGE_PERCENT, Some(&name), value);
                }
                readings.target(target.id, &USAGE, Some(&name), as_f64(space.used) / GIB);
            }
        }
        #[cfg(target_os = "linux")]
        self.blocks.sample(now, targets, &mut readings);
        Ok(readings)
    }
}

/// Space of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) total: u64,
    pub(crate) used: u64,
    /// To ordinary users; the rest up to `total` is reserved.
    pub(crate) available: u64,
}

/// `None` when the path cannot be looked at.
pub(crate) fn space(path: &Path) -> Option<Space> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some(Space {
        total: bytes(stat.f_blocks),
        used: bytes(stat.f_blocks.saturating_sub(stat.f_bfree)),
        available: bytes(stat.f_bavail),
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{BTreeSet, HashMap};
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use super::{READ, WRITTEN};
    use crate::metric::{MIB, Readings, as_f64};
    use crate::procfs::{self, BlockDevice, Mount};
    use crate::target::Target;

    /// At most so many devices are reported for one path.
    const MAX_DEVICES: usize = 16;

    /// Which devices are below a path is looked up again after this time.
    const LOOK_AGAIN: Duration = Duration::from_mins(1);

    pub(super) struct BlockDevices {
        proc: PathBuf,
        known: HashMap<PathBuf, (Instant, Vec<String>)>,
    }

    impl BlockDevices {
        pub(super) fn new(proc: PathBuf) -> Self {
            Self {
                proc,
                known: HashMap::new(),
            }
        }

        pub(super) fn sample(&mut self, now: Instant, targets: &[Target], readings: &mut Readings) {
            let Ok(text) = fs::read_to_string(self.proc.join("diskstats")) else {
                return;
            };
            let devices = procfs::block_devices(&text);
            self.known
                .retain(|_, (looked, _)| now.saturating_duration_since(*looked) < LOOK_AGAIN);
            for target in targets {
                let mut names = BTreeSet::new();
                for path in &target.disk_paths {
                    names.extend(self.below(now, path, &devices));
                }
                for device in devices.iter().filter(|device| names.contains(&device.name)) {
                    readings.target(
                        target.id,
                        &READ,
                        Some(&device.name),
                        as_f64(device.read) / MIB,
                    );
                    readings.target(
                        target.id,
                        &WRITTEN,
                        Some(&device.name),
                        as_f64(device.written) / MIB,
                    );
                }
            }
        }

        fn below(&mut self, now: Instant, path: &Path, devices: &[BlockDevice]) -> Vec<String> {
            if let Some((_, names)) = self.known.get(path) {
                return names.clone();
            }
            let names = self.look_below(path, devices).unwrap_or_default();
            self.known.insert(path.to_path_buf(), (now, names.clone()));
            names
        }

        fn look_below(&self, path: &Path, devices: &[BlockDevice]) -> Option<Vec<String>> {
            let dev = fs::metadata(path).ok()?.dev();
            let number = (rustix::fs::major(dev), rustix::fs::minor(dev));
            if let Some(device) = devices.iter().find(|device| device.number == number) {
                return Some(vec![device.name.clone()]);
            }
            let mounts = fs::read_to_string(self.proc.join("self/mountinfo")).unwrap_or_default();
            let canonical =
                |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
            Some(by_mount(
                &canonical(path),
                devices,
                &procfs::mounts(&mounts),
                canonical,
            ))
        }
    }

    /// For paths whose file system has no block number of its own (btrfs, overlay): by the mounted source, for an overlay
    /// by everything that is mounted, and at last every real device.
    pub(super) fn by_mount(
        path: &Path,
        devices: &[BlockDevice],
        mounts: &[Mount],
        canonical: impl Fn(&Path) -> PathBuf,
    ) -> Vec<String> {
        let holding = mounts.iter().filter(|mount| path.starts_with(&mount.point));
        let mount = holding.max_by_key(|mount| mount.point.components().count());
        if let Some(mount) = mount.filter(|mount| mount.source.starts_with("/dev")) {
            let source = canonical(&mount.source);
            let name = source
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if devices.iter().any(|device| device.name == name) {
                return vec![name];
            }
        }
        let real = || devices.iter().filter(|device| !is_virtual(&device.name));
        let names = |found: &mut dyn Iterator<Item = &BlockDevice>| {
            found
                .take(MAX_DEVICES)
                .map(|device| device.name.clone())
                .collect::<Vec<_>>()
        };
        if mount.is_some_and(|mount| mount.kind == "overlay") {
            let mounted = names(
                &mut real()
                    .filter(|device| mounts.iter().any(|mount| mount.number == device.number)),
            );
            if !mounted.is_empty() {
                return mounted;
            }
        }
        names(&mut real())
    }

    fn is_virtual(name: &str) -> bool {
        ["loop", "ram", "zram"]
            .iter()
            .any(|kind| name.starts_with(kind))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::procfs;

    const DISKSTATS: &str = "7 0 loop0 1 0 8 0 1 0 8 0\n253 0 zram0 1 0 8 0 1 0 8 0\n\
                             259 0 nvme0n1 1 0 8 0 1 0 8 0\n259 1 nvme0n1p1 1 0 8 0 1 0 8 0\n8 0 sda 1 0 8 0 1 0 8 0\n";

    fn below(path: &str, mountinfo: &str) -> Vec<String> {
        let (devices, mounts) = (procfs::block_devices(DISKSTATS), procfs::mounts(mountinfo));
        linux::by_mount(Path::new(path), &devices, &mounts, Path::to_path_buf)
    }

    #[test]
    fn a_file_system_without_a_block_number_is_found_by_its_source() {
        let mountinfo = "20 1 0:20 / / rw - ext4 /dev/sda rw\n21 20 0:31 /@home /home rw - btrfs /dev/nvme0n1p1 rw\n";
        assert_eq!(below("/home/me", mountinfo), ["nvme0n1p1"]);
        assert_eq!(below("/homes", mountinfo), ["sda"]);
    }

    #[test]
    fn an_overlay_reports_what_is_mounted_and_else_every_real_device() {
        let overlay = "20 1 0:20 / / rw - overlay overlay rw\n";
        let with_volume = format!("{overlay}21 20 259:1 /v /data rw - ext4 /dev/nvme0n1p1 rw\n");
        assert_eq!(below("/", &with_volume), ["nvme0n1p1"]);
        assert_eq!(below("/", overlay), ["nvme0n1", "nvme0n1p1", "sda"]);
    }

    #[test]
    fn usage_and_traffic_are_reported_for_a_readable_path_only() {
        // given a /proc whose only device is the one below the folder
        let proc = tempfile::tempdir().unwrap();
        let dev = fs::metadata(proc.path()).unwrap().dev();
        let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
        fs::write(
            proc.path().join("diskstats"),
            format!("{major} {minor} disk9 1 0 4096 0 1 0 2048 0\n"),
        )
        .unwrap();
        let mut disks = Disks::new(proc.path().to_path_buf());
        let disk_paths = vec![proc.path().to_path_buf(), PathBuf::from("/no/such/path")];

        // when a target names it beside one that does not exist
        let target = Target {
            disk_paths,
            ..Target::new(3, 0)
        };
        let readings = disks.sample(Instant::now(), &[target]).unwrap();

        // then there are its four values, in MiB where bytes flow
        let name = proc.path().to_string_lossy();
        let keys: Vec<String> = readings
            .targets
            .iter()
            .map(|(_, reading)| reading.metric.key(reading.instance.as_deref()))
            .collect();
        let usage = [
            format!("disk.{name}.usagePercent"),
            format!("disk.{name}.usageGB"),
        ];
        assert_eq!(keys[..2], usage);
        assert_eq!(keys[2..], ["disk.disk9.in", "disk.disk9.out"]);
        assert_eq!(readings.targets[2].1.value, 2.0.into());
        assert_eq!(readings.targets[3].1.value, 1.0.into());
    }

    #[test]
    fn a_share_in_use_lies_between_nothing_and_everything() {
        let space = space(Path::new("/")).unwrap();
        assert!(space.used <= space.total, "{space:?}");
        assert!(space.used + space.available <= space.total, "{space:?}");
    }
}
