//! What is sent together, and how it is cut into posts.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::destination::{Block, Post};

/// Lines that are accepted together: when the last of their posts is, the cursor moves.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    pub(crate) history: Arc<Vec<String>>,
    pub(crate) history_offset: u64,
    pub(crate) events: Arc<Vec<String>>,
    pub(crate) events_offset: u64,
    pub(crate) console: Vec<Stretch>,
    pub(crate) summary: Option<Arc<str>>,
    pub(crate) uploaded: Vec<String>,
    pub(crate) preempting: bool,
    pub(crate) complete: Option<i32>,
}

/// Console lines without a gap.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) first: u64,
    pub(crate) lines: Arc<Vec<String>>,
}

/// A part of a parcel that fits one post.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) history: Range<usize>,
    pub(crate) events: Range<usize>,
    /// Which stretch, and which lines of it.
    pub(crate) console: Option<(usize, Range<usize>)>,
    /// Which of [`Parcel::tail`].
    pub(crate) tail: Range<usize>,
}

/// What comes after the lines, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    Summary,
    Uploaded,
    Preempting,
    Complete,
}

/// Joins neighbouring console lines.
pub(crate) fn stretches(lines: BTreeMap<u64, String>) -> Vec<Stretch> {
    let mut stretches: Vec<(u64, Vec<String>)> = Vec::new();
    for (number, line) in lines {
        match stretches.last_mut() {
            Some((first, lines)) if *first + lines.len() as u64 == number => lines.push(line),
            _ => stretches.push((number, vec![line])),
        }
    }
    let shared = |(first, lines)| Stretch {
        first,
        lines: Arc::new(lines),
    };
    stretches.into_iter().map(shared).collect()
}

impl Parcel {
    /// Cuts it into posts of at most `max` bytes of lines, each with at most one stretch of console lines. At least one post.
    pub(crate) fn plan(&self, max: usize) -> VecDeque<Slice> {
        let mut plan = Planner::new(max);
        for (n, line) in self.history.iter().enumerate() {
            let slice = plan.room_for(line.len());
            grow(&mut slice.history, n);
        }
        for (n, line) in self.events.iter().enumerate() {
            let slice = plan.room_for(line.len());
            grow(&mut slice.events, n);
        }
        for (stretch, lines) in self.console.iter().enumerate() {
            if plan.open.console.is_some() {
                plan.close();
            }
            for (n, line) in lines.lines.iter().enumerate() {
                let slice = plan.room_for(line.len());
                let (_, range) = slice.console.get_or_insert((stretch, n..n));
                grow(range, n);
            }
        }
        if let Some(summary) = &self.summary {
            plan.room_for(summary.len());
        }
        plan.open.tail = 0..self.tail().len();
        plan.finish()
    }

    /// What there is to say after the lines.
    pub(crate) fn tail(&self) -> Vec<Tail> {
        let all = [
            (Tail::Summary, self.summary.is_some()),
            (Tail::Uploaded, !self.uploaded.is_empty()),
            (Tail::Preempting, self.preempting),
            (Tail::Complete, self.complete.is_some()),
        ];
        all.into_iter()
            .filter(|(_, there)| *there)
            .map(|(tail, _)| tail)
            .collect()
    }

    /// The post for a slice.
    pub(crate) fn post(&self, slice: &Slice) -> Post {
        let tail = self.tail();
        let tail = tail.get(slice.tail.clone()).unwrap_or_default();
        let console = slice.console.as_ref().and_then(|(n, range)| {
            let stretch = self.console.get(*n)?;
            Some(block(stretch.first, &stretch.lines, range))
        });
        let uploaded = if tail.contains(&Tail::Uploaded) {
            self.uploaded.clone()
        } else {
            Vec::new()
        };
        Post {
            history: block(self.history_offset, &self.history, &slice.history),
            events: block(self.events_offset, &self.events, &slice.events),
            console: console.unwrap_or_default(),
            summary: self
                .summary
                .clone()
                .filter(|_| tail.contains(&Tail::Summary)),
            uploaded,
            preempting: tail.contains(&Tail::Preempting),
            complete: self.complete.filter(|_| tail.contains(&Tail::Complete)),
        }
    }
}

fn block(offset: u64, lines: &Arc<Vec<String>>, range: &Range<usize>) -> Block {
    Block::new(
        offset + range.start as u64,
        Arc::clone(lines),
        range.clone(),
    )
}

fn grow(range: &mut Range<usize>, n: usize) {
    if range.start == range.end {
        range.start = n;
    }
    range.end = n + 1;
}

struct Planner {
    done: VecDeque<Slice>,
    open: Slice,
    bytes: usize,
    max: usize,
}

impl Planner {
    fn new(max: usize) -> Planner {
        Planner {
            done: VecDeque::new(),
            open: Slice::default(),
            bytes: 0,
            max,
        }
    }

    /// The slice that takes a line of so many bytes.
    fn room_for(&mut self, bytes: usize) -> &mut Slice {
        if self.bytes > 0 && self.bytes + bytes > self.max {
            self.close();
        }
        self.bytes += bytes.max(1);
        &mut self.open
    }

    fn close(&mut self) {
        self.done.push_back(std::mem::take(&mut self.open));
        self.bytes = 0;
    }

    fn finish(mut self) -> VecDeque<Slice> {
        self.done.push_back(self.open);
        self.done
    }
}

impl Slice {
    /// Things in it that can be refused on their own.
    pub(crate) fn units(&self) -> usize {
        let console = self.console.as_ref().map_or(0, |(_, range)| range.len());
        self.history.len() + self.events.len() + console + self.tail.len()
    }

    /// The first half of the units, and the others.
    pub(crate) fn halves(&self) -> (Slice, Slice) {
        let mut left = self.units() / 2;
        let mut first = Slice::default();
        let mut second = self.clone();
        first.history = take(&mut second.history, &mut left);
        first.events = take(&mut second.events, &mut left);
        if let Some((stretch, range)) = &mut second.console {
            first.console = Some((*stretch, take(range, &mut left)));
        }
        first.tail = take(&mut second.tail, &mut left);
        (first, second)
    }
}

/// Takes up to `left` items from the front of `range`.
fn take(range: &mut Range<usize>, left: &mut usize) -> Range<usize> {
    let count = range.len().min(*left);
    *left -= count;
    let front = range.start..range.start + count;
    range.start += count;
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parcel(history: &[usize], events: usize, console: &[u64], tail: bool) -> Parcel {
        Parcel {
            history: Arc::new(history.iter().map(|len| "h".repeat(*len)).collect()),
            history_offset: 10,
            events: Arc::new((0..events).map(|n| format!("e{n}")).collect()),
            events_offset: 3,
            console: stretches(console.iter().map(|n| (*n, format!("c{n}"))).collect()),
            summary: tail.then(|| "s".into()),
            uploaded: tail.then(|| "f".into()).into_iter().collect(),
            preempting: tail,
            complete: tail.then_some(0),
        }
    }

    /// Everything in the posts of `slices`, in order.
    fn told(parcel: &Parcel, slices: &VecDeque<Slice>) -> Vec<String> {
        let mut told = Vec::new();
        for slice in slices {
            let post = parcel.post(slice);
            for (name, block) in [("h", post.history), ("e", post.events), ("c", post.console)] {
                for (n, line) in block.lines().iter().enumerate() {
                    told.push(format!("{name} {} {line}", block.offset + n as u64));
                }
            }
            told.extend(post.summary.map(|_| "summary".into()));
            told.extend(post.uploaded);
            told.extend(post.preempting.then(|| "preempting".into()));
            told.extend(post.complete.map(|_| "complete".into()));
        }
        told
    }

    #[test]
    fn an_empty_parcel_is_one_empty_post() {
        let slices = Parcel::default().plan(100);

        assert_eq!(slices, [Slice::default()]);
    }

    #[test]
    fn a_line_over_the_limit_travels_alone() {
        let parcel = parcel(&[5, 200, 5], 0, &[], false);

        let lines: Vec<usize> = parcel.plan(100).iter().map(Slice::units).collect();

        assert_eq!(lines, [1, 1, 1]);
    }

    #[test]
    fn console_lines_with_a_gap_between_them_need_two_posts() {
        let parcel = parcel(&[], 0, &[4, 5, 7], false);

        let slices = parcel.plan(1000);

        assert_eq!(slices.len(), 2);
        assert_eq!(told(&parcel, &slices), ["c 4 c4", "c 5 c5", "c 7 c7"]);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_everything_is_told_once_in_order_and_complete_is_last(
            history in prop::collection::vec(0usize..40, 0..30),
            events in 0usize..10,
            console in prop::collection::btree_set(0u64..30, 0..12),
            tail: bool,
            max in 1usize..200,
        ) {
            let console: Vec<u64> = console.into_iter().collect();
            let parcel = parcel(&history, events, &console, tail);
            let whole = parcel.plan(max);
            let mut halves: VecDeque<Slice> = whole.clone();
            let mut singles = VecDeque::new();
            while let Some(slice) = halves.pop_front() {
                if slice.units() > 1 {
                    let (a, b) = slice.halves();
                    prop_assert_eq!(a.units() + b.units(), slice.units());
                    halves.push_front(b);
                    halves.push_front(a);
                } else {
                    singles.push_back(slice);
                }
            }

            let by_posts = sorted(told(&parcel, &whole));
            let by_units = sorted(told(&parcel, &singles));

            prop_assert_eq!(&by_posts, &by_units);
            prop_assert_eq!(by_posts.len(), history.len() + events + console.len() + if tail { 4 } else { 0 });
            if tail {
                let last = told(&parcel, &singles);
                prop_assert_eq!(last.last().map(String::as_str), Some("complete"));
            }
        }
    }

    fn sorted(mut lines: Vec<String>) -> Vec<String> {
        lines.sort();
        lines
    }
}
