//! When each target is due: one grid of ticks whose step is the smallest interval.
//!
//! A target has a nominal schedule (its first sample, then one interval after another) and is sampled on the tick that is
//! nearest to each nominal time. So ticks coincide, and no target drifts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::target::{MIN_INTERVAL, Target};

#[derive(Debug)]
struct Entry {
    target: Target,
    /// The last nominal time that was served.
    base: Instant,
    due: Instant,
}

#[derive(Debug)]
pub(crate) struct Grid {
    origin: Instant,
    step: Duration,
    entries: BTreeMap<u64, Entry>,
}

impl Grid {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            origin: now,
            step: MIN_INTERVAL,
            entries: BTreeMap::new(),
        }
    }

    /// Takes over a new list. Known targets (by id) keep their schedule, new ones are due now.
    pub(crate) fn retarget(&mut self, targets: &[Target], now: Instant) {
        if self.entries.is_empty() {
            self.origin = now;
        }
        let mut before = std::mem::take(&mut self.entries);
        let intervals = targets
            .iter()
            .map(|target| target.interval.max(MIN_INTERVAL));
        self.step = intervals.min().unwrap_or(MIN_INTERVAL);
        for target in targets {
            let mut target = target.clone();
            target.interval = target.interval.max(MIN_INTERVAL);
            let (base, due) = match before.remove(&target.id) {
                Some(known) if known.due > known.base => {
                    (known.base, self.snap(known.base + target.interval))
                }
                Some(unserved) => (unserved.base, unserved.due),
                None => (now, now),
            };
            self.entries.insert(target.id, Entry { target, base, due });
        }
    }

    /// The next tick on which somebody is due; `None` without targets.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.values().map(|entry| entry.due).min()
    }

    /// The targets due at `now`, which are moved on to their next tick after `now`; ticks that were missed are skipped.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Target> {
        let (origin, step) = (self.origin, self.step);
        let mut due = Vec::new();
        for entry in self.entries.values_mut().filter(|entry| entry.due <= now) {
            let interval = entry.target.interval;
            if entry.due > entry.base {
                entry.base += times(interval, whole_times(now, entry.base, interval).max(1));
            }
            let mut nominal = entry.base + interval;
            while snap(origin, step, nominal) <= now {
                entry.base = nominal;
                nominal += interval;
            }
            entry.due = snap(origin, step, nominal);
            due.push(entry.target.clone());
        }
        due
    }

    fn snap(&self, nominal: Instant) -> Instant {
        snap(self.origin, self.step, nominal)
    }
}

fn whole_times(now: Instant, base: Instant, interval: Duration) -> u32 {
    let passed = now.saturating_duration_since(base).as_nanos();
    u32::try_from(passed / interval.as_nanos().max(1)).unwrap_or(u32::MAX)
}

fn times(interval: Duration, count: u32) -> Duration {
    interval.saturating_mul(count)
}

/// The tick nearest to `nominal`.
fn snap(origin: Instant, step: Duration, nominal: Instant) -> Instant {
    let step = step.as_nanos().max(1);
    let ticks = (nominal.saturating_duration_since(origin).as_nanos() + step / 2) / step;
    origin + Duration::from_nanos(u64::try_from(ticks * step).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: u64, interval_s: u64) -> Target {
        Target {
            interval: Duration::from_secs(interval_s),
            ..Target::new(id, 0)
        }
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// Runs the grid up to `until` seconds after `start` and returns (second, ids) of every tick.
    fn run(grid: &mut Grid, start: Instant, until: u64) -> Vec<(f64, Vec<u64>)> {
        let mut ticks = Vec::new();
        while let Some(next) = grid.next().filter(|next| *next <= start + secs(until)) {
            let ids = grid.take_due(next).iter().map(|target| target.id).collect();
            ticks.push((next.duration_since(start).as_secs_f64(), ids));
        }
        ticks
    }

    #[test]
    fn without_targets_there_is_no_tick() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        assert_eq!(grid.next(), None);

        grid.retarget(&[target(1, 1)], now);
        grid.retarget(&[], now);
        assert_eq!(grid.next(), None);
    }

    #[test]
    fn the_first_sample_comes_at_once_and_the_next_after_one_interval() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 15)], now);
        assert_eq!(
            run(&mut grid, now, 30),
            [(0.0, vec![1]), (15.0, vec![1]), (30.0, vec![1])]
        );
    }

    #[test]
    fn targets_with_multiples_of_the_smallest_interval_share_its_ticks() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 1), target(2, 2)], now);
        assert_eq!(
            run(&mut grid, now, 4),
            [
                (0.0, vec![1, 2]),
                (1.0, vec![1]),
                (2.0, vec![1, 2]),
                (3.0, vec![1]),
                (4.0, vec![1, 2])
            ]
        );
    }

    #[test]
    fn an_interval_that_is_no_multiple_is_kept_on_average() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 15), target(2, 20)], now);
        let second: Vec<f64> = run(&mut grid, now, 120)
            .into_iter()
            .filter(|(_, ids)| ids.contains(&2))
            .map(|(at, _)| at)
            .collect();
        assert_eq!(second, [0.0, 15.0, 45.0, 60.0, 75.0, 105.0, 120.0]);
    }

    #[test]
    fn a_late_target_is_sampled_at_once_and_then_on_the_common_ticks() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 10)], now);
        assert_eq!(run(&mut grid, now, 13).len(), 2);

        grid.retarget(&[target(1, 10), target(2, 10)], now + secs(13));
        assert_eq!(
            run(&mut grid, now, 30),
            [(13.0, vec![2]), (20.0, vec![1, 2]), (30.0, vec![1, 2])]
        );
    }

    #[test]
    fn missed_ticks_are_skipped_not_caught_up() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 1)], now);
        assert_eq!(grid.take_due(now).len(), 1);

        let late = now + secs(3600) + Duration::from_millis(300);
        assert_eq!(grid.take_due(late).len(), 1);

        assert_eq!(grid.next(), Some(now + secs(3601)));
    }

    #[test]
    fn a_new_list_does_not_disturb_those_who_stay() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 10), target(2, 10)], now);
        assert_eq!(grid.take_due(now).len(), 2);

        grid.retarget(&[target(2, 10)], now + secs(4));
        assert_eq!(grid.next(), Some(now + secs(10)));
    }

    #[test]
    fn a_target_that_was_never_served_is_still_due_after_a_new_list() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 10)], now);
        grid.retarget(&[target(1, 10), target(2, 10)], now + secs(1));
        assert_eq!(grid.next(), Some(now));
        assert_eq!(grid.take_due(now + secs(1)).len(), 2);
    }

    #[test]
    fn a_shorter_interval_takes_effect_from_the_last_sample_on() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(&[target(1, 60)], now);
        assert_eq!(grid.take_due(now).len(), 1);

        grid.retarget(&[target(1, 5)], now + secs(2));
        assert_eq!(grid.next(), Some(now + secs(5)));
    }

    #[test]
    fn an_interval_of_nothing_is_raised_to_the_smallest_allowed() {
        let now = Instant::now();
        let mut grid = Grid::new(now);
        grid.retarget(
            &[Target {
                interval: Duration::ZERO,
                ..Target::new(1, 0)
            }],
            now,
        );
        assert_eq!(grid.take_due(now).len(), 1);
        assert_eq!(grid.next(), Some(now + MIN_INTERVAL));
    }
}
