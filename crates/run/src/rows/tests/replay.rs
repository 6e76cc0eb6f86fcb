//! A crash changes nothing: what is replayed is what was.

use proptest::prelude::*;
use wandbd_record::v1::metric::Aggregate;
use wandbd_record::wandb::HeaderRecord;

use super::*;
use crate::{Batch, Lines, Opened};

#[derive(Debug, Clone)]
enum Step {
    Log(usize, Option<i64>, bool, Vec<(String, String)>),
    Write(String, String),
    Remove(String),
    Define(String, String, i32),
    Gap(i64),
    Goodbye(usize),
    Commit,
}

const SESSIONS: [&str; 3] = ["s0", "s1", "s2"];

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["a", "b", "n.x", "n.y", "n"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "1",
        "-2.5",
        "NaN",
        "\"t\"",
        "[1]",
        "{}",
        r#"{"x":7,"z":[]}"#,
    ])
    .prop_map(str::to_owned)
}

fn step() -> impl Strategy<Value = Step> {
    let row = proptest::collection::vec((name(), value()), 0..3);
    prop_oneof![
        8 => (0..3_usize, proptest::option::weighted(0.4, 0_i64..15), any::<bool>(), row)
            .prop_map(|(who, step, close, row)| Step::Log(who, step, close, row)),
        2 => (name(), value()).prop_map(|(name, value)| Step::Write(name, value)),
        1 => name().prop_map(Step::Remove),
        1 => (name(), name(), 0..9).prop_map(|(name, step, one)| Step::Define(name, step, one)),
        1 => (0_i64..15).prop_map(Step::Gap),
        1 => (0..3_usize).prop_map(Step::Goodbye),
        4 => Just(Step::Commit),
    ]
}

fn field((name, value): &(String, String)) -> v1::Field {
    let names: Vec<&str> = name.split('.').collect();
    json(&names, value)
}

fn summary_update(update: Vec<v1::Field>, remove: Vec<v1::Path>) -> v1::Record {
    kind(Kind::Summary(v1::SummaryUpdate { update, remove }))
}

/// Does one step; false when it was refused.
fn act(rows: &mut Rows, step: &Step, time: f64, out: &mut Vec<Record>) -> bool {
    let record = match step {
        Step::Log(who, step, close, row) => {
            let record = call(row.iter().map(field).collect(), *step, *close, time);
            return rows.apply(SESSIONS[*who], record, out).is_ok();
        }
        Step::Goodbye(who) => {
            rows.end_session(SESSIONS[*who], out);
            return true;
        }
        Step::Commit => return true,
        Step::Write(name, value) => {
            summary_update(vec![field(&(name.clone(), value.clone()))], vec![])
        }
        Step::Remove(name) => {
            let path = v1::Path {
                name: name.split('.').map(str::to_owned).collect(),
            };
            summary_update(vec![], vec![path])
        }
        Step::Define(name, step, aggregate) => kind(Kind::Metric(v1::Metric {
            name: name.clone(),
            step_metric: step.clone(),
            summary: vec![Aggregate::try_from(*aggregate).unwrap_or_default().into()],
            ..v1::Metric::default()
        })),
        Step::Gap(last) => kind(Kind::Gap(v1::Gap {
            rows: 1,
            first_step: *last,
            last_step: *last,
        })),
    };
    rows.apply(SESSIONS[0], record, out).is_ok()
}

/// Does the steps, each with its time, and gives the groups as frames, and which steps were taken.
fn play(rows: &mut Rows, steps: &[(f64, Step)]) -> (Vec<Vec<Vec<u8>>>, Vec<bool>) {
    let (mut groups, mut taken, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for (time, step) in steps {
        taken.push(act(rows, step, *time, &mut out));
        if matches!(step, Step::Commit) {
            groups.push(group(rows, &mut out));
        }
    }
    rows.end_run(0, START + 100.0, &mut out);
    groups.push(group(rows, &mut out));
    (groups, taken)
}

fn group(rows: &mut Rows, out: &mut Vec<Record>) -> Vec<Vec<u8>> {
    let summary = rows.take_summary();
    let records = summary.into_iter().chain(out.drain(..));
    records.map(|record| note::encode(&record)).collect()
}

fn replayed(groups: &[Vec<Vec<u8>>]) -> Rows {
    let mut again = rows();
    for frame in groups.iter().flatten() {
        again.replay(&note::decode(frame).unwrap()).unwrap();
    }
    again
}

/// Leaves in the order of their names.
fn sorted(text: &str) -> Vec<String> {
    let tree = Tree::parse_object(text).unwrap();
    let mut leaves: Vec<String> = tree
        .leaves()
        .filter(|(_, raw)| *raw != "{}")
        .map(|(path, raw)| format!("{path:?}={raw}"))
        .collect();
    leaves.sort();
    leaves
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_run_that_was_cut_at_a_group_and_replayed_goes_on_as_if_nothing_had_happened(
        steps in proptest::collection::vec(step(), 0..60)
    ) {
        let steps: Vec<(f64, Step)> = (1..).map(f64::from).zip(steps).collect();
        let mut uncut = rows();
        let (groups, taken) = play(&mut uncut, &steps);

        for cut in 0..groups.len() {
            let mut again = replayed(&groups[..cut]);
            let commits = steps
                .iter()
                .enumerate()
                .filter(|(_, (_, step))| matches!(step, Step::Commit));
            let from = cut
                .checked_sub(1)
                .and_then(|last| commits.map(|(index, _)| index + 1).nth(last))
                .unwrap_or(0);
            let (rest, taken_again) = play(&mut again, &steps[from..]);

            prop_assert_eq!(&taken_again, &taken[from..]);
            for (new, old) in rest.iter().zip(&groups[cut..]) {
                let read = |frames: &[Vec<u8>]| -> Vec<Record> {
                    frames.iter().map(|frame| note::decode(frame).unwrap()).collect()
                };
                prop_assert_eq!(read(new), read(old), "cut {}", cut);
            }
            prop_assert_eq!(rest.len(), groups.len() - cut);
            prop_assert_eq!(again.summary_json(), uncut.summary_json());
            prop_assert_eq!(again.rows(), uncut.rows());
            prop_assert_eq!(again.dropped_rows(), uncut.dropped_rows());
        }
    }

    #[test]
    fn the_destination_ends_with_the_summary_that_the_rows_have(
        steps in proptest::collection::vec(step(), 0..60)
    ) {
        let steps: Vec<(f64, Step)> = (1..).map(f64::from).zip(steps).collect();
        let mut before = rows();
        let (groups, _) = play(&mut before, &steps);
        let mut lines = Lines::new(&Opened::default());
        let mut batch = Batch::default();

        for frame in groups.iter().flatten() {
            lines.apply(&note::decode(frame).unwrap(), &mut batch).unwrap();
        }

        prop_assert_eq!(sorted(&lines.summary_json()), sorted(&before.summary_json()));
        prop_assert_eq!(lines.counts().history, before.rows());
        let steps: Vec<i64> = batch
            .history
            .iter()
            .map(|line| {
                let row = Tree::parse_object(line).unwrap();
                let Some(Node::Leaf(raw)) = row.get(&["_step"]) else { panic!("{line}") };
                raw.parse().unwrap()
            })
            .collect();
        prop_assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", steps);
    }
}

#[test]
fn in_a_journal_of_another_writer_the_summary_is_that_of_its_summary_records() {
    let mut again = Rows::new(START);
    let header = HeaderRecord {
        version_info: Some(wandbd_record::wandb::VersionInfo {
            producer: "0.31.0+abc".into(),
            min_consumer: "0.70.0".into(),
        }),
    };
    let mut before = rows();
    let mut out = log(&mut before, vec![number("a", 1.0)]);
    let summary = before.take_summary().unwrap();

    again
        .replay(&note::record(RecordType::Header(header)))
        .unwrap();
    again.replay(&out.remove(0)).unwrap();
    assert_eq!(again.summary_json(), "{}");
    again.replay(&summary).unwrap();

    assert_eq!(again.summary_json(), before.summary_json());
    assert_eq!((again.next_step(), again.rows()), (1, 1));
}

#[test]
fn a_note_that_cannot_be_read_is_told_and_its_record_counts() {
    let mut before = rows();
    let mut record = log(&mut before, vec![number("a", 1.0)]).remove(0);
    record.wandbd = vec![0xff];
    let mut again = rows();

    assert!(again.replay(&record).is_err());

    assert_eq!(again.rows(), 1);
    assert_eq!(again.summary_json(), before.summary_json());
}
