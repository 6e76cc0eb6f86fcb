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
    /// Added to every `_step`, when the run was resumed without local knowledge; else 0.
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
    /// The run existed before.
    pub resumed: bool,
}
