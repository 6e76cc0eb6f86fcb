//! One session: W&B's own rules for steps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The rules for one process, written down directly.
#[derive(Default)]
struct Model {
    step: i64,
    open: Option<BTreeMap<String, i64>>,
    rows: Vec<(i64, BTreeMap<String, i64>)>,
}

impl Model {
    fn log(&mut self, items: &[(String, i64)], step: Option<i64>, commit: Option<bool>) -> bool {
        if let Some(step) = step {
            if step > self.step {
                self.close();
                self.step = step;
            }
            if step < self.step {
                return false;
            }
        }
        let open = self.open.get_or_insert_default();
        open.extend(items.iter().cloned());
        if commit.unwrap_or(step.is_none()) {
            self.close();
            self.step += 1;
        }
        true
    }

    fn close(&mut self) {
        if let Some(row) = self.open.take() {
            self.rows.push((self.step, row));
        }
    }
}

proptest! {
    #[test]
    fn with_one_session_rows_are_those_of_the_rules_of_wandb(
        calls in proptest::collection::vec(
            (
                proptest::option::of(0_i64..12),
                proptest::option::of(any::<bool>()),
                proptest::collection::vec(("[abc]", 0_i64..9), 0..3),
            ),
            0..30,
        )
    ) {
        let mut model = Model::default();
        let mut rows = rows();
        let mut out = Vec::new();

        for (step, commit, items) in &calls {
            let fields = items
                .iter()
                .map(|(name, value)| json(&[name], &value.to_string()))
                .collect();
            let close = commit.unwrap_or(step.is_none());
            let taken = rows.apply("a", call(fields, *step, close, 1.0), &mut out);
            prop_assert_eq!(taken.is_ok(), model.log(items, *step, *commit));
            prop_assert_eq!(rows.next_step(), model.step);
        }
        rows.end_run(0, START + 2.0, &mut out);
        model.close();

        let expect: Vec<(i64, Vec<String>)> = model
            .rows
            .into_iter()
            .map(|(step, row)| {
                let mut leaves: Vec<String> =
                    row.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
                leaves.push(format!("_step={step}"));
                leaves.sort();
                (step, leaves)
            })
            .collect();
        let mut got = closed(&out);
        for (_, leaves) in &mut got {
            leaves.sort();
        }
        prop_assert_eq!(got, expect);
    }
}

#[test]
fn a_step_that_goes_back_is_refused_with_both_steps_and_changes_nothing() {
    let mut rows = rows();
    let mut out = Vec::new();
    for (step, close) in [(5, false), (5, false), (9, true)] {
        rows.apply(
            "a",
            call(vec![number("x", 1.0)], Some(step), close, 1.0),
            &mut out,
        )
        .unwrap();
    }
    let before = out.len();

    let refused = rows.apply("a", call(vec![], Some(3), false, 1.0), &mut out);

    assert_eq!(refused, Err(Refused::Backward { step: 3, next: 10 }));
    let text = refused.unwrap_err().to_string();
    assert!(text.contains(" 3 ") && text.contains(" 10"), "{text}");
    assert_eq!(out.len(), before);
    let more = log(&mut rows, vec![]);
    assert_eq!(
        closed(&out).iter().map(|row| row.0).collect::<Vec<_>>(),
        [5, 9]
    );
    assert_eq!(closed(&more)[0].0, 10);
}

#[test]
fn runtime_is_that_of_the_closing_call_and_timestamp_that_of_the_last_call_of_the_row() {
    let mut rows = rows();
    let mut out = Vec::new();

    rows.apply("a", call(vec![], Some(1), false, 2.0), &mut out)
        .unwrap();
    rows.apply("a", call(vec![], Some(1), false, 3.5), &mut out)
        .unwrap();
    rows.apply("a", call(vec![], Some(2), false, 7.0), &mut out)
        .unwrap();

    let row = &out[2];
    assert_eq!(leaf(row, "_timestamp"), "1003.5");
    assert_eq!(leaf(row, "_runtime"), "7");
    assert_eq!(leaf(row, "_step"), "1");
}

#[test]
fn leaves_of_nested_values_merge_deeply() {
    let mut rows = rows();
    let mut out = Vec::new();
    let first = vec![
        json(&["n", "x"], "1"),
        json(&["h"], r#"{"_type":"t","v":[1]}"#),
    ];
    rows.apply("a", call(first, None, false, 1.0), &mut out)
        .unwrap();
    let second = vec![json(&["n", "y"], "NaN"), json(&["h", "v"], "[2]")];
    rows.apply("a", call(second, None, true, 1.0), &mut out)
        .unwrap();

    assert_eq!(
        closed(&out)[0].1,
        ["n.x=1", "n.y=NaN", "h._type=\"t\"", "h.v=[2]", "_step=0"]
    );
}

#[test]
fn what_cannot_be_a_row_is_refused_and_the_open_row_is_as_before() {
    let mut rows = rows();
    let mut out = Vec::new();
    rows.apply(
        "a",
        call(vec![number("x", 1.0)], Some(1), false, 1.0),
        &mut out,
    )
    .unwrap();
    let before = out.len();

    let bad = [
        call(vec![json(&["x"], "{")], Some(7), true, 1.0),
        call(vec![], Some(i64::MAX), true, 1.0),
        call(vec![], Some(8), true, f64::NAN),
        v1::Record { kind: None },
    ];
    for record in bad {
        assert!(rows.apply("a", record, &mut out).is_err());
    }

    assert_eq!((out.len(), rows.next_step()), (before, 1));
    rows.end_run(0, START, &mut out);
    assert_eq!(
        closed(&out),
        [(1, vec!["x=1".to_owned(), "_step=1".into()])]
    );
    let late = rows.apply("a", call(vec![], None, true, 1.0), &mut out);
    assert_eq!(late, Err(Refused::Ended(0)));
}

#[test]
fn a_row_that_is_too_long_loses_its_largest_value_with_one_warning_that_names_it() {
    let mut rows = rows();
    let big = format!("\"{}\"", "x".repeat(crate::MAX_LINE_BYTES));

    let out = log(
        &mut rows,
        vec![number("loss", 0.5), json(&["img", "raw"], &big)],
    );

    assert_eq!(
        closed(&out),
        [(0, vec!["loss=0.5".to_owned(), "_step=0".into()])]
    );
    let warnings = rows.take_warnings();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("img.raw"), "{}", warnings[0]);
    assert!(rows.take_warnings().is_empty());
}

#[test]
fn an_object_without_leaves_says_nothing() {
    let mut rows = rows();

    let out = log(
        &mut rows,
        vec![json(&["e"], "{}"), json(&["n"], r#"{"a":{},"b":1}"#)],
    );

    assert_eq!(
        closed(&out)[0].1,
        ["n.b=1".to_owned(), "_step=0".to_owned()]
    );
    assert!(!rows.summary_json().contains("\"e\""));
}

#[test]
fn an_oversized_value_of_the_summary_costs_that_value_alone_with_one_warning_that_names_it() {
    let mut rows = rows();
    let big = format!("\"{}\"", "x".repeat(crate::MAX_LINE_BYTES));
    let update = v1::SummaryUpdate {
        update: vec![json(&["big"], &big), number("best", 1.0)],
        remove: vec![],
    };

    rows.apply("a", kind(Kind::Summary(update)), &mut Vec::new())
        .unwrap();

    assert_eq!(rows.summary_json(), r#"{"best":1}"#);
    let told = rows.take_warnings();
    assert!(told.len() == 1 && told[0].contains("\"big\""), "{told:?}");
}

#[test]
fn a_gap_is_counted_and_later_rows_keep_their_numbers() {
    let mut rows = rows();
    let gap = v1::Gap {
        rows: 3,
        first_step: 0,
        last_step: 2,
    };
    let mut out = Vec::new();

    rows.apply("a", kind(Kind::Gap(gap)), &mut out).unwrap();

    assert_eq!((rows.dropped_rows(), rows.next_step()), (3, 3));
    let note = note::note_of(&out[0]).unwrap().unwrap();
    assert_eq!(note.gap, Some(gap));
}
