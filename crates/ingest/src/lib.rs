//! The socket and the gRPC services: sessions, rows, acks, refusals, back-pressure.
//!
//! The way of a chunk: [`server`](serve) takes the connection, `session` reads the stream, [`RunLog`] turns calls into closed rows (by
//! `wandbd_run::Rows`) and appends them to the journal as one group, the journal's commit makes the group durable, and `session` sends the
//! ack. [`Hub`] knows all runs and what a session may do, in plain calls; only `service`, `session`, `server` and `status` know gRPC.
//!
//! A chunk with media, rows of tables or files is made ready first (`making`): media become files in `made/` beside the journal, snapshots are
//! waited for, and all of it is on disk before the chunk is journaled in its turn. Meanwhile the client hears every second what takes long.
//! When a row closes, the files that it names get a second name below `files/media`.
//!
//! Every run has a minder, a task that hashes accepted artifacts, watches the owner's process, and writes the exit record.
//!
//! When something fails:
//! * a bad record is refused inside the ack, and the stream goes on; so is media that cannot be made, and its row loses only that value;
//! * an artifact whose files are gone or changed is lost with a reason, which is kept ([`RunLog::artifact_failure`]) and counted;
//! * an append that fails (disk full) ends the stream with `RESOURCE_EXHAUSTED`; the client keeps its records and comes again;
//! * a failed sync moves the journal's durable part to a new file, and what was not acknowledged is asked for again;
//! * a group is recovered whole or not at all, so a kill never leaves half a chunk.
//!
//! Limits: messages up to 16 MiB, 64 chunks of a session between journal and ack, 8 chunks or 32 MiB of them in the making, half of the
//! processors for making media, 5 s of grace for other sessions when a run ends.

mod adopt;
mod append;
mod delivery;
mod describe;
mod drops;
mod error;
mod events;
mod files;
mod glance;
mod hashing;
mod hub;
mod load;
mod making;
mod media;
mod memory;
mod minder;
mod process;
mod run_log;
mod server;
mod service;
mod session;
mod spill;
mod staging;
mod status;
mod streams;
#[cfg(test)]
mod tests;
mod vault;

pub use delivery::Delivery;
pub use drops::Drops;
pub use error::IngestError;
pub use hub::{Hub, HubConfig, UNREADABLE, synced_mark};
pub use run_log::RunLog;
pub use server::{MAX_MESSAGE_BYTES, bind, serve};
pub use service::Control;
pub use spill::adopt_spills;
pub use vault::{Fingerprints, Vault};
