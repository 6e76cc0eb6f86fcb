//! Whether somebody still writes to a file.

use std::{fs, path::Path};

/// A process of this user that has the file open for writing, and is not this one.
pub(crate) fn writer(path: &Path) -> Option<u32> {
    let path = fs::canonicalize(path).ok()?;
    let own = std::process::id();
    let processes = fs::read_dir("/proc").ok()?;
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .find(|pid| writes(*pid, &path))
}

fn writes(pid: u32, path: &Path) -> bool {
    // Those of other users cannot be read.
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.flatten().any(|file| {
        let same = fs::read_link(file.path()).is_ok_and(|target| target == path);
        same && is_for_writing(pid, &file.file_name().to_string_lossy())
    })
}

/// The access mode is in the last octal digit of the flags.
fn is_for_writing(pid: u32, number: &str) -> bool {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.is_some_and(|flags| flags.trim().ends_with(['1', '2', '5', '6']))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_that_writes_is_found_and_one_that_reads_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run-1.wandb");
        let file = fs::File::create(&path).unwrap();
        let sleeping = |output: Stdio, input: Stdio| {
            Command::new("sleep")
                .arg("600")
                .stdin(input)
                .stdout(output)
                .spawn()
                .unwrap()
        };
        let mut reads = sleeping(Stdio::null(), fs::File::open(&path).unwrap().into());
        let nobody = writer(&path);
        let mut writes = sleeping(file.into(), Stdio::null());

        let found = writer(&path);

        for child in [&mut reads, &mut writes] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(nobody, None);
        assert_eq!(found, Some(writes.id()));
    }
}
