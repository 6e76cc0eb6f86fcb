//! Going on with a run that the server has.

use proptest::prelude::*;
use wandbd_record::v1::Note;

use super::*;
use crate::{Batch, Lines, Opened};

const BASE: i64 = 50;

fn opened() -> Opened {
    Opened {
        step_base: BASE,
        runtime_base: 40.0,
        inherited_summary: r#"{"old":1,"loss":9,"_step":49,"n":{"x":2}}"#.into(),
        inherited_config: r#"{"lr":9,"keep":{"x":1}}"#.into(),
        resumed: true,
        ..Opened::default()
    }
}

/// The records that open a run with `resume`.
fn opening() -> Record {
    let open = v1::OpenRun {
        run_id: "r".into(),
        project: "p".into(),
        config_json: r#"{"lr":0.1}"#.into(),
        start_time: START,
        resume: "allow".into(),
        ..v1::OpenRun::default()
    };
    let mut record = note::record(RecordType::Run(run_record(&open).unwrap()));
    let opened = v1::Opened {
        run: Some(open),
        ..v1::Opened::default()
    };
    note::set_note(
        &mut record,
        Note {
            opened: Some(opened),
            ..Note::default()
        },
    );
    record
}

fn resuming() -> Rows {
    let mut rows = Rows::new(START);
    rows.replay(&opening()).unwrap();
    rows
}

/// One call and its group.
fn log_at(rows: &mut Rows, step: Option<i64>, close: bool) -> Vec<Record> {
    let mut out = Vec::new();
    let row = call(vec![number("loss", 1.0)], step, close, 2.0);
    rows.apply("a", row, &mut out).unwrap();
    let summary = rows.take_summary();
    summary.into_iter().chain(out).collect()
}

fn go_on(rows: &mut Rows) -> Vec<Record> {
    let mut out = Vec::new();
    rows.go_on(&opened(), &mut out);
    out
}

fn end(rows: &mut Rows) -> Vec<Record> {
    let mut out = Vec::new();
    rows.end_run(0, START + 3.0, &mut out);
    let summary = rows.take_summary();
    summary.into_iter().chain(out).collect()
}

/// What the server gets: the steps, and the whole batch.
fn posted(records: &[Record]) -> (Vec<i64>, Lines, Batch) {
    let (mut lines, mut batch) = (Lines::new(&opened()), Batch::default());
    lines.apply(&opening(), &mut batch).unwrap();
    for record in records {
        lines.apply(record, &mut batch).unwrap();
    }
    let step = |line: &String| {
        let row = Tree::parse_object(line).unwrap();
        let Some(Node::Leaf(raw)) = row.get(&["_step"]) else {
            panic!("{line}")
        };
        raw.parse().unwrap()
    };
    (batch.history.iter().map(step).collect(), lines, batch)
}

#[test]
fn rows_after_the_servers_answer_have_its_numbers_and_times_and_nothing_is_moved_twice() {
    let mut rows = resuming();
    let mut all = go_on(&mut rows);
    assert_eq!(rows.next_step(), BASE);

    all.extend(log_at(&mut rows, None, true));

    assert_eq!(closed(&all)[0].0, BASE);
    let (steps, lines, batch) = posted(&all);
    assert_eq!(steps, [BASE]);
    assert!(batch.history[0].contains(r#""_runtime":42"#), "{batch:?}");
    let summary = lines.summary_json();
    assert!(
        summary.contains(r#""_step":50"#) && summary.contains(r#""runtime":42"#),
        "{summary}"
    );
}

#[test]
fn reads_show_what_the_run_had_until_it_is_written_over() {
    let mut rows = resuming();
    go_on(&mut rows);
    assert_eq!(
        rows.summary_json(),
        r#"{"old":1,"loss":9,"_step":49,"n":{"x":2}}"#
    );
    assert_eq!(rows.config_json(), r#"{"lr":0.1,"keep":{"x":1}}"#);

    log_at(&mut rows, None, true);

    let summary = rows.summary_json();
    assert!(
        summary.starts_with(r#"{"old":1,"loss":1,"_step":50,"n":{"x":2}"#),
        "{summary}"
    );
}

#[test]
fn rows_before_the_answer_are_moved_and_later_ones_go_on_after_them() {
    let mut rows = resuming();
    let mut all = log_at(&mut rows, None, true);
    all.extend(log_at(&mut rows, None, true));

    all.extend(go_on(&mut rows));
    all.extend(log_at(&mut rows, None, true));

    assert_eq!(posted(&all).0, [50, 51, 52]);
    assert_eq!(rows.next_step(), 53);
}

#[test]
fn a_step_that_the_user_gave_is_never_moved() {
    let mut rows = resuming();
    let mut all = log_at(&mut rows, Some(60), true);
    all.extend(log_at(&mut rows, None, true));
    let before = posted(&all).1.summary_json();

    all.extend(go_on(&mut rows));
    all.extend(log_at(&mut rows, None, true));

    assert_eq!(posted(&all).0, [60, 61, 62]);
    assert!(before.contains(r#""_step":61"#), "{before}");
}

#[test]
fn a_step_below_the_servers_is_refused_once_it_has_answered() {
    let mut rows = resuming();
    log_at(&mut rows, Some(3), false);
    let at_the_answer = go_on(&mut rows);

    let late = rows.apply("a", call(vec![], Some(3), true, 1.0), &mut Vec::new());

    assert_eq!(closed(&at_the_answer)[0].0, 3);
    assert_eq!(
        late,
        Err(Refused::Backward {
            step: 3,
            next: BASE
        })
    );
}

#[test]
fn a_new_run_is_not_moved_and_only_the_first_answer_counts() {
    let mut rows = resuming();
    let mut out = Vec::new();
    rows.go_on(&Opened::default(), &mut out);
    assert!(out.is_empty() && rows.next_step() == 0);

    let mut rows = resuming();
    assert_eq!(go_on(&mut rows).len(), 1);
    assert!(go_on(&mut rows).is_empty());
    assert_eq!(rows.next_step(), BASE);
}

proptest! {
    #[test]
    fn whenever_the_server_answers_and_whoever_crashes_steps_rise_by_one_from_the_servers_number(
        closes in proptest::collection::vec(any::<bool>(), 1..12),
        answer in 0_usize..12,
        crash in 0_usize..14,
    ) {
        let mut rows = resuming();
        let mut groups: Vec<Vec<Record>> = Vec::new();
        let restart = |rows: &mut Rows, groups: &[Vec<Record>]| {
            *rows = resuming();
            for record in groups.iter().flatten() {
                rows.replay(record).unwrap();
            }
        };
        for (index, close) in closes.iter().enumerate() {
            if index == crash {
                restart(&mut rows, &groups);
            }
            if index == answer {
                groups.push(go_on(&mut rows));
            }
            groups.push(log_at(&mut rows, None, *close));
        }
        // An uploader that starts again says again what it knows.
        restart(&mut rows, &groups);
        groups.push(go_on(&mut rows));
        groups.push(end(&mut rows));

        let rows_due = closes.iter().filter(|close| **close).count()
            + usize::from(closes.last() == Some(&false));
        let (steps, lines, _) = posted(&groups.concat());
        let expect: Vec<i64> = (BASE..).take(rows_due).collect();
        prop_assert_eq!(&steps, &expect);
        let summary = lines.summary_json();
        let last = format!("\"_step\":{}", expect.last().unwrap());
        prop_assert!(summary.contains(&last), "{}", summary);
    }
}
