//! When which journal is synced: the committer's decisions, without its threads.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Files synced at once.
const PARALLEL: usize = 8;

/// A sync that has taken so long hangs, and gives its place to others.
const HANGS: Duration = Duration::from_secs(1);

/// Threads at most: so many files can hang before they hold up others.
pub(crate) const MAX_THREADS: usize = 64;

/// What is to be committed. Each item is in it once at most, so it is bounded by their number.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    pace: Duration,
    began: Option<Instant>,
    /// For the next round.
    dirty: Vec<T>,
    urgent: bool,
    /// Taken into a round, waiting for one of the [`PARALLEL`] places.
    waiting: VecDeque<T>,
    /// When the syncs that run now began.
    running: Vec<Instant>,
    pub(crate) stopping: bool,
    pub(crate) ended: bool,
}

/// What a thread is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// Sync this one; [`Rounds::done`] afterwards, with the time.
    Sync(T, Instant),
    /// Nothing is dirty, or others see to it.
    Wait,
    /// Something is to be done then.
    Until(Instant),
    /// Nothing is left and nothing will come.
    End,
}

impl<T> Rounds<T> {
    /// Rounds begin `pace` after one another, or when there is something to do.
    pub(crate) fn new(pace: Duration) -> Self {
        Self {
            pace,
            began: None,
            dirty: Vec::new(),
            urgent: false,
            waiting: VecDeque::new(),
            running: Vec::new(),
            stopping: false,
            ended: false,
        }
    }

    pub(crate) fn push(&mut self, item: T, urgent: bool) {
        self.dirty.push(item);
        self.urgent |= urgent;
    }

    /// What waits is wanted at once.
    pub(crate) fn hurry(&mut self) {
        self.urgent = true;
    }

    /// Whether there is something for another thread: at once, and in the next round.
    pub(crate) fn has_more(&self) -> (bool, bool) {
        (!self.waiting.is_empty(), !self.dirty.is_empty())
    }

    pub(crate) fn next(&mut self, now: Instant) -> Next<T> {
        if let Some(next) = self.of_this_round(now) {
            return next;
        }
        if self.dirty.is_empty() {
            self.urgent = false;
            if self.stopping && self.running.is_empty() {
                self.ended = true;
                return Next::End;
            }
            return Next::Wait;
        }
        let due = self.began.map_or(now, |began| began + self.pace);
        if due > now && !self.urgent && !self.stopping {
            return Next::Until(due);
        }
        self.urgent = false;
        self.began = Some(now);
        self.waiting.extend(self.dirty.drain(..));
        self.of_this_round(now).unwrap_or(Next::Wait)
    }

    /// One that a round has taken already, when there is a place for it.
    fn of_this_round(&mut self, now: Instant) -> Option<Next<T>> {
        let item = self.waiting.pop_front()?;
        let hangs = |began: &&Instant| now.saturating_duration_since(**began) < HANGS;
        let places = self.running.iter().filter(hangs).count();
        if places < PARALLEL && self.running.len() < MAX_THREADS {
            self.running.push(now);
            return Some(Next::Sync(item, now));
        }
        self.waiting.push_front(item);
        let oldest = self.running.iter().filter(hangs).min();
        Some(oldest.map_or(Next::Wait, |oldest| Next::Until(*oldest + HANGS)))
    }

    /// A sync that began then is over.
    pub(crate) fn done(&mut self, began: Instant) {
        if let Some(at) = self.running.iter().position(|one| *one == began) {
            self.running.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(20);

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn the_first_after_a_pause_goes_at_once_and_later_ones_wait_for_the_round() {
        let start = Instant::now();
        let mut rounds = Rounds::new(PACE);
        assert_eq!(rounds.next(start), Next::Wait);

        rounds.push("a", false);
        assert_eq!(rounds.next(start), Next::Sync("a", start));
        rounds.push("b", false);
        assert_eq!(rounds.next(start + ms(5)), Next::Until(start + PACE));
        assert_eq!(
            rounds.next(start + PACE),
            Next::Sync("b", start + PACE),
            "although a has not ended"
        );
    }

    #[test]
    fn an_urgent_one_takes_along_what_waits() {
        let start = Instant::now();
        let mut rounds = Rounds::new(PACE);
        rounds.push("a", false);
        rounds.next(start);

        rounds.push("b", false);
        rounds.push("c", true);

        let now = start + ms(1);
        assert_eq!(rounds.next(now), Next::Sync("b", now));
        assert_eq!(rounds.next(now), Next::Sync("c", now));
        rounds.push("d", false);
        assert_eq!(rounds.next(now), Next::Until(now + PACE), "only once");
        rounds.hurry();
        assert_eq!(rounds.next(now), Next::Sync("d", now));
    }

    #[test]
    fn eight_go_side_by_side_and_one_that_hangs_gives_its_place_away() {
        let start = Instant::now();
        let mut rounds = Rounds::new(PACE);
        for number in 0..10 {
            rounds.push(number, false);
        }
        for number in 0..8 {
            assert_eq!(rounds.next(start), Next::Sync(number, start));
        }
        assert_eq!(rounds.next(start + ms(1)), Next::Until(start + HANGS));

        rounds.done(start);
        let now = start + ms(2);
        assert_eq!(rounds.next(now), Next::Sync(8, now));
        assert_eq!(rounds.next(now), Next::Until(start + HANGS));
        let later = start + HANGS;
        assert_eq!(rounds.next(later), Next::Sync(9, later));
    }

    #[test]
    fn at_a_stop_everything_goes_at_once_and_the_end_comes_after_the_last() {
        let start = Instant::now();
        let mut rounds = Rounds::new(PACE);
        rounds.push("a", false);
        rounds.next(start);
        rounds.push("b", false);
        rounds.stopping = true;

        assert_eq!(rounds.next(start), Next::Sync("b", start));
        assert_eq!(rounds.next(start), Next::Wait);
        rounds.done(start);
        rounds.done(start);
        assert_eq!(rounds.next(start), Next::End);
        assert!(rounds.ended);
    }
}
