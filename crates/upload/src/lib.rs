//! From one journal to one [`Destination`]: batch, pace, retry, cursor, progress.
//!
//! ```text
//! Feed (journal) ──▶ fold (wandbd_run::Lines) ──▶ batch ──▶ parcel ──▶ Destination
//!        ▲                                                     │
//!        └──────────────── cursor, saved when accepted ◀───────┘
//! ```
//!
//! One [`Uploader`] is one task for one run. It reads the journal from the beginning, folds it into `file_stream` lines, and sends what
//! the cursor does not call accepted yet. Following a live run, catching up after an outage, going on after a restart and delivering
//! a file that somebody else wrote are the same code.
//!
//! # Why nothing is lost or doubled
//! A line's number and content depend only on the journal and on the *opened* block, the destination's answer when the run was opened.
//! That block is saved durably before the first post, twice (in the cursor and in `<journal>.opened`), and never computed again. A
//! parcel, once made, is sent until it is accepted; then the cursor moves. After a crash the same lines go to the same offsets.
//!
//! # What may be in flight
//! One post at a time per run. Beside it at most one config update, one batch of files, one alert, and of each name one artifact, 128 in
//! all. All of them are futures of the one task: dropping it drops everything.
//!
//! # Limits
//!
//! | What | How much |
//! |---|---|
//! | lines of one post | [`Pace::max_post_bytes`], unless a single line is longer |
//! | lines in memory | two posts: one being sent, one being filled; then the journal is not read further |
//! | names in memory and in the cursor file | of all files that were uploaded; manifests of artifacts that wait |
//! | posts | one per [`Pace::min_gap`] from start to start, retries included |
//! | files compared by content | up to 256 MiB, longer ones by size and time |
//! | requests at once | [`Budget`]: 8 requests, 8 batches of files and 128 artifacts per server, ending runs first; 500 posts/s per project |
//! | uploads in parts | one note per file that goes up in parts, in `<journal>.parts/`, until its artifact is settled |
//!
//! # What happens at failure
//! No answer ends an upload ([`Policy`] has the table). What a server refuses for its content is narrowed down to the one line, which is
//! replaced by its bare step and time, kept in `<journal>.quarantine` and counted. A run that cannot go on waits or is parked, with the
//! cause and what helps in its [`Progress`]; [`Handle::retry`] makes it try at once. A run that was deleted at the destination is made
//! again then, and everything is sent once more. A run in a state that `init` forbids ([`Outcome::Forbidden`]) gets nothing. A damaged
//! cursor costs sending everything again to the same offsets.

mod advice;
mod alerts;
mod artifacts;
mod budget;
mod courier;
mod cursor;
mod destination;
mod error;
mod exit;
mod files;
mod flow;
mod globs;
mod head;
mod mark;
mod parcel;
mod policy;
mod poster;
mod progress;
mod quarantine;
mod source;
mod timing;
mod uploader;

pub use artifacts::Fate;
pub use budget::{Budget, Permit};
pub use cursor::{Delivered, delivered, forget};
pub use destination::{
    Answer, ArtifactOutcome, Block, Content, Destination, ExitState, FileResult, ParamsChange,
    Post, RunStart, RunState, UploadFile, Version,
};
pub use error::{BoxError, SendError, UploadError, chain as explain};
pub use policy::Policy;
pub use progress::{Handle, Progress, State};
pub use source::{Feed, FileFeed, FollowFeed, LiveFeed, Source};
pub use timing::{Pace, Timing};
pub use uploader::{Outcome, Overrides, Setup, Uploader};
