//! The words of the domain: runs, sequence numbers, steps, values, and the records that carry them.
//!
//! Two languages meet here. A training process speaks [`v1`] (`proto/wandbd/v1`); a journal holds [`wandb`] records
//! (`proto/wandb`), W&B's own transaction-log messages. [`convert`] goes from one to the other, [`note`] reads and writes what
//! wandbd itself remarks in a journal (field 20001 of a record, which other readers skip).
//!
//! Values travel as *extended JSON text* ([`json`]): JSON in which the bare tokens `NaN`, `Infinity` and `-Infinity` are
//! numbers. They are validated once, when they come in, and never parsed into numbers and back on the way. [`Tree`] holds
//! nested values leaf by leaf, as W&B does. [`made`] fills the places for media in them.
//!
//! # Limits
//! - a value nests at most [`json::MAX_DEPTH`] (60) levels, a path has at most [`path::MAX_NAMES`] (60) names, so that no input
//!   can overflow a stack and the result stays below the 128 levels that common JSON readers accept;
//! - an artifact name has at most 128 characters.
//!
//! # What happens at failure
//! Nothing here does I/O or asks a clock. What is refused is refused whole, with an error that names the thing and the fix;
//! the caller's data is unchanged.

pub mod convert;
mod error;
mod ids;
pub mod json;
pub mod made;
pub mod note;
pub mod path;
mod scan;
pub mod telemetry;
mod tree;

pub use error::{
    BadArtifact, BadFile, BadJson, BadNote, BadRecord, BadRunId, BadTemplate, BadValue,
};
pub use ids::{RunId, Seq, SessionId, Step};
pub use prost_types::Timestamp;
pub use tree::{Leaves, Node, Tree};
pub use wandbd_proto::{v1, wandb};
