//! Which process this is, in a way that is never reused on this machine.

use std::fs;

use wandbd_proto::v1::Process;

/// Boot id, process id and start time of the calling process. What the system does not tell is empty or 0.
pub fn this_process() -> Process {
    Process {
        boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|id| id.trim().to_owned())
            .unwrap_or_default(),
        pid: std::process::id(),
        start_time: fs::read_to_string("/proc/self/stat")
            .ok()
            .and_then(|stat| start_time(&stat))
            .unwrap_or(0),
    }
}

/// Field 22 of a `stat` file. The second field is the program's name in parentheses and may hold anything.
fn start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_blanks_and_parentheses_does_not_shift_the_start_time() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        assert_eq!(start_time(stat), Some(4242));
        assert_eq!(start_time("7 (a"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_known_by_all_three_marks() {
        let process = this_process();
        assert_eq!(process.pid, std::process::id());
        assert!(!process.boot_id.is_empty());
        assert!(process.start_time > 0);
    }
}
