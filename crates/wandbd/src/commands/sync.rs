//! `wandbd sync`: hands paths to the daemon and shows how it goes.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use tonic::Code;
use wandbd_proto::v1::{self, sync_progress::State};

use super::{
    Outcome, daemon, shell, terminal,
    words::{count, rows},
};
use crate::{
    cli::SyncArgs,
    sync::{
        find::{Choice, find},
        nothing,
    },
};

/// Paths listed before a person is asked.
const LISTED: usize = 20;

pub(crate) async fn sync(args: &SyncArgs) -> Outcome {
    let shell = shell()?;
    let searched = args.path.is_empty();
    let paths = if searched {
        vec![shell.wandb_dir()]
    } else {
        args.path.clone()
    };
    if searched && !paths.iter().all(|path| path.exists()) {
        let folder = shell.wandb_dir();
        return Err(format!(
            "there is no {}; name a run's folder or file",
            folder.display()
        )
        .into());
    }
    let paths: Vec<PathBuf> = paths
        .iter()
        .map(std::path::absolute)
        .collect::<Result<_, _>>()?;
    if (searched || args.dry_run) && !list(&paths, args, searched)? {
        return Ok(ExitCode::SUCCESS);
    }
    let request = v1::SyncRequest {
        path: paths
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        server: Some(shell.server(None)?),
        entity: args.entity.clone().unwrap_or_default(),
        project: args.project.clone().unwrap_or_default(),
        run_id: args.id.clone().unwrap_or_default(),
        job_type: args.job_type.clone().unwrap_or_default(),
        again: args.include_synced,
        follow: args.follow,
        include_glob: args.include_globs.clone(),
        exclude_glob: args.exclude_globs.clone(),
        online: args.include_online,
    };
    let mut progress = match daemon(&args.place).await?.sync(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if status.code() == Code::InvalidArgument => {
            return Err(status.message().into());
        }
        Err(status) => return Err(status.into()),
    };
    let mut show = Show::new(std::env::current_dir().ok());
    while let Some(news) = progress.message().await? {
        show.news(&news)?;
    }
    show.end()
}

/// Lists what would be delivered; false when that is all, or when the person says no.
fn list(paths: &[PathBuf], args: &SyncArgs, ask: bool) -> Result<bool, Box<dyn Error>> {
    let mut out = io::stdout();
    let mut journals = Vec::new();
    for path in paths {
        let found = find(path, args.include_online)?;
        if found.journals.is_empty() && !args.follow {
            return Err(nothing(&path.display().to_string(), &found).into());
        }
        journals.extend(found.journals);
    }
    let choice = Choice {
        include: args.include_globs.clone(),
        exclude: args.exclude_globs.clone(),
    };
    journals.retain(|journal| choice.takes(&run_id(journal)));
    let before = journals.len();
    journals.retain(|journal| args.include_synced || !wandbd_ingest::synced_mark(journal).exists());
    if before > journals.len() {
        let number = rows(before - journals.len(), "run");
        writeln!(
            out,
            "{number} delivered already; --include-synced delivers again"
        )?;
    }
    let cwd = std::env::current_dir().ok();
    for journal in journals.iter().take(LISTED) {
        writeln!(out, "  {}", near(journal, cwd.as_deref()))?;
    }
    if journals.len() > LISTED {
        writeln!(out, "  and {} more", journals.len() - LISTED)?;
    }
    if args.dry_run {
        writeln!(out, "{} would be delivered", rows(journals.len(), "run"))?;
        return Ok(false);
    }
    if journals.is_empty() && !args.follow {
        return Ok(false);
    }
    if !ask || args.yes {
        return Ok(true);
    }
    if !terminal::is_there() {
        return Err("say --yes to deliver them without being asked".into());
    }
    Ok(terminal::confirm("deliver these?")?)
}

/// By the file's name, which other tools keep too.
fn run_id(journal: &Path) -> String {
    let stem = journal.file_stem().unwrap_or_default().to_string_lossy();
    stem.strip_prefix("run-").unwrap_or(&stem).to_owned()
}

/// Seen from where the person is.
fn near(path: &Path, cwd: Option<&Path>) -> String {
    let below = cwd.and_then(|cwd| path.strip_prefix(cwd).ok());
    below.unwrap_or(path).display().to_string()
}

/// One line per change; on a terminal progress overwrites itself.
struct Show {
    cwd: Option<PathBuf>,
    last: String,
    /// How each file stands.
    files: BTreeMap<String, State>,
    rows: u64,
}

impl Show {
    fn new(cwd: Option<PathBuf>) -> Self {
        Self {
            cwd,
            last: String::new(),
            files: BTreeMap::new(),
            rows: 0,
        }
    }

    fn news(&mut self, news: &v1::SyncProgress) -> io::Result<()> {
        let mut out = io::stdout();
        self.files.insert(news.path.clone(), news.state());
        if news.state() == State::Done {
            self.rows += news.rows;
        }
        let line = line(news, &near(Path::new(&news.path), self.cwd.as_deref()));
        if line == self.last {
            return Ok(());
        }
        let passing = news.state() == State::Uploading && out.is_terminal();
        if news.state() == State::Uploading && !passing && news.message.is_empty() {
            return Ok(()); // in a log only what went wrong and how it ended
        }
        let clear = if out.is_terminal() { "\r\x1b[K" } else { "" };
        if passing {
            let width = terminal::width().unwrap_or(80);
            let cut: String = line.chars().take(width.saturating_sub(1)).collect();
            write!(out, "{clear}{cut}")?;
        } else {
            writeln!(out, "{clear}{line}")?;
        }
        out.flush()?;
        self.last = line;
        Ok(())
    }

    /// The last line, and whether everything is there.
    fn end(&self) -> Outcome {
        let number = |state: State| self.files.values().filter(|is| **is == state).count();
        let (done, skipped) = (number(State::Done), number(State::Skipped));
        let failed = self.files.len() - done - skipped;
        let mut parts = vec![format!("{done} delivered with {} rows", count(self.rows))];
        if skipped > 0 {
            parts.push(format!("{skipped} delivered before"));
        }
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        let files = rows(self.files.len(), "file");
        writeln!(io::stdout(), "{files}: {}", parts.join(", "))?;
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn line(news: &v1::SyncProgress, path: &str) -> String {
    let rest = match news.state() {
        State::Started | State::Unspecified => news.message.clone(),
        State::Uploading => format!("{} rows delivered {}", news.rows, news.message),
        State::Done if news.message.is_empty() => format!("done, {} rows {}", news.rows, news.url),
        State::Done => format!("done, {} rows {}\n  {}", news.rows, news.url, news.message),
        State::Skipped => format!("skipped: {}", news.message),
        State::Failed => format!("failed: {}", news.message),
    };
    format!("{path}: {}", rest.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(path: &str, state: State, rows: u64) -> v1::SyncProgress {
        v1::SyncProgress {
            path: path.into(),
            state: state.into(),
            rows,
            ..v1::SyncProgress::default()
        }
    }

    fn ends_well(all: &[v1::SyncProgress]) -> bool {
        let mut show = Show::new(None);
        for news in all {
            show.news(news).unwrap();
        }
        format!("{:?}", show.end().unwrap()) == format!("{:?}", ExitCode::SUCCESS)
    }

    #[test]
    fn it_ends_well_when_every_file_is_there() {
        assert!(ends_well(&[]));
        assert!(ends_well(&[
            news("a", State::Started, 0),
            news("a", State::Done, 3),
            news("b", State::Skipped, 0),
        ]));
    }

    #[test]
    fn a_file_that_failed_or_never_ended_makes_it_end_badly() {
        assert!(!ends_well(&[
            news("a", State::Done, 3),
            news("b", State::Failed, 0)
        ]));
        assert!(!ends_well(&[news("a", State::Uploading, 3)]));
    }

    #[test]
    fn a_run_id_is_in_the_name_of_the_file() {
        assert_eq!(
            run_id(Path::new("/w/offline-run-1-abc/run-abc.wandb")),
            "abc"
        );
    }

    #[test]
    fn what_was_repaired_is_said_below_the_line() {
        let mut done = news("a", State::Done, 3);
        done.url = "http://x".into();
        done.message = "repaired: 2 records are readable".into();

        assert_eq!(
            line(&done, "a"),
            "a: done, 3 rows http://x\n  repaired: 2 records are readable"
        );
    }
}
