//! A process and its descendants.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// Beyond this many processes a tree is cut off: each costs about 20 µs per sample.
pub(crate) const MAX_PROCESSES: usize = 512;

/// `root` and everything below it, parents first. Needs a kernel with `task/*/children` (all distributions); without it
/// the root stands alone.
pub(crate) fn with_descendants(proc: &Path, root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut seen = HashSet::from([root]);
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        next += 1;
        for child in children(proc, pid) {
            if found.len() == MAX_PROCESSES {
                return found;
            }
            if seen.insert(child) {
                found.push(child);
            }
        }
    }
    found
}

/// Any thread of a process may have started a child.
fn children(proc: &Path, pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(proc.join(pid.to_string()).join("task")) else {
        return Vec::new();
    };
    let mut pids = Vec::new();
    for thread in threads.flatten() {
        if let Ok(text) = fs::read_to_string(thread.path().join("children")) {
            pids.extend(
                text.split_ascii_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread_with_children(proc: &Path, pid: u32, thread: u32, children: &str) {
        let folder = proc.join(format!("{pid}/task/{thread}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("children"), children).unwrap();
    }

    #[test]
    fn children_of_threads_and_grandchildren_belong_to_the_tree() {
        let proc = tempfile::tempdir().unwrap();
        thread_with_children(proc.path(), 10, 10, "11 ");
        thread_with_children(proc.path(), 10, 99, "12 ");
        thread_with_children(proc.path(), 12, 12, "13 ");

        let mut tree = with_descendants(proc.path(), 10);

        tree.sort_unstable();
        assert_eq!(tree, [10, 11, 12, 13]);
    }

    #[test]
    fn a_process_without_children_stands_alone() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(with_descendants(proc.path(), 10), [10]);
    }

    #[test]
    fn a_huge_tree_is_cut_off() {
        let proc = tempfile::tempdir().unwrap();
        let children: Vec<String> = (11..2000).map(|pid| pid.to_string()).collect();
        thread_with_children(proc.path(), 10, 10, &children.join(" "));
        assert_eq!(with_descendants(proc.path(), 10).len(), MAX_PROCESSES);
    }
}
