//! W&B's settings files: `[default]` and `key = value` lines. The global one is `~/.config/wandb/settings`, the local one
//! `wandb/settings`.

use std::path::Path;

use super::{AccountError, read, replace};

const SECTION: &str = "[default]";
/// May hold a key.
const MODE: u32 = 0o600;

/// The value of `key`, or nothing.
///
/// # Errors
/// [`AccountError`] when the file is there and cannot be read.
pub(crate) fn get(path: &Path, key: &str) -> Result<Option<String>, AccountError> {
    Ok(find(&read(path)?, key))
}

/// Sets `key`, or takes it out. Nothing is written when nothing changes.
///
/// # Errors
/// [`AccountError`] names the file.
pub(crate) fn set(path: &Path, key: &str, value: Option<&str>) -> Result<(), AccountError> {
    let before = read(path)?;
    let after = with(&before, key, value);
    if after == before {
        return Ok(());
    }
    replace(path, &after, MODE)
}

fn find(text: &str, key: &str) -> Option<String> {
    let mut lines = Lines::default();
    let mut found = None;
    for line in text.lines() {
        if lines.is_key(line, key) {
            found = value_of(line);
        }
    }
    found
}

/// The text after `=` or `:`.
fn value_of(line: &str) -> Option<String> {
    let at = line.find(['=', ':'])?;
    let value = line[at + 1..].trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn with(text: &str, key: &str, value: Option<&str>) -> String {
    let mut lines = Lines::default();
    let mut out: Vec<String> = Vec::new();
    let (mut stood, mut head) = (None, None);
    for line in text.lines() {
        if lines.is_key(line, key) {
            stood = stood.or(Some(out.len()));
            continue;
        }
        out.push(line.to_owned());
        if head.is_none() && line.trim() == SECTION {
            head = Some(out.len());
        }
    }
    if let Some(value) = value {
        let place = stood.or(head).unwrap_or_else(|| {
            out.push(SECTION.to_owned());
            out.len()
        });
        out.insert(place, format!("{key} = {value}"));
    }
    if out.is_empty() {
        return String::new();
    }
    out.join("\n") + "\n"
}

/// Knows in which section it is.
#[derive(Default)]
struct Lines {
    ours: bool,
}

impl Lines {
    fn is_key(&mut self, line: &str, key: &str) -> bool {
        let line = line.trim();
        if line.starts_with('[') {
            self.ours = line == SECTION;
            return false;
        }
        let name = line.split(['=', ':']).next().unwrap_or_default();
        self.ours && name.trim().eq_ignore_ascii_case(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# mine\n[default]\nentity = me\nbase_url = http://old\n; end\n\n[other]\nbase_url = x\n";

    #[test]
    fn a_value_is_read_from_its_section_alone() {
        assert_eq!(find(FILE, "base_url").as_deref(), Some("http://old"));
        assert_eq!(find(FILE, "mode"), None);
        assert_eq!(
            find("[default]\nmode: offline\n", "mode").as_deref(),
            Some("offline")
        );
        assert_eq!(find("[default]\nmode =\n", "mode"), None);
    }

    #[test]
    fn a_value_is_replaced_where_it_stands() {
        let after = with(FILE, "base_url", Some("http://new"));

        assert_eq!(after, FILE.replace("http://old", "http://new"));
    }

    #[test]
    fn a_new_value_goes_into_the_section_which_is_made_if_it_lacks() {
        assert_eq!(
            with("", "mode", Some("offline")),
            "[default]\nmode = offline\n"
        );
        let after = with(FILE, "mode", Some("offline"));
        assert_eq!(find(&after, "mode").as_deref(), Some("offline"));
        assert_eq!(find(&after, "entity").as_deref(), Some("me"));
    }

    #[test]
    fn a_value_that_is_taken_out_is_gone_and_nothing_else_is() {
        assert_eq!(
            with(FILE, "base_url", None),
            FILE.replace("base_url = http://old\n", "")
        );
        assert_eq!(with("", "mode", None), "");
    }

    #[test]
    fn a_file_that_does_not_change_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wandb/settings");

        set(&path, "mode", None).unwrap();
        assert!(!path.exists());

        set(&path, "mode", Some("offline")).unwrap();
        assert_eq!(get(&path, "mode").unwrap().as_deref(), Some("offline"));
    }
}
