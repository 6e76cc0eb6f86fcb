//! Numbers and strings as the two JSON writers of W&B's client write them: a compact one (files of runs) and Python's own
//! (files of artifacts, whose digests depend on every byte).

use std::fmt::Write as _;

/// Where both write a number in the same way, without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-4..1e16;

/// A number as the compact writer has it.
pub(crate) fn push_compact(out: &mut String, number: f64) {
    if push_plain(out, number) {
        return;
    }
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    } else if let Ok(text) = serde_json::to_string(&number) {
        out.push_str(&text);
    }
}

/// A number as Python's `repr` has it, and its names of what is not finite.
pub(crate) fn push_python(out: &mut String, number: f64) {
    if push_plain(out, number) {
        return;
    }
    if !number.is_finite() {
        push_compact(out, number);
        return;
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let written = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

fn push_plain(out: &mut String, number: f64) -> bool {
    let plain = number == 0.0 || PLAIN.contains(&number.abs());
    if plain {
        let written = write!(out, "{number:?}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    plain
}

/// A string as the compact writer has it: only what must be is escaped.
pub(crate) fn push_compact_str(out: &mut String, text: &str) {
    push_escaped(out, text, String::push);
}

/// A string as Python has it: in ASCII.
pub(crate) fn push_python_str(out: &mut String, text: &str) {
    push_escaped(out, text, |out, one| {
        let mut units = [0; 2];
        for unit in one.encode_utf16(&mut units) {
            push_unit(out, *unit);
        }
    });
}

fn push_escaped(out: &mut String, text: &str, other: impl Fn(&mut String, char)) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|byte| !(0x20..0x7f).contains(&byte) || byte == b'"' || byte == b'\\')
    {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(one) = rest.chars().next() else {
            break;
        };
        rest = &rest[one.len_utf8()..];
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..' ' => push_unit(out, one as u16),
            one => other(out, one),
        }
    }
    out.push_str(rest);
    out.push('"');
}

fn push_unit(out: &mut String, unit: u16) {
    let written = write!(out, "\\u{unit:04x}");
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_each_of_them_does() {
        for (number, compact, python) in [
            (1.0, "1.0", "1.0"),
            (-0.0, "-0.0", "-0.0"),
            (0.1, "0.1", "0.1"),
            (1e15, "1000000000000000.0", "1000000000000000.0"),
            (1e16, "1e+16", "1e+16"),
            (
                1.234_567_890_123_456_8e17,
                "1.2345678901234568e+17",
                "1.2345678901234568e+17",
            ),
            (1e-4, "0.0001", "0.0001"),
            (1e-5, "0.00001", "1e-05"),
            (1.234e-5, "0.00001234", "1.234e-05"),
            (1e-7, "1e-7", "1e-07"),
            (1e100, "1e+100", "1e+100"),
            (5e-324, "5e-324", "5e-324"),
            (f64::NAN, "NaN", "NaN"),
            (f64::NEG_INFINITY, "-Infinity", "-Infinity"),
        ] {
            let (mut one, mut other) = (String::new(), String::new());
            push_compact(&mut one, number);
            push_python(&mut other, number);

            assert_eq!((one.as_str(), other.as_str()), (compact, python));
        }
    }

    #[test]
    fn strings_are_escaped_as_each_of_them_does() {
        let given = "a\"\\/\n\u{8}\u{c}\u{1}\u{7f}é\u{2028}😀z";
        let (mut compact, mut python) = (String::new(), String::new());

        push_compact_str(&mut compact, given);
        push_python_str(&mut python, given);

        assert_eq!(compact, "\"a\\\"\\\\/\\n\\b\\f\\u0001\u{7f}é\u{2028}😀z\"");
        assert_eq!(
            python,
            "\"a\\\"\\\\/\\n\\b\\f\\u0001\\u007f\\u00e9\\u2028\\ud83d\\ude00z\""
        );
    }
}
