//! A very small terminal: what a stream shows after carriage returns, new lines and cursor movement.

use std::collections::VecDeque;

use wandbd_record::Timestamp;

/// Lines of a stream that can still change.
pub(crate) const WINDOW: usize = 32;

/// Where a line is cut, in characters.
const MAX_CHARS: usize = 4096;

/// A line, and the number it has among the lines of all streams.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// When it was begun.
    pub(crate) at: Timestamp,
    text: Vec<char>,
}

impl Line {
    pub(crate) fn text(&self) -> String {
        self.text.iter().collect()
    }
}

/// An escape sequence that has begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Bracket,
}

/// One stream. Lines come into being when something is written to them, or below them.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    lines: VecDeque<Line>,
    row: usize,
    column: usize,
    escape: Escape,
}

/// What is known while a piece of text is written.
pub(crate) struct Writing<'a> {
    pub(crate) at: Timestamp,
    /// The number of the next line, of all streams.
    pub(crate) next: &'a mut u64,
    /// Numbers of lines that changed, and their texts.
    pub(crate) changed: &'a mut dyn FnMut(&Line),
}

impl Terminal {
    /// Writes a piece of text, and tells each line that changed: once, and once more if it left the window before the end.
    pub(crate) fn write(&mut self, text: &str, writing: &mut Writing<'_>) {
        let mut touched = Touched::default();
        for one in text.chars() {
            self.one(one, writing, &mut touched);
        }
        for line in &self.lines {
            if touched.has(line.number) {
                (writing.changed)(line);
            }
        }
    }

    fn one(&mut self, one: char, writing: &mut Writing<'_>, touched: &mut Touched) {
        match (self.escape, one) {
            (Escape::None, '\u{1b}') => self.escape = Escape::Begun,
            (Escape::Begun, '[') => self.escape = Escape::Bracket,
            (Escape::Bracket, 'A') => {
                self.escape = Escape::None;
                self.row = self.row.saturating_sub(1);
            }
            (Escape::Bracket, 'B') => {
                self.escape = Escape::None;
                self.row = (self.row + 1).min(WINDOW - 1);
            }
            (Escape::None, one) => self.plain(one, writing, touched),
            (begun, one) => {
                self.escape = Escape::None;
                self.put('\u{1b}', writing, touched);
                if begun == Escape::Bracket {
                    self.put('[', writing, touched);
                }
                self.one(one, writing, touched);
            }
        }
    }

    fn plain(&mut self, one: char, writing: &mut Writing<'_>, touched: &mut Touched) {
        match one {
            '\r' => self.column = 0,
            '\n' => {
                self.column = 0;
                self.row += 1;
                if self.row == WINDOW {
                    self.row -= 1;
                    self.scroll(writing, touched);
                }
            }
            one => self.put(one, writing, touched),
        }
    }

    fn put(&mut self, one: char, writing: &mut Writing<'_>, touched: &mut Touched) {
        while self.lines.len() <= self.row {
            let number = self.begin(writing);
            touched.add(number);
        }
        let column = self.column;
        self.column += 1;
        let Some(line) = self.lines.get_mut(self.row) else {
            return;
        };
        if column >= MAX_CHARS {
            return;
        }
        touched.add(line.number);
        if let Some(old) = line.text.get_mut(column) {
            *old = one;
        } else {
            line.text.resize(column, ' ');
            line.text.push(one);
        }
    }

    fn begin(&mut self, writing: &mut Writing<'_>) -> u64 {
        let number = *writing.next;
        *writing.next += 1;
        self.lines.push_back(Line {
            number,
            at: writing.at,
            text: Vec::new(),
        });
        number
    }

    /// The topmost line leaves the window.
    fn scroll(&mut self, writing: &mut Writing<'_>, touched: &mut Touched) {
        if self.lines.is_empty() {
            let number = self.begin(writing);
            touched.add(number);
        }
        if let Some(line) = self.lines.pop_front()
            && touched.has(line.number)
        {
            (writing.changed)(&line);
        }
    }
}

/// Numbers of lines that a piece of text has touched: few, and rising.
#[derive(Debug, Default)]
struct Touched(Vec<u64>);

impl Touched {
    fn add(&mut self, number: u64) {
        if self.0.last() != Some(&number) && !self.has(number) {
            self.0.push(number);
        }
    }

    fn has(&self, number: u64) -> bool {
        self.0.iter().rev().any(|one| *one == number)
    }
}
