//! Starting the daemon when nobody listens.
//!
//! `<daemon> start` does the work: it takes the lock, detaches itself and returns when the socket answers, also when another process
//! was faster. It gets no descriptor, no signal group and little of the environment of the training process.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Settings,
    error::{StartError, chain},
    messages,
};

const DELAY_MIN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_mins(1);
/// How long `start` may take.
const LIMIT: Duration = Duration::from_secs(30);

/// When a daemon was started last, and when it may be again.
#[derive(Default)]
pub(crate) struct Starter {
    last: Option<Instant>,
    delay: Duration,
}

impl Starter {
    /// True when the daemon was started and is worth another look.
    pub(crate) async fn try_start(&mut self, settings: &Settings, hurry: bool) -> bool {
        if !settings.autostart || settings.daemon.is_none() || !self.is_due(hurry) {
            return false;
        }
        self.delay = (self.delay * 2).clamp(DELAY_MIN, DELAY_MAX);
        let settings = settings.clone();
        let result = tokio::task::spawn_blocking(move || run_start(&settings)).await;
        self.last = Some(Instant::now());
        match result {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                messages::say(
                    "start",
                    format!("the daemon cannot be started: {}", chain(&error)),
                );
                false
            }
            Err(_) => false,
        }
    }

    fn is_due(&self, hurry: bool) -> bool {
        let wait = if hurry { DELAY_MIN } else { self.delay };
        self.last.is_none_or(|last| last.elapsed() >= wait)
    }
}

fn run_start(settings: &Settings) -> Result<(), StartError> {
    let Some(daemon) = settings.daemon.clone() else {
        return Ok(());
    };
    let spawned = Command::new(&daemon)
        .args(["start", "--auto"])
        .env_clear()
        .envs(
            settings
                .daemon_env
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = spawned.map_err(|source| StartError::Spawn {
        daemon: daemon.clone(),
        source,
    })?;
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(StartError::Failed {
                    daemon,
                    status: status.to_string(),
                });
            }
            // There is no way to wait for a child with a limit but to look again.
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            // Somebody else in this process waits for all children: it ended, how is not known.
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(()),
            Err(source) => return Err(StartError::Spawn { daemon, source }),
        }
    }
    let killed: io::Result<()> = child.kill().and_then(|()| child.wait().map(drop));
    drop(killed);
    Err(StartError::Slow {
        daemon,
        limit_s: LIMIT.as_secs(),
    })
}
