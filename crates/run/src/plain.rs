//! The console's files: lines without times, as they stand in the end.

use std::collections::BTreeMap;

use wandbd_record::Timestamp;
use wandbd_record::v1;
use wandbd_record::wandb::{Record, record::RecordType};

use crate::console::{Console, Shown};
use crate::date::compact_nanos;

/// Lines that are held back at most, because they may still change. What changes later than this many lines on is not in the file.
const HELD: u64 = 512;

/// Characters that are not in names of files.
const FORBIDDEN: [char; 10] = ['/', '\\', '?', '%', '*', ':', '|', '"', '<', '>'];

/// Finished lines from journal records, with bounded memory: at most 512 lines of at most 4096 characters and their colours.
#[derive(Debug, Default)]
struct Finished {
    console: Console,
    held: BTreeMap<u64, Shown>,
    /// Number of the next line to be handed out.
    next: u64,
}

impl Finished {
    /// Takes one journal record and hands out the lines that are finished; `None` for one that was never written to.
    fn apply(&mut self, record: &Record, each: &mut dyn FnMut(Option<Shown>)) {
        let (held, next) = (&mut self.held, self.next);
        let mut tell = |line: Shown| {
            if line.number >= next {
                held.insert(line.number, line);
            }
        };
        match &record.record_type {
            Some(RecordType::OutputRaw(raw)) => self.console.write(raw, &mut tell),
            Some(RecordType::OutputLogger(_)) => self.console.log(record, &mut tell),
            _ => return,
        }
        let still_open = self.console.first_open();
        let held_back = self.console.lines().saturating_sub(HELD);
        self.hand_out(still_open.max(held_back), each);
    }

    fn hand_out(&mut self, end: u64, each: &mut dyn FnMut(Option<Shown>)) {
        while self.next < end {
            each(self.held.remove(&self.next));
            self.next += 1;
        }
    }

    fn finish(&mut self, each: &mut dyn FnMut(Option<Shown>)) {
        self.hand_out(self.console.lines(), each);
    }
}

/// Makes the text of `output.log` from journal records.
#[derive(Debug, Default)]
pub struct PlainConsole {
    finished: Finished,
}

impl PlainConsole {
    /// An empty console.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one journal record and appends the lines that are finished, each with its line end.
    pub fn apply(&mut self, record: &Record, out: &mut String) {
        self.finished.apply(record, &mut |line| push(out, line));
    }

    /// Appends what is still held back: nothing more comes.
    pub fn finish(&mut self, out: &mut String) {
        self.finished.finish(&mut |line| push(out, line));
    }
}

fn push(out: &mut String, line: Option<Shown>) {
    if let Some(line) = line {
        out.push_str(&line.text);
    }
    out.push('\n');
}

/// Text for one of the console's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleChunk {
    /// Path below the run's files.
    pub file: String,
    /// To be appended to it; whole lines.
    pub text: String,
    /// Nothing more comes for this file.
    pub ends: bool,
}

/// Which lines of the console go to which file: one file, or one after the other by size and time. A file of a series has the time of its
/// first line in its name, so the same records always make the same files.
#[derive(Debug)]
pub struct ConsoleFiles {
    finished: Finished,
    files: Files,
}

#[derive(Debug)]
struct Files {
    limits: Option<v1::ConsoleFiles>,
    single: String,
    /// The file that is written to.
    open: Option<Open>,
    /// Nanoseconds in the name of the last file: no two are called the same.
    last: i128,
}

#[derive(Debug)]
struct Open {
    file: String,
    bytes: u64,
    began: Timestamp,
}

impl ConsoleFiles {
    /// As the run was opened; `label` is in the name of a single file.
    pub fn new(limits: Option<v1::ConsoleFiles>, label: Option<&str>) -> Self {
        let single = match label.filter(|label| !label.is_empty()) {
            Some(label) => format!("output_{}.log", label.replace(FORBIDDEN, "_")),
            None => "output.log".to_owned(),
        };
        Self {
            finished: Finished::default(),
            files: Files {
                limits: limits.filter(|limits| limits.multipart),
                single,
                open: None,
                last: i128::MIN,
            },
        }
    }

    /// Takes one journal record and appends what follows for the files.
    pub fn apply(&mut self, record: &Record, out: &mut Vec<ConsoleChunk>) {
        let files = &mut self.files;
        self.finished
            .apply(record, &mut |line| files.line(line, out));
    }

    /// What is still held back, and the end of the last file: nothing more comes.
    pub fn finish(&mut self, out: &mut Vec<ConsoleChunk>) {
        let files = &mut self.files;
        self.finished.finish(&mut |line| files.line(line, out));
        files.end(out);
    }
}

impl Files {
    fn line(&mut self, line: Option<Shown>, out: &mut Vec<ConsoleChunk>) {
        let began = self.open.as_ref().map(|open| open.began);
        let at = line
            .as_ref()
            .map_or(began.unwrap_or_default(), |line| line.at);
        let mut text = line.map_or_else(String::new, |line| line.text);
        text.push('\n');
        if self.is_full(text.len(), &at) {
            self.end(out);
        }
        let file = match &mut self.open {
            Some(open) => {
                open.bytes += text.len() as u64;
                open.file.clone()
            }
            None => self.begin(text.len(), at),
        };
        match out.last_mut() {
            Some(chunk) if chunk.file == file => chunk.text.push_str(&text),
            _ => out.push(ConsoleChunk {
                file,
                text,
                ends: false,
            }),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "whole seconds of a run are far below 2^52"
    )]
    fn is_full(&self, more: usize, at: &Timestamp) -> bool {
        let (Some(limits), Some(open)) = (&self.limits, &self.open) else {
            return false;
        };
        let seconds =
            (at.seconds - open.began.seconds) as f64 + f64::from(at.nanos - open.began.nanos) / 1e9;
        limits.max_bytes > 0 && open.bytes + more as u64 > limits.max_bytes
            || limits.max_seconds > 0.0 && seconds > limits.max_seconds
    }

    fn begin(&mut self, bytes: usize, at: Timestamp) -> String {
        let file = if self.limits.is_some() {
            let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
            self.last = nanos.max(self.last.saturating_add(1));
            format!("logs/output_{}.log", compact_nanos(self.last))
        } else {
            self.single.clone()
        };
        self.open = Some(Open {
            file: file.clone(),
            bytes: bytes as u64,
            began: at,
        });
        file
    }

    fn end(&mut self, out: &mut Vec<ConsoleChunk>) {
        let Some(open) = self.open.take() else { return };
        match out.last_mut() {
            Some(chunk) if chunk.file == open.file => chunk.ends = true,
            _ => out.push(ConsoleChunk {
                file: open.file,
                text: String::new(),
                ends: true,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use wandbd_record::wandb::{OutputRawRecord, output_raw_record::OutputType};

    use super::*;

    fn output(stream: OutputType, text: &str) -> Record {
        output_at(stream, text, 0)
    }

    fn output_at(stream: OutputType, text: &str, seconds: i64) -> Record {
        wandbd_record::note::record(RecordType::OutputRaw(OutputRawRecord {
            output_type: stream.into(),
            timestamp: Some(Timestamp { seconds, nanos: 7 }),
            line: text.into(),
        }))
    }

    fn files(limits: v1::ConsoleFiles, pieces: &[(i64, &str)]) -> Vec<(String, String, bool)> {
        let mut console = ConsoleFiles::new(Some(limits), None);
        let mut out = Vec::new();
        for (seconds, text) in pieces {
            console.apply(&output_at(OutputType::Stdout, text, *seconds), &mut out);
        }
        console.finish(&mut out);
        out.into_iter()
            .map(|chunk| (chunk.file, chunk.text, chunk.ends))
            .collect()
    }

    #[test]
    fn finished_lines_are_handed_out_while_others_may_still_change() {
        let mut console = PlainConsole::new();
        let mut text = String::new();
        console.apply(&output(OutputType::Stderr, "progress 1%"), &mut text);
        for number in 0..10_000 {
            console.apply(
                &output(OutputType::Stdout, &format!("{number}\n")),
                &mut text,
            );
            assert!(console.finished.held.len() <= 512);
        }
        assert!(text.starts_with("progress 1%\n0\n1\n"));

        console.finish(&mut text);

        assert_eq!(text.lines().count(), 10_001);
        assert!(text.ends_with("9998\n9999\n"));
    }

    #[test]
    fn a_line_is_handed_out_when_it_has_left_the_window() {
        let mut console = PlainConsole::new();
        let mut text = String::new();
        for number in 0..40 {
            console.apply(
                &output(OutputType::Stdout, &format!("{number}\n")),
                &mut text,
            );
        }

        assert_eq!(text.lines().count(), 40 - 31);
    }

    #[test]
    fn the_last_state_of_a_line_is_kept() {
        let mut console = PlainConsole::new();
        let mut text = String::new();
        for piece in ["10%", "\r50%", "\r100%\n", "done"] {
            console.apply(&output(OutputType::Stdout, piece), &mut text);
        }

        console.finish(&mut text);

        assert_eq!(text, "100%\ndone\n");
    }

    #[test]
    fn without_limits_there_is_one_file_whose_name_has_the_label() {
        for (limits, label, expect) in [
            (None, None, "output.log"),
            (None, Some("node/1"), "output_node_1.log"),
            (Some(v1::ConsoleFiles::default()), None, "output.log"),
        ] {
            let mut console = ConsoleFiles::new(limits, label);
            let mut out = Vec::new();
            console.apply(&output(OutputType::Stdout, "a\nb\n"), &mut out);
            console.finish(&mut out);

            let expect = ConsoleChunk {
                file: expect.into(),
                text: "a\nb\n".into(),
                ends: true,
            };
            assert_eq!(out, [expect]);
        }
    }

    #[test]
    fn a_file_of_a_series_ends_before_the_line_that_would_make_it_too_large() {
        let limits = v1::ConsoleFiles {
            multipart: true,
            max_bytes: 6,
            max_seconds: 0.0,
        };

        let files = files(limits, &[(1_767_225_600, "ab\ncd\nef\nlonger than that\n")]);

        let name = |nanos: u32| format!("logs/output_20260101_000000_{nanos:09}.log");
        assert_eq!(
            files,
            [
                (name(7), "ab\ncd\n".to_owned(), true),
                (name(8), "ef\n".to_owned(), true),
                (name(9), "longer than that\n".to_owned(), true),
            ]
        );
    }

    #[test]
    fn a_file_of_a_series_ends_when_its_time_is_over() {
        let limits = v1::ConsoleFiles {
            multipart: true,
            max_bytes: 0,
            max_seconds: 10.0,
        };

        let files = files(limits, &[(0, "a\n"), (10, "b\n"), (11, "c\n")]);

        let texts: Vec<_> = files.iter().map(|(_, text, _)| text.as_str()).collect();
        assert_eq!(texts, ["a\nb\n", "c\n"]);
        assert_eq!(files[1].0, "logs/output_19700101_000011_000000007.log");
    }
}
