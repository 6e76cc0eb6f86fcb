//! Patterns of file names that are not uploaded.

/// Shell patterns, as the released client reads them: `*` and `?` do not cross a slash, `[a-z]` and `[^a-z]` are classes, `\` takes
/// the next character as it is. A broken pattern matches nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Globs(Vec<Vec<char>>);

impl Globs {
    pub(crate) fn new(patterns: &[String]) -> Globs {
        let all = patterns.iter().map(|pattern| pattern.trim());
        let named = all.filter(|pattern| !pattern.is_empty());
        Globs(named.map(|pattern| pattern.chars().collect()).collect())
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.0.iter().any(|pattern| matches(pattern, &name))
    }
}

/// Goes back to the last star when something does not fit: linear memory, no recursion.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, next));
                at += 1;
                continue;
            }
            None if next == name.len() => return true,
            Some(_) if next < name.len() => {
                if let Some(width) = one(&pattern[at..], name[next]) {
                    at += width;
                    next += 1;
                    continue;
                }
            }
            _ => {}
        }
        match star {
            Some((after, from)) if name.get(from).is_some_and(|skipped| *skipped != '/') => {
                star = Some((after, from + 1));
                (at, next) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// How much of `pattern` stands for this character; `None` if it does not fit.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => (character != '/').then_some(1),
        '\\' => (*pattern.get(1)? == character).then_some(2),
        '[' => class(pattern, character),
        plain => (plain == character).then_some(1),
    }
}

fn class(pattern: &[char], character: char) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some('^' | '!'));
    let mut at = if negated { 2 } else { 1 };
    let first = at;
    let mut found = false;
    loop {
        let mut low = *pattern.get(at)?;
        if low == ']' && at > first {
            break;
        }
        if low == '\\' {
            at += 1;
            low = *pattern.get(at)?;
        }
        at += 1;
        let mut high = low;
        if pattern.get(at) == Some(&'-') && pattern.get(at + 1).is_some_and(|end| *end != ']') {
            high = pattern[at + 1];
            at += 2;
        }
        found |= (low..=high).contains(&character);
    }
    (found != negated && character != '/').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_the_released_client() {
        for (pattern, name, expect) in [
            ("*.ckpt", "a.ckpt", true),
            ("*.ckpt", "dir/a.ckpt", false),
            ("dir/*", "dir/a.ckpt", true),
            ("dir/*", "dir/sub/a", false),
            ("*", "output.log", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?.txt", "a.txt", true),
            ("?.txt", "ab.txt", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[", "[", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", false),
            ("config.yaml", "config.yaml", true),
        ] {
            let globs = Globs::new(&[pattern.to_owned()]);

            assert_eq!(globs.matches(name), expect, "{pattern} {name}");
        }
    }
}
