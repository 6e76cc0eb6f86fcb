//! Other programs, run with a limit.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How long a program may run, and how much it may write.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) time: Duration,
    pub(super) bytes: u64,
    /// True when nobody needs the result any more.
    pub(super) unwanted: &'a dyn Fn() -> bool,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it ended with {0}")]
    Failed(std::process::ExitStatus),
    #[error("it took more than {} s", .0.as_secs())]
    TooSlow(Duration),
    #[error("it wrote more than {0} bytes")]
    TooMuch(u64),
    #[error("the run ended meanwhile")]
    Unwanted,
}

/// Runs a command until it ends, its output in `output`. A program that is too slow or writes too much is killed.
pub(super) fn into_file(
    command: &mut Command,
    output: &Path,
    limits: Limits<'_>,
) -> Result<(), ProcessError> {
    let file = File::create(output)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(Stdio::null())
        .spawn()?;
    let watched = watch(&mut child, &file, limits);
    if watched.is_err() {
        // It may have ended by itself in between; either way it is gone afterwards.
        child.kill().ok();
        child.wait()?;
    }
    watched
}

fn watch(child: &mut Child, output: &File, limits: Limits<'_>) -> Result<(), ProcessError> {
    let began = Instant::now();
    loop {
        let ended = child.try_wait()?;
        if output.metadata()?.len() > limits.bytes {
            return Err(ProcessError::TooMuch(limits.bytes));
        }
        match ended {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(ProcessError::Failed(status)),
            None if began.elapsed() > limits.time => {
                return Err(ProcessError::TooSlow(limits.time));
            }
            None if (limits.unwanted)() => return Err(ProcessError::Unwanted),
            None => thread::sleep(LOOK),
        }
    }
}

/// What a command says, its first 64 KiB.
pub(super) fn say(
    command: &mut Command,
    scratch: &Path,
    limits: Limits<'_>,
) -> Result<String, ProcessError> {
    let said = into_file(command, scratch, limits).and_then(|()| {
        let mut text = Vec::new();
        File::open(scratch)?.take(64 << 10).read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    });
    std::fs::remove_file(scratch)?;
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(unwanted: &dyn Fn() -> bool) -> Limits<'_> {
        Limits {
            time: Duration::from_secs(20),
            bytes: 1 << 20,
            unwanted,
        }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_says_is_returned_and_its_failure_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("out");

        let said = say(&mut shell("echo hello"), &scratch, limits(&|| false)).unwrap();
        let failed = say(&mut shell("exit 3"), &scratch, limits(&|| false));

        assert_eq!(said, "hello");
        assert!(matches!(failed, Err(ProcessError::Failed(_))));
        assert!(!scratch.exists());
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("out");
        let short = Limits {
            time: Duration::ZERO,
            ..limits(&|| false)
        };

        let slow = into_file(&mut shell("exec sleep 600"), &scratch, short);
        let unwanted = into_file(&mut shell("exec sleep 600"), &scratch, limits(&|| true));

        assert!(matches!(slow, Err(ProcessError::TooSlow(_))), "{slow:?}");
        assert!(matches!(unwanted, Err(ProcessError::Unwanted)));
    }

    #[test]
    fn a_program_that_writes_without_end_is_killed() {
        let dir = tempfile::tempdir().unwrap();

        let endless = into_file(
            &mut shell("exec yes"),
            &dir.path().join("out"),
            limits(&|| false),
        );

        assert!(matches!(endless, Err(ProcessError::TooMuch(_))));
    }
}
