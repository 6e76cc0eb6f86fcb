//! The client of `wandbd`: what a training process has of it.
//!
//! A [`Session`] is one process taking part in one run. `log` encodes a row into the session's replay window and returns; a thread of
//! the library's own sends what is there over one `Publish` stream per session, on one connection per process, and keeps every record
//! until the daemon has acknowledged it.
//!
//! # The way of a record
//!
//! [`Fields`] (protobuf bytes, written once) → `window` (records glued to chunks, numbered) → `sender` (stream, re-sending) → daemon.
//! The ack comes back the same way and frees the window.
//!
//! # Limits
//!
//! * The window is 128 MiB per process (`WANDBD_BUFFER_BYTES`). When it is full, new history rows are dropped and counted (console
//!   text from three quarters on), and a gap record goes out as soon as there is room. 1 MiB is reserved for config, summary,
//!   artifacts and the exit.
//! * A chunk is at most 256 KiB; one larger record travels alone, up to 12 MiB; anything larger is refused with a message.
//! * Raw data (`media`) is copied once at most, into memory that is used again (two buffers of up to 8 MiB are kept). Over 8 MiB, or when
//!   half of the window is taken, it goes to a private file (`scratch`); such files hold up to 32 times the window until they are acknowledged.
//! * The sender is woken for the first record after a pause, then looks every 50 ms, and at once when a chunk is full or somebody
//!   waits. So a record is on the daemon's disk within about 100 ms. The calling thread makes no other system call but reading the
//!   clock, and waits for nobody but another thread that copies a record at the same moment.
//!
//! # What happens at failure
//!
//! * No daemon: it is started (unless `WANDBD_AUTOSTART=0`), with back-off from 1 s to 60 s; the connection is tried every 50 ms to 5 s.
//!   Nobody sees an exception; after 5 s there is one message.
//! * The daemon dies: hello again, and everything that was not acknowledged is sent again. The daemon skips what it has.
//! * It is busy with what was handed over and says so: whoever ends the run goes on waiting.
//! * It does not come back before [`Session::finish`] gives up (5 s): what is left goes to a file that the next daemon adopts (`spill`).
//! * The process forks: the child closes what it inherited and, at first use, attaches to its parent's run as a session of its own
//!   (`fork`). What the parent had not sent yet stays the parent's.

mod artifacts;
mod budget;
mod calls;
mod clock;
mod codec;
mod connect;
mod core;
mod encode;
mod env;
mod error;
mod finish;
pub mod fork;
mod hub;
mod interrupt;
pub mod json;
mod media;
mod messages;
mod parts;
pub mod paths;
pub mod pool;
mod process;
mod questions;
mod random;
mod recent;
mod records;
mod scratch;
mod sender;
mod session;
mod spill;
mod start;
mod steps;
mod table;
mod window;

/// Bytes that are shared, not copied.
pub use bytes::Bytes;

pub use artifacts::{change_artifact, download_artifact, get_artifact, stage};
pub use calls::{login, restore};
pub use connect::connect;
pub use encode::Fields;
pub use env::Settings;
pub use error::{CallError, ConnectError, SettingsError, SpillError, StartError, chain};
pub use finish::{Finished, Outcome, Wait, Waiting};
pub use interrupt::interrupt_on_stop;
pub use media::Data;
pub use messages::{say, take as take_messages};
pub use process::this_process;
pub use random::random_id;
pub use session::{Session, Stats};
pub use steps::RowHead;
pub use table::Rows;
/// The messages of the contract.
pub use wandbd_proto::v1 as proto;
