//! `wandbd`: configuration, wiring, tasks, signals, commands.
//!
//! `serve.rs` is the daemon's table of contents. Everything else here is one step of it or one command.

mod account;
mod allocator;
mod answers;
mod artifacts;
mod attempt;
#[expect(
    clippy::doc_markdown,
    reason = "these comments are what `--help` prints"
)]
mod cli;
mod commands;
mod config;
mod credentials;
mod deliver;
mod facts;
mod files;
mod lead;
mod local;
mod lock;
mod marks;
mod retention;
mod serve;
mod servers;
mod shell;
mod snapshots;
mod start;
mod stats;
mod sync;
mod tasks;
mod turn;

use std::{error::Error, io::Write as _, process::ExitCode};

use clap::Parser as _;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    allocator::tune();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(32)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let result = runtime.block_on(run(cli.command));
    // A blocking call that hangs (a dead network file system) must not hold the exit.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => fail(error.as_ref()),
    }
}

async fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Serve(options) => serve::serve(&options).await?,
        Command::Start(options) => return commands::start(&options).await,
        Command::Stop(place) => return commands::stop(&place).await,
        Command::Status(args) => return commands::status::status(&args).await,
        Command::Login(args) => return commands::login::login(&args).await,
        Command::Retry(args) => return commands::retry::retry(&args).await,
        Command::Sync(args) => return commands::sync::sync(&args).await,
        Command::Offline => return commands::mode::set(Some("offline")),
        Command::Online => return commands::mode::set(None),
        Command::Local(args) => local::alone(&args).await?,
        Command::Run(args) => return commands::run::run(&args),
    }
    Ok(ExitCode::SUCCESS)
}

/// One line: what failed, and the reasons below it.
fn fail(error: &dyn Error) -> ExitCode {
    let mut text = format!("wandbd: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        let reason = error.to_string();
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        source = error.source();
    }
    writeln!(std::io::stderr(), "{text}").ok();
    ExitCode::FAILURE
}
