//! Console lines: plain (`[ERROR ]<time> [<label>] <text>`) and structured (`{"ts", "level", "label", "content"}`).

use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

use crate::error::StoreResult;
use crate::store::lines::{self, LineFile};

/// One line of the console, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    pub(crate) number: i64,
    /// UTC, as the client wrote it.
    pub(crate) timestamp: Option<String>,
    /// `error` for standard error, else empty.
    pub(crate) level: String,
    pub(crate) label: String,
    pub(crate) text: String,
}

/// Lines `from..from + count`; lines that never came are empty.
pub(crate) fn page(
    connection: &Connection,
    run_id: i64,
    from: i64,
    count: i64,
    total: i64,
) -> StoreResult<Vec<Line>> {
    let end = (from + count).min(total);
    let mut stored = lines::page(connection, run_id, LineFile::Console, from, count)?
        .into_iter()
        .peekable();
    let mut page = Vec::new();
    for number in from..end {
        let raw = stored.next_if(|(line, _)| *line == number);
        page.push(parse(number, raw.as_ref().map_or("", |(_, text)| text)));
    }
    Ok(page)
}

/// Takes one line apart.
pub(crate) fn parse(number: i64, raw: &str) -> Line {
    structured(number, raw).unwrap_or_else(|| plain(number, raw))
}

fn structured(number: i64, raw: &str) -> Option<Line> {
    if !raw.starts_with('{') {
        return None;
    }
    let value: Value = serde_json::from_str(raw).ok()?;
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    value["content"].as_str()?;
    Some(Line {
        number,
        timestamp: value["ts"].as_str().map(str::to_owned),
        level: text("level"),
        label: text("label"),
        text: text("content"),
    })
}

fn plain(number: i64, raw: &str) -> Line {
    let (level, rest) = match raw.strip_prefix("ERROR ") {
        Some(rest) => ("error", rest),
        None => ("", raw),
    };
    let (head, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    if !looks_like_time(head) {
        return Line {
            number,
            timestamp: None,
            level: String::new(),
            label: String::new(),
            text: raw.to_owned(),
        };
    }
    let (label, text) = tail
        .strip_prefix('[')
        .and_then(|tail| tail.split_once("] "))
        .filter(|(label, _)| !label.is_empty() && !label.contains(' '))
        .unwrap_or(("", tail));
    Line {
        number,
        timestamp: Some(head.to_owned()),
        level: level.to_owned(),
        label: label.to_owned(),
        text: text.to_owned(),
    }
}

fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes[13] == b':'
        && bytes[..4].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_line_are_taken_apart() {
        let check = |raw: &str, expect: (Option<&str>, &str, &str, &str)| {
            let line = parse(7, raw);
            let got = (
                line.timestamp.as_deref(),
                line.level.as_str(),
                line.label.as_str(),
                line.text.as_str(),
            );
            assert_eq!(got, expect, "{raw}");
        };

        let time = Some("2026-01-01T00:00:00.000001");
        check(
            "2026-01-01T00:00:00.000001 hello world",
            (time, "", "", "hello world"),
        );
        check(
            "ERROR 2026-01-01T00:00:00.000001 oh",
            (time, "error", "", "oh"),
        );
        check("2026-01-01T00:00:00.000001 [n-1] x", (time, "", "n-1", "x"));
        check(
            r#"{"level":"error","ts":"2026-01-01T00:00:00.000001","label":"a","content":"t"}"#,
            (time, "error", "a", "t"),
        );
        check("no time here", (None, "", "", "no time here"));
        check("{\"a\": 1}", (None, "", "", "{\"a\": 1}"));
    }
}
