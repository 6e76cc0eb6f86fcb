//! Whether the process that opened a run still lives.

use std::fs;

use wandbd_proto::v1::Process;

/// The process with this pid as this daemon sees it, or `None` when there is none.
pub(crate) fn look_at(pid: u32) -> Option<Process> {
    Some(Process {
        boot_id: boot_id(),
        pid,
        start_time: start_time(pid)?,
    })
}

/// Linux: a number that changes at every boot. Elsewhere empty: a pid and its start time have to do.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// Field 22 of `/proc/<pid>/stat` (proc(5)), in clock ticks since boot; `None` when the process is gone or a zombie.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    (state != "Z" && state != "X").then_some(())?;
    fields.nth(18)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: u32) -> Option<u64> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    rustix::process::test_kill_process(pid).is_ok().then_some(0)
}

/// True while exactly this process runs.
pub(crate) fn is_alive(process: &Process) -> bool {
    process.boot_id == boot_id() && start_time(process.pid) == Some(process.start_time)
}

/// Returns when this process is gone, at once if it is gone already.
pub(crate) async fn gone(process: &Process) {
    #[cfg(target_os = "linux")]
    if let Some(pidfd) = pidfd(process.pid) {
        // Opened first, looked at second: if it still is this process now, the descriptor is of this process.
        if is_alive(process) && pidfd.readable().await.is_ok() {
            return;
        }
    }
    while is_alive(process) {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

#[cfg(target_os = "linux")]
fn pidfd(pid: u32) -> Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let fd = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
    // SAFETY: `OwnedFd` gives the same descriptor until it is dropped, and closes it after it was taken from the reactor.
    #[expect(unsafe_code, reason = "the safe constructor is deprecated")]
    unsafe {
        tokio::io::unix::AsyncFd::register_with_interest(fd, tokio::io::Interest::READABLE).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{process::Command, time::Duration};

    #[test]
    fn this_process_is_alive_and_another_with_its_pid_is_not() {
        let me = look_at(std::process::id()).unwrap();

        assert!(is_alive(&me));
        assert!(!is_alive(&Process {
            start_time: me.start_time + 1,
            ..me.clone()
        }));
        assert!(!is_alive(&Process {
            boot_id: "another boot".into(),
            ..me
        }));
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_seen_when_it_happens() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = look_at(child.id()).unwrap();
        let waiting = tokio::spawn(async move { gone(&process).await });

        child.kill().unwrap();
        child.wait().unwrap();

        tokio::time::timeout(Duration::from_secs(10), waiting)
            .await
            .expect("seen within ten seconds")
            .unwrap();
    }
}
