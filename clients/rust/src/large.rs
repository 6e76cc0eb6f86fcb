//! A record that travels alone, written straight into the message that is sent.

use crate::{
    encode::{push_varint, varint_len},
    window::HEAD,
};

/// From this size on a record gets a chunk of its own: a copy less.
pub(crate) const LARGE_MIN: usize = 64 << 10;

/// Room for the head of the chunk, the record's tag and length, and the record.
pub(crate) struct Large {
    message: Vec<u8>,
    record_len: usize,
}

impl Large {
    /// For a record of so many bytes, which have to follow by [`Large::record`].
    pub(crate) fn new(record_len: usize) -> Self {
        let whole = 1 + varint_len(record_len as u64) + record_len;
        let mut message = Vec::with_capacity(HEAD + whole);
        message.resize(HEAD, 0);
        // Chunk.record is field 2.
        message.push(0x12);
        push_varint(&mut message, record_len as u64);
        Self {
            message,
            record_len,
        }
    }

    /// Where the record goes.
    pub(crate) fn record(&mut self) -> &mut Vec<u8> {
        &mut self.message
    }

    pub(crate) fn record_len(&self) -> usize {
        self.record_len
    }

    pub(crate) fn into_message(self) -> Vec<u8> {
        self.message
    }
}
