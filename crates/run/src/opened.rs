//! What the destination said when the run was opened there.

use serde::{Deserialize, Serialize};

/// The run as the destination opened it. Saved once, durably, before the first post, and never computed again: with the journal
/// it determines every line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Opened {
    /// The destination's own id of the run.
    pub storage_id: String,
    /// Owner, as the server resolved it.
    pub entity: String,
    /// Project, as the server resolved it.
    pub project: String,
    /// The run's id, as the server named it.
    pub run_id: String,
    /// The name that the server gave or kept.
    pub display_name: String,
    /// Address of the run's page.
    pub url: String,
    /// History lines that the run had before ours.
    pub history_base: u64,
    /// System-metric lines that the run had before ours.
    pub events_base: u64,
    /// Console lines that the run had before ours.
    pub console_base: u64,
    /// The number that the next row of the run had before ours; 0 for a new run. Added to the `_step` of rows that were numbered before
    /// this was known, and to no others: the journal says where the numbers of the server begin.
    pub step_base: i64,
    /// Seconds added to every `_runtime`, when the run was resumed.
    pub runtime_base: f64,
    /// The summary that the run had: a JSON object, or empty.
    pub inherited_summary: String,
    /// The config that the run had, as plain values: a JSON object, or empty.
    pub inherited_config: String,
    /// The server takes console lines as JSON objects.
    pub structured_console: bool,
    /// Name of this writer among several of one run.
    pub label: Option<String>,
    /// Address of the account, for the surroundings of the run; empty when the server does not say.
    pub email: String,
    /// The run existed before.
    pub resumed: bool,
    /// What tells this writer from others that write to the same run at the same time; empty: there are none.
    pub writer_id: String,
    /// The run's tags after opening: its own, or those that it had when it gave none.
    pub tags: Vec<String>,
    /// The run's notes after opening, in the same way.
    pub notes: String,
    /// Group after opening.
    pub group: String,
    /// Job type after opening.
    pub job_type: String,
    /// Sweep that the server counts the run to.
    pub sweep_id: String,
    /// Where the run branched off another one, or was cut back to.
    pub branch: Option<Branch>,
}

impl Opened {
    /// Whether the destination had anything of the run that ours goes on from.
    pub fn continues(&self) -> bool {
        self.step_base != 0
            || self.runtime_base != 0.0
            || !self.inherited_summary.is_empty()
            || !self.inherited_config.is_empty()
    }
}

/// A place in the history of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Whose history.
    pub run_id: String,
    /// The last step that is kept.
    pub step: i64,
}
