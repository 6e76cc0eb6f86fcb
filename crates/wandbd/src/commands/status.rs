//! `wandbd status`: the daemon and its runs in one table, or one run in full.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
};

use wandbd_proto::v1::{self, run::State};

use super::{
    Outcome, client, terminal,
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
        "resumed": run.resumed, "opened": run.opened, "error": run.error, "starting_step": run.starting_step, "tags": run.tag,
        "notes": run.notes, "group": run.group, "job_type": run.job_type, "sweep_id": run.sweep_id,
    })
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
            "journal   /state/runs/run-1-abc/run-abc.wandb",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("dropped"), "{text}");
    }
}
