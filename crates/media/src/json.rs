//! Extended JSON read into a tree and written again as one of W&B's two writers would: see [`crate::number`].

use wandbd_record::BadJson;
use wandbd_record::json::{self, check};

use crate::number;

/// A value. Integers keep their digits, of whatever length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// `null`, `true`, `false`, or an integer.
    Word(&'a str),
    Float(f64),
    Text(String),
    List(Vec<Value<'a>>),
    Object(Vec<(String, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads extended JSON.
    pub(crate) fn parse(text: &'a str) -> Result<Self, BadJson> {
        check(text)?;
        let mut reader = Reader { rest: text };
        reader.value()
    }

    /// The member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// As the compact writer has it: nothing between the tokens.
    pub(crate) fn push_compact(&self, out: &mut String) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Float(number) => number::push_compact(out, *number),
            Self::Text(text) => number::push_compact_str(out, text),
            Self::List(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    value.push_compact(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    number::push_compact_str(out, key);
                    out.push(':');
                    value.push_compact(out);
                }
                out.push('}');
            }
        }
    }

    /// As Python's `json.dumps(..., sort_keys=True)` has it; `NaN` as `nan` says.
    pub(crate) fn push_python(&self, out: &mut String, nan: &str) {
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Float(number) if number.is_nan() => out.push_str(nan),
            Self::Float(number) => number::push_python(out, *number),
            Self::Text(text) => number::push_python_str(out, text),
            Self::List(values) => {
                out.push('[');
                for (at, value) in values.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    value.push_python(out, nan);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|one, other| one.0.cmp(&other.0));
                out.push('{');
                for (at, (key, value)) in sorted.into_iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    number::push_python_str(out, key);
                    out.push_str(": ");
                    value.push_python(out, nan);
                }
                out.push('}');
            }
        }
    }
}

/// Extended JSON as Python's `json.dumps(..., sort_keys=True)` writes it, which is how W&B's client writes the files of objects
/// in artifacts: keys sorted, a blank after commas and colons, ASCII only.
/// # Errors
/// [`BadJson`] with the place of the first fault.
pub fn python_json(text: &str) -> Result<String, BadJson> {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    Value::parse(text)?.push_python(&mut out, "NaN");
    Ok(out)
}

/// Reads what was checked before.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value<'a>, BadJson> {
        self.blanks();
        match self.rest.as_bytes().first() {
            Some(b'{') => {
                let mut members: Vec<(String, Value<'a>)> = Vec::new();
                self.skip();
                while !self.end(b'}') {
                    self.blanks();
                    let key = self.text()?;
                    self.blanks();
                    self.skip();
                    let value = self.value()?;
                    members.push((key, value));
                }
                Ok(Value::Object(last_wins(members)))
            }
            Some(b'[') => {
                let mut values = Vec::new();
                self.skip();
                while !self.end(b']') {
                    values.push(self.value()?);
                }
                Ok(Value::List(values))
            }
            Some(b'"') => Ok(Value::Text(self.text()?)),
            _ => Ok(self.word()),
        }
    }

    fn word(&mut self) -> Value<'a> {
        let end = self
            .rest
            .find([',', ']', '}', ' ', '\t', '\n', '\r'])
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let whole = word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
        match json::number(word) {
            Some(number) if !whole => Value::Float(number),
            _ => Value::Word(word),
        }
    }

    fn text(&mut self) -> Result<String, BadJson> {
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let (token, rest) = self
            .rest
            .split_at(end.map_or(self.rest.len(), |end| end + 2));
        self.rest = rest;
        serde_json::from_str(token).map_err(|_| BadJson {
            at: 0,
            reason: "a string is broken",
        })
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Over a byte of punctuation.
    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Over a comma, or over the end.
    fn end(&mut self, close: u8) -> bool {
        self.blanks();
        match self.rest.as_bytes().first() {
            Some(b',') => {
                self.skip();
                false
            }
            Some(byte) if *byte == close => {
                self.skip();
                true
            }
            Some(_) => false,
            None => true,
        }
    }
}

/// Of members with one name only the last counts, at the place of the first.
fn last_wins<'a>(members: Vec<(String, Value<'a>)>) -> Vec<(String, Value<'a>)> {
    if members.len() < 2 {
        return members;
    }
    let mut places = std::collections::HashMap::with_capacity(members.len());
    let mut kept: Vec<(String, Value<'a>)> = Vec::with_capacity(members.len());
    for (key, value) in members {
        if let Some(at) = places.get(&key) {
            let at: usize = *at;
            kept[at].1 = value;
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_each_of_the_two_does() {
        let given = " {\"b\" : [1, 2.50,1e16,NaN, -Infinity,123456789012345678901234567890 ], \"a\":{\"é\\u0041\":\"x\\\"\\\\\"},\n\"c\":[],\"d\":{ },\"e\":null,\"a\":true}";
        let value = Value::parse(given).unwrap();
        let (mut compact, mut python) = (String::new(), String::new());

        value.push_compact(&mut compact);
        value.push_python(&mut python, "null");

        assert_eq!(
            compact,
            "{\"b\":[1,2.5,1e+16,NaN,-Infinity,123456789012345678901234567890],\"a\":true,\"c\":[],\"d\":{},\"e\":null}"
        );
        assert_eq!(
            python,
            "{\"a\": true, \"b\": [1, 2.5, 1e+16, null, -Infinity, 123456789012345678901234567890], \"c\": [], \"d\": {}, \"e\": null}"
        );
        assert_eq!(
            python_json("{\"z\":\"é\\n\",\"A\":-0.0}").unwrap(),
            "{\"A\": -0.0, \"z\": \"\\u00e9\\n\"}"
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1,]", "\"a", "nan", "{\"a\":1}}"] {
            assert!(python_json(text).is_err(), "{text}");
        }
        assert!(python_json(&"[".repeat(100_000)).is_err());
    }
}
