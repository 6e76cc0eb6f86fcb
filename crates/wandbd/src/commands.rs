//! What a person types: start, stop, status, sync.

use std::{
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use tonic::{Code, transport::Channel};
use wandbd_proto::v1::{self, run::State, sync_progress, wandbd_client::WandbdClient};

use crate::{
    cli::{Options, Place, StatusArgs, SyncArgs},
    config::{places, wandb_server},
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

/// `wandbd status`.
pub(crate) async fn status(args: &StatusArgs) -> Outcome {
    let (_, socket) = places(&args.place)?;
    let mut status = client(&socket)
        .await?
        .status(v1::StatusRequest {})
        .await?
        .into_inner();
    if let Some(id) = &args.run {
        status.run.retain(|run| run.run_id == *id);
        if status.run.is_empty() {
            return Err(format!(
                "no run {id} is known to the daemon; delivered runs are forgotten when it restarts"
            )
            .into());
        }
    }
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", as_json(&status))?;
    } else {
        print_status(&mut out, &status)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_status(out: &mut impl io::Write, status: &v1::StatusResponse) -> io::Result<()> {
    writeln!(
        out,
        "wandbd {} (pid {}), {} sessions",
        status.version, status.pid, status.sessions
    )?;
    writeln!(out, "state   {}", status.state_dir)?;
    writeln!(out, "socket  {}", status.socket)?;
    if !status.local_url.is_empty() {
        writeln!(out, "local   {}", status.local_url)?;
    }
    for drop in &status.drop {
        writeln!(out, "dropped {}: {}", drop.reason, drop.count)?;
    }
    if status.run.is_empty() {
        return writeln!(out, "no runs");
    }
    writeln!(out)?;
    writeln!(
        out,
        "{:<12} {:<10} {:>12} {:>12} {:>12}  WHERE",
        "RUN", "STATE", "ROWS", "DELIVERED", "PENDING"
    )?;
    for run in &status.run {
        let place = if run.url.is_empty() {
            &run.journal
        } else {
            &run.url
        };
        writeln!(
            out,
            "{:<12} {:<10} {:>12} {:>12} {:>12}  {place}",
            run.run_id,
            state_word(run.state()),
            run.rows,
            run.rows_delivered,
            bytes(run.bytes_pending),
        )?;
        if !run.cause.is_empty() {
            writeln!(out, "             {}", run.cause)?;
        }
        if run.rows_dropped > 0 {
            writeln!(
                out,
                "             {} rows were dropped before they reached the journal",
                run.rows_dropped
            )?;
        }
        if run.lines_quarantined > 0 {
            writeln!(
                out,
                "             {} lines were refused by the server; see {}.quarantine",
                run.lines_quarantined, run.journal
            )?;
        }
    }
    Ok(())
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Live => "live",
        State::Finishing => "finishing",
        State::Waiting => "waiting",
        State::Parked => "parked",
        State::Delivered => "delivered",
        State::Offline => "offline",
    }
}

fn bytes(number: u64) -> String {
    match number {
        0..1_024 => format!("{number} B"),
        1_024..1_048_576 => format!("{} KiB", number / 1_024),
        _ => format!("{} MiB", number / 1_048_576),
    }
}

fn as_json(status: &v1::StatusResponse) -> serde_json::Value {
    let runs: Vec<_> = status.run.iter().map(run_as_json).collect();
    let drops: serde_json::Map<_, _> = status
        .drop
        .iter()
        .map(|drop| (drop.reason.clone(), drop.count.into()))
        .collect();
    let local = (!status.local_url.is_empty()).then(|| {
        let data = Path::new(&status.state_dir).join("local");
        serde_json::json!({"url": status.local_url, "data": data})
    });
    serde_json::json!({
        "version": status.version, "pid": status.pid, "started_at": status.started_at, "state_dir": status.state_dir,
        "socket": status.socket, "local": local, "sessions": status.sessions, "runs": runs, "dropped": drops,
    })
}

fn run_as_json(run: &v1::Run) -> serde_json::Value {
    serde_json::json!({
        "run_id": run.run_id, "entity": run.entity, "project": run.project, "display_name": run.display_name, "url": run.url,
        "state": state_word(run.state()), "cause": run.cause, "rows": run.rows, "rows_delivered": run.rows_delivered,
        "bytes_pending": run.bytes_pending, "rows_dropped": run.rows_dropped, "lines_quarantined": run.lines_quarantined,
        "journal": run.journal, "next_step": run.next_step, "start_time": run.start_time, "exit_code": run.exit_code,
        "resumed": run.resumed,
    })
}

/// `wandbd sync`: hands the paths to the daemon, starting one if needed, and shows how it goes.
pub(crate) async fn sync(args: SyncArgs) -> Outcome {
    let (_, socket) = places(&args.place)?;
    if !start::answers(&socket).await {
        let options = Options {
            place: args.place.clone(),
            auto: true,
            ..Options::default()
        };
        start::start(&options).await?;
    }
    let request = v1::SyncRequest {
        path: args
            .path
            .iter()
            .map(|path| std::path::absolute(path).map(|path| path.display().to_string()))
            .collect::<Result<_, _>>()?,
        server: Some(wandb_server()),
        entity: args.entity.unwrap_or_default(),
        project: args.project.unwrap_or_default(),
        run_id: args.id.unwrap_or_default(),
        again: args.include_synced,
        ..v1::SyncRequest::default()
    };
    let mut progress = match client(&socket).await?.sync(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if status.code() == Code::InvalidArgument => {
            return Err(status.message().into());
        }
        Err(status) => return Err(status.into()),
    };
    let mut failed = 0;
    let mut last = String::new();
    while let Some(news) = progress.message().await? {
        failed += u32::from(news.state() == sync_progress::State::Failed);
        show(&news, &mut last)?;
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One line per change; on a terminal progress overwrites itself.
fn show(news: &v1::SyncProgress, last: &mut String) -> io::Result<()> {
    let mut out = io::stdout();
    let place = if news.url.is_empty() { "" } else { &news.url };
    let line = match news.state() {
        sync_progress::State::Started | sync_progress::State::Unspecified => {
            format!("{}: {}", news.path, news.message)
        }
        sync_progress::State::Uploading => format!(
            "{}: {} rows delivered {}",
            news.path, news.rows, news.message
        ),
        sync_progress::State::Done => format!(
            "{}: done, {} rows {place} {}",
            news.path, news.rows, news.message
        ),
        sync_progress::State::Skipped => format!("{}: skipped: {}", news.path, news.message),
        sync_progress::State::Failed => format!("{}: failed: {}", news.path, news.message),
    };
    let line = line.trim_end().to_owned();
    if line == *last {
        return Ok(());
    }
    let passing = news.state() == sync_progress::State::Uploading;
    if passing && out.is_terminal() {
        write!(out, "\r{line}\x1b[K")?;
    } else {
        writeln!(
            out,
            "{}{line}",
            if out.is_terminal() { "\r\x1b[K" } else { "" }
        )?;
    }
    out.flush()?;
    *last = line;
    Ok(())
}
