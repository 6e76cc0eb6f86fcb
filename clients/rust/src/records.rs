//! What a session may say besides history rows.

use wandbd_proto::v1::{self, output::Stream, record::Kind};

use crate::{Fields, Session, clock, encode, window::Class};

/// Field numbers in `Record`.
const CONFIG: u8 = 3;
const SUMMARY: u8 = 4;
/// Console text of one record. A longer write becomes several records.
pub(crate) const TEXT_MAX: usize = 64 << 10;
/// Files in one `Save`. A longer list becomes several records.
const FILES_MAX: usize = 1000;

impl Session {
    /// Changes the config; removal comes first.
    pub fn config(&self, update: &Fields, remove: &[Vec<String>]) {
        self.record(Class::Kept, &encode::update(CONFIG, update.bytes(), remove));
    }

    /// Writes to the summary; removal comes first.
    pub fn summary(&self, update: &Fields, remove: &[Vec<String>]) {
        let record = encode::update(SUMMARY, update.bytes(), remove);
        self.say(Class::Kept, |shared| {
            shared.recent.note(update.shape(), update.bytes());
            shared.window.push(Class::Kept, &record)
        });
    }

    /// `define_metric`.
    pub fn metric(&self, metric: v1::Metric) {
        self.record(Class::Kept, &encode::record(Kind::Metric(metric)));
    }

    /// Changes the run's own parameters.
    pub fn update(&self, update: v1::RunUpdate) {
        self.record(Class::Kept, &encode::record(Kind::Run(update)));
    }

    /// A version of an artifact, made of files on this machine, media and references. False: there is no room for it, or it has too many
    /// files for one record.
    pub fn artifact(&self, artifact: v1::Artifact) -> bool {
        self.large_record(Class::Kept, encode::record(Kind::Artifact(artifact)).into())
    }

    /// A version appears in another collection, once it is committed.
    pub fn link(&self, link: v1::Link) -> bool {
        self.large_record(Class::Kept, encode::record(Kind::Link(link)).into())
    }

    /// Event files of `TensorBoard` that the daemon is to follow.
    pub fn event_files(&self, files: v1::EventFiles) {
        self.record(Class::Kept, &encode::record(Kind::EventFiles(files)));
    }

    /// Files of the run itself: names below its files, and absolute paths on this machine.
    pub fn save(&self, files: Vec<v1::save::File>, policy: v1::save::Policy) {
        let mut rest = files.into_iter().peekable();
        while rest.peek().is_some() {
            let save = v1::Save {
                file: rest.by_ref().take(FILES_MAX).collect(),
                policy: policy.into(),
            };
            self.record(Class::Kept, &encode::record(Kind::Save(save)));
        }
    }

    /// A message to the people who watch the run.
    pub fn alert(&self, alert: v1::Alert) {
        self.record(Class::Kept, &encode::record(Kind::Alert(alert)));
    }

    /// The machine is about to be taken away.
    pub fn preempting(&self) {
        self.record(
            Class::Kept,
            &encode::record(Kind::Preempting(v1::Preempting {})),
        );
    }

    /// Text as it was written to a standard stream, or whole lines for [`Stream::Logs`]. Stamped now, cut into records of at most
    /// 64 KiB. Ignored after the end of the run: what a program still prints is nobody's mistake.
    pub fn output(&self, stream: Stream, text: &str) {
        let timestamp = clock::now();
        for piece in pieces(text) {
            self.record(Class::Text, &encode::output(stream, piece, timestamp));
        }
    }

    fn record(&self, class: Class, record: &[u8]) {
        self.say(class, |shared| shared.window.push(class, record));
    }
}

/// A text in pieces of at most [`TEXT_MAX`] bytes that end between characters, after a line's end if there is one in the second half.
fn pieces(mut rest: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.floor_char_boundary(TEXT_MAX);
        if end < rest.len()
            && let Some(line) = rest.get(..end).and_then(|piece| piece.rfind('\n'))
            && line >= end / 2
        {
            end = line + 1;
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_nothing_of_it_is_lost() {
        let texts = [
            String::new(),
            "short\n".to_owned(),
            "é".repeat(TEXT_MAX),
            format!("a{}", "🦀".repeat(TEXT_MAX)),
            "a line of a log\n".repeat(10_000),
        ];
        for text in texts {
            let pieces: Vec<&str> = pieces(&text).collect();
            assert_eq!(pieces.concat(), text);
            assert!(
                pieces
                    .iter()
                    .all(|piece| (1..=TEXT_MAX).contains(&piece.len()))
            );
        }
    }

    #[test]
    fn a_cut_falls_on_a_lines_end_where_there_is_one() {
        let text = "a line of a log\n".repeat(10_000);
        assert!(pieces(&text).all(|piece| piece.ends_with('\n')));
    }
}
