//! Walking over extended JSON text without building anything.

use std::borrow::Cow;

use crate::error::BadJson;
use crate::json::MAX_DEPTH;

/// A place in a text, and the walk from there.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn fail<T>(&self, reason: &'static str) -> Result<T, BadJson> {
        Err(BadJson {
            at: self.at,
            reason,
        })
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Result<(), BadJson> {
        self.blanks();
        if self.at == self.text.len() {
            Ok(())
        } else {
            self.fail("something follows the value")
        }
    }

    /// Steps over one value and gives its text, without blanks around it.
    pub(crate) fn value(&mut self, depth: usize) -> Result<&'a str, BadJson> {
        if depth > MAX_DEPTH {
            return self.fail("nested too deep");
        }
        self.blanks();
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => {
                self.string()?;
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        }
        Ok(&self.text[start..self.at])
    }

    fn object(&mut self, depth: usize) -> Result<(), BadJson> {
        self.at += 1;
        self.blanks();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.key()?;
            self.value(depth + 1)?;
            if !self.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Steps over a key and its colon and gives the token, quotes included.
    pub(crate) fn key(&mut self) -> Result<&'a str, BadJson> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return self.fail("a key in double quotes is expected");
        }
        let token = self.string()?;
        self.blanks();
        if self.take(b':') {
            Ok(token)
        } else {
            self.fail("a colon is expected")
        }
    }

    /// After a member: true when another follows, false when the container was closed.
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, BadJson> {
        self.blanks();
        if self.take(b',') {
            return Ok(true);
        }
        if self.take(close) {
            return Ok(false);
        }
        self.fail("a comma or the closing bracket is expected")
    }

    fn array(&mut self, depth: usize) -> Result<(), BadJson> {
        self.at += 1;
        self.blanks();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.more(b']')? {
                return Ok(());
            }
        }
    }

    /// Steps over a string that begins here and gives the token, quotes included.
    pub(crate) fn string(&mut self) -> Result<&'a str, BadJson> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.fail("a string is not closed"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at]);
                }
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) => return self.fail("a control character in a string"),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), BadJson> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0xd800..=0xdbff => {
                    let low = self.take(b'\\') && self.peek() == Some(b'u');
                    if low && matches!(self.unit()?, 0xdc00..=0xdfff) {
                        Ok(())
                    } else {
                        self.fail("half of a surrogate pair")
                    }
                }
                0xdc00..=0xdfff => self.fail("half of a surrogate pair"),
                _ => Ok(()),
            },
            _ => self.fail("an unknown escape in a string"),
        }
    }

    /// The four hexadecimal digits after `u`.
    fn unit(&mut self) -> Result<u32, BadJson> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let mut unit = 0;
        for digit in digits.unwrap_or(b"-") {
            let Some(value) = char::from(*digit).to_digit(16) else {
                return self.fail("four hexadecimal digits are expected");
            };
            unit = unit * 16 + value;
        }
        self.at += 5;
        Ok(unit)
    }

    fn digits(&mut self) -> Result<(), BadJson> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fail("a digit is expected");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), BadJson> {
        if self.take(b'-') && self.peek() == Some(b'I') {
            return self.word();
        }
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), BadJson> {
        let rest = &self.text.as_bytes()[self.at..];
        for word in ["true", "false", "null", "NaN", "Infinity"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        self.fail("a value is expected")
    }
}

/// The text of a string token whose escapes were checked.
pub(crate) fn unquote(token: &str) -> Cow<'_, str> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or("");
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    serde_json::from_str::<String>(token).map_or(Cow::Borrowed(inner), Cow::Owned)
}
