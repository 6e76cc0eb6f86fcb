//! How long a line may be, and what is left out of one that is longer.

use wandbd_record::Tree;
use wandbd_record::v1::{Field, Opened, field::Value};

/// The longest line that W&B takes: 10 MiB less 100 KiB.
pub const MAX_LINE_BYTES: usize = 10_383_360;

/// No limit that was set by hand lies below this.
const LEAST: u64 = 1024;

/// What one value of the summary leaves to all others.
const ROOM: usize = 64 << 10;

/// The limit that the run's client asks for, or W&B's.
pub(crate) fn line_limit(opened: &Opened) -> usize {
    let server = opened.run.as_ref().and_then(|run| run.server.as_ref());
    match server.map_or(0, |server| server.line_max_bytes) {
        0 => MAX_LINE_BYTES,
        bytes => usize::try_from(bytes.max(LEAST)).unwrap_or(usize::MAX),
    }
}

/// Takes the largest values out of `row` until its line is short enough; one text for each, naming it.
pub(crate) fn trim(row: &mut Tree, what: &str, limit: usize) -> Vec<String> {
    let mut told = Vec::new();
    while row.json_len() > limit && row.to_json().len() > limit {
        let largest = row.leaves().max_by_key(|(path, raw)| {
            raw.len() + path.iter().map(|name| name.len()).sum::<usize>()
        });
        let Some((path, raw)) = largest else { break };
        let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
        told.push(format!(
            "{what}: the value of {:?} ({} bytes) was left out, because a line may have at most {limit} bytes: log it in \
             smaller pieces, or as an artifact",
            path.join("."),
            raw.len(),
        ));
        row.remove(&path);
    }
    told
}

/// Whether a value that is written to the summary by hand leaves room for the others; a text that names it if not.
pub(crate) fn fits(field: &Field, limit: usize, told: &mut Vec<String>) -> bool {
    let bytes = match &field.value {
        Some(Value::Json(text) | Value::Text(text)) => text.len(),
        _ => 0,
    };
    let fits = bytes < limit.saturating_sub(ROOM.min(limit / 2));
    if !fits {
        let names = wandbd_record::path::of_field(field).join(".");
        told.push(format!(
            "summary: the value of {names:?} ({bytes} bytes) was left out, because a line may have at most {limit} \
             bytes: log it as an artifact",
        ));
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_largest_values_are_left_out() {
        let mut row = Tree::new();
        row.set(&["small"], "1");
        row.set(&["n", "big"], "2".repeat(500));
        row.set(&["bigger"], "3".repeat(600));

        let told = trim(&mut row, "row 7", 100);

        assert_eq!(row.to_json(), r#"{"small":1,"n":{}}"#);
        assert_eq!(told.len(), 2);
        assert!(told[1].contains("row 7") && told[1].contains("n.big") && told[1].contains("500"));
    }
}
