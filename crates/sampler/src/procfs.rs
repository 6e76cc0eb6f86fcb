//! The texts of `/proc`, parsed. Pure functions: what is missing or odd gives `None` or is left out.

use std::path::PathBuf;

/// What `/proc/<pid>/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// False for a zombie, which has no memory and no threads.
    pub(crate) alive: bool,
    /// User and system time of all its threads, in clock ticks.
    pub(crate) cpu_ticks: u64,
    pub(crate) threads: u64,
    /// In clock ticks since boot; tells a reused pid from the process that had it before.
    pub(crate) start_time: u64,
    pub(crate) rss_pages: u64,
}

/// The command in field 2 may hold spaces and brackets, so fields are counted after the last `)`.
pub(crate) fn stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        alive: !matches!(*fields.first()?, "Z" | "X" | "x"),
        cpu_ticks: number(14)?.saturating_add(number(15)?),
        threads: number(20)?,
        start_time: number(22)?,
        rss_pages: number(24)?,
    })
}

/// How many CPUs `/proc/<pid>/status` allows the process.
pub(crate) fn allowed_cpus(status: &str) -> Option<usize> {
    cpu_list(
        status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?,
    )
}

/// How many CPUs a list such as `0-3,8` names.
pub(crate) fn cpu_list(text: &str) -> Option<usize> {
    let mut count = 0;
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        count += last.checked_sub(first)? + 1;
    }
    (count > 0).then_some(count)
}

/// Memory of the machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meminfo {
    pub(crate) total: u64,
    pub(crate) available: u64,
}

pub(crate) fn meminfo(text: &str) -> Option<Meminfo> {
    let bytes = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Meminfo {
        total: bytes("MemTotal")?,
        available: bytes("MemAvailable")?,
    })
}

/// One line of `/proc/net/dev`, in bytes since the interface came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

pub(crate) fn interfaces(net_dev: &str) -> Vec<Interface> {
    let interface = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        let counters: Vec<u64> = counters
            .split_ascii_whitespace()
            .map_while(|field| field.parse().ok())
            .collect();
        Some(Interface {
            name: name.trim().to_owned(),
            received: *counters.first()?,
            sent: *counters.get(8)?,
        })
    };
    net_dev.lines().filter_map(interface).collect()
}

/// `RetransSegs` of `/proc/net/snmp`: TCP segments sent again since boot.
pub(crate) fn tcp_retransmits(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let column = lines
        .next()?
        .split_ascii_whitespace()
        .position(|name| name == "RetransSegs")?;
    lines
        .next()?
        .split_ascii_whitespace()
        .nth(column)?
        .parse()
        .ok()
}

/// One line of `/proc/diskstats`, in bytes since boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockDevice {
    pub(crate) number: (u32, u32),
    pub(crate) name: String,
    pub(crate) read: u64,
    pub(crate) written: u64,
}

/// The kernel counts sectors of 512 bytes here, whatever the device's own are.
const SECTOR_BYTES: u64 = 512;

pub(crate) fn block_devices(diskstats: &str) -> Vec<BlockDevice> {
    let device = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let sectors = |field: usize| {
            fields
                .get(field)?
                .parse::<u64>()
                .ok()?
                .checked_mul(SECTOR_BYTES)
        };
        Some(BlockDevice {
            number: (fields.first()?.parse().ok()?, fields.get(1)?.parse().ok()?),
            name: (*fields.get(2)?).to_owned(),
            read: sectors(5)?,
            written: sectors(9)?,
        })
    };
    diskstats.lines().filter_map(device).collect()
}

/// One line of `/proc/<pid>/mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) number: (u32, u32),
    /// The part of the file system that is mounted.
    pub(crate) root: PathBuf,
    pub(crate) point: PathBuf,
    pub(crate) kind: String,
    pub(crate) source: PathBuf,
}

pub(crate) fn mounts(mountinfo: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let before: Vec<&str> = before.split(' ').collect();
        let mut after = after.split(' ');
        let (major, minor) = before.get(2)?.split_once(':')?;
        Some(Mount {
            number: (major.parse().ok()?, minor.parse().ok()?),
            root: unescape(before.get(3)?),
            point: unescape(before.get(4)?),
            kind: after.next()?.to_owned(),
            source: unescape(after.next()?),
        })
    };
    mountinfo.lines().filter_map(mount).collect()
}

/// Blanks, tabs, newlines and backslashes come as `\` and three octal digits.
fn unescape(text: &str) -> PathBuf {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok())
            .filter(u8::is_ascii);
        if let Some(code) = code {
            plain.push(char::from(code));
            rest = &after[3..];
        } else {
            plain.push('\\');
            rest = after;
        }
    }
    plain.push_str(rest);
    PathBuf::from(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_and_blanks_does_not_shift_the_fields() {
        let text = "4242 (tmux: (server) x) S 1 4242 4242 0 -1 4194560 40855 10884855 0 575 74 353 26586 5264 20 0 13 0 \
                    987 44068864 3342 18446744073709551615 1 1 0 0 0 0 0 4096 1256 0 0 0 17 1 0 0 0 0 0 0\n";
        let expected = Stat {
            alive: true,
            cpu_ticks: 74 + 353,
            threads: 13,
            start_time: 987,
            rss_pages: 3342,
        };
        assert_eq!(stat(text), Some(expected));
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let text = "7 (sh) Z 1 7 7 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 55 0 0 18446744073709551615 0";
        assert_eq!(stat(text).map(|stat| stat.alive), Some(false));
    }

    #[test]
    fn a_cut_off_stat_is_no_stat() {
        for text in ["", "1", "1 (a", "1 (a)", "1 (a) S 1 2 3"] {
            assert_eq!(stat(text), None, "{text:?}");
        }
    }

    #[test]
    fn allowed_cpus_are_counted_over_ranges_and_singles() {
        let check = |list: &str, expect| {
            let status = format!(
                "Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{list}\nMems_allowed:\t1\n"
            );
            assert_eq!(allowed_cpus(&status), expect, "{list}");
        };
        check("0", Some(1));
        check("0-3", Some(4));
        check("0-3,8,10-11", Some(7));
        check("3-0", None);
        check("", None);
        check("x", None);
        assert_eq!(allowed_cpus("Name:\tpython\n"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:       24684092 kB\nMemFree:         1000000 kB\nMemAvailable:   20000000 kB\n";
        assert_eq!(
            meminfo(text),
            Some(Meminfo {
                total: 24_684_092 * 1024,
                available: 20_000_000 * 1024
            })
        );
        assert_eq!(meminfo("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn interfaces_are_read_past_the_two_heading_lines() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0: 376638237   10404    0    0    0     0          0         0   698497    6468    0    0    0     0       0          0
";
        let expected = [("lo", 3193, 3193), ("eth0", 376_638_237, 698_497)];
        let expected = expected
            .map(|(name, received, sent)| Interface {
                name: name.to_owned(),
                received,
                sent,
            })
            .to_vec();
        assert_eq!(interfaces(text), expected);
    }

    #[test]
    fn the_retransmit_column_is_found_by_its_name() {
        let text = "Ip: Forwarding DefaultTTL\nIp: 1 64\n\
                    Tcp: RtoAlgorithm OutSegs RetransSegs InErrs\nTcp: 1 6404 17 0\nUdp: InDatagrams\nUdp: 3\n";
        assert_eq!(tcp_retransmits(text), Some(17));
        assert_eq!(tcp_retransmits("Tcp: OutSegs\nTcp: 4\n"), None);
        assert_eq!(tcp_retransmits(""), None);
    }

    #[test]
    fn sectors_become_bytes() {
        let text = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n 254       1 vda1 46013 10045 100 30416 22958 52122 200 22663 0 1 5\n";
        let devices = block_devices(text);
        assert_eq!(devices.len(), 2);
        assert_eq!(
            devices[1],
            BlockDevice {
                number: (254, 1),
                name: "vda1".to_owned(),
                read: 51_200,
                written: 102_400
            }
        );
    }

    #[test]
    fn mounts_are_read_with_optional_fields_and_escapes() {
        let text = "36 35 98:0 /mnt1 /a\\040b rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n\
                    30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\nodd line\n";
        let mounts = mounts(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].point, PathBuf::from("/a b"));
        assert_eq!(mounts[0].root, PathBuf::from("/mnt1"));
        assert_eq!(mounts[0].number, (98, 0));
        assert_eq!(mounts[0].source, PathBuf::from("/dev/root"));
        assert_eq!(mounts[1].kind, "cgroup2");
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stays() {
        assert_eq!(unescape("/a\\b"), PathBuf::from("/a\\b"));
        assert_eq!(unescape("/a\\"), PathBuf::from("/a\\"));
        assert_eq!(unescape("/\\134\u{e9}"), PathBuf::from("/\\\u{e9}"));
    }
}
