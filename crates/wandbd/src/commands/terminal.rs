//! The person at the terminal: how wide it is, and secrets that are typed without being shown.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    os::fd::AsFd as _,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// No key is longer, in bytes.
const SECRET_MAX: u64 = 16 << 10;

/// Columns of the terminal on standard output, if that is one.
pub(super) fn width() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Whether somebody can be asked.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks, and reads a line without showing it. Where standard input is no terminal nothing is asked, and its first line is taken.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] after Ctrl-C, and what the system says.
pub(super) async fn secret(question: &str) -> io::Result<String> {
    if !is_there() {
        return tokio::task::spawn_blocking(read_line).await?;
    }
    write!(io::stderr(), "{question}")?;
    io::stderr().flush()?;
    let hidden = Hidden::new()?;
    let read = tokio::select! {
        read = tokio::task::spawn_blocking(read_line) => read?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.and(Err(io::Error::from(io::ErrorKind::Interrupted)))
        }
    };
    drop(hidden);
    writeln!(io::stderr())?;
    read
}

/// Asks a question that is answered with yes or no; no is what everything but yes means.
pub(super) fn confirm(question: &str) -> io::Result<bool> {
    write!(io::stderr(), "{question} [y/N] ")?;
    io::stderr().flush()?;
    let answer = read_line()?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(SECRET_MAX).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// While this lives the terminal shows nothing of what is typed.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin().as_fd())?;
        let mut now = before.clone();
        now.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin().as_fd(), OptionalActions::Flush, &now)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &self.0).ok();
    }
}
