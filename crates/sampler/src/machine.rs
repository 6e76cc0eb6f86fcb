//! Facts about the machine for `wandb-metadata.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Serialize, Serializer};
use sysinfo::{CpuRefreshKind, System};

use crate::disk;

/// What W&B's metadata says of a machine. It serializes under W&B's names, with 64-bit numbers as strings; what could not
/// be found out is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Kernel, release and architecture, such as `Linux-6.8.0-x86_64`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// Host name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Physical cores.
    #[serde(skip_serializing_if = "is_zero")]
    pub cpu_count: u32,
    /// Logical CPUs.
    #[serde(skip_serializing_if = "is_zero")]
    pub cpu_count_logical: u32,
    /// Space by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub disk: BTreeMap<String, Disk>,
    /// Memory.
    pub memory: Memory,
    /// The processor.
    pub cpu: Cpu,
}

/// Space of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Bytes in all.
    #[serde(serialize_with = "as_text")]
    pub total: u64,
    /// Bytes in use.
    #[serde(serialize_with = "as_text")]
    pub used: u64,
}

/// Memory of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Bytes in all.
    #[serde(serialize_with = "as_text")]
    pub total: u64,
}

/// The processor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// Physical cores.
    #[serde(skip_serializing_if = "is_zero")]
    pub count: u32,
    /// Logical CPUs.
    #[serde(skip_serializing_if = "is_zero")]
    pub count_logical: u32,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
}

/// Looks at this machine, its root file system included. Takes milliseconds; a network root that hangs holds it up.
pub fn machine() -> Machine {
    let mut system = System::new().ok();
    if let Some(system) = &mut system {
        system.refresh_memory();
        system.refresh_cpu_list(CpuRefreshKind::nothing());
    }
    let cpus = system.as_ref().map_or(&[][..], System::cpus);
    let logical = count(cpus.len());
    let physical = System::physical_core_count().map_or(logical, count);
    let model = cpus
        .first()
        .map(|cpu| cpu.brand().trim().to_owned())
        .unwrap_or_default();
    let root = disk::space(Path::new("/"));
    Machine {
        os: os(),
        host: System::host_name().unwrap_or_default(),
        cpu_count: physical,
        cpu_count_logical: logical,
        disk: root
            .map(|root| {
                (
                    "/".to_owned(),
                    Disk {
                        total: root.total,
                        used: root.used,
                    },
                )
            })
            .into_iter()
            .collect(),
        memory: Memory {
            total: system.as_ref().map_or(0, System::total_memory),
        },
        cpu: Cpu {
            count: physical,
            count_logical: logical,
            model,
        },
    }
}

fn os() -> String {
    let uname = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    format!(
        "{}-{}-{}",
        part(uname.sysname()),
        part(uname.release()),
        part(uname.machine())
    )
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_serializes_under_wandbs_names_with_wide_numbers_as_strings() {
        let machine = Machine {
            os: "Linux-6.8.0-x86_64".to_owned(),
            host: "node-1".to_owned(),
            cpu_count: 4,
            cpu_count_logical: 8,
            disk: BTreeMap::from([(
                "/".to_owned(),
                Disk {
                    total: 270_553_174_016,
                    used: 5,
                },
            )]),
            memory: Memory {
                total: 17_179_869_184,
            },
            cpu: Cpu {
                count: 4,
                count_logical: 8,
                model: "Fast".to_owned(),
            },
        };
        let expected = serde_json::json!({
            "os": "Linux-6.8.0-x86_64", "host": "node-1", "cpu_count": 4, "cpu_count_logical": 8,
            "disk": {"/": {"total": "270553174016", "used": "5"}},
            "memory": {"total": "17179869184"},
            "cpu": {"count": 4, "countLogical": 8, "model": "Fast"},
        });
        assert_eq!(serde_json::to_value(machine).unwrap(), expected);
    }

    #[test]
    fn this_machine_has_a_name_cores_memory_and_a_root() {
        let machine = machine();
        assert!(
            !machine.host.is_empty() && machine.os.contains('-'),
            "{machine:?}"
        );
        assert!(
            machine.cpu_count >= 1 && machine.cpu_count_logical >= machine.cpu_count,
            "{machine:?}"
        );
        assert!(
            machine.memory.total > 0 && machine.disk["/"].total >= machine.disk["/"].used,
            "{machine:?}"
        );
    }
}
