//! What stands in for a line that the server refuses, and where its content is kept.

use std::io::Write;
use std::path::{Path, PathBuf};

use wandbd_record::Tree;

use crate::cursor::{beside, blocking};
use crate::error::UploadError;

/// A line that was replaced.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Its `file_stream` file.
    pub(crate) file: &'static str,
    /// Its number at the destination.
    pub(crate) line: u64,
    pub(crate) reason: String,
    pub(crate) content: String,
}

/// A row with nothing but its step and time.
pub(crate) fn bare_history(line: &str) -> String {
    bare(line, "", &["_step", "_timestamp"])
}

/// A system metrics row with nothing but its time.
pub(crate) fn bare_event(line: &str) -> String {
    bare(line, "\"_wandb\":true,", &["_timestamp", "_runtime"])
}

/// A console line without text.
pub(crate) fn bare_console(line: &str) -> String {
    if line.starts_with('{') {
        let kept = bare(line, "", &["ts"]);
        let open = kept.trim_end_matches('}');
        let comma = if open.len() > 1 { "," } else { "" };
        return format!("{open}{comma}\"content\":\"\"}}");
    }
    String::new()
}

fn bare(line: &str, begin: &str, keys: &[&str]) -> String {
    let row = Tree::parse_object(line).unwrap_or_default();
    let mut text = format!("{{{begin}");
    for key in keys {
        if let Some(value) = row.get(&[key]) {
            text.extend(["\"", key, "\":", &value.to_json(), ","]);
        }
    }
    if text.ends_with(',') {
        text.pop();
    }
    text.push('}');
    text
}

/// Appends refused lines to `<journal>.quarantine`: one line that says where and why, one with the content.
pub(crate) async fn keep(journal: &Path, refused: Vec<Refused>) -> Result<(), UploadError> {
    let path = beside(journal, "quarantine");
    blocking(move || {
        append(&path, &refused).map_err(|source| {
            UploadError::Journal(wandbd_journal::JournalError::Io {
                action: "append to",
                path,
                source,
            })
        })
    })
    .await
}

fn append(path: &PathBuf, refused: &[Refused]) -> std::io::Result<()> {
    let mut text = String::new();
    for line in refused {
        let reason = line.reason.replace('\n', " ");
        let number = line.line.to_string();
        text.extend(["# ", line.file, " ", &number, ": ", &reason, "\n"]);
        text.extend([&line.content, "\n"]);
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_row_keeps_its_step_and_time() {
        let line = r#"{"loss":NaN,"_step":7,"_runtime":1,"_timestamp":12.5}"#;

        assert_eq!(bare_history(line), r#"{"_step":7,"_timestamp":12.5}"#);
    }

    #[test]
    fn a_refused_system_row_keeps_what_makes_it_one() {
        let line = r#"{"system.cpu":5,"_wandb":true,"_runtime":1,"_timestamp":12.5}"#;

        assert_eq!(
            bare_event(line),
            r#"{"_wandb":true,"_timestamp":12.5,"_runtime":1}"#
        );
    }

    #[test]
    fn a_refused_console_line_keeps_its_form() {
        assert_eq!(bare_console("2026-01-01T00:00:00 text"), "");
        assert_eq!(
            bare_console(r#"{"level":"error","ts":"2026","content":"text"}"#),
            r#"{"ts":"2026","content":""}"#
        );
    }

    #[test]
    fn what_cannot_be_read_becomes_an_empty_row() {
        assert_eq!(bare_history("not json"), "{}");
    }
}
