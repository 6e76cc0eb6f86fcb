//! JSON as YAML that readers of YAML 1.1 and 1.2 take for the same: texts are quoted unless nobody can mistake them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Number, Value};

/// Blanks of one level.
const INDENT: usize = 4;

/// Words that YAML 1.1 takes for something else than a text, in small letters.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// A document; keys are sorted on every level.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => object(&mut out, map, 0),
        other => inline(&mut out, other),
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn object(out: &mut String, map: &serde_json::Map<String, Value>, level: usize) {
    let sorted: BTreeMap<&String, &Value> = map.iter().collect();
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 || out.ends_with('\n') {
            indent(out, level);
        }
        string(out, key);
        out.push(':');
        below(out, value, level + 1);
    }
}

/// What stands behind a key or a dash.
fn below(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            object(out, map, level);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            for item in list {
                indent(out, level);
                out.push('-');
                below(out, item, level + 1);
            }
        }
        plain => {
            out.push(' ');
            inline(out, plain);
            out.push('\n');
        }
    }
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n(' ', level * INDENT));
}

fn inline(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&digits(number)),
        Value::String(text) => string(out, text),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// YAML 1.1 knows floats by their point and wants a sign in the exponent.
fn digits(number: &Number) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) {
        ""
    } else {
        "+"
    };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn string(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Controls and what some readers take for a line end or refuse.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                write!(out, "\\u{:04x}", u32::from(c)).ok();
            }
            '\u{fffe}' | '\u{ffff}' => {
                write!(out, "\\u{:04x}", u32::from(character)).ok();
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

/// Nobody can take it for anything but a text: it begins like a word, and holds nothing that means something to YAML.
fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let inside =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '+' | '@');
    begins
        && text.chars().all(inside)
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_be_mistaken_is_quoted() {
        for (value, expect) in [
            (json!("plain text/with.dots"), "plain text/with.dots\n"),
            (json!("yes"), "\"yes\"\n"),
            (json!("N"), "\"N\"\n"),
            (json!("2026-01-02"), "\"2026-01-02\"\n"),
            (json!("1_000"), "\"1_000\"\n"),
            (json!("12:30:00"), "\"12:30:00\"\n"),
            (json!("~"), "\"~\"\n"),
            (json!(""), "\"\"\n"),
            (json!("a: b # c"), "\"a: b # c\"\n"),
            (json!("a\n\u{7}\"\\"), "\"a\\n\\u0007\\\"\\\\\"\n"),
            (json!(1e-9), "1.0e-9\n"),
            (json!(1e300), "1.0e+300\n"),
            (json!(0.5), "0.5\n"),
            (json!(3), "3\n"),
            (json!([]), "[]\n"),
            (json!({}), "{}\n"),
        ] {
            assert_eq!(text(&value), expect);
        }
    }

    #[test]
    fn every_value_is_read_back_as_it_was() {
        let value = json!({
            "b": {"list": [1, [2, []], {"x": null, "y": [{}]}, "no"], "empty": {}},
            "a key: with colon": "multi\nline", "ü": "ÄÖ\u{2028}\u{85}", "": true, "1": 1.5, "null": "null",
        });

        let yaml = text(&value);

        assert_eq!(
            serde_yaml_ng::from_str::<Value>(&yaml).unwrap(),
            value,
            "{yaml}"
        );
    }
}
