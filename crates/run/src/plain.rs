//! The text of `output.log`: console lines without times, as they stand in the end.

use std::collections::BTreeMap;

use wandbd_record::wandb::{Record, record::RecordType};

use crate::console::{Console, Shown};

/// Lines that are held back, because they may still change. What changes later than this many lines on is not in the file.
const HELD: u64 = 512;

/// Makes the text of `output.log` from journal records, with bounded memory: at most 512 lines of at most 4096 characters.
#[derive(Debug, Default)]
pub struct PlainConsole {
    console: Console,
    held: BTreeMap<u64, String>,
    /// Number of the next line to be handed out.
    next: u64,
}

impl PlainConsole {
    /// An empty console.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one journal record and appends the lines that are finished, each with its line end.
    pub fn apply(&mut self, record: &Record, out: &mut String) {
        let (held, next) = (&mut self.held, self.next);
        let mut tell = |line: Shown| {
            if line.number >= next {
                held.insert(line.number, line.text);
            }
        };
        match &record.record_type {
            Some(RecordType::OutputRaw(raw)) => self.console.write(raw, &mut tell),
            Some(RecordType::OutputLogger(logger)) => self.console.log(logger, &mut tell),
            _ => return,
        }
        self.hand_out(HELD, out);
    }

    /// Appends what is still held back: nothing more comes.
    pub fn finish(&mut self, out: &mut String) {
        self.hand_out(0, out);
    }

    fn hand_out(&mut self, keep: u64, out: &mut String) {
        while self.next + keep < self.console.lines() {
            if let Some(text) = self.held.remove(&self.next) {
                out.push_str(&text);
            }
            out.push('\n');
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use wandbd_record::wandb::{OutputRawRecord, output_raw_record::OutputType};

    use super::*;

    fn output(stream: OutputType, text: &str) -> Record {
        wandbd_record::note::record(RecordType::OutputRaw(OutputRawRecord {
            output_type: stream.into(),
            timestamp: None,
            line: text.into(),
        }))
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
            assert!(console.held.len() <= 512);
        }
        assert!(text.starts_with("progress 1%\n0\n1\n"));

        console.finish(&mut text);

        assert_eq!(text.lines().count(), 10_001);
        assert!(text.ends_with("9998\n9999\n"));
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
}
