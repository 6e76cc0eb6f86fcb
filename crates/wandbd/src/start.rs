//! A daemon that outlives who started it.
//!
//! `start` waits for its turn, looks whether one answers already, and otherwise runs `serve` in a session of its own: cwd `/`, no inherited
//! descriptor, default signals, an environment of a few names, output to `<state>/daemon.log`.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    cli::Options,
    config::{Config, ConfigError},
    lock::{Lock, LockError},
};

/// How long a daemon may take until it answers; it adopts what was left before.
const LIMIT: Duration = Duration::from_secs(30);
/// Size above which the log begins anew at a start; the old one is kept once.
const LOG_BYTES: u64 = 10 << 20;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("cannot {action}")]
    Io {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the daemon ended at once ({status}); {log} says why")]
    Ended { status: String, log: PathBuf },
    #[error("the daemon does not answer on {socket} after 30 s; {log} says why")]
    Silent { socket: PathBuf, log: PathBuf },
}

fn io_error(action: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Io { action, source }
}

/// What became of it.
pub(crate) enum Started {
    /// One answered already.
    Before,
    /// A new one answers.
    Now,
}

/// Returns when a daemon answers.
pub(crate) async fn start(options: &Options) -> Result<Started, StartError> {
    let config = Config::new(options)?;
    private_dir(&config.state_dir).map_err(io_error("make the state directory"))?;
    let state = config.state_dir.clone();
    let turn = tokio::task::spawn_blocking(move || Lock::turn(&state));
    let _turn = turn
        .await
        .map_err(|error| io_error("wait for the start lock")(io::Error::other(error)))??;
    if answers(&config.socket).await {
        return Ok(Started::Before);
    }
    let log = config.state_dir.join("daemon.log");
    let mut child = serve_command(options, &config, &log)?
        .spawn()
        .map_err(io_error("run the daemon"))?;
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if answers(&config.socket).await {
            return Ok(Started::Now);
        }
        if let Some(status) = child.try_wait().map_err(io_error("watch the daemon"))? {
            if answers(&config.socket).await {
                return Ok(Started::Before); // somebody ran `serve` meanwhile
            }
            return Err(StartError::Ended {
                status: status.to_string(),
                log,
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(StartError::Silent {
        socket: config.socket,
        log,
    })
}

/// A daemon that says it serves.
pub(crate) async fn answers(socket: &Path) -> bool {
    let Ok(channel) = wandbd_client::connect(socket).await else {
        return false;
    };
    let mut client = wandbd_proto::v1::wandbd_client::WandbdClient::new(channel);
    let status = client.status(wandbd_proto::v1::StatusRequest {});
    matches!(
        tokio::time::timeout(Duration::from_secs(5), status).await,
        Ok(Ok(_))
    )
}

fn serve_command(options: &Options, config: &Config, log: &Path) -> Result<Command, StartError> {
    let program = std::env::current_exe().map_err(io_error("find the daemon's program"))?;
    let output = open_log(log).map_err(io_error("open daemon.log"))?;
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg("--state-dir")
        .arg(&config.state_dir)
        .arg("--socket")
        .arg(&config.socket)
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(io_error("open daemon.log"))?)
        .stderr(output)
        .current_dir("/");
    for (flag, value) in [
        (
            "--config",
            options
                .config
                .as_ref()
                .map(|path| path.display().to_string()),
        ),
        ("--local", options.local.map(|on| on.to_string())),
        (
            "--local-listen",
            options.local_listen.map(|address| address.to_string()),
        ),
        ("--log", options.log.clone()),
        (
            "--keep-days",
            options.keep_days.map(|days| days.to_string()),
        ),
        (
            "--keep-bytes",
            options.keep_bytes.map(|bytes| bytes.to_string()),
        ),
        (
            "--http-timeout-s",
            options.http_timeout_s.map(|seconds| seconds.to_string()),
        ),
        (
            "--idle-minutes",
            options.idle_minutes.map(|minutes| minutes.to_string()),
        ),
    ] {
        if let Some(value) = value {
            command.arg(format!("{flag}={value}"));
        }
    }
    if options.auto {
        command.arg("--auto");
    }
    keep_environment(&mut command);
    close_inherited().map_err(io_error("close inherited descriptors"))?;
    detach(&mut command);
    Ok(command)
}

/// The first trainer's variables must not rule other people's runs: only these names stay.
fn keep_environment(command: &mut Command) {
    command.env_clear();
    for (name, value) in std::env::vars_os() {
        let keep = name.to_str().is_some_and(|name| {
            matches!(
                name,
                "HOME" | "USER" | "LOGNAME" | "PATH" | "LANG" | "TMPDIR"
            ) || ["LC_", "XDG_", "SSL_CERT_", "WANDBD_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        });
        // A run's own variables are not the daemon's.
        if keep && name != "WANDBD_RUN" {
            command.env(name, value);
        }
    }
}

/// What the training process left open without close-on-exec must not live as long as the daemon.
#[cfg(target_os = "linux")]
fn close_inherited() -> io::Result<()> {
    use rustix::io::{FdFlags, fcntl_setfd};
    use std::os::fd::BorrowedFd;
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if number > 2 {
            // SAFETY: the number was just listed as open in this single-purpose process; at worst it is closed by now and the call fails.
            #[expect(
                unsafe_code,
                reason = "descriptors that nobody here owns can only be named by number"
            )]
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            match fcntl_setfd(fd, FdFlags::CLOEXEC) {
                Ok(()) | Err(rustix::io::Errno::BADF) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn close_inherited() -> io::Result<()> {
    Ok(())
}

/// A session of its own, so that no terminal and no job control reaches it, and the default signals.
fn detach(command: &mut Command) {
    // SAFETY: between fork and exec only async-signal-safe calls are made: setsid, signal, sigprocmask.
    #[expect(
        unsafe_code,
        reason = "the standard library cannot start a new session yet"
    )]
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            for signal in [
                libc::SIGINT,
                libc::SIGHUP,
                libc::SIGTERM,
                libc::SIGCHLD,
                libc::SIGPIPE,
                libc::SIGQUIT,
            ] {
                libc::signal(signal, libc::SIG_DFL);
            }
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            Ok(())
        });
    }
}

fn open_log(path: &Path) -> io::Result<fs::File> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_BYTES) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Makes a directory that only its user can enter.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}
