//! `wandbd retry`: a person says that it is time.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use tonic::Code;
use wandbd_proto::v1::{self, run::State};

use super::{Outcome, client, words::rows};
use crate::{cli::RetryArgs, config::places};

pub(crate) async fn retry(args: &RetryArgs) -> Outcome {
    let (_, socket) = places(&args.place)?;
    let mut client = client(&socket).await?;
    let mut wanted = Vec::new();
    if args.all {
        let status = client.status(v1::StatusRequest {}).await?.into_inner();
        let held_up = |run: &v1::Run| matches!(run.state(), State::Waiting | State::Parked);
        let runs = status.run.into_iter().filter(held_up);
        wanted.extend(runs.map(|run| run.session));
    }
    for name in &args.run {
        // A path is one from here; the daemon works elsewhere.
        wanted.push(if Path::new(name).exists() {
            std::path::absolute(name)?.display().to_string()
        } else {
            name.clone()
        });
    }
    let mut out = io::stdout();
    let mut tried = 0;
    let mut failed = false;
    for run in wanted {
        match client.retry(v1::RetryRequest { run }).await {
            Ok(answer) => {
                for run in answer.into_inner().run {
                    tried += 1;
                    writeln!(out, "{} is tried again", run.run_id)?;
                }
            }
            Err(status) if status.code() == Code::NotFound => {
                failed = true;
                writeln!(io::stderr(), "wandbd: {}", status.message())?;
            }
            Err(status) => return Err(status.into()),
        }
    }
    if args.all && tried == 0 && !failed {
        writeln!(out, "no run waits for anything")?;
    } else if tried > 1 {
        writeln!(
            out,
            "{} tried; `wandbd status` shows what comes of it",
            rows(tried, "run")
        )?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
