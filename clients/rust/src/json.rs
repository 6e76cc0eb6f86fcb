//! JSON text as the contract wants it: numbers in their shortest form, bare `NaN`, `Infinity` and `-Infinity`.

use std::fmt::Write as _;

/// Appends a string with its quotes.
pub fn push_str(to: &mut String, text: &str) {
    to.push('"');
    for char in text.chars() {
        match char {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                write!(to, "\\u{:04x}", u32::from(control)).unwrap_or_default();
            }
            other => to.push(other),
        }
    }
    to.push('"');
}

/// Appends a number; whole numbers keep their `.0`.
pub fn push_f64(to: &mut String, number: f64) {
    if number.is_nan() {
        to.push_str("NaN");
    } else if number.is_infinite() {
        to.push_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    } else {
        write!(to, "{number:?}").unwrap_or_default();
    }
}

/// Appends a whole number.
pub fn push_i64(to: &mut String, number: i64) {
    write!(to, "{number}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_so_that_they_stay_one_json_string() {
        let mut text = String::new();
        push_str(&mut text, "a\"b\\c\n\u{1}é");
        assert_eq!(text, r#""a\"b\\c\n\u0001é""#);
    }

    #[test]
    fn numbers_keep_every_bit_and_odd_ones_are_bare_words() {
        for (number, expect) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut text = String::new();
            push_f64(&mut text, number);
            assert_eq!(text, expect);
        }
    }
}
