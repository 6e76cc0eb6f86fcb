//! Event files of `TensorBoard`, read while they grow.
//!
//! [`EventFile`] gives the events of one file in order and stops at what is not written yet. [`values_of`] says what an event
//! holds in terms of W&B: numbers, histograms and pictures; other plugins' data are left out, by name.
//!
//! # Limits
//! An event of more than 256 MiB is taken for damage, as is a wrong checksum: the rest of that file is not read.

mod event;
mod file;
mod value;

pub use event::Event;
pub use file::{EventFile, ReadError};
pub use value::{Named, Value, values_of};
