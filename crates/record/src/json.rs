//! Extended JSON text: JSON in which the bare tokens `NaN`, `Infinity` and `-Infinity` are numbers.
//!
//! W&B's rows and summaries are written so; its config is strict JSON, where these become `null` ([`strict`]).

use std::borrow::Cow;
use std::fmt::Write as _;

use wandbd_proto::v1::{self, field::Value};

use crate::error::{BadJson, BadValue};
use crate::path;
use crate::scan::Scan;

/// How many levels a value may nest.
pub const MAX_DEPTH: usize = 60;

/// Integral numbers below this are written without a fraction or an exponent.
const PLAIN_BELOW: f64 = 1e15;

/// Appends a number: the shortest text that reads back equal; integral values below 1e15 as `1`.
pub fn push_f64(out: &mut String, number: f64) {
    let written = if number.is_nan() {
        out.push_str("NaN");
        Ok(())
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
        Ok(())
    } else if number.fract() == 0.0 && number.abs() < PLAIN_BELOW {
        write!(out, "{number}")
    } else {
        write!(out, "{number:?}")
    };
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

/// A number as JSON text; see [`push_f64`].
pub fn f64_text(number: f64) -> String {
    let mut out = String::new();
    push_f64(&mut out, number);
    out
}

/// Appends a string in quotes, escaped.
pub fn push_str(out: &mut String, text: &str) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                out.push_str("\\u00");
                out.push(char::from(b'0' + (byte >> 4)));
                out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
            }
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

/// A string as JSON text; see [`push_str`].
pub fn str_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_str(&mut out, text);
    out
}

/// The value of a field as extended JSON.
/// # Errors
/// [`BadValue`] when it has none, or its JSON text is not JSON.
pub fn field_json(field: &v1::Field) -> Result<String, BadValue> {
    let mut out = String::new();
    match &field.value {
        Some(Value::Number(number)) => push_f64(&mut out, *number),
        Some(Value::Integer(integer)) => out = integer.to_string(),
        Some(Value::Boolean(true)) => out.push_str("true"),
        Some(Value::Boolean(false)) => out.push_str("false"),
        Some(Value::Text(text)) => push_str(&mut out, text),
        Some(Value::Json(text)) => {
            check(text).map_err(|source| BadValue::Json {
                name: path::of_field(field).join("."),
                source,
            })?;
            text.trim().clone_into(&mut out);
        }
        // Rows resolve their templates; elsewhere one is what it says.
        Some(Value::Template(text)) => {
            check(text).map_err(|source| BadValue::Json {
                name: path::of_field(field).join("."),
                source,
            })?;
            text.trim().clone_into(&mut out);
        }
        Some(Value::None(_)) => out.push_str("null"),
        None => {
            return Err(BadValue::Missing {
                name: path::of_field(field).join("."),
            });
        }
    }
    Ok(out)
}

/// Checks that `text` is one value of extended JSON, at most [`MAX_DEPTH`] levels deep.
/// # Errors
/// [`BadJson`] with the place of the first fault.
pub fn check(text: &str) -> Result<(), BadJson> {
    let mut scan = Scan::new(text);
    scan.value(1)?;
    scan.end()
}

/// The number that `raw` stands for, `NaN` and infinities included; nothing when it is no number.
pub fn number(raw: &str) -> Option<f64> {
    match raw {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => {
            let digits = raw.strip_prefix('-').unwrap_or(raw);
            if digits.starts_with(|first: char| first.is_ascii_digit()) {
                raw.parse().ok()
            } else {
                None
            }
        }
    }
}

/// `raw` as strict JSON: `NaN` and infinities outside strings become `null`.
pub fn strict(raw: &str) -> Cow<'_, str> {
    if !raw.contains("NaN") && !raw.contains("Infinity") {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let token = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|token| rest.starts_with(token));
        let length = if let Some(token) = token {
            out.push_str("null");
            token.len()
        } else {
            let length = if rest.starts_with('"') {
                string_length(rest)
            } else {
                1
            };
            out.push_str(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bytes of the string token that `text` begins with.
fn string_length(text: &str) -> usize {
    let mut scan = Scan::new(text);
    scan.string().map_or(text.len(), str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short_and_read_back_equal() {
        let cases = [
            (1.0, "1"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (given, expect) in cases {
            let text = f64_text(given);
            let back = number(&text).unwrap();

            let same = back.to_bits() == given.to_bits();
            assert!(same || given.is_nan() && back.is_nan(), "{given}");
            assert_eq!(number(expect).unwrap().to_bits(), back.to_bits());
            if given.abs() < 1e15 || !given.is_finite() {
                assert_eq!(text, expect);
            }
        }
    }

    #[test]
    fn strings_are_escaped_as_json_wants_it() {
        assert_eq!(
            str_text("a\"b\\c\nd\u{1}e\u{1f}ü"),
            "\"a\\\"b\\\\c\\nd\\u0001e\\u001fü\""
        );
    }

    #[test]
    fn extended_json_is_accepted_and_anything_else_refused() {
        let good = [
            "1",
            " -0.5e+3 ",
            "NaN",
            "-Infinity",
            "[NaN, {\"a\": Infinity}]",
            "\"\\ud83d\\ude00\"",
            "{}",
            "[]",
            "null",
        ];
        let bad = [
            "",
            "nan",
            "1 2",
            "01",
            "1.",
            "-",
            "{\"a\"}",
            "{a: 1}",
            "[1,]",
            "\"open",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\u{1}\"",
            "+1",
            "--Infinity",
            "-NaN",
            "tru",
        ];
        for text in good {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in bad {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_that_nests_too_deep_is_refused_instead_of_overflowing_the_stack() {
        let deep = "[".repeat(1_000_000);

        assert_eq!(check(&deep).unwrap_err().reason, "nested too deep");
    }

    #[test]
    fn strict_json_has_null_for_what_it_cannot_say() {
        for (given, expect) in [
            ("NaN", "null"),
            (
                "[1,-Infinity,\"NaN -Infinity \\\" NaN\",Infinity]",
                "[1,null,\"NaN -Infinity \\\" NaN\",null]",
            ),
            ("{\"NaN\":NaN,\"a\":-1}", "{\"NaN\":null,\"a\":-1}"),
            ("-1.5", "-1.5"),
        ] {
            assert_eq!(strict(given), expect);
        }
    }
}
