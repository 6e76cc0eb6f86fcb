//! What a person types. Each command talks to the daemon of its user; those that need one start it.

mod json;
pub(crate) mod login;
pub(crate) mod mode;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod sync;
mod terminal;
mod words;

use std::{
    error::Error,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use tonic::transport::Channel;
use wandbd_proto::v1::{self, wandbd_client::WandbdClient};

use crate::{
    cli::{Options, Place},
    config::{environment, places},
    shell::Shell,
    start::{self, Started},
};

type Outcome = Result<ExitCode, Box<dyn Error>>;

/// How long a graceful stop may take; the daemon's own limits stay below.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const MAX_MESSAGE_BYTES: usize = 16 << 20;

async fn client(socket: &Path) -> Result<WandbdClient<Channel>, Box<dyn Error>> {
    let channel = wandbd_client::connect(socket).await.map_err(|_| {
        format!(
            "no daemon answers on {}; `wandbd start` starts one",
            socket.display()
        )
    })?;
    Ok(WandbdClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES))
}

/// The daemon, started if none runs.
async fn daemon(place: &Place) -> Result<WandbdClient<Channel>, Box<dyn Error>> {
    let (_, socket) = places(place)?;
    if !start::answers(&socket).await {
        let options = Options {
            place: place.clone(),
            auto: true,
            ..Options::default()
        };
        start::start(&options).await?;
    }
    client(&socket).await
}

/// What the shell of this command says.
fn shell() -> io::Result<Shell<'static>> {
    Ok(Shell::new(&environment, std::env::current_dir()?))
}

/// `wandbd start`.
pub(crate) async fn start(options: &Options) -> Outcome {
    let started = start::start(options).await?;
    let config = crate::config::Config::new(options)?;
    let status = client(&config.socket)
        .await?
        .status(v1::StatusRequest {})
        .await?
        .into_inner();
    let mut out = io::stdout();
    let word = match started {
        Started::Before => "already runs",
        Started::Now => "runs",
    };
    writeln!(
        out,
        "wandbd {} {word} (pid {}), state in {}",
        status.version, status.pid, status.state_dir
    )?;
    if !status.local_url.is_empty() {
        let data = config.state_dir.join("local");
        writeln!(
            out,
            "embedded server: {}",
            crate::local::page_address(&data, &status.local_url)
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `wandbd stop`.
pub(crate) async fn stop(place: &Place) -> Outcome {
    let (state, socket) = places(place)?;
    let mut out = io::stdout();
    let Ok(mut client) = client(&socket).await else {
        writeln!(out, "no daemon runs")?;
        return Ok(ExitCode::SUCCESS);
    };
    client.shutdown(v1::ShutdownRequest {}).await?;
    let stopped = async {
        while crate::lock::Lock::take(&state).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(STOP_LIMIT, stopped).await.is_err() {
        return Err("the daemon still runs after 10 s; its log says what it waits for".into());
    }
    writeln!(out, "stopped")?;
    Ok(ExitCode::SUCCESS)
}
