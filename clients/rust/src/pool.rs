//! Memory for copies of raw data, used again: fresh memory costs the calling thread several times the copy itself.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::fork::PerProcess;

/// So many buffers are kept ...
const KEPT_MAX: usize = 2;
/// ... of at most this size.
const SIZE_MAX: usize = 8 << 20;
/// Smaller ones the allocator has at hand.
const SIZE_MIN: usize = 64 << 10;

static POOL: PerProcess<Mutex<Vec<Vec<u8>>>> = PerProcess::empty();

/// A buffer from the pool or a new one: empty, with room for `len` bytes.
pub fn take(len: usize) -> Vec<u8> {
    let mut kept = POOL
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    // One that is far too large waits for its like.
    let fits = |buffer: &Vec<u8>| (len..=len.saturating_mul(4)).contains(&buffer.capacity());
    let found = kept.iter().position(fits);
    let found = found.map(|place| kept.swap_remove(place));
    drop(kept);
    found.unwrap_or_else(|| Vec::with_capacity(len))
}

/// The bytes of a buffer, which goes back to the pool with the last reference to them.
pub fn freeze(buffer: Vec<u8>) -> Bytes {
    Bytes::from_owner(Pooled(buffer))
}

struct Pooled(Vec<u8>);

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.0);
        if !(SIZE_MIN..=SIZE_MAX).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let mut kept = POOL
            .get_or_init(Mutex::default)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_nobody_reads_it_any_more() {
        let len = 3 << 20;
        let mut buffer = take(len);
        buffer.extend_from_slice(&vec![1; len]);
        let place = buffer.as_ptr();
        let bytes = freeze(buffer);
        let again = bytes.clone();
        drop(bytes);
        let other = take(len);
        assert_ne!(other.as_ptr(), place);
        assert_eq!(again.len(), len);
        drop(again);
        let buffer = take(len);
        assert_eq!((buffer.as_ptr(), buffer.len()), (place, 0));
    }

    #[test]
    fn large_buffers_are_not_kept() {
        drop(freeze(Vec::with_capacity(SIZE_MAX + 1)));
        assert!(take(SIZE_MAX).capacity() <= SIZE_MAX);
    }
}
