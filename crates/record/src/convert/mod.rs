//! Messages of a training process to W&B records, and back where a reader needs it.

mod artifact;
mod files;
mod items;
mod metric;
mod run;
mod time;

pub use artifact::{
    Content, HashedFile, artifact_record, check_artifact, check_link, manifest_digest, said_of,
};
pub use files::{alert_record, files_record, media_files_record};
pub use items::{
    config_item, config_record, history_item, history_raw, history_record, node_of_field,
    output_record, stats_record, summary_item, summary_record,
};
pub use metric::{glob_prefix, metric_record};
pub use run::{exit_record, header_record, run_record, run_update, secretless};
pub use time::{seconds, timestamp};
