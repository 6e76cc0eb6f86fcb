//! Rows of a table, written straight to bytes: there may be millions of cells.
//!
//! The contract is `TableRows` in `proto/wandbd/v1/run.proto`; a test holds what is written here against the generated types.

use crate::{
    Session,
    encode::{push_delimited, push_varint, zigzag},
    window::{CHUNK_MAX, Class},
};

/// `Record.table_rows` is field 14.
const TABLE_ROWS: u8 = 0x72;
/// A record is ended before it would grow beyond this, unless it is one single row.
const RECORD_FULL: usize = CHUNK_MAX - (4 << 10);

/// Rows on their way to the daemon.
#[derive(Debug)]
pub struct Rows {
    table: String,
    first: u64,
    count: u64,
    body: Vec<u8>,
    row: Vec<u8>,
}

impl Rows {
    /// Rows of the table `table`, from the row `first` on.
    pub fn new(table: String, first: u64) -> Self {
        Self {
            table,
            first,
            count: 0,
            body: Vec::new(),
            row: Vec::new(),
        }
    }

    /// `TableRow.cell` is field 1; all cells but texts are short.
    fn cell(&mut self, bytes: &[u8]) {
        push_delimited(&mut self.row, 0x0A, bytes);
    }

    fn delimited(&mut self, tag: u8, value: &[u8]) {
        let len = 1 + crate::encode::varint_len(value.len() as u64) + value.len();
        self.row.push(0x0A);
        push_varint(&mut self.row, len as u64);
        push_delimited(&mut self.row, tag, value);
    }

    /// A double, NaN and infinities included.
    pub fn number(&mut self, value: f64) {
        self.row.extend_from_slice(&[0x0A, 9, 0x09]);
        self.row.extend_from_slice(&value.to_le_bytes());
    }

    /// A whole number.
    pub fn integer(&mut self, value: i64) {
        let mut cell = Vec::with_capacity(11);
        cell.push(0x10);
        push_varint(&mut cell, zigzag(value));
        self.cell(&cell);
    }

    /// A truth value.
    pub fn boolean(&mut self, value: bool) {
        self.cell(&[0x18, u8::from(value)]);
    }

    /// Text.
    pub fn text(&mut self, value: &str) {
        self.delimited(0x22, value.as_bytes());
    }

    /// Any value, as JSON text, the same in both files.
    pub fn json(&mut self, value: &str) {
        self.delimited(0x2A, value.as_bytes());
    }

    /// No value.
    pub fn none(&mut self) {
        self.cell(&[0x30, 1]);
    }

    /// A media, by its id.
    pub fn media(&mut self, id: &str) {
        self.delimited(0x3A, id.as_bytes());
    }

    /// A moment: milliseconds since 1970, and ISO text.
    pub fn date(&mut self, ms: i64, text: &str) {
        let mut date = Vec::with_capacity(text.len() + 14);
        date.push(0x08);
        push_varint(&mut date, zigzag(ms));
        push_delimited(&mut date, 0x12, text.as_bytes());
        self.delimited(0x42, &date);
    }

    /// An array as JSON text, whose values lie in a stored array.
    pub fn stored(&mut self, value: &str) {
        self.delimited(0x4A, value.as_bytes());
    }

    /// Ends a row. True: the rows so far should be said ([`Session::table_rows`]) before the next one.
    #[must_use]
    pub fn end_row(&mut self) -> bool {
        // TableRows.row is field 3.
        push_delimited(&mut self.body, 0x1A, &self.row);
        self.row.clear();
        self.count += 1;
        // The next row may be as long as those so far were on average.
        let next = self.body.len() as u64 / self.count;
        self.body.len() as u64 + next > RECORD_FULL as u64
    }

    fn record(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(self.table.len() + 16);
        push_delimited(&mut head, 0x0A, self.table.as_bytes());
        head.push(0x10);
        push_varint(&mut head, self.first);
        let len = head.len() + self.body.len();
        let mut record = Vec::with_capacity(len + 8);
        record.push(TABLE_ROWS);
        push_varint(&mut record, len as u64);
        record.extend_from_slice(&head);
        record.extend_from_slice(&self.body);
        record
    }
}

impl Session {
    /// Says the rows that have ended so far. False: there was no room for them; the table is not to be logged then.
    pub fn table_rows(&self, rows: &mut Rows) -> bool {
        if rows.count == 0 {
            return true;
        }
        let is_taken = self.large_record(Class::Media, rows.record().into());
        rows.first += rows.count;
        rows.count = 0;
        rows.body.clear();
        is_taken
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use wandbd_proto::v1::{self, cell::Value, record::Kind};

    use super::*;

    #[test]
    fn every_kind_of_cell_reads_back_by_the_generated_types() {
        let mut rows = Rows::new("t".to_owned(), 7);
        rows.number(0.5);
        rows.integer(-3);
        rows.boolean(true);
        assert!(!rows.end_row());
        rows.text("é");
        rows.json("[1]");
        rows.none();
        rows.media("m");
        rows.date(-1, "1969");
        rows.stored("[2]");
        assert!(!rows.end_row());
        assert!(!rows.end_row());
        let Some(Kind::TableRows(read)) =
            v1::Record::decode(rows.record().as_slice()).unwrap().kind
        else {
            panic!("another kind")
        };
        assert_eq!((read.table.as_str(), read.first_row), ("t", 7));
        let cells: Vec<Vec<Value>> = read
            .row
            .into_iter()
            .map(|row| row.cell.into_iter().filter_map(|cell| cell.value).collect())
            .collect();
        let date = v1::cell::Date {
            ms: -1,
            text: "1969".to_owned(),
        };
        assert_eq!(
            cells,
            [
                vec![Value::Number(0.5), Value::Integer(-3), Value::Boolean(true)],
                vec![
                    Value::Text("é".to_owned()),
                    Value::Json("[1]".to_owned()),
                    Value::None(true),
                    Value::Media("m".to_owned()),
                    Value::Date(date),
                    Value::Stored("[2]".to_owned()),
                ],
                vec![],
            ]
        );
    }

    #[test]
    fn a_record_of_rows_stays_below_a_chunk() {
        let mut rows = Rows::new("t".to_owned(), 0);
        let mut ended = 0;
        loop {
            for _ in 0..10 {
                rows.number(1.0);
            }
            ended += 1;
            if rows.end_row() {
                break;
            }
        }
        assert!(ended > 2000, "{ended}");
        assert!(rows.record().len() < CHUNK_MAX);
    }
}
