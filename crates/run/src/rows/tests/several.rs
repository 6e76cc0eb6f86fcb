//! Several sessions of one run.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn whatever_order_sessions_log_in_no_value_is_lost_and_steps_rise(
        calls in proptest::collection::vec(
            (0..3_usize, proptest::option::weighted(0.3, 0_i64..20), any::<bool>(), any::<bool>()),
            0..40,
        )
    ) {
        let sessions = ["a", "b", "c"];
        let mut rows = rows();
        let (mut out, mut taken) = (Vec::new(), BTreeSet::new());
        for (index, (who, step, close, leaves)) in calls.into_iter().enumerate() {
            let name = format!("v{index}");
            let record = call(vec![json(&[&name], "1")], step, close, 1.0);
            if rows.apply(sessions[who], record, &mut out).is_ok() {
                taken.insert(format!("{name}=1"));
            }
            if leaves && close {
                rows.end_session(sessions[who], &mut out);
            }
        }
        rows.end_run(0, START + 2.0, &mut out);

        let rows = closed(&out);
        let kept: Vec<String> = rows
            .iter()
            .flat_map(|(_, leaves)| leaves.iter().filter(|leaf| leaf.starts_with('v')).cloned())
            .collect();
        prop_assert_eq!(kept.len(), taken.len(), "each value once");
        prop_assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), taken);
        prop_assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

#[test]
fn sessions_without_steps_have_rows_of_their_own_numbered_as_they_close() {
    let mut rows = rows();
    let mut out = Vec::new();

    rows.apply(
        "a",
        call(vec![number("a", 1.0)], None, false, 1.0),
        &mut out,
    )
    .unwrap();
    rows.apply("b", call(vec![number("b", 1.0)], None, true, 1.0), &mut out)
        .unwrap();
    rows.apply("a", call(vec![number("c", 1.0)], None, true, 1.0), &mut out)
        .unwrap();

    assert_eq!(
        closed(&out),
        [
            (0, vec!["b=1".to_owned(), "_step=0".into()]),
            (1, vec!["a=1".to_owned(), "c=1".into(), "_step=1".into()]),
        ]
    );
}

#[test]
fn the_row_of_a_step_takes_calls_of_all_sessions() {
    let mut rows = rows();
    let mut out = Vec::new();

    rows.apply(
        "a",
        call(vec![number("a", 1.0)], Some(4), false, 1.0),
        &mut out,
    )
    .unwrap();
    rows.apply(
        "b",
        call(vec![number("b", 1.0)], Some(4), false, 1.0),
        &mut out,
    )
    .unwrap();
    rows.apply(
        "b",
        call(vec![number("late", 1.0)], Some(5), false, 1.0),
        &mut out,
    )
    .unwrap();

    assert_eq!(
        closed(&out),
        [(4, vec!["a=1".to_owned(), "b=1".into(), "_step=4".into()])]
    );
}

#[test]
fn numbers_rise_even_when_one_session_names_steps_and_another_does_not() {
    let mut rows = rows();
    let mut out = Vec::new();

    rows.apply(
        "a",
        call(vec![number("a", 1.0)], Some(4), false, 1.0),
        &mut out,
    )
    .unwrap();
    rows.apply("b", call(vec![number("b", 1.0)], None, true, 1.0), &mut out)
        .unwrap();
    rows.apply(
        "a",
        call(vec![number("a", 2.0)], Some(6), true, 1.0),
        &mut out,
    )
    .unwrap();

    let steps: Vec<i64> = closed(&out).iter().map(|row| row.0).collect();
    assert_eq!(steps, [4, 5, 6]);
}

#[test]
fn a_session_that_ends_closes_its_own_row_and_says_goodbye() {
    let mut rows = rows();
    let mut out = Vec::new();
    rows.apply(
        "b",
        call(vec![number("b", 1.0)], None, false, 5.0),
        &mut out,
    )
    .unwrap();

    rows.end_session("b", &mut out);

    assert_eq!(
        closed(&out),
        [(0, vec!["b=1".to_owned(), "_step=0".into()])]
    );
    assert_eq!(leaf(&out[1], "_runtime"), "5");
    let note = note::note_of(&out[2]).unwrap().unwrap();
    assert!(note.session_end && note.session == "b");
}

#[test]
fn the_end_of_the_run_closes_all_rows_before_the_exit_record() {
    let mut rows = rows();
    let mut out = Vec::new();
    for (session, step) in [("a", Some(3)), ("b", None), ("c", None)] {
        rows.apply(
            session,
            call(vec![number(session, 1.0)], step, false, 1.0),
            &mut out,
        )
        .unwrap();
    }

    rows.end_run(7, START + 9.5, &mut out);

    let steps: Vec<i64> = closed(&out).iter().map(|row| row.0).collect();
    assert_eq!(steps, [3, 4, 5]);
    let Some(RecordType::Exit(exit)) = &out.last().unwrap().record_type else {
        panic!("the last record is no exit");
    };
    assert_eq!((exit.exit_code, exit.runtime), (7, 9));
    assert_eq!(rows.ended(), Some(7));
}

#[test]
fn other_records_go_to_the_journal_as_wandb_knows_them() {
    let mut rows = rows();
    let mut out = Vec::new();
    let config = v1::ConfigUpdate {
        update: vec![json(&["n", "b"], "2")],
        remove: vec![v1::Path {
            name: vec!["lr".into()],
        }],
    };
    let update = v1::RunUpdate {
        display_name: Some("foo".into()),
        ..v1::RunUpdate::default()
    };
    let output = v1::Output {
        text: "hi\n".into(),
        ..v1::Output::default()
    };
    for record in [
        Kind::Config(config),
        Kind::Run(update),
        Kind::Output(output),
    ] {
        rows.apply("a", kind(record), &mut out).unwrap();
    }

    assert_eq!(rows.config_json(), r#"{"n":{"a":null,"b":2}}"#);
    let configs: Vec<(usize, usize)> = out[..2]
        .iter()
        .map(|record| match &record.record_type {
            Some(RecordType::Config(config)) => (config.remove.len(), config.update.len()),
            other => panic!("no config record: {other:?}"),
        })
        .collect();
    assert_eq!(configs, [(1, 0), (0, 1)], "what is removed is told first");
    let Some(RecordType::Run(run)) = &out[2].record_type else {
        panic!("no run record");
    };
    assert_eq!(
        (run.display_name.as_str(), run.run_id.as_str()),
        ("foo", "r")
    );
    assert_eq!(run.config, None, "an old config must not come back");
    assert!(matches!(out[3].record_type, Some(RecordType::OutputRaw(_))));
}

#[test]
fn a_bad_artifact_is_refused_before_anything_is_journaled() {
    let mut rows = rows();
    let mut out = Vec::new();
    let artifact = v1::Artifact {
        name: "a/b".into(),
        ..v1::Artifact::default()
    };

    let refused = rows.apply("a", kind(Kind::Artifact(artifact)), &mut out);

    assert!(refused.unwrap_err().to_string().contains("a/b"));
    assert!(out.is_empty());
}
