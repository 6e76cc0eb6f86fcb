//! The journal: an append-only file of opaque frames in W&B's transaction-log format.
//!
//! One run is one file. Ingest appends to it, the uploader reads behind it, a restart scans it, and `wandb sync` of the official
//! SDK can deliver it without us. This crate knows frames (`&[u8]`), never what they mean.
//!
//! # Bytes
//!
//! ```text
//! 3A 57 26 42  E1 BE  00        ":W&B", 0xBEE1, version 0
//! chunk*                        in blocks of 32,768 bytes of the file (the header belongs to block 0)
//!
//! chunk = u32 LE  CRC-32 (IEEE) of the type byte and the data
//!         u16 LE  length of the data
//!         u8      type: 1 whole frame, 2 first part, 3 middle part, 4 last part
//!         data
//! ```
//!
//! Fewer than 7 bytes left in a block are filled with zeros. A frame that does not fit is split.
//!
//! # Words
//!
//! * A [`Position`] is the byte offset just after a frame. Positions identify frames everywhere, so damage before one shifts nothing.
//! * A *group* is the frames of one [`Journal::append`]. It is atomic: recovery cuts back to the end of a whole group. Which frame
//!   ends a group only the caller knows, and says so while [scanning](scan).
//! * *Durable* is the position up to which the file survives a power cut. Tails never read past it.
//!
//! # Limits
//!
//! | What | How much |
//! |---|---|
//! | one frame | [`MAX_FRAME_BYTES`], 128 MiB |
//! | age of an append when its commit starts | at most 20 ms, or the file's running sync if that takes longer |
//! | files synced at once | 8, and up to 64 while syncs hang for more than a second |
//! | memory of a reader | 256 KiB, given back when it has caught up, and one split frame |
//! | memory of a journal at rest | at most 64 KiB of encode buffer |
//!
//! # When things break
//!
//! * **Write fails (disk full)**: the file is cut back to the last group, the error is returned, the journal goes on. If the cut
//!   fails too, the journal has failed for good.
//! * **Sync fails**: never tried again on that file, because the kernel may have dropped the pages. [`State::failed`] is set, appends are refused;
//!   [`rehome`] copies the durable prefix to a new file under the same name and [`Journal::resume_at`] goes on there.
//! * **Process killed**: the page cache has everything, [`scan`] finds the last whole group.
//! * **Power cut**: anything after the durable position may be gone, torn, or *there after a hole*, for disks do not write in order. A hole in the unsynced part
//!   looks like a flipped bit in the synced part. To tell them apart each group carries the durable position that its writer knew, and
//!   the scan is told it ([`Seen::GroupEnd`]): damage before the highest of them is bit rot and what follows is kept; damage after it is a torn
//!   tail and everything from there on, which nobody was promised, is cut.
//! * **Flipped bits**: the rest of the block is skipped and reported as [`Damage`]; later blocks are read.
//! * **Cursor torn or flipped**: [`cursor::load`] says so; half a cursor is never returned.
//!
//! # Blocking
//!
//! Appends and tails move bytes between memory and the page cache inside the call. [`Journal::create`], [`Journal::resume`],
//! [`scan`], [`rehome`], [`FileReader`] and [`cursor`] wait for the disk: call them where blocking is fine.

mod committer;
pub mod cursor;
mod damage;
mod error;
mod file_reader;
mod files;
mod format;
mod frames;
mod journal;
mod os_files;
mod position;
mod rehome;
mod rounds;
mod scan;
mod tail;
mod writer;

pub use committer::{Committer, CommitterTask};
pub use damage::{Damage, DamageKind};
pub use error::{CursorError, JournalError};
pub use file_reader::FileReader;
pub use files::{Files, OpenFile};
pub use format::MAX_FRAME_BYTES;
pub use frames::Frame;
pub use journal::{Journal, State, Urgency};
pub use os_files::OsFiles;
pub use position::Position;
pub use rehome::rehome;
pub use scan::{Scan, Seen, scan};
pub use tail::Tail;
