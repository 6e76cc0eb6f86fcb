//! A very small terminal: what a stream shows after carriage returns, backspaces, new lines and the escape sequences of progress bars.
//!
//! Colours have no width: each character keeps the colour sequences that were in force when it was written, and its line's text has them
//! again where they change. So a bar that is drawn over itself is right, whatever colours it had before. Sequences that move the cursor or
//! erase in a line are obeyed, those that only concern a real screen (cursor on and off, titles, links) are left out, and all others are
//! shown as text.

use std::collections::VecDeque;

use wandbd_record::Timestamp;

/// Lines of a stream that can still change.
pub(crate) const WINDOW: usize = 32;

/// Where a line is cut, in characters.
pub(crate) const MAX_CHARS: usize = 4096;

/// The longest escape sequence that is understood, in characters.
const MAX_SEQUENCE: usize = 32;

/// The longest title or link that is left out, in characters.
const MAX_COMMAND: usize = 4096;

/// How much text the colours in force may have; beyond it only the last sequence counts.
const MAX_STYLE: usize = 64;

/// Colours that a stream remembers; when there are more, new ones are not shown.
const MAX_STYLES: usize = 1024;

/// Ends all colours.
const RESET: &str = "\u{1b}[0m";

/// A character, and which colours it has: 0 for none.
#[derive(Debug, Clone, Copy)]
struct Cell {
    text: char,
    style: u16,
}

/// A line, and the number it has among the lines of all streams.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// When it was begun.
    pub(crate) at: Timestamp,
    cells: Vec<Cell>,
}

/// An escape sequence that has begun.
#[derive(Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    /// After `ESC [`: what came since.
    Bracket(String),
    /// After `ESC ]`, up to BEL or `ESC \`: how much came, and whether the last was an ESC.
    Command(usize, bool),
}

/// One stream. Lines come into being when something is written to them, or below them.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    lines: VecDeque<Line>,
    row: usize,
    column: usize,
    escape: Escape,
    /// The colours in force.
    style: u16,
    /// The sequences of each style; number n is at n - 1.
    styles: Vec<String>,
}

/// What is known while a piece of text is written.
pub(crate) struct Writing<'a> {
    pub(crate) at: Timestamp,
    /// The number of the next line, of all streams.
    pub(crate) next: &'a mut u64,
    /// Numbers of lines that changed, when they began, and their texts.
    pub(crate) changed: &'a mut dyn FnMut(u64, Timestamp, String),
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
                (writing.changed)(line.number, line.at, self.text(line));
            }
        }
    }

    /// The lowest number of a line that can still change.
    pub(crate) fn first(&self) -> Option<u64> {
        self.lines.front().map(|line| line.number)
    }

    fn one(&mut self, one: char, writing: &mut Writing<'_>, touched: &mut Touched) {
        match std::mem::take(&mut self.escape) {
            Escape::None if one == '\u{1b}' => self.escape = Escape::Begun,
            Escape::None => self.plain(one, writing, touched),
            Escape::Begun if one == '[' => self.escape = Escape::Bracket(String::new()),
            Escape::Begun if one == ']' => self.escape = Escape::Command(0, false),
            Escape::Begun => self.shown("", one, writing, touched),
            Escape::Bracket(mut sequence) => match one {
                '@'..='~' => {
                    if !self.obey(&sequence, one, touched) {
                        self.shown(&format!("[{sequence}"), one, writing, touched);
                    }
                }
                ' '..='?' if sequence.len() < MAX_SEQUENCE => {
                    sequence.push(one);
                    self.escape = Escape::Bracket(sequence);
                }
                one => self.shown(&format!("[{sequence}"), one, writing, touched),
            },
            Escape::Command(_, true) if one == '\\' => {}
            Escape::Command(length, _) if one != '\u{7}' && length < MAX_COMMAND => {
                self.escape = Escape::Command(length + 1, one == '\u{1b}');
            }
            Escape::Command(..) => {}
        }
    }

    /// A sequence that is not understood is text.
    fn shown(&mut self, begun: &str, last: char, writing: &mut Writing<'_>, touched: &mut Touched) {
        self.put('\u{1b}', writing, touched);
        for one in begun.chars() {
            self.put(one, writing, touched);
        }
        self.one(last, writing, touched);
    }

    /// Does what `ESC [ sequence last` says; false when it is not understood.
    fn obey(&mut self, sequence: &str, last: char, touched: &mut Touched) -> bool {
        if matches!(last, 'h' | 'l') && sequence.starts_with('?') {
            return true;
        }
        let number = match sequence {
            "" => None,
            text => match text.parse::<usize>() {
                Ok(number) => Some(number),
                Err(_) if last == 'm' => None,
                Err(_) => return false,
            },
        };
        let count = number.unwrap_or(1).max(1);
        match last {
            'A' => self.row = self.row.saturating_sub(count),
            'B' => self.row = self.row.saturating_add(count).min(WINDOW - 1),
            'C' => self.column = self.column.saturating_add(count).min(MAX_CHARS),
            'D' => self.column = self.column.saturating_sub(count),
            'G' => self.column = (count - 1).min(MAX_CHARS),
            'K' => return self.erase(number.unwrap_or(0), touched),
            'm' => return self.colour(sequence),
            _ => return false,
        }
        true
    }

    /// Erases in the line: to its end (0), from its beginning (1), or all of it (2).
    fn erase(&mut self, how: usize, touched: &mut Touched) -> bool {
        let column = self.column;
        let Some(line) = self.lines.get_mut(self.row) else {
            return how <= 2;
        };
        match how {
            0 => line.cells.truncate(column),
            1 => {
                let end = line.cells.len().min(column + 1);
                line.cells[..end].fill(BLANK);
            }
            2 => line.cells.clear(),
            _ => return false,
        }
        touched.add(line.number);
        true
    }

    /// Changes the colours in force.
    fn colour(&mut self, sequence: &str) -> bool {
        if !sequence
            .chars()
            .all(|one| one.is_ascii_digit() || matches!(one, ';' | ':'))
        {
            return false;
        }
        if matches!(sequence, "" | "0" | "00") {
            self.style = 0;
            return true;
        }
        let mut style = match self.styles.get(usize::from(self.style).wrapping_sub(1)) {
            Some(before) if before.len() < MAX_STYLE && !sequence.starts_with("0;") => {
                before.clone()
            }
            _ => String::new(),
        };
        style.push_str("\u{1b}[");
        style.push_str(sequence);
        style.push('m');
        let known = self.styles.iter().position(|one| *one == style);
        let index = known.unwrap_or_else(|| {
            if self.styles.len() < MAX_STYLES {
                self.styles.push(style);
                self.styles.len() - 1
            } else {
                usize::MAX - 1
            }
        });
        self.style = u16::try_from(index.wrapping_add(1)).unwrap_or(0);
        true
    }

    fn plain(&mut self, one: char, writing: &mut Writing<'_>, touched: &mut Touched) {
        match one {
            '\r' => self.column = 0,
            '\u{8}' => self.column = self.column.saturating_sub(1),
            '\u{7}' => {}
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
        let (column, style) = (self.column, self.style);
        self.column += 1;
        let Some(line) = self.lines.get_mut(self.row) else {
            return;
        };
        if column >= MAX_CHARS {
            return;
        }
        touched.add(line.number);
        let cell = Cell { text: one, style };
        if let Some(old) = line.cells.get_mut(column) {
            *old = cell;
        } else {
            line.cells.resize(column, BLANK);
            line.cells.push(cell);
        }
    }

    fn begin(&mut self, writing: &mut Writing<'_>) -> u64 {
        let number = *writing.next;
        *writing.next += 1;
        self.lines.push_back(Line {
            number,
            at: writing.at,
            cells: Vec::new(),
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
            (writing.changed)(line.number, line.at, self.text(&line));
        }
    }

    /// A line with its colours.
    fn text(&self, line: &Line) -> String {
        let mut out = String::with_capacity(line.cells.len());
        let mut style = 0;
        for cell in &line.cells {
            if cell.style != style {
                self.change(style, cell.style, &mut out);
                style = cell.style;
            }
            out.push(cell.text);
        }
        self.change(style, 0, &mut out);
        out
    }

    /// What takes the colours from `before` to `after`.
    fn change(&self, before: u16, after: u16, out: &mut String) {
        let sequences = |style: u16| {
            let index = usize::from(style).checked_sub(1);
            index
                .and_then(|index| self.styles.get(index))
                .map_or("", String::as_str)
        };
        let (old, new) = (sequences(before), sequences(after));
        if let Some(more) = new.strip_prefix(old) {
            out.push_str(more);
        } else {
            out.push_str(RESET);
            out.push_str(new);
        }
    }
}

const BLANK: Cell = Cell {
    text: ' ',
    style: 0,
};

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
