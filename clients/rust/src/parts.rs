//! Bytes of a message that is encoded already.

use bytes::Bytes;

/// In two pieces, so that raw data needs no copy to stand behind what is said about it. The second one may be empty.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) head: Bytes,
    pub(crate) tail: Bytes,
}

impl Parts {
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        [self.head.as_ref(), self.tail.as_ref()].concat()
    }
}

impl From<Vec<u8>> for Parts {
    fn from(whole: Vec<u8>) -> Self {
        Self {
            head: whole.into(),
            tail: Bytes::new(),
        }
    }
}
