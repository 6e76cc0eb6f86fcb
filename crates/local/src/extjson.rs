//! Extended JSON: JSON plus the bare tokens `NaN`, `Infinity` and `-Infinity`, as W&B rows and summaries use it.
//!
//! Lines are kept as text; this module looks into them without building trees: [`entries`] walks one object, [`leaves`]
//! walks it deeply with dotted names, and [`to_json`] makes a strict value (the three tokens become strings, as W&B
//! answers them).

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

/// Deepest nesting that is followed; deeper text is refused.
const MAX_DEPTH: usize = 64;

/// Key and raw value text of each entry of the object in `text`; empty when it is not an object.
pub(crate) fn entries(text: &str) -> Entries<'_> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        text,
        at: 0,
    };
    scanner.space();
    let open = scanner.take(b'{');
    Entries { scanner, open }
}

/// Iterator of [`entries`].
pub(crate) struct Entries<'a> {
    scanner: Scanner<'a>,
    open: bool,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Cow<'a, str>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if !self.open {
            return None;
        }
        let entry = self.scanner.entry();
        self.open = entry.is_some();
        entry
    }
}

/// The raw text of one top-level key.
pub(crate) fn get<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    entries(text)
        .filter(|(name, _)| name == key)
        .map(|(_, raw)| raw)
        .last()
}

/// The raw text at a dotted path, or at the literal key where one is called that.
pub(crate) fn lookup<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    if let Some(raw) = get(text, path) {
        return Some(raw);
    }
    path.match_indices('.')
        .find_map(|(at, _)| lookup(get(text, &path[..at])?, &path[at + 1..]))
}

/// A raw value as a number: finite or not, `None` for anything else.
pub(crate) fn number(raw: &str) -> Option<f64> {
    match raw {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => raw.parse().ok(),
        _ => None,
    }
}

/// The kind of a raw value in W&B's words: `number`, `string`, `boolean`, `nil`, `list`, `map`, or a media type.
pub(crate) fn kind(raw: &str) -> Cow<'static, str> {
    match raw.as_bytes().first() {
        Some(b'"') => "string".into(),
        Some(b't' | b'f') => "boolean".into(),
        Some(b'n') => "nil".into(),
        Some(b'[') => "list".into(),
        Some(b'{') => match get(raw, "_type").and_then(|raw| serde_json::from_str(raw).ok()) {
            Some(Value::String(name)) => name.into(),
            _ => "map".into(),
        },
        _ => "number".into(),
    }
}

/// Calls `see(dotted name, raw value)` for each leaf; media objects and lists count as leaves.
pub(crate) fn leaves(text: &str, see: &mut dyn FnMut(&str, &str)) {
    walk(text, "", 0, see);
}

fn walk(text: &str, prefix: &str, depth: usize, see: &mut dyn FnMut(&str, &str)) {
    for (key, raw) in entries(text) {
        let name: Cow<'_, str> = if prefix.is_empty() {
            key
        } else {
            format!("{prefix}.{key}").into()
        };
        if raw.starts_with('{') && depth < 8 && get(raw, "_type").is_none() {
            walk(raw, &name, depth + 1, see);
        } else {
            see(&name, raw);
        }
    }
}

/// The text as a strict JSON value; `None` when it is not extended JSON.
pub(crate) fn to_json(text: &str) -> Option<Value> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        text,
        at: 0,
    };
    let value = scanner.value(0)?;
    scanner.space();
    (scanner.at == text.len()).then_some(value)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// One `"key": value` with the comma before it; `None` at the end or on broken text.
    fn entry(&mut self) -> Option<(Cow<'a, str>, &'a str)> {
        self.space();
        if self.take(b',') {
            self.space();
        }
        let key = self.string()?;
        self.space();
        if !self.take(b':') {
            return None;
        }
        self.space();
        let start = self.at;
        self.skip()?;
        Some((key, &self.text[start..self.at]))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        let plain = self.skip_string()?;
        let quoted = &self.text[start..self.at];
        if plain {
            return Some(Cow::Borrowed(&quoted[1..quoted.len() - 1]));
        }
        serde_json::from_str::<String>(quoted).ok().map(Cow::Owned)
    }

    /// Moves past a string; says whether it is free of escapes.
    fn skip_string(&mut self) -> Option<bool> {
        if !self.take(b'"') {
            return None;
        }
        let mut plain = true;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(plain);
                }
                b'\\' => {
                    plain = false;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
    }

    /// Moves past one value.
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string().map(drop),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    match self.peek()? {
                        b'"' => {
                            self.skip_string()?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
            }
            _ => self.skip_token(),
        }
    }

    fn skip_token(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            if matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                break;
            }
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => self.string().map(|text| Value::String(text.into_owned())),
            _ => {
                let start = self.at;
                self.skip_token()?;
                token(&self.text[start..self.at])
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut map = Map::new();
        self.space();
        if self.take(b'}') {
            return Some(Value::Object(map));
        }
        loop {
            self.space();
            let key = self.string()?.into_owned();
            self.space();
            if !self.take(b':') {
                return None;
            }
            map.insert(key, self.value(depth + 1)?);
            self.space();
            if self.take(b'}') {
                return Some(Value::Object(map));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Some(Value::Array(items));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }
}

fn token(text: &str) -> Option<Value> {
    match text {
        "NaN" | "Infinity" | "-Infinity" => Some(Value::String(text.to_owned())),
        "null" => Some(Value::Null),
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => exact(text),
    }
}

/// A number without losing the last bit of a float, as `serde_json`'s own parser may.
fn exact(text: &str) -> Option<Value> {
    let number = text.parse::<Number>().ok()?;
    if number.is_f64() {
        return Number::from_f64(text.parse().ok()?).map(Value::Number);
    }
    Some(Value::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_last_bit() {
        for text in ["0.09090909090909091", "9007199254740993", "1e-320", "-7"] {
            let value = to_json(text).unwrap();
            assert_eq!(
                value.as_f64().unwrap().to_bits(),
                text.parse::<f64>().unwrap().to_bits()
            );
        }
        assert_eq!(
            to_json("9007199254740993").unwrap().as_i64(),
            Some(9_007_199_254_740_993)
        );
    }
    use serde_json::json;

    #[test]
    fn rows_with_bare_tokens_are_read() {
        let row = r#"{"_step":3, "loss":NaN,"d":{"x":1,"k\"q":[1,{"a":2}]},"s":"a,}b"}"#;

        assert_eq!(get(row, "_step"), Some("3"));
        assert_eq!(get(row, "s"), Some("\"a,}b\""));
        assert_eq!(lookup(row, "d.x"), Some("1"));
        assert!(number(get(row, "loss").unwrap()).unwrap().is_nan());
        assert_eq!(
            to_json(row).unwrap(),
            json!({"_step":3,"loss":"NaN","d":{"x":1,"k\"q":[1,{"a":2}]},"s":"a,}b"})
        );
    }

    #[test]
    fn a_literal_dotted_key_wins_over_a_path() {
        assert_eq!(lookup(r#"{"a":{"b":1},"a.b":2}"#, "a.b"), Some("2"));
        assert_eq!(lookup(r#"{"a.b":{"c":3}}"#, "a.b.c"), Some("3"));
    }

    #[test]
    fn leaves_have_dotted_names_and_media_stays_whole() {
        let mut seen = Vec::new();

        leaves(
            r#"{"a":{"b":1,"c":{"d":true}},"img":{"_type":"image-file","path":"x"},"l":[1]}"#,
            &mut |name, raw| seen.push((name.to_owned(), kind(raw).into_owned())),
        );

        let expect: Vec<(String, String)> = [
            ("a.b", "number"),
            ("a.c.d", "boolean"),
            ("img", "image-file"),
            ("l", "list"),
        ]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .into();
        assert_eq!(seen, expect);
    }

    #[test]
    fn broken_text_gives_nothing() {
        for text in [
            "", "{", "{\"a\"", "{\"a\":", "[1,", "{\"a\":1", "\"\\", "nul", "{]",
        ] {
            assert_eq!(to_json(text), None, "{text}");
            assert!(entries(text).count() <= 1, "{text}");
        }
    }
}
