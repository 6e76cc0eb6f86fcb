//! The client's own count of steps. The daemon numbers the rows; this is what `run.step` says meanwhile.

/// Where a call of `log` belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowHead {
    /// Unix seconds of the call.
    pub timestamp: f64,
    /// The step that was given.
    pub step: Option<i64>,
    /// Whether the history row ends with this call.
    pub close: bool,
    /// The step by our own count, for the gap record if the row is dropped.
    pub(crate) counted: i64,
}

/// The step that the next row without an explicit one would get.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steps {
    next: i64,
    /// Rows of this process that were closed without a step, as long as no step was named.
    own: i64,
    /// A step was named: from then on own rows are not counted from the start of this part of the run.
    is_explicit: bool,
    start: i64,
}

impl Steps {
    pub(crate) fn next(self) -> i64 {
        self.next
    }

    /// Counts one call of `log`.
    pub(crate) fn count(
        &mut self,
        step: Option<i64>,
        commit: Option<bool>,
        timestamp: f64,
    ) -> RowHead {
        let close = commit.unwrap_or(step.is_none());
        let counted = step.unwrap_or(self.next);
        if counted >= self.next {
            self.next = if close {
                counted.saturating_add(1)
            } else {
                counted
            };
        }
        self.is_explicit |= step.is_some();
        self.own += i64::from(close && !self.is_explicit);
        RowHead {
            timestamp,
            step,
            close,
            counted,
        }
    }

    /// The daemon said which step comes next; other processes may have moved it on, never back.
    pub(crate) fn heard(&mut self, next: i64) {
        self.next = self.next.max(next);
    }

    /// The server said where this part of a resumed run starts. Rows that were logged without a step before it answered are numbered
    /// from there, whether they are journaled already or still on their way; named steps stay what they are.
    pub(crate) fn starts_at(&mut self, start: i64) {
        if start > self.start {
            self.start = start;
            let own = if self.is_explicit { 0 } else { self.own };
            self.heard(start.saturating_add(own));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_after(calls: &[(Option<i64>, Option<bool>)]) -> Vec<i64> {
        let mut steps = Steps::default();
        calls
            .iter()
            .map(|&(step, commit)| {
                steps.count(step, commit, 0.0);
                steps.next()
            })
            .collect()
    }

    #[test]
    fn calls_without_a_step_count_up_unless_they_leave_the_row_open() {
        assert_eq!(
            steps_after(&[
                (None, None),
                (None, Some(false)),
                (None, Some(true)),
                (None, None)
            ]),
            [1, 1, 2, 3]
        );
    }

    #[test]
    fn an_explicit_step_moves_forward_only_and_leaves_the_row_open() {
        assert_eq!(
            steps_after(&[
                (Some(5), None),
                (Some(5), None),
                (Some(3), None),
                (Some(9), Some(true)),
                (None, None)
            ]),
            [5, 5, 5, 10, 11]
        );
    }

    #[test]
    fn a_resumed_run_goes_on_where_the_server_says() {
        let mut steps = Steps::default();
        steps.starts_at(100);
        steps.heard(100);
        assert_eq!(steps.next(), 100);
        steps.count(None, None, 0.0);
        steps.starts_at(100);
        assert_eq!(steps.next(), 101);
    }

    #[test]
    fn rows_logged_before_the_server_answered_are_numbered_from_its_start() {
        let mut steps = Steps::default();
        for commit in [None, Some(false), None] {
            steps.count(None, commit, 0.0);
        }
        assert_eq!(steps.next(), 2);
        // The ack of the first one comes before the word about the start.
        steps.heard(101);
        steps.starts_at(100);
        assert_eq!(steps.next(), 102);
    }

    #[test]
    fn named_steps_stay_what_they_are_when_the_start_becomes_known() {
        for (named, then) in [(5, 100), (200, 201)] {
            let mut steps = Steps::default();
            steps.count(None, None, 0.0);
            steps.count(Some(named), Some(true), 0.0);
            steps.starts_at(100);
            assert_eq!(steps.next(), then);
        }
    }

    #[test]
    fn the_daemons_word_never_moves_the_count_back() {
        let mut steps = Steps::default();
        steps.count(Some(7), Some(true), 0.0);
        steps.heard(3);
        assert_eq!(steps.next(), 8);
        steps.heard(20);
        assert_eq!(steps.next(), 20);
    }
}
