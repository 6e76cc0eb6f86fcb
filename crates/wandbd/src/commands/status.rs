//! `wandbd status`: the daemon and its runs in one table, or one run in full.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
};

use wandbd_proto::v1::{self, run::State};

use super::{
    Outcome, client,
    json::as_json,
    terminal,
    words::{ago, bytes, count, rows, state_word},
};
use crate::{cli::StatusArgs, config::places, serve::now};

/// Ids named for one cause; the table has them all.
const NAMED: usize = 6;

/// `wandbd status`.
pub(crate) async fn status(args: &StatusArgs) -> Outcome {
    let (_, socket) = places(&args.place)?;
    let mut status = client(&socket)
        .await?
        .status(v1::StatusRequest {})
        .await?
        .into_inner();
    if let Some(name) = &args.run {
        let path = std::path::absolute(name)?;
        status.run.retain(|run| is_meant(run, name, &path));
        if status.run.is_empty() {
            return Err(format!(
                "no run {name} is known to the daemon; delivered runs are forgotten when it restarts"
            )
            .into());
        }
    }
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", as_json(&status))?;
    } else if args.run.is_some() {
        for (index, run) in status.run.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            in_full(&mut out, run, now())?;
        }
    } else {
        let width = out.is_terminal().then(terminal::width);
        print(&mut out, &mut status, now(), width.flatten())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_meant(run: &v1::Run, name: &str, path: &Path) -> bool {
    let journal = Path::new(&run.journal);
    run.run_id == name || run.session == name || journal == path || journal.parent() == Some(path)
}

/// One run: all that is known, and what a person can do.
fn in_full(out: &mut impl io::Write, run: &v1::Run, now: f64) -> io::Result<()> {
    let name = match &*run.display_name {
        "" => run.run_id.clone(),
        name => format!("{} ({name})", run.run_id),
    };
    let cause = if run.cause.is_empty() {
        String::new()
    } else {
        format!(": {}", run.cause)
    };
    let ended = match run.exit_code {
        Some(code) => format!("exit code {code}"),
        None => "its process lives".to_owned(),
    };
    let lines = [
        ("run", name),
        ("state", format!("{}{cause}", state_word(run.state()))),
        ("to do", advice(run)),
        ("page", run.url.clone()),
        ("goes to", place(run)),
        ("started", ago(run.start_time, now)),
        ("ended", ended),
        ("rows", row_words(run)),
        (
            "pending",
            format!("{} of the journal", bytes(run.bytes_pending)),
        ),
        (
            "dropped",
            some(run.rows_dropped, "rows before they reached the journal"),
        ),
        ("refused", quarantine(run)),
        ("artifacts", artifacts(run)),
        ("given up", run.artifact_failed.join("\n          ")),
        ("resumed", resumed(run)),
        ("error", run.error.clone()),
        ("tags", run.tag.join(", ")),
        ("group", run.group.clone()),
        ("job type", run.job_type.clone()),
        ("sweep", run.sweep_id.clone()),
        ("notes", run.notes.replace('\n', " ")),
        ("journal", run.journal.clone()),
        ("session", run.session.clone()),
    ];
    for (label, text) in lines.iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "{label:<9} {text}")?;
    }
    Ok(())
}

fn row_words(run: &v1::Run) -> String {
    format!(
        "{} journaled, {} delivered, the next step is {}",
        count(run.rows),
        count(run.rows_delivered),
        run.next_step
    )
}

fn some(number: u64, what: &str) -> String {
    if number == 0 {
        return String::new();
    }
    format!("{} {what}", count(number))
}

fn quarantine(run: &v1::Run) -> String {
    let what = format!(
        "lines by the server; they are in {}.quarantine",
        run.journal
    );
    some(run.lines_quarantined, &what)
}

fn artifacts(run: &v1::Run) -> String {
    let waiting = some(run.artifacts_waiting, "on their way");
    let superseded = some(run.artifacts_superseded, "left out for newer ones");
    let parts = [waiting, superseded];
    let parts: Vec<&str> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(String::as_str)
        .collect();
    parts.join(", ")
}

fn resumed(run: &v1::Run) -> String {
    if run.resumed {
        format!("from step {}", run.starting_step)
    } else {
        String::new()
    }
}

/// What a person can do; nothing where nothing is needed.
fn advice(run: &v1::Run) -> String {
    let id = &run.run_id;
    match run.state() {
        State::Waiting => format!("it goes on by itself; `wandbd retry {id}` tries now"),
        State::Parked if !run.error.is_empty() => {
            format!("nothing is sent; `wandbd retry {id}` asks the server again")
        }
        State::Parked => format!("when the cause is gone, `wandbd retry {id}`"),
        State::Offline => format!("`wandbd sync {}` delivers it", folder(run)),
        State::Unspecified | State::Live | State::Finishing | State::Delivered => String::new(),
    }
}

/// What a person gives to `sync`.
fn folder(run: &v1::Run) -> String {
    let journal = Path::new(&run.journal);
    journal.parent().unwrap_or(journal).display().to_string()
}

fn place(run: &v1::Run) -> String {
    match (&*run.entity, &*run.project) {
        ("", project) => project.to_owned(),
        (entity, project) => format!("{entity}/{project}"),
    }
}

/// The daemon and all runs; those that need somebody come first.
fn print(
    out: &mut impl io::Write,
    status: &mut v1::StatusResponse,
    now: f64,
    width: Option<usize>,
) -> io::Result<()> {
    let plural = if status.sessions == 1 { "" } else { "s" };
    writeln!(
        out,
        "wandbd {} (pid {}), started {}, {} session{plural}",
        status.version,
        status.pid,
        ago(status.started_at, now),
        status.sessions
    )?;
    writeln!(out, "state   {}", status.state_dir)?;
    writeln!(out, "socket  {}", status.socket)?;
    if !status.local_url.is_empty() {
        writeln!(out, "local   {}", status.local_url)?;
    }
    if status.staged_bytes > 0 {
        let (staged, limit) = (bytes(status.staged_bytes), bytes(status.staging_limit));
        let full = if status.staged_bytes >= status.staging_limit {
            "; more is refused until uploads catch up (WANDBD_STAGING_BYTES)"
        } else {
            ""
        };
        writeln!(
            out,
            "staged  {staged} of {limit} wait for their upload{full}"
        )?;
    }
    for drop in &status.drop {
        writeln!(out, "dropped {}: {}", drop.reason, drop.count)?;
    }
    if status.run.is_empty() {
        return writeln!(out, "no runs");
    }
    status.run.sort_by_key(|run| urgency(run.state()));
    writeln!(out, "\n{}", summary(&status.run))?;
    table(out, &status.run, width)?;
    notes(out, &status.run)
}

fn urgency(state: State) -> u8 {
    match state {
        State::Parked => 0,
        State::Waiting => 1,
        State::Finishing => 2,
        State::Live | State::Unspecified => 3,
        State::Offline => 4,
        State::Delivered => 5,
    }
}

/// "3 runs: 1 parked, 2 live".
fn summary(runs: &[v1::Run]) -> String {
    let mut states: BTreeMap<u8, (State, u64)> = BTreeMap::new();
    for run in runs {
        let state = run.state();
        states.entry(urgency(state)).or_insert((state, 0)).1 += 1;
    }
    let parts: Vec<String> = states
        .values()
        .map(|(state, number)| format!("{number} {}", state_word(*state)))
        .collect();
    format!("{}: {}", rows(runs.len(), "run"), parts.join(", "))
}

/// One line a run. Addresses are left out where they would make lines wrap: `wandbd status RUN` has them.
fn table(out: &mut impl io::Write, runs: &[v1::Run], width: Option<usize>) -> io::Result<()> {
    let mut lines = vec![["RUN", "STATE", "ROWS", "SENT", "PENDING"].map(str::to_owned)];
    lines.extend(runs.iter().map(|run| {
        [
            run.run_id.clone(),
            state_word(run.state()).to_owned(),
            count(run.rows),
            count(run.rows_delivered),
            bytes(run.bytes_pending),
        ]
    }));
    let longest = |column: usize| {
        let lengths = lines.iter().map(|line| line[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let columns: Vec<usize> = (0..5).map(longest).collect();
    let room = width.map(|width| width.saturating_sub(columns.iter().sum::<usize>() + 10));
    let url_fits = |run: &v1::Run| room.is_none_or(|room| run.url.chars().count() <= room);
    let with_urls = runs.iter().all(url_fits);
    let wheres = runs.iter().map(|run| {
        let text = match &*run.url {
            url if with_urls && !url.is_empty() => url.to_owned(),
            _ => place(run),
        };
        cut(text, room)
    });
    for (line, text) in lines
        .iter()
        .zip(["WHERE".to_owned()].into_iter().chain(wheres))
    {
        let line = format!(
            "{:<a$}  {:<b$}  {:>c$}  {:>d$}  {:>e$}  {text}",
            line[0],
            line[1],
            line[2],
            line[3],
            line[4],
            a = columns[0],
            b = columns[1],
            c = columns[2],
            d = columns[3],
            e = columns[4],
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn cut(text: String, room: Option<usize>) -> String {
    match room {
        Some(room) if text.chars().count() > room => {
            let kept: String = text.chars().take(room.saturating_sub(1)).collect();
            format!("{kept}…")
        }
        _ => text,
    }
}

/// Causes, each once with the runs that it holds up, and what was lost.
fn notes(out: &mut impl io::Write, runs: &[v1::Run]) -> io::Result<()> {
    let mut causes: Vec<(State, &str, Vec<&str>)> = Vec::new();
    for run in runs.iter().filter(|run| !run.cause.is_empty()) {
        let same = causes
            .iter_mut()
            .find(|(state, cause, _)| *state == run.state() && *cause == run.cause);
        match same {
            Some((_, _, ids)) => ids.push(&run.run_id),
            None => causes.push((run.state(), &run.cause, vec![&run.run_id])),
        }
    }
    if !causes.is_empty() {
        writeln!(out)?;
    }
    for (state, cause, ids) in causes {
        let more = ids.len().saturating_sub(NAMED);
        let named = ids[..ids.len() - more].join(", ");
        let rest = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        writeln!(out, "{}: {cause}\n  {named}{rest}", state_word(state))?;
    }
    for run in runs {
        if run.rows_dropped > 0 {
            writeln!(
                out,
                "{}: {} rows were dropped before they reached the journal",
                run.run_id, run.rows_dropped
            )?;
        }
        for reason in &run.artifact_failed {
            writeln!(out, "{}: an artifact was given up: {reason}", run.run_id)?;
        }
        if run.lines_quarantined > 0 {
            writeln!(
                out,
                "{}: the server refused {}",
                run.run_id,
                quarantine(run)
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, state: State) -> v1::Run {
        v1::Run {
            run_id: id.into(),
            state: state.into(),
            entity: "me".into(),
            project: "p".into(),
            url: format!("https://wandb.ai/me/p/runs/{id}"),
            journal: format!("/state/runs/run-1-{id}/run-{id}.wandb"),
            rows: 1234,
            ..v1::Run::default()
        }
    }

    fn shown(runs: Vec<v1::Run>, width: Option<usize>) -> String {
        let mut out = Vec::new();
        let mut status = v1::StatusResponse {
            run: runs,
            ..v1::StatusResponse::default()
        };
        print(&mut out, &mut status, 0.0, width).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn runs_that_need_somebody_come_first_and_a_cause_is_said_once() {
        let mut runs = vec![run("a", State::Live), run("b", State::Delivered)];
        for id in ["c", "d"] {
            let mut waits = run(id, State::Waiting);
            waits.cause = "cannot reach the server".into();
            runs.push(waits);
        }

        let text = shown(runs, None);

        assert!(
            text.contains("4 runs: 2 waiting, 1 live, 1 delivered"),
            "{text}"
        );
        assert_eq!(text.matches("cannot reach the server").count(), 1, "{text}");
        assert!(
            text.contains("waiting: cannot reach the server\n  c, d"),
            "{text}"
        );
        let at = |id: &str| text.find(&format!("\n{id} ")).unwrap();
        assert!(at("c") < at("a") && at("a") < at("b"), "{text}");
    }

    #[test]
    fn what_waits_in_the_staging_directory_is_told_and_what_to_do_when_it_is_full() {
        let mut status = v1::StatusResponse {
            staged_bytes: 1 << 30,
            staging_limit: 2 << 30,
            ..v1::StatusResponse::default()
        };
        let mut out = Vec::new();
        print(&mut out, &mut status, 0.0, None).unwrap();
        status.staging_limit = 1 << 30;
        print(&mut out, &mut status, 0.0, None).unwrap();

        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("staged"))
            .collect();
        assert_eq!(lines.len(), 2);
        assert!(!lines[0].contains("refused"), "{text}");
        assert!(lines[1].contains("WANDBD_STAGING_BYTES"), "{text}");
    }

    #[test]
    fn sixty_four_runs_take_one_line_each_on_a_narrow_terminal() {
        let runs = (0..64)
            .map(|n| run(&format!("run{n:05}"), State::Live))
            .collect();

        let text = shown(runs, Some(60));

        let lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("run"))
            .collect();
        assert_eq!(lines.len(), 64);
        assert!(
            lines.iter().all(|line| line.chars().count() <= 60),
            "{text}"
        );
        assert!(lines[0].ends_with("me/p"), "{text}");
    }

    #[test]
    fn one_run_is_told_with_its_cause_and_what_a_person_can_do() {
        let mut parked = run("abc", State::Parked);
        parked.cause = "not allowed: no seat".into();
        parked.lines_quarantined = 2;
        (parked.artifacts_waiting, parked.artifacts_superseded) = (1, 3);
        parked.exit_code = Some(1);
        let mut out = Vec::new();

        in_full(&mut out, &parked, 60.0).unwrap();

        let text = String::from_utf8(out).unwrap();
        for line in [
            "state     parked: not allowed: no seat",
            "to do     when the cause is gone, `wandbd retry abc`",
            "rows      1,234 journaled, 0 delivered",
            "refused   2 lines by the server; they are in /state/runs/run-1-abc/run-abc.wandb.quarantine",
            "ended     exit code 1",
            "artifacts 1 on their way, 3 left out for newer ones",
            "journal   /state/runs/run-1-abc/run-abc.wandb",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("dropped"), "{text}");
    }
}
