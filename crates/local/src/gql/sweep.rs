//! Sweeps, as far as runs name them.

use async_graphql::{ID, Object};

use super::scalars::{DateTime, JsonString};
use crate::store::sweeps::SweepRow;

/// A sweep.
pub(crate) struct Sweep(pub(crate) SweepRow);

#[Object]
impl Sweep {
    async fn id(&self) -> ID {
        super::scalars::id("Sweep", self.0.first_run).into()
    }
    async fn name(&self) -> &str {
        &self.0.name
    }
    async fn display_name(&self) -> Option<&str> {
        None
    }
    async fn method(&self) -> &'static str {
        ""
    }
    async fn state(&self) -> &'static str {
        "RUNNING"
    }
    async fn description(&self) -> Option<&str> {
        None
    }
    async fn best_loss(&self) -> Option<f64> {
        None
    }
    /// YAML; what the sweep varies is not known here.
    async fn config(&self) -> &'static str {
        "{}"
    }
    async fn controller_run_name(&self) -> Option<&str> {
        None
    }
    async fn scheduler(&self) -> Option<JsonString> {
        None
    }
    async fn created_at(&self) -> DateTime {
        DateTime::at(self.0.created_at)
    }
    async fn updated_at(&self) -> Option<DateTime> {
        None
    }
    async fn run_count(&self) -> i64 {
        self.0.runs
    }
    async fn run_count_expected(&self) -> Option<i64> {
        None
    }
}
