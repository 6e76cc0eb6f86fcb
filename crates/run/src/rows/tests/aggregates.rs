//! The summary and `define_metric`; expectations were seen in journals of the released client (0.31.0).

use wandbd_record::v1::metric::Aggregate;

use super::*;

fn define(rows: &mut Rows, metric: v1::Metric) {
    let mut out = Vec::new();
    rows.apply("a", kind(Kind::Metric(metric)), &mut out)
        .unwrap();
    assert!(matches!(out[0].record_type, Some(RecordType::Metric(_))));
}

fn named(name: &str, summary: &[Aggregate]) -> v1::Metric {
    v1::Metric {
        name: name.into(),
        summary: summary.iter().map(|one| (*one).into()).collect(),
        ..v1::Metric::default()
    }
}

fn write(rows: &mut Rows, update: Vec<v1::Field>, remove: &[&[&str]]) {
    let update = v1::SummaryUpdate {
        update,
        remove: remove
            .iter()
            .map(|path| v1::Path {
                name: path.iter().map(|name| (*name).to_owned()).collect(),
            })
            .collect(),
    };
    rows.apply("a", kind(Kind::Summary(update)), &mut Vec::new())
        .unwrap();
}

/// The summary without the keys that W&B adds.
fn summary(rows: &Rows) -> String {
    let mut tree = Tree::parse_object(&rows.summary_json()).unwrap();
    for name in ["_step", "_timestamp", "_runtime", "_wandb"] {
        tree.remove(&[name]);
    }
    tree.to_json()
}

#[test]
fn the_summary_has_the_last_value_of_each_leaf_and_what_wandb_adds() {
    let mut rows = rows();
    log(&mut rows, vec![number("a", 1.0), json(&["n", "x"], "1")]);
    log(&mut rows, vec![number("a", f64::NAN)]);

    assert_eq!(
        rows.summary_json(),
        r#"{"a":NaN,"n":{"x":1},"_timestamp":1001,"_runtime":1,"_step":1,"_wandb":{"runtime":1}}"#
    );
}

#[test]
fn aggregates_show_as_an_object_with_exactly_the_chosen_keys() {
    let mut rows = rows();
    let all = [
        Aggregate::Min,
        Aggregate::Mean,
        Aggregate::Last,
        Aggregate::First,
    ];
    define(&mut rows, named("l", &all));
    define(&mut rows, named("no", &[Aggregate::None]));
    define(&mut rows, named("n.x", &[Aggregate::Max]));

    log(
        &mut rows,
        vec![number("l", 3.0), number("no", 1.0), json(&["n", "x"], "2")],
    );
    log(
        &mut rows,
        vec![number("l", 1.0), json(&["n", "x"], "\"text\"")],
    );

    assert_eq!(
        summary(&rows),
        r#"{"l":{"min":1,"mean":2,"first":3,"last":1},"n":{"x":{"max":2}}}"#
    );
}

#[test]
fn an_explicit_write_switches_aggregation_off_until_the_metric_is_defined_again() {
    let mut rows = rows();
    define(&mut rows, named("l", &[Aggregate::Min]));
    define(&mut rows, named("no", &[Aggregate::None]));
    log(&mut rows, vec![number("l", 3.0), number("no", 1.0)]);

    write(&mut rows, vec![number("l", 77.0), number("no", 78.0)], &[]);
    assert_eq!(summary(&rows), r#"{"l":77,"no":78}"#);

    log(&mut rows, vec![number("l", 5.0), number("no", 2.0)]);
    assert_eq!(summary(&rows), r#"{"l":5,"no":78}"#);

    write(&mut rows, vec![], &[&["l"]]);
    assert_eq!(summary(&rows), r#"{"no":78}"#);
    log(&mut rows, vec![number("l", 9.0)]);
    assert_eq!(summary(&rows), r#"{"l":9,"no":78}"#);

    define(&mut rows, named("other", &[Aggregate::Max]));
    log(&mut rows, vec![number("l", 8.0)]);
    assert_eq!(summary(&rows), r#"{"l":8,"no":78}"#);

    define(&mut rows, named("l", &[Aggregate::Max]));
    log(&mut rows, vec![number("l", 8.0)]);
    assert_eq!(summary(&rows), r#"{"l":{"min":3,"max":9},"no":78}"#);
}

#[test]
fn a_step_metric_comes_along_with_its_last_known_value_or_zero() {
    let mut rows = rows();
    let stepped = |name: &str, glob: &str| v1::Metric {
        name: name.into(),
        glob: glob.into(),
        step_metric: "epoch".into(),
        ..v1::Metric::default()
    };
    define(&mut rows, stepped("acc", ""));
    define(&mut rows, stepped("", "val/*"));

    let mut out = log(&mut rows, vec![number("acc", 0.5), number("val/x", 1.0)]);
    out.extend(log(
        &mut rows,
        vec![number("acc", 0.4), number("epoch", 3.0)],
    ));
    out.extend(log(&mut rows, vec![number("val/x", 2.0)]));
    out.extend(log(&mut rows, vec![number("loss", 2.0)]));

    let leaves: Vec<String> = closed(&out)
        .into_iter()
        .map(|row| row.1.join(" "))
        .collect();
    assert_eq!(
        leaves,
        [
            "acc=0.5 val/x=1 epoch=0 _step=0",
            "acc=0.4 epoch=3 _step=1",
            "val/x=2 epoch=3 _step=2",
            "loss=2 _step=3",
        ]
    );
}

#[test]
fn an_explicit_object_replaces_what_was_there() {
    let mut rows = rows();
    log(&mut rows, vec![json(&["n"], r#"{"x":1,"y":2}"#)]);
    rows.take_summary();

    write(&mut rows, vec![json(&["n"], r#"{"x":3,"q":5}"#)], &[]);

    assert_eq!(summary(&rows), r#"{"n":{"x":3,"q":5}}"#);
    let Some(RecordType::Summary(record)) = rows.take_summary().unwrap().record_type else {
        panic!("no summary record");
    };
    let gone: Vec<_> = record
        .remove
        .iter()
        .map(|item| item.nested_key.join("."))
        .collect();
    assert_eq!(gone, ["n.y"]);
    assert_eq!(record.update.len(), 2);
    assert_eq!(rows.take_summary(), None);
}

#[test]
fn removing_an_unknown_key_is_told_too_because_a_resumed_run_may_have_it() {
    let mut rows = rows();
    write(&mut rows, vec![], &[&["old", "key"]]);

    let Some(RecordType::Summary(record)) = rows.take_summary().unwrap().record_type else {
        panic!("no summary record");
    };

    assert_eq!(record.remove[0].nested_key, ["old", "key"]);
}

#[test]
fn at_the_end_run_times_are_whole_seconds() {
    let mut rows = rows();
    log(&mut rows, vec![]);
    let mut out = Vec::new();

    rows.end_run(0, START + 2.9, &mut out);

    assert!(
        rows.summary_json().contains(r#""_runtime":2"#),
        "{}",
        rows.summary_json()
    );
    assert!(rows.summary_json().contains(r#""_wandb":{"runtime":2}"#));
}

#[test]
fn nan_is_the_smallest_and_the_largest_once_it_was_logged() {
    let mut rows = rows();
    let metric = v1::Metric {
        name: "loss".into(),
        summary: vec![
            Aggregate::Min.into(),
            Aggregate::Max.into(),
            Aggregate::Mean.into(),
        ],
        ..v1::Metric::default()
    };
    rows.apply("a", kind(Kind::Metric(metric)), &mut Vec::new())
        .unwrap();

    for value in [1.0, f64::NAN, 2.0] {
        log(&mut rows, vec![number("loss", value)]);
    }

    let summary = rows.summary_json();
    assert!(
        summary.starts_with(r#"{"loss":{"min":NaN,"max":NaN,"mean":NaN}"#),
        "{summary}"
    );
}
