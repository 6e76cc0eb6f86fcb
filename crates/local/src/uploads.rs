//! The last uploads, for measuring.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Uploads that are remembered.
const KEPT: usize = 100;

/// One upload: times are Unix seconds, from the moment its body was asked for to its answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Upload {
    pub(crate) subject: &'static str,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) status: u16,
    pub(crate) began: f64,
    pub(crate) ended: f64,
}

/// The last uploads, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<VecDeque<Upload>>);

impl Uploads {
    pub(crate) fn note(&self, upload: Upload) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(upload);
    }

    pub(crate) fn all(&self) -> Vec<Upload> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }
}
