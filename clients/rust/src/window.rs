//! The replay window of one session: records glued to chunks, numbered, kept until they are acknowledged.
//!
//! The open chunk is a byte buffer that *is* a protobuf message: records are appended to it, and its head (number of the first
//! record, lengths) is written into the room left at its front when it is sealed. What the stream sends is that buffer.
//!
//! A record with raw data is a chunk of its own, whose data stays where it is ([`Parts`]).
//!
//! When full, in this order: console text is dropped and counted from three quarters on; then history rows, media and rows of tables;
//! config, summary and artifacts still have the reserve, then they are dropped with a message; a gap and the exit always go in.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use wandbd_proto::v1;

use crate::{
    budget::Budget,
    encode::{self, RowTail, push_varint, varint_len},
    parts::Parts,
    steps::RowHead,
};

/// A chunk is sealed before it would grow beyond this, head included, unless it is one single record. Far below what a message may have:
/// the daemon unpacks a chunk as a whole, into about twenty times its size, and has to stay small.
pub(crate) const CHUNK_MAX: usize = 256 << 10;
/// What is left of it for the records.
const SEAL_AT: usize = CHUNK_MAX - 64;
/// Largest single record.
pub(crate) const RECORD_MAX: usize = 12 << 20;
/// Room at the front of the open chunk for tags, lengths and the first number: 1 + 5 + 1 + 10 bytes at most.
const HEAD: usize = 24;

/// How much a record matters when there is little room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A history row: dropped and counted in a gap.
    Row,
    /// Media and rows of tables: dropped and counted.
    Media,
    /// Console text: dropped and counted.
    Text,
    /// Config, summary, metrics, artifacts: have the reserve.
    Kept,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pushed {
    Stored,
    /// The window is full.
    Full,
    /// Larger than any record may be.
    TooLarge,
}

#[derive(Clone, Debug)]
struct Sealed {
    last: u64,
    rows: u64,
    cost: usize,
    /// Bytes of files that its records name.
    in_files: usize,
    message: Parts,
}

pub(crate) struct Window {
    budget: Arc<Budget>,
    open: Vec<u8>,
    open_first: u64,
    open_rows: u64,
    open_in_files: usize,
    next: u64,
    sealed: VecDeque<Sealed>,
    /// Place in `sealed` of the first chunk that this connection has not sent.
    unsent: usize,
    acked: u64,
    gap: Option<v1::Gap>,
    dropped_rows: u64,
    dropped_others: u64,
}

impl Window {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            open: Vec::new(),
            open_first: 1,
            open_rows: 0,
            open_in_files: 0,
            next: 1,
            sealed: VecDeque::new(),
            unsent: 0,
            acked: 0,
            gap: None,
            dropped_rows: 0,
            dropped_others: 0,
        }
    }

    /// Number of the last record that was taken in.
    pub(crate) fn last(&self) -> u64 {
        self.next - 1
    }

    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    pub(crate) fn dropped_rows(&self) -> u64 {
        self.dropped_rows
    }

    pub(crate) fn dropped_others(&self) -> u64 {
        self.dropped_others
    }

    /// Whether a chunk is full and waits for the sender.
    pub(crate) fn has_sealed(&self) -> bool {
        self.unsent < self.sealed.len()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.has_sealed() || !self.open.is_empty()
    }

    /// Rows that are not acknowledged.
    pub(crate) fn pending_rows(&self) -> u64 {
        self.open_rows + self.sealed.iter().map(|chunk| chunk.rows).sum::<u64>()
    }

    /// A history row: its encoded fields, and where it belongs.
    pub(crate) fn push_row(&mut self, head: &RowHead, fields: &[u8]) -> Pushed {
        let tail = RowTail::new(head);
        let row_len = fields.len() + tail.bytes().len();
        let record_len = 1 + varint_len(row_len as u64) + row_len;
        let admitted = self.admit(Class::Row, record_len);
        if admitted == Pushed::Stored {
            let to = self.place(record_len);
            // Record.row is field 1.
            to.push(0x0A);
            push_varint(to, row_len as u64);
            to.extend_from_slice(fields);
            to.extend_from_slice(tail.bytes());
            self.open_rows += 1;
        } else {
            self.lose_row(head.counted);
        }
        admitted
    }

    /// Any other record, encoded.
    pub(crate) fn push(&mut self, class: Class, record: &[u8]) -> Pushed {
        let admitted = self.admit(class, record.len());
        if admitted == Pushed::Stored {
            self.place(record.len()).extend_from_slice(record);
        } else {
            self.dropped_others += 1;
        }
        admitted
    }

    /// A record that travels alone, in two pieces.
    pub(crate) fn push_alone(&mut self, class: Class, record: Parts) -> Pushed {
        let len = record.len();
        let admitted = self.admit(class, len);
        if admitted == Pushed::Stored {
            self.seal_open();
            self.place(len).extend_from_slice(&record.head);
            self.seal_with(record.tail);
        } else {
            self.dropped_others += 1;
        }
        admitted
    }

    /// A record that names a private file with `in_files` bytes.
    pub(crate) fn push_with_files(
        &mut self,
        class: Class,
        record: &[u8],
        in_files: usize,
    ) -> Pushed {
        let pushed = self.push(class, record);
        if pushed == Pushed::Stored {
            self.open_in_files += in_files;
            self.budget.in_files.fetch_add(in_files, Ordering::Relaxed);
        }
        pushed
    }

    /// The exit: always fits.
    pub(crate) fn push_last(&mut self, record: &[u8]) {
        self.place(record.len()).extend_from_slice(record);
    }

    fn admit(&mut self, class: Class, len: usize) -> Pushed {
        if len > RECORD_MAX {
            return Pushed::TooLarge;
        }
        let limit = match class {
            Class::Row | Class::Media => self.row_limit(),
            // What a program prints in a loop must not push out what it measures.
            Class::Text => self.row_limit() / 4 * 3,
            Class::Kept => self.budget.limit,
        };
        if self.budget.used().saturating_add(len) > limit {
            return Pushed::Full;
        }
        if class == Class::Row {
            self.tell_gap();
        }
        Pushed::Stored
    }

    /// While a gap is open rows wait until an eighth is free, so that a full window does not alternate between rows and gaps.
    fn row_limit(&self) -> usize {
        let limit = self.budget.limit - self.budget.reserve();
        if self.gap.is_some() {
            limit - limit / 8
        } else {
            limit
        }
    }

    fn lose_row(&mut self, step: i64) {
        self.dropped_rows += 1;
        let gap = self.gap.get_or_insert(v1::Gap {
            rows: 0,
            first_step: step,
            last_step: step,
        });
        gap.rows += 1;
        gap.first_step = gap.first_step.min(step);
        gap.last_step = gap.last_step.max(step);
    }

    /// Puts the gap that is open, if any, before what comes next.
    pub(crate) fn tell_gap(&mut self) {
        if let Some(gap) = self.gap.take() {
            let record = encode::record(v1::record::Kind::Gap(gap));
            self.place(record.len()).extend_from_slice(&record);
        }
    }

    /// Makes room for one record of `len` bytes in the open chunk, with its tag and length written.
    fn place(&mut self, len: usize) -> &mut Vec<u8> {
        let whole = 1 + varint_len(len as u64) + len;
        if self.open.len() + whole > SEAL_AT {
            self.seal_open();
        }
        if self.open.is_empty() {
            self.open_first = self.next;
            self.open.resize(HEAD, 0);
        }
        self.budget.used.fetch_add(whole, Ordering::Relaxed);
        self.next += 1;
        // Chunk.record is field 2.
        self.open.push(0x12);
        push_varint(&mut self.open, len as u64);
        &mut self.open
    }

    fn seal_open(&mut self) {
        if !self.open.is_empty() {
            self.seal_with(Bytes::new());
        }
    }

    /// Ends the open chunk, with `tail` behind it: writes its head and makes it something to send.
    fn seal_with(&mut self, tail: Bytes) {
        let mut message = std::mem::take(&mut self.open);
        let body = message.len().saturating_sub(HEAD) + tail.len();
        let mut first = Vec::with_capacity(11);
        first.push(0x08);
        push_varint(&mut first, self.open_first);
        let mut head = Vec::with_capacity(HEAD);
        // ClientMessage.chunk is field 2, Chunk.first_seq field 1.
        head.push(0x12);
        push_varint(&mut head, (first.len() + body) as u64);
        head.extend_from_slice(&first);
        let start = HEAD - head.len();
        if let Some(room) = message.get_mut(start..HEAD) {
            room.copy_from_slice(&head);
        }
        if message.capacity() > message.len() + message.len() / 4 {
            message.shrink_to_fit();
        }
        self.sealed.push_back(Sealed {
            last: self.next - 1,
            rows: std::mem::take(&mut self.open_rows),
            cost: body,
            in_files: std::mem::take(&mut self.open_in_files),
            message: Parts {
                head: Bytes::from(message).slice(start..),
                tail,
            },
        });
    }

    /// The next chunk to send on this connection; nothing after the record `until`. Seals the open chunk if need be and leaves `spare`,
    /// an empty buffer, in its place.
    pub(crate) fn next_chunk(&mut self, until: u64, spare: &mut Vec<u8>) -> Option<Parts> {
        if !self.has_sealed() && !self.open.is_empty() && self.open_first <= until {
            self.seal_open();
            self.open = std::mem::take(spare);
        }
        let chunk = self.sealed.get(self.unsent)?;
        self.unsent += 1;
        Some(chunk.message.clone())
    }

    /// A new connection: everything that is not acknowledged goes again.
    pub(crate) fn rewind(&mut self) {
        self.unsent = 0;
    }

    /// Everything up to `seq` is on disk.
    pub(crate) fn ack(&mut self, seq: u64) {
        self.acked = self.acked.max(seq.min(self.last()));
        while let Some(chunk) = self
            .sealed
            .front()
            .is_some_and(|chunk| chunk.last <= self.acked)
            .then(|| self.sealed.pop_front())
            .flatten()
        {
            self.budget.used.fetch_sub(chunk.cost, Ordering::Relaxed);
            self.budget
                .in_files
                .fetch_sub(chunk.in_files, Ordering::Relaxed);
            self.unsent = self.unsent.saturating_sub(1);
        }
        if self.gap.is_some() && self.budget.used() <= self.row_limit() {
            self.tell_gap();
        }
    }

    /// Everything that is not acknowledged, as it would be sent.
    pub(crate) fn pending(&mut self) -> Vec<Parts> {
        self.tell_gap();
        self.seal_open();
        self.sealed
            .iter()
            .map(|chunk| chunk.message.clone())
            .collect()
    }

    /// Gives up what is not acknowledged; returns how many rows that were.
    pub(crate) fn discard(&mut self) -> u64 {
        let rows = self.pending_rows();
        let open = self.open.len().saturating_sub(HEAD);
        let cost = open + self.sealed.iter().map(|chunk| chunk.cost).sum::<usize>();
        self.budget.used.fetch_sub(cost, Ordering::Relaxed);
        let sealed_in_files = self
            .sealed
            .iter()
            .map(|chunk| chunk.in_files)
            .sum::<usize>();
        let in_files = std::mem::take(&mut self.open_in_files) + sealed_in_files;
        self.budget.in_files.fetch_sub(in_files, Ordering::Relaxed);
        self.open = Vec::new();
        self.open_rows = 0;
        self.sealed = VecDeque::new();
        self.unsent = 0;
        self.gap = None;
        rows
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
