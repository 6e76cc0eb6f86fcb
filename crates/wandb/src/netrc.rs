//! Just enough of netrc: the password of a machine.

/// What the next word means.
enum Expect {
    Keyword,
    Machine,
    Password,
    Other,
}

/// The password of `machine`; the last entry counts if there are several. A `default` entry is never used: its password was
/// not meant for W&B.
pub(crate) fn password(text: &str, machine: &str) -> Option<String> {
    let mut found = None;
    let mut ours = false;
    let mut expect = Expect::Keyword;
    let mut in_macro = false;
    for line in text.lines() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let mut rest = line;
        while let Some((word, after)) = next_word(rest) {
            rest = after;
            expect = match expect {
                Expect::Machine => {
                    ours = word == machine;
                    Expect::Keyword
                }
                Expect::Password => {
                    if ours {
                        found = Some(word);
                    }
                    Expect::Keyword
                }
                Expect::Other => Expect::Keyword,
                Expect::Keyword => match word.as_str() {
                    "machine" => Expect::Machine,
                    "password" => Expect::Password,
                    "login" | "user" | "account" => Expect::Other,
                    "default" => {
                        ours = false;
                        Expect::Keyword
                    }
                    "macdef" => {
                        in_macro = true;
                        break;
                    }
                    comment if comment.starts_with('#') => break,
                    _ => Expect::Keyword,
                },
            };
        }
    }
    found
}

/// The first word of `line` (in quotes it may hold blanks, a backslash takes the next character as it is) and what follows.
fn next_word(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    let quoted = line.starts_with('"');
    let mut characters = line.char_indices();
    if quoted {
        characters.next();
    }
    let mut word = String::new();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if quoted => return Some((word, line.get(at + 1..).unwrap_or_default())),
            '\\' => word.extend(characters.next().map(|(_, next)| next)),
            blank if blank.is_whitespace() && !quoted => {
                return Some((word, line.get(at..).unwrap_or_default()));
            }
            plain => word.push(plain),
        }
    }
    (!line.is_empty()).then_some((word, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"# keys
machine github.com login me password other
machine api.wandb.ai
  login user
  password first
macdef init
  machine api.wandb.ai password in-a-macro

machine host:8080 login user password "with \"blank here"  # a comment
default login anonymous password everybody
machine api.wandb.ai login user password last
machine open"#;

    #[test]
    fn the_password_of_a_machine_is_found() {
        for (machine, expect) in [
            ("api.wandb.ai", Some("last")),
            ("github.com", Some("other")),
            ("host:8080", Some("with \"blank here")),
            ("host", None),
            ("open", None),
            ("default", None),
        ] {
            assert_eq!(password(FILE, machine).as_deref(), expect, "{machine}");
        }
    }
}
