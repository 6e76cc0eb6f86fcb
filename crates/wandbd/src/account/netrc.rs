//! `~/.netrc`: one entry a machine.

use std::{ops::Range, path::Path};

use super::{AccountError, read, replace};

/// What other tools insist on for a file with passwords.
const MODE: u32 = 0o600;

/// Puts the key for `machine` (host, with its port if there is one) into the file; entries of other machines stay.
///
/// # Errors
/// [`AccountError`] names the file.
pub(crate) fn save(path: &Path, machine: &str, key: &str) -> Result<(), AccountError> {
    let text = with_entry(&read(path)?, machine, key);
    replace(path, &text, MODE)
}

/// The text with one entry for `machine`: in the place of the old one, else before `default`, which would hide it, else at the end.
fn with_entry(text: &str, machine: &str, key: &str) -> String {
    let entry = format!("machine {machine}\n  login user\n  password {key}\n");
    let old = entries(text);
    let ours = |entry: &&Entry| entry.machine.as_deref() == Some(machine);
    let place = old.iter().find(ours).or_else(|| {
        let is_default = |entry: &&Entry| entry.machine.is_none();
        old.iter().find(is_default)
    });
    let place = place.map_or(text.len(), |entry| entry.range.start);
    let mut out = String::with_capacity(text.len() + entry.len());
    let mut from = 0;
    for gone in old.iter().filter(ours) {
        push_part(&mut out, text, from..gone.range.start, place, &entry);
        from = gone.range.end;
        if gone.range.start == place {
            push_line(&mut out, &entry);
        }
    }
    push_part(&mut out, text, from..text.len() + 1, place, &entry);
    out
}

/// Copies a part of the text, with the entry at its place if that lies inside.
fn push_part(out: &mut String, text: &str, part: Range<usize>, place: usize, entry: &str) {
    let end = part.end.min(text.len());
    if part.contains(&place) {
        out.push_str(&text[part.start..place]);
        push_line(out, entry);
        out.push_str(&text[place..end]);
    } else {
        out.push_str(&text[part.start..end]);
    }
}

/// On a line of its own.
fn push_line(out: &mut String, entry: &str) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(entry);
}

/// `machine` or `default` with all that belongs to it, blank lines and comments behind it excepted.
struct Entry {
    /// `None`: the default entry.
    machine: Option<String>,
    range: Range<usize>,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut words = Words { text, at: 0 };
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "machine" => {
                let name = words.next();
                let end = name.as_ref().map_or(word.range.end, |name| name.range.end);
                found.push(Entry {
                    machine: Some(name.map(|name| name.text).unwrap_or_default()),
                    range: word.range.start..end,
                });
            }
            "default" => found.push(Entry {
                machine: None,
                range: word.range,
            }),
            "macdef" => words.skip_macro(),
            "login" | "user" | "account" | "password" => {
                let end = words.next().map_or(word.range.end, |value| value.range.end);
                if let Some(entry) = found.last_mut() {
                    entry.range.end = end;
                }
            }
            comment if comment.starts_with('#') => words.skip_line(word.range.start),
            _ => {}
        }
    }
    for entry in &mut found {
        // With the end of its line, so that no empty one stays.
        let rest = &text[entry.range.end..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        if rest[blank..].starts_with('\n') {
            entry.range.end += blank + 1;
        }
    }
    found
}

struct Word {
    text: String,
    range: Range<usize>,
}

struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl Words<'_> {
    /// The next word: in quotes it may hold blanks, a backslash takes the next character as it is.
    fn next(&mut self) -> Option<Word> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let mut word = String::new();
        let mut quoted = false;
        let mut characters = self.text[start..].char_indices();
        let mut end = self.text.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' if at == 0 => quoted = true,
                '"' if quoted => {
                    end = start + at + 1;
                    break;
                }
                '\\' => word.extend(characters.next().map(|(_, next)| next)),
                blank if blank.is_whitespace() && !quoted => {
                    end = start + at;
                    break;
                }
                plain => word.push(plain),
            }
        }
        self.at = end;
        Some(Word {
            text: word,
            range: start..end,
        })
    }

    fn skip_line(&mut self, from: usize) {
        let rest = &self.text[from..];
        self.at = from + rest.find('\n').unwrap_or(rest.len());
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.find("\n\n").map_or(rest.len(), |end| end + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn check(before: &str, after: &str) {
        assert_eq!(
            with_entry(before, "w.example:8080", "KEY"),
            after,
            "{before:?}"
        );
        assert_eq!(with_entry(after, "w.example:8080", "KEY"), after, "twice");
    }

    const ENTRY: &str = "machine w.example:8080\n  login user\n  password KEY\n";

    #[test]
    fn an_entry_is_added_and_all_others_stay() {
        check("", ENTRY);
        check(
            "machine a login b password c\n",
            &format!("machine a login b password c\n{ENTRY}"),
        );
        check(
            "# mine\nmachine a login b password c",
            &format!("# mine\nmachine a login b password c\n{ENTRY}"),
        );
    }

    #[test]
    fn an_entry_is_replaced_where_it_stands_however_it_is_written() {
        for old in [
            "machine w.example:8080 login x password \"o l d\"\n",
            "machine w.example:8080\n\tlogin x\n\taccount y\n\tpassword old\n",
        ] {
            check(
                &format!(
                    "machine a login b password c\n{old}\n# end\nmachine d login e password f\n"
                ),
                &format!(
                    "machine a login b password c\n{ENTRY}\n# end\nmachine d login e password f\n"
                ),
            );
        }
    }

    #[test]
    fn of_several_entries_for_a_machine_one_is_left() {
        let old = "machine w.example:8080 password 1\n";
        check(
            &format!("{old}machine a password b\n{old}"),
            &format!("{ENTRY}machine a password b\n"),
        );
    }

    #[test]
    fn several_entries_on_one_line_are_told_apart() {
        check(
            "machine a password b machine w.example:8080 password 1 machine c password d",
            &format!("machine a password b \n{ENTRY} machine c password d"),
        );
    }

    #[test]
    fn an_entry_stands_before_the_default_one_which_would_hide_it() {
        check(
            "machine a password b\ndefault login anonymous password x\n",
            &format!("machine a password b\n{ENTRY}default login anonymous password x\n"),
        );
    }

    #[test]
    fn what_looks_like_an_entry_in_a_macro_or_a_comment_stays() {
        let macro_ = "macdef init\nmachine w.example:8080 password 1\n\n";
        check(macro_, &format!("{macro_}{ENTRY}"));
        let comment = "# machine w.example:8080 password 1\n";
        check(comment, &format!("{comment}{ENTRY}"));
    }

    #[test]
    fn another_port_is_another_machine() {
        let other = "machine w.example login user password 1\n";
        check(other, &format!("{other}{ENTRY}"));
    }

    #[test]
    fn a_new_file_is_for_its_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".netrc");

        save(&path, "h", "KEY").unwrap();

        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(fs::read_to_string(&path).unwrap().contains("password KEY"));
    }
}
