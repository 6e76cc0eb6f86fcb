//! What the uploader reports back about a run.

use std::sync::Arc;

use wandbd_proto::v1::run::State;
use wandbd_run::Opened;

/// How far a run's journal is delivered, and where it lies on the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delivery {
    /// Live, finishing, waiting, parked, delivered or offline.
    pub state: State,
    /// Why it waits, with what a person can do about it.
    pub cause: String,
    /// The journal position that the server has accepted.
    pub position: u64,
    /// History rows that the server has accepted.
    pub rows_delivered: u64,
    /// Lines that the server refused and that were put aside.
    pub lines_quarantined: u64,
    /// Versions of artifacts that the server does not have yet.
    pub artifacts_waiting: u64,
    /// Versions that were left out for newer ones, as the user wanted it.
    pub artifacts_superseded: u64,
    /// Why versions and links were given up; at most 16 texts.
    pub artifacts_failed: Vec<String>,
    /// What the server said when it opened the run; nothing until it answered.
    pub opened: Option<Arc<Opened>>,
    /// The server has the run in a state that `init` forbids: nothing is sent.
    pub error: Option<String>,
    /// A person asked for a stop on the run's page.
    pub stop: bool,
    /// The run goes on where the server has it: what `opened` says has been journaled, where there was something to say.
    pub(crate) settled: bool,
}
