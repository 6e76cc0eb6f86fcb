//! The hot messages, written straight to bytes: the fields of a row, config or summary, and the envelopes around them.
//!
//! `Row`, `ConfigUpdate` and `SummaryUpdate` all hold their fields under number 1, so one [`Fields`] serves all three. The contract is
//! in `proto/wandbd/v1/run.proto`; a test holds what is written here against the generated types.

use prost::Message as _;
use wandbd_proto::v1;

use crate::steps::RowHead;

/// Field 1, length-delimited.
const FIELD: u8 = 0x0A;

/// Leaves of a row, a config or a summary, encoded.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    path: Vec<u8>,
    shape: u64,
}

/// Where the path was before [`Fields::enter`].
#[derive(Clone, Copy, Debug)]
#[must_use = "give it back to `leave`"]
pub struct Mark(usize);

impl Fields {
    /// Nothing, for now.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything but the memory, and of that all beyond 1 MiB.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
        self.path.clear();
        self.shape = 0;
    }

    /// Whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A number that is the same for calls with the same names in the same order.
    pub(crate) fn shape(&self) -> u64 {
        self.shape
    }

    /// One name deeper. The first name is the key.
    pub fn enter(&mut self, name: &str) -> Mark {
        let mark = Mark(self.path.len());
        // `key` is field 1, `nested` field 2.
        self.path.push(if mark.0 == 0 { 0x0A } else { 0x12 });
        push_varint(&mut self.path, name.len() as u64);
        self.path.extend_from_slice(name.as_bytes());
        self.shape = mix(self.shape.wrapping_add(mark.0 as u64), name.as_bytes());
        mark
    }

    /// Back to where `enter` was called.
    pub fn leave(&mut self, mark: Mark) {
        self.path.truncate(mark.0);
    }

    /// The names entered so far, for a value that comes later: see [`Fields::at`].
    pub fn path(&self) -> Vec<u8> {
        self.path.clone()
    }

    /// Goes to a path that was noted before.
    pub fn at(&mut self, path: &[u8]) {
        self.path.clear();
        self.path.extend_from_slice(path);
    }

    fn head(&mut self, value_len: usize) {
        self.bytes.push(FIELD);
        push_varint(&mut self.bytes, (self.path.len() + value_len) as u64);
        self.bytes.extend_from_slice(&self.path);
    }

    /// A double, NaN and infinities included.
    pub fn number(&mut self, value: f64) {
        self.head(9);
        self.bytes.push(0x19);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A whole number.
    pub fn integer(&mut self, value: i64) {
        let zigzag = zigzag(value);
        self.head(1 + varint_len(zigzag));
        self.bytes.push(0x20);
        push_varint(&mut self.bytes, zigzag);
    }

    /// A truth value.
    pub fn boolean(&mut self, value: bool) {
        self.head(2);
        self.bytes.extend_from_slice(&[0x28, u8::from(value)]);
    }

    /// Text.
    pub fn text(&mut self, value: &str) {
        self.delimited(0x32, value.as_bytes());
    }

    /// Any value, as JSON text.
    pub fn json(&mut self, value: &str) {
        self.delimited(0x3A, value.as_bytes());
    }

    /// Any value, as JSON text with places for media.
    pub fn template(&mut self, text: &str) {
        self.delimited(0x4A, text.as_bytes());
    }

    /// The names entered so far.
    pub fn names(&self) -> Vec<String> {
        let path = v1::Field::decode(self.path.as_slice()).unwrap_or_default();
        if self.path.is_empty() {
            return Vec::new();
        }
        std::iter::once(path.key).chain(path.nested).collect()
    }

    /// No value.
    pub fn none(&mut self) {
        self.head(2);
        self.bytes.extend_from_slice(&[0x40, 1]);
    }

    fn delimited(&mut self, tag: u8, value: &[u8]) {
        self.head(1 + varint_len(value.len() as u64) + value.len());
        push_delimited(&mut self.bytes, tag, value);
    }
}

/// The bytes of a `Row` after its fields.
pub(crate) struct RowTail {
    bytes: [u8; 24],
    len: usize,
}

impl RowTail {
    pub(crate) fn new(head: &RowHead) -> Self {
        let mut tail = Self {
            bytes: [0; 24],
            len: 0,
        };
        tail.push(0x11);
        for byte in head.timestamp.to_le_bytes() {
            tail.push(byte);
        }
        if head.close {
            tail.push(0x18);
            tail.push(1);
        }
        if let Some(step) = head.step {
            tail.push(0x20);
            let mut rest = zigzag(step);
            while rest >= 0x80 {
                tail.push(low_bits(rest) | 0x80);
                rest >>= 7;
            }
            tail.push(low_bits(rest));
        }
        tail
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A record that is not a row.
pub(crate) fn record(kind: v1::record::Kind) -> Vec<u8> {
    v1::Record { kind: Some(kind) }.encode_to_vec()
}

/// An `Output` (number 2) as a record: text is printed often enough to be written without a copy in between.
pub(crate) fn output(stream: v1::output::Stream, text: &str, timestamp: f64) -> Vec<u8> {
    let number: u8 = match stream {
        v1::output::Stream::Stdout => 0,
        v1::output::Stream::Stderr => 1,
        v1::output::Stream::Logs => 2,
    };
    let len = 2 + 1 + varint_len(text.len() as u64) + text.len() + 9;
    let mut record = Vec::with_capacity(len + 6);
    record.push(0x12);
    push_varint(&mut record, len as u64);
    record.extend_from_slice(&[0x08, number]);
    push_delimited(&mut record, 0x12, text.as_bytes());
    record.push(0x19);
    record.extend_from_slice(&timestamp.to_le_bytes());
    record
}

/// A `ConfigUpdate` (number 3) or `SummaryUpdate` (number 4) as a record.
pub(crate) fn update(number: u8, fields: &[u8], remove: &[Vec<String>]) -> Vec<u8> {
    let mut body = fields.to_vec();
    for name in remove {
        let path = v1::Path { name: name.clone() }.encode_to_vec();
        push_delimited(&mut body, 0x12, &path);
    }
    let mut record = Vec::with_capacity(body.len() + 8);
    push_delimited(&mut record, (number << 3) | 2, &body);
    record
}

pub(crate) fn push_delimited(to: &mut Vec<u8>, tag: u8, body: &[u8]) {
    to.push(tag);
    push_varint(to, body.len() as u64);
    to.extend_from_slice(body);
}

pub(crate) fn push_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    to.push(low_bits(value));
}

fn low_bits(value: u64) -> u8 {
    (value & 0x7F) as u8
}

pub(crate) fn varint_len(value: u64) -> usize {
    // 7 bits per byte; 0 takes one.
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn mix(shape: u64, bytes: &[u8]) -> u64 {
    let mut shape = shape ^ bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let word = chunk
            .iter()
            .fold(0_u64, |word, &byte| (word << 8) | u64::from(byte));
        shape = (shape.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::field::Value;

    fn leaf(key: &str, nested: &[&str], value: Value) -> v1::Field {
        v1::Field {
            key: key.to_owned(),
            nested: nested.iter().map(|&name| name.to_owned()).collect(),
            value: Some(value),
        }
    }

    #[test]
    fn every_kind_of_leaf_reads_back_by_the_generated_types() {
        let mut fields = Fields::new();
        let loss = fields.enter("loss");
        fields.number(0.25);
        fields.leave(loss);
        let deep = fields.enter("a.b");
        let deeper = fields.enter("c/d");
        fields.integer(i64::MIN);
        fields.leave(deeper);
        let deeper = fields.enter("");
        fields.boolean(false);
        fields.leave(deeper);
        fields.leave(deep);
        let rest = fields.enter("rest");
        fields.text("é");
        fields.json("[1]");
        fields.template("{}");
        fields.none();
        fields.leave(rest);
        let row = v1::Row::decode(fields.bytes()).unwrap();
        assert_eq!(
            row.field,
            [
                leaf("loss", &[], Value::Number(0.25)),
                leaf("a.b", &["c/d"], Value::Integer(i64::MIN)),
                leaf("a.b", &[""], Value::Boolean(false)),
                leaf("rest", &[], Value::Text("é".to_owned())),
                leaf("rest", &[], Value::Json("[1]".to_owned())),
                leaf("rest", &[], Value::Template("{}".to_owned())),
                leaf("rest", &[], Value::None(true)),
            ]
        );
    }

    #[test]
    fn the_names_entered_so_far_can_be_read_back() {
        let mut fields = Fields::new();
        assert!(fields.names().is_empty());
        let top = fields.enter("a.b");
        let below = fields.enter("");
        assert_eq!(fields.names(), ["a.b", ""]);
        fields.leave(below);
        fields.leave(top);
    }

    #[test]
    fn an_update_carries_its_fields_and_the_paths_to_remove() {
        let mut fields = Fields::new();
        let mark = fields.enter("lr");
        fields.integer(-1);
        fields.leave(mark);
        let remove = vec![vec!["a".to_owned(), "b".to_owned()]];
        let config = v1::Record::decode(update(3, fields.bytes(), &remove).as_slice()).unwrap();
        let Some(v1::record::Kind::Config(config)) = config.kind else {
            panic!("{config:?}")
        };
        assert_eq!(config.update, [leaf("lr", &[], Value::Integer(-1))]);
        assert_eq!(config.remove.first().unwrap().name, ["a", "b"]);
        let summary = v1::Record::decode(update(4, fields.bytes(), &[]).as_slice()).unwrap();
        assert!(matches!(summary.kind, Some(v1::record::Kind::Summary(_))));
    }

    #[test]
    fn console_text_reads_back_by_the_generated_types() {
        use v1::output::Stream;
        for (stream, text) in [
            (Stream::Stdout, ""),
            (Stream::Stderr, "é\n"),
            (Stream::Logs, &"x".repeat(300)),
        ] {
            let record = v1::Record::decode(output(stream, text, 1.5).as_slice()).unwrap();
            let expect = v1::Output {
                stream: stream.into(),
                text: text.to_owned(),
                timestamp: 1.5,
            };
            assert_eq!(record.kind, Some(v1::record::Kind::Output(expect)));
        }
    }

    #[test]
    fn varints_are_as_long_as_they_say() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, value);
            assert_eq!(bytes.len(), varint_len(value), "{value}");
        }
    }

    #[test]
    fn the_shape_tells_names_and_order_apart() {
        let shape = |names: &[&str]| {
            let mut fields = Fields::new();
            for name in names {
                let mark = fields.enter(name);
                fields.number(1.0);
                fields.leave(mark);
            }
            fields.shape()
        };
        assert_eq!(shape(&["a", "b"]), shape(&["a", "b"]));
        assert_ne!(shape(&["a", "b"]), shape(&["b", "a"]));
        assert_ne!(shape(&["ab"]), shape(&["a", "b"]));
    }
}
