//! Console text to numbered lines. Both streams draw on one numbering.

use wandbd_record::convert::timestamp;
use wandbd_record::json::push_str;
use wandbd_record::wandb::{
    OutputRawRecord, Record, output_raw_record::OutputType, record::RecordType,
};
use wandbd_record::{Timestamp, note};

use crate::date::utc_micros;
use crate::opened::Opened;
use crate::terminal::{MAX_CHARS, Terminal, Writing};

/// The two streams of a run, and the lines that it logs itself.
#[derive(Debug, Default)]
pub(crate) struct Console {
    stdout: Terminal,
    stderr: Terminal,
    next: u64,
    last: Timestamp,
}

/// A line as it is now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) error: bool,
    pub(crate) text: String,
}

impl Console {
    /// How many lines there are.
    pub(crate) fn lines(&self) -> u64 {
        self.next
    }

    /// Writes a piece of text and tells each line that changed.
    pub(crate) fn write(&mut self, record: &OutputRawRecord, tell: &mut dyn FnMut(Shown)) {
        let error = record.output_type() == OutputType::Stderr;
        let at = record.timestamp.unwrap_or(self.last);
        self.last = at;
        let terminal = if error {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        let mut changed = |number, at, text| {
            tell(Shown {
                number,
                at,
                error,
                text,
            });
        };
        let mut writing = Writing {
            at,
            next: &mut self.next,
            changed: &mut changed,
        };
        terminal.write(&record.line, &mut writing);
    }

    /// The lowest number of a line that can still change.
    pub(crate) fn first_open(&self) -> u64 {
        let first = [self.stdout.first(), self.stderr.first()];
        first.into_iter().flatten().min().unwrap_or(self.next)
    }

    /// Lines that the run logs by itself: they are finished at once. The time is in the note.
    pub(crate) fn log(&mut self, record: &Record, tell: &mut dyn FnMut(Shown)) {
        let Some(RecordType::OutputLogger(logger)) = &record.record_type else {
            return;
        };
        let note = note::note_of(record).ok().flatten().unwrap_or_default();
        if note.timestamp > 0.0 {
            self.last = timestamp(note.timestamp);
        }
        for text in logger.line.lines() {
            tell(Shown {
                number: self.next,
                at: self.last,
                error: false,
                text: text.chars().take(MAX_CHARS).collect(),
            });
            self.next += 1;
        }
    }
}

/// A line as it is posted.
pub(crate) fn post_text(line: &Shown, opened: &Opened) -> String {
    let at = utc_micros(&line.at);
    if opened.structured_console {
        return structured(line, &at, opened.label.as_deref());
    }
    let level = if line.error { "ERROR " } else { "" };
    match &opened.label {
        Some(label) => format!("{level}{at} [{label}] {}", line.text),
        None => format!("{level}{at} {}", line.text),
    }
}

fn structured(line: &Shown, at: &str, label: Option<&str>) -> String {
    let mut out = String::with_capacity(line.text.len() + 80);
    out.push('{');
    if line.error {
        out.push_str("\"level\":\"error\",");
    }
    out.push_str("\"ts\":");
    push_str(&mut out, at);
    if let Some(label) = label {
        out.push_str(",\"label\":");
        push_str(&mut out, label);
    }
    out.push_str(",\"content\":");
    push_str(&mut out, &line.text);
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn shown(pieces: &[(OutputType, &str)]) -> BTreeMap<u64, Shown> {
        let mut console = Console::default();
        let mut lines = BTreeMap::new();
        for (seconds, (stream, text)) in (0..).zip(pieces) {
            let record = OutputRawRecord {
                output_type: (*stream).into(),
                timestamp: Some(Timestamp { seconds, nanos: 0 }),
                line: (*text).to_owned(),
            };
            console.write(&record, &mut |line| {
                lines.insert(line.number, line);
            });
        }
        lines
    }

    fn check(text: &str, expect: &[&str]) {
        let whole = shown(&[(OutputType::Stdout, text)]);
        let texts: Vec<&str> = whole.values().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, expect, "{text:?}");

        let ones: Vec<String> = text.chars().map(String::from).collect();
        let pieces: Vec<_> = ones
            .iter()
            .map(|one| (OutputType::Stdout, one.as_str()))
            .collect();
        let texts: Vec<String> = shown(&pieces).into_values().map(|line| line.text).collect();
        assert_eq!(texts, expect, "{text:?} one by one");
    }

    #[test]
    fn without_the_escapes_of_bars_a_stream_shows_what_the_released_client_shows() {
        check("a\n\nb\n", &["a", "", "b"]);
        check("\n\n\nx\u{1b}[Ay\u{1b}[Bz\n", &["", "", " y", "x z"]);
        check("line with\rcarriage\n", &["carriageh"]);
        check("one\rtwo3\rZ\n", &["Zwo3"]);
        check(
            "q\u{1b}[2Jt\u{1b}[31mred\u{1b}[0m\n",
            &["q\u{1b}[2Jt\u{1b}[31mred\u{1b}[0m"],
        );
        check("down\u{1b}[B\u{1b}[Bdd\n", &["down", "", "    dd"]);
        check("last\n\n", &["last"]);
    }

    #[test]
    fn a_bar_of_tqdm_is_its_last_state_also_with_colours_and_nested() {
        check(
            "\r  0%|          | 0/2\r 50%|#####     | 1/2\r100%|##########| 2/2\n",
            &["100%|##########| 2/2"],
        );
        check(
            "\r  0%|\u{1b}[32m          \u{1b}[0m| 0/2\r100%|\u{1b}[32m##########\u{1b}[0m| 2/2\n",
            &["100%|\u{1b}[32m##########\u{1b}[0m| 2/2"],
        );
        check(
            "outer 1\n\rinner 1\u{1b}[A\n\rinner 2\u{1b}[A\router 2\n\n",
            &["outer 2", "inner 2"],
        );
    }

    #[test]
    fn a_bar_of_keras_is_its_last_state_whether_it_goes_back_by_backspaces_or_to_the_beginning() {
        let back = "\u{8}".repeat(9);
        check(&format!("1/2 loss:{back}\r2/2 done!\n"), &["2/2 done!"]);
        check(
            "\u{1b}[1m1/2\u{1b}[0m \u{1b}[32m━━\u{1b}[0m\u{1b}[37m━━\u{1b}[0m\r\u{1b}[1m2/2\u{1b}[0m \u{1b}[32m━━━━\u{1b}[0m\n",
            &["\u{1b}[1m2/2\u{1b}[0m \u{1b}[32m━━━━\u{1b}[0m"],
        );
    }

    #[test]
    fn a_line_of_loguru_keeps_its_colours_and_a_line_never_leaves_them_on() {
        let line = "\u{1b}[32m2026-01-01\u{1b}[0m | \u{1b}[1mINFO    \u{1b}[0m | \u{1b}[36m__main__\u{1b}[0m - \u{1b}[1mhi\u{1b}[0m";
        check(&format!("{line}\n"), &[line]);
        check(
            "\u{1b}[31mred\nstill\u{1b}[0m plain\n",
            &["\u{1b}[31mred\u{1b}[0m", "\u{1b}[31mstill\u{1b}[0m plain"],
        );
        check(
            "\u{1b}[1m\u{1b}[31mbold red\u{1b}[0m\n",
            &["\u{1b}[1m\u{1b}[31mbold red\u{1b}[0m"],
        );
    }

    #[test]
    fn erasing_and_moving_in_a_line_is_obeyed_and_what_only_a_screen_needs_is_left_out() {
        check("50% of it\r\u{1b}[Kdone\n", &["done"]);
        check("abc\u{1b}[2D\u{1b}[0Kx\n", &["ax"]);
        check("a\nb\n\u{1b}[2A\u{1b}[2Kc\n", &["c", "b"]);
        check(
            "\u{1b}[?25l\u{1b}]0;title\u{7}a\u{7}\u{1b}]8;;x\u{1b}\\b\u{1b}[?25h\n",
            &["ab"],
        );
        check("\u{1b}[99zq\u{1b}Mr\n", &["\u{1b}[99zq\u{1b}Mr"]);
    }

    #[test]
    fn a_line_is_cut_at_4096_characters() {
        let lines = shown(&[(OutputType::Stdout, &"ü".repeat(5000))]);

        assert_eq!(lines[&0].text.chars().count(), 4096);
    }

    #[test]
    fn streams_share_one_numbering_and_lines_keep_the_time_at_which_they_began() {
        let lines = shown(&[
            (OutputType::Stdout, "out"),
            (OutputType::Stderr, "err\n"),
            (OutputType::Stdout, " goes on\nnext"),
        ]);

        let brief: Vec<_> = lines
            .values()
            .map(|line| (line.text.as_str(), line.error, line.at.seconds))
            .collect();
        assert_eq!(
            brief,
            [
                ("out goes on", false, 0),
                ("err", true, 1),
                ("next", false, 2)
            ]
        );
    }

    #[test]
    fn a_line_can_be_changed_while_it_is_in_the_window_and_not_after() {
        let up = "\u{1b}[A".repeat(40);
        let mut text: String = (0..40)
            .flat_map(|number| [number.to_string(), "\n".into()])
            .collect();
        text.push_str(&up);
        text.push('X');

        let lines = shown(&[(OutputType::Stdout, &text)]);

        assert_eq!(lines.len(), 40);
        assert_eq!(lines[&8].text, "8");
        assert_eq!(lines[&9].text, "X");
        assert_eq!(lines[&39].text, "39");
    }

    #[test]
    fn a_post_has_the_plain_or_the_structured_form() {
        let line = Shown {
            number: 0,
            at: Timestamp {
                seconds: 1_767_225_600,
                nanos: 1000,
            },
            error: true,
            text: "a \"b\"".into(),
        };
        let opened = |structured_console, label: Option<&str>| Opened {
            structured_console,
            label: label.map(str::to_owned),
            ..Opened::default()
        };

        let plain = post_text(&line, &opened(false, Some("node-1")));
        assert_eq!(plain, "ERROR 2026-01-01T00:00:00.000001 [node-1] a \"b\"");
        let structured = post_text(&line, &opened(true, None));
        assert_eq!(
            structured,
            r#"{"level":"error","ts":"2026-01-01T00:00:00.000001","content":"a \"b\""}"#
        );
    }
}
