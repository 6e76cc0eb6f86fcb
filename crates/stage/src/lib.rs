//! Private copies of files, as they were when somebody handed them over.
//!
//! [`Stage::keep`] takes files over without reading them where it can, so that whoever hands over a checkpoint goes on at once:
//!
//! 1. a clone (`FICLONE`), where the file system can;
//! 2. a read lease, held while a thread of ours copies: a process that opens the file for writing meanwhile waits in `open` until the copy is
//!    done, all others notice nothing. Copies that somebody waits for go first;
//! 3. neither: the file is open for writing, belongs to somebody else, or the file system knows no leases. Then its owner copies it.
//!
//! [`Stage::settled`] says when a copy is complete and on disk. The other calls keep the books: [`Stage::bytes`] against [`Stage::limit`],
//! [`Stage::remove`] after delivery, [`Stage::sweep`] for what nobody will ask for any more.
//!
//! # On disk
//! ```text
//! staging/<pid>-<hex>/<name>                a snapshot, complete
//!                     <name>.wandbd-part    one that is being written
//!                     <name>.wandbd-from    what it is a copy of, until it is complete
//! ```
//!
//! # Limits
//! 1,024 files under lease, 2 copies at once; files up to 64 KiB are copied at once. The kernel gives a waiting writer way after
//! `/proc/sys/fs/lease-break-time` (45 s).
//!
//! # What happens at failure
//! A file that was changed before its copy was complete fails ([`StageError::Changed`]), it is never mixed. A copy that a stop or a kill
//! interrupted is made again by the next daemon, if the file is still the same; the lease is gone by then. A full directory keeps nothing
//! of what is asked for and says so ([`StageError::Full`]).

mod books;
mod copy;
mod error;
mod lease;
mod origin;
mod queue;
mod settle;
mod stage;
#[cfg(test)]
mod tests;

pub use books::default_limit;
pub use error::StageError;
pub use stage::{Kept, Stage, Wanted};
