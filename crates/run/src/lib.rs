//! A run as two pure halves, on either side of the journal.
//!
//! - [`Rows`] (before the journal): calls of `log` become closed rows. It numbers rows, merges calls that name the same step,
//!   applies the rules of `define_metric`, and keeps the summary. Its state can be rebuilt from the journal
//!   ([`Rows::replay`]).
//! - [`Lines`] (after the journal): journal records become the lines that W&B's `file_stream` takes, and the config, summary and
//!   metadata as W&B wants them. The n-th line of each file is a function of the records so far and of [`Opened`] alone, so
//!   a post can be repeated after a crash with the same content at the same offset. It reads journals of any W&B SDK.
//!   [`PlainConsole`] makes the text of `output.log` from the same records, [`ConsoleFiles`] a series of files.
//!
//! Nothing here does I/O or asks a clock: times come with the calls.
//!
//! # Limits
//! - a row's line has at most [`MAX_LINE_BYTES`], or what the client asks for; a larger row loses its largest values, with a warning that names them
//!   ([`Rows::take_warnings`]), and so does a larger summary;
//! - the newest [`MAX_MEDIA`] media of a run can be named;
//! - a step lies below 2^53, so that every reader of JSON gets it right;
//! - a console line is cut at 4096 characters, and can be changed while it is among the last 32 of its stream.
//!
//! # What happens at failure
//! A call that cannot be kept is [`Refused`] with a reason, and nothing has changed. A journal record with a part that cannot be
//! read is used without that part, and the error says which it was.

mod batch;
mod config;
mod console;
mod date;
mod error;
mod events;
mod history;
mod lines;
mod metadata;
mod metrics;
mod opened;
mod params;
mod plain;
mod rows;
mod shelf;
mod size;
mod summary;
mod terminal;

pub use batch::{Batch, FileItem, FilePolicy};
pub use error::{LineError, Refused, ReplayError};
pub use lines::{Counts, Lines};
pub use opened::{Branch, Opened};
pub use params::RunParams;
pub use plain::{ConsoleChunk, ConsoleFiles, PlainConsole};
pub use rows::Rows;
pub use shelf::{MAX_MEDIA, Shelf};
pub use size::MAX_LINE_BYTES;
