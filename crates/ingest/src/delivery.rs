//! What the uploader reports back about a run.

use wandbd_proto::v1::run::State;

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
    /// As the server named it; empty until it answered.
    pub entity: String,
    /// As the server named it.
    pub project: String,
    /// As the server named it.
    pub display_name: String,
    /// Address of the run's page.
    pub url: String,
    /// The server had the run already.
    pub resumed: bool,
    /// A person asked for a stop on the run's page.
    pub stop: bool,
}
