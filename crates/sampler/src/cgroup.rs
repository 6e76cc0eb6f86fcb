//! The limits that cgroup v2 puts on a process.
//!
//! A limit may be set on any ancestor (a Kubernetes pod, a Slurm step), so the tightest one counts, together with the
//! usage of the group that carries it. cgroup v1 is not read: there the machine's figures appear, as with W&B's client.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::procfs::Mount;

/// The group of a process and its ancestors as folders, the leaf first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroup {
    folders: Vec<PathBuf>,
}

/// A limit and the folder that carries it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limit<T> {
    pub(crate) value: T,
    folder: PathBuf,
}

/// The tightest limits on a process.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// CPU quota, in CPUs.
    pub(crate) cpus: Option<Limit<f64>>,
    /// Memory, in bytes.
    pub(crate) memory: Option<Limit<u64>>,
}

impl Cgroup {
    /// Finds the group from `/proc/<pid>/cgroup` below the place where cgroup v2 is mounted.
    pub(crate) fn find(mounts: &[Mount], proc_cgroup: &str) -> Option<Self> {
        let mount = mounts.iter().find(|mount| mount.kind == "cgroup2")?;
        let path = proc_cgroup
            .lines()
            .find_map(|line| line.strip_prefix("0::"))?;
        let inside = Path::new(path).strip_prefix(&mount.root).ok()?;
        if inside
            .components()
            .any(|part| !matches!(part, Component::Normal(_)))
        {
            return None;
        }
        let leaf = mount.point.join(inside);
        let folders = leaf
            .ancestors()
            .take_while(|folder| folder.starts_with(&mount.point));
        Some(Self {
            folders: folders.map(Path::to_path_buf).collect(),
        })
    }

    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for folder in &self.folders {
            if let Some(value) = read(folder, "cpu.max").as_deref().and_then(quota)
                && limits
                    .cpus
                    .as_ref()
                    .is_none_or(|tightest| value < tightest.value)
            {
                limits.cpus = Some(Limit {
                    value,
                    folder: folder.clone(),
                });
            }
            if let Some(value) =
                read(folder, "memory.max").and_then(|text| text.trim().parse().ok())
                && limits
                    .memory
                    .as_ref()
                    .is_none_or(|tightest| value < tightest.value)
            {
                limits.memory = Some(Limit {
                    value,
                    folder: folder.clone(),
                });
            }
        }
        limits
    }
}

impl Limit<u64> {
    /// Bytes in use below this memory limit, page cache included.
    pub(crate) fn memory_current(&self) -> Option<u64> {
        read(&self.folder, "memory.current")?.trim().parse().ok()
    }

    /// Processes killed for memory since the group was made.
    pub(crate) fn oom_kills(&self) -> Option<u64> {
        keyed(&read(&self.folder, "memory.events")?, "oom_kill")
    }
}

impl Limit<f64> {
    /// Enforcement periods of the quota: all, and those in which the group was held back.
    pub(crate) fn throttling(&self) -> Option<Throttling> {
        let text = read(&self.folder, "cpu.stat")?;
        Some(Throttling {
            periods: keyed(&text, "nr_periods")?,
            throttled: keyed(&text, "nr_throttled")?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Throttling {
    pub(crate) periods: u64,
    pub(crate) throttled: u64,
}

fn read(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok()
}

/// `cpu.max`: quota and period in microseconds, or `max` for none.
fn quota(cpu_max: &str) -> Option<f64> {
    let (quota, period) = cpu_max.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    Some(quota / period).filter(|cpus| cpus.is_finite() && *cpus > 0.0)
}

fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(key)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(root: &str, point: &Path) -> Vec<Mount> {
        let (root, point) = (PathBuf::from(root), point.to_path_buf());
        vec![Mount {
            number: (0, 26),
            root,
            point,
            kind: "cgroup2".to_owned(),
            source: PathBuf::from("cgroup2"),
        }]
    }

    fn folders(root: &str, proc_cgroup: &str) -> Option<Vec<String>> {
        let found = Cgroup::find(&mount(root, Path::new("/sys/fs/cgroup")), proc_cgroup)?;
        Some(
            found
                .folders
                .iter()
                .map(|folder| folder.display().to_string())
                .collect(),
        )
    }

    #[test]
    fn the_group_is_found_with_its_ancestors_up_to_the_mount() {
        let found = folders("/", "4:memory:/v1\n0::/user.slice/job\n").unwrap();
        assert_eq!(
            found,
            [
                "/sys/fs/cgroup/user.slice/job",
                "/sys/fs/cgroup/user.slice",
                "/sys/fs/cgroup"
            ]
        );
    }

    #[test]
    fn the_root_of_the_mount_is_taken_off_the_path() {
        assert_eq!(
            folders("/docker/abc", "0::/docker/abc/x\n").unwrap()[0],
            "/sys/fs/cgroup/x"
        );
    }

    #[test]
    fn a_group_that_cannot_be_seen_from_here_has_no_limits() {
        assert_eq!(folders("/docker/abc", "0::/elsewhere\n"), None);
        assert_eq!(folders("/", "0::/../../other\n"), None);
        assert_eq!(folders("/", "4:memory:/only/v1\n"), None);
        assert_eq!(Cgroup::find(&[], "0::/\n"), None);
    }

    #[test]
    fn a_tighter_limit_of_a_parent_counts_with_the_parents_usage() {
        let top = tempfile::tempdir().unwrap();
        let leaf = top.path().join("pod/step");
        fs::create_dir_all(&leaf).unwrap();
        fs::write(leaf.join("memory.max"), "max\n").unwrap();
        fs::write(leaf.join("memory.current"), "1\n").unwrap();
        fs::write(leaf.join("cpu.max"), "400000 100000\n").unwrap();
        fs::write(top.path().join("pod/memory.max"), "2147483648\n").unwrap();
        fs::write(top.path().join("pod/memory.current"), "1073741824\n").unwrap();
        fs::write(top.path().join("pod/cpu.max"), "150000 100000\n").unwrap();

        let limits = Cgroup::find(&mount("/", top.path()), "0::/pod/step\n")
            .unwrap()
            .limits();

        let memory = limits.memory.unwrap();
        assert_eq!(
            (memory.value, memory.memory_current()),
            (2_147_483_648, Some(1_073_741_824))
        );
        assert_eq!(limits.cpus.unwrap().value.to_string(), "1.5");
    }

    #[test]
    fn no_quota_is_no_limit() {
        assert_eq!(quota("max 100000\n"), None);
        assert_eq!(quota("0 100000\n"), None);
        assert_eq!(quota("100 0\n"), None);
        assert_eq!(quota(""), None);
        assert_eq!(quota("50000 100000\n"), Some(0.5));
    }

    #[test]
    fn a_key_is_not_mistaken_for_a_longer_one() {
        assert_eq!(
            keyed("oom 1\noom_kill 3\noom_group_kill 4\n", "oom_kill"),
            Some(3)
        );
        assert_eq!(keyed("oom_kill_x 3\n", "oom_kill"), None);
    }
}
