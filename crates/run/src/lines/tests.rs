//! Specs of [`Lines`].

use wandbd_record::convert::{
    history_item, history_record, run_record, stats_record, summary_item, timestamp,
};
use wandbd_record::note;
use wandbd_record::v1;
use wandbd_record::wandb::{
    ConfigItem, ConfigRecord, CpuInfo, DiskInfo, EnvironmentRecord, FilesItem, FilesRecord,
    HistoryItem, HistoryRecord, HistoryStep, MetricRecord, OutputLoggerRecord, RunExitRecord,
    history_item::Typed, output_raw_record::OutputType,
};

use super::*;
use crate::FilePolicy;

fn run() -> RunRecord {
    run_record(&v1::OpenRun {
        run_id: "r".into(),
        project: "p".into(),
        display_name: "first".into(),
        config_json: r#"{"lr":0.1,"n":{"a":NaN}}"#.into(),
        start_time: 1000.0,
        feature: vec![16, 7],
        program: Some(v1::Program {
            language_version: "3.11.7".into(),
            cli_version: "0.1.0".into(),
            ..v1::Program::default()
        }),
        ..v1::OpenRun::default()
    })
    .unwrap()
}

fn fold(opened: &Opened, kinds: Vec<RecordType>) -> (Lines, Batch) {
    let mut lines = Lines::new(opened);
    let mut batch = Batch::default();
    for kind in kinds {
        lines.apply(&note::record(kind), &mut batch).unwrap();
    }
    (lines, batch)
}

fn row(leaves: &[(&[&str], &str)], step: i64) -> RecordType {
    let items = leaves
        .iter()
        .map(|(path, raw)| {
            history_item(
                path.iter().map(|name| (*name).to_owned()).collect(),
                (*raw).to_owned(),
            )
        })
        .collect();
    RecordType::History(history_record(items, step))
}

fn summary(leaves: &[(&[&str], &str)], remove: &[&[&str]]) -> RecordType {
    let item = |path: &[&str], raw: &str| {
        summary_item(
            path.iter().map(|name| (*name).to_owned()).collect(),
            raw.to_owned(),
        )
    };
    RecordType::Summary(SummaryRecord {
        update: leaves.iter().map(|(path, raw)| item(path, raw)).collect(),
        remove: remove.iter().map(|path| item(path, "")).collect(),
    })
}

#[test]
fn a_row_is_a_line_in_the_order_of_its_leaves_with_nested_names_nested() {
    let (lines, batch) = fold(
        &Opened::default(),
        vec![
            row(&[(&["a/b"], "1"), (&["d.x"], "NaN"), (&["_step"], "0")], 0),
            row(
                &[
                    (&["n", "x"], "1"),
                    (&["a"], "\"t\""),
                    (&["n", "y"], "[1]"),
                    (&["_step"], "4"),
                ],
                4,
            ),
            row(&[(&["h"], r#"{"_type":"t","v":1}"#)], 5),
        ],
    );

    assert_eq!(
        batch.history,
        [
            r#"{"a/b":1,"d.x":NaN,"_step":0}"#,
            r#"{"n":{"x":1,"y":[1]},"a":"t","_step":4}"#,
            r#"{"h":{"_type":"t","v":1},"_step":5}"#,
        ]
    );
    assert_eq!(lines.counts().history, 3);
    assert!(batch.bytes >= batch.history.iter().map(String::len).sum());
}

#[test]
fn rows_of_other_writers_with_full_paths_and_typed_values_are_read() {
    let item = |path: &[&str], typed: Typed| HistoryItem {
        nested_key: path.iter().map(|name| (*name).to_owned()).collect(),
        typed: Some(typed),
        ..HistoryItem::default()
    };
    let typed = HistoryRecord {
        item: vec![
            item(&["i"], Typed::Integer(-3)),
            item(&["f"], Typed::Number(0.5)),
            item(&["t"], Typed::Text("a\"b".into())),
            item(&["b"], Typed::Boolean(true)),
            item(&["z"], Typed::None(0)),
            item(&["_step"], Typed::Integer(2)),
        ],
        step: Some(HistoryStep { num: 2 }),
    };

    let (_, batch) = fold(&Opened::default(), vec![RecordType::History(typed)]);

    assert_eq!(
        batch.history,
        [r#"{"i":-3,"f":0.5,"t":"a\"b","b":true,"z":null,"_step":2}"#]
    );
}

#[test]
fn a_value_that_is_no_json_is_left_out_and_told_and_the_line_counts() {
    let mut lines = Lines::new(&Opened::default());
    let mut batch = Batch::default();
    let record = note::record(row(
        &[(&["bad"], "{"), (&["good"], "1"), (&["_step"], "0")],
        0,
    ));

    let fault = lines.apply(&record, &mut batch);

    assert!(fault.unwrap_err().to_string().contains("bad"));
    assert_eq!(batch.history, [r#"{"good":1,"_step":0}"#]);
}

#[test]
fn a_resumed_run_goes_on_where_the_destination_was() {
    let opened = Opened {
        step_base: 8,
        runtime_base: 40.5,
        console_base: 11,
        inherited_summary: r#"{"old":1,"_step":7}"#.into(),
        inherited_config: r#"{"lr":9,"keep":{"x":1},"_wandb":{"viz":1,"t":{"4":"x"}}}"#.into(),
        ..Opened::default()
    };
    let output = OutputRawRecord {
        output_type: OutputType::Stdout.into(),
        timestamp: Some(timestamp(0.0)),
        line: "hi".into(),
    };
    let (lines, batch) = fold(
        &opened,
        vec![
            RecordType::Run(run()),
            summary(
                &[
                    (&["_step"], "0"),
                    (&["_runtime"], "1"),
                    (&["_wandb", "runtime"], "1"),
                ],
                &[],
            ),
            row(&[(&["_step"], "0"), (&["_runtime"], "1")], 0),
            RecordType::OutputRaw(output),
        ],
    );

    assert_eq!(batch.history, [r#"{"_step":8,"_runtime":41.5}"#]);
    assert_eq!(
        lines.summary_json(),
        r#"{"old":1,"_step":8,"_runtime":41.5,"_wandb":{"runtime":1}}"#
            .replace(r#"{"runtime":1}"#, r#"{"runtime":41.5}"#)
    );
    assert_eq!(batch.console.keys().copied().collect::<Vec<_>>(), [11]);
    let config = lines.config_json();
    assert!(config.contains(r#""keep":{"value":{"x":1}}"#), "{config}");
    assert!(config.contains(r#""lr":{"value":0.1}"#), "{config}");
    assert!(
        config.contains(r#""viz":1"#) && !config.contains(r#""4":"x""#),
        "{config}"
    );
}

#[test]
fn the_config_has_the_wire_form_and_strict_numbers() {
    let late = ConfigRecord {
        update: vec![ConfigItem {
            nested_key: vec!["n".into(), "b".into()],
            value_json: "[Infinity]".into(),
            ..ConfigItem::default()
        }],
        remove: vec![ConfigItem {
            key: "lr".into(),
            ..ConfigItem::default()
        }],
    };
    let metric = MetricRecord {
        name: "acc".into(),
        step_metric: "epoch".into(),
        ..MetricRecord::default()
    };

    let (lines, batch) = fold(
        &Opened::default(),
        vec![
            RecordType::Run(run()),
            RecordType::Config(late),
            RecordType::Metric(metric),
        ],
    );

    assert!(batch.config && batch.params);
    assert_eq!(
        lines.config_json(),
        concat!(
            r#"{"n":{"value":{"a":null,"b":[null]}},"_wandb":{"value":{"#,
            r#""t":{"3":[7,16],"4":"3.11.7","5":"0.1.0"},"#,
            r#""m":[{"1":"acc","5":2,"6":[],"7":[]},{"1":"epoch","6":[],"7":[]}],"#,
            r#""cli_version":"0.1.0","python_version":"3.11.7"}}}"#
        )
    );
    assert_eq!(
        lines.config_tree().to_json(),
        r#"{"n":{"a":NaN,"b":[Infinity]}}"#
    );
    let parsed: serde_json::Value = serde_json::from_str(&lines.config_json()).unwrap();
    assert!(parsed["_wandb"]["value"]["t"].is_object());
}

#[test]
fn the_list_of_telemetry_is_there_even_when_it_is_empty() {
    let (lines, _) = fold(&Opened::default(), vec![]);

    assert_eq!(
        lines.config_json(),
        r#"{"_wandb":{"value":{"t":{},"m":[]}}}"#
    );
}

#[test]
fn metadata_has_the_names_of_wandb_and_long_integers_as_text() {
    let first = EnvironmentRecord {
        os: "Linux".into(),
        started_at: Some(timestamp(0.5)),
        args: vec!["--lr".into(), "0.1".into()],
        program: "train.py".into(),
        cpu_count: 4,
        ..EnvironmentRecord::default()
    };
    let probed = EnvironmentRecord {
        disk: [(
            "/".to_owned(),
            DiskInfo {
                total: 1 << 40,
                used: 7,
            },
        )]
        .into(),
        cpu: Some(CpuInfo {
            count: 4,
            count_logical: 8,
            model: "m".into(),
        }),
        writer_id: "w".into(),
        ..EnvironmentRecord::default()
    };

    let (lines, batch) = fold(
        &Opened {
            email: "me@example.org".into(),
            ..Opened::default()
        },
        vec![
            RecordType::Environment(first),
            RecordType::Environment(probed),
        ],
    );

    let metadata = lines.metadata_json().unwrap();
    assert_eq!(
        metadata,
        concat!(
            r#"{"os":"Linux","startedAt":"1970-01-01T00:00:00.500000Z","args":["--lr","0.1"],"#,
            r#""program":"train.py","email":"me@example.org","cpu_count":4,"disk":{"/":{"total":"1099511627776","used":"7"}},"#,
            r#""cpu":{"count":4,"countLogical":8,"model":"m"},"writerId":"w"}"#
        )
    );
    assert!(batch.metadata);
    assert!(
        lines
            .config_json()
            .contains(&format!(r#""e":{{"w":{metadata}}}"#))
    );
    assert_eq!(lines.run().program, "train.py");
}

#[test]
fn system_metrics_are_a_line_with_prefix_and_run_time_and_keep_the_label_of_their_names() {
    let opened = Opened {
        label: Some("node-1".into()),
        ..Opened::default()
    };
    let stats = stats_record(
        1015.25,
        [
            ("cpu/l:node-1".to_owned(), "0.5".to_owned()),
            ("bad".into(), "NaN".into()),
        ],
    );

    let (lines, batch) = fold(
        &opened,
        vec![RecordType::Run(run()), RecordType::Stats(stats)],
    );

    assert_eq!(
        batch.events,
        [r#"{"_wandb":true,"_timestamp":1015.25,"_runtime":15.25,"system.cpu/l:node-1":0.5}"#]
    );
    assert_eq!(lines.counts().events, 1);
}

#[test]
fn the_summary_follows_summary_records_only() {
    let (lines, batch) = fold(
        &Opened::default(),
        vec![
            summary(&[(&["a"], "1"), (&["n"], r#"{"q":5}"#)], &[]),
            row(&[(&["a"], "2")], 0),
            summary(&[(&["n", "x"], "NaN"), (&["l"], r#"{"max":2}"#)], &[&["a"]]),
            summary(&[(&["l"], "3")], &[]),
        ],
    );

    assert!(batch.summary);
    assert_eq!(lines.summary_json(), r#"{"n":{"q":5,"x":NaN},"l":3}"#);
}

#[test]
fn a_summary_that_is_too_long_loses_only_its_largest_value() {
    let big = format!("\"{}\"", "x".repeat(MAX_LINE_BYTES));

    let (lines, _) = fold(
        &Opened::default(),
        vec![summary(&[(&["big"], &big), (&["a"], "1")], &[])],
    );

    assert_eq!(lines.summary_json(), r#"{"a":1}"#);
}

#[test]
fn later_run_records_change_only_what_a_user_can_change() {
    let later = RunRecord {
        display_name: "second".into(),
        tags: vec!["x".into()],
        config: Some(ConfigRecord {
            update: vec![ConfigItem {
                key: "lr".into(),
                value_json: "5".into(),
                ..ConfigItem::default()
            }],
            remove: vec![],
        }),
        ..run()
    };

    let (lines, _) = fold(
        &Opened::default(),
        vec![RecordType::Run(run()), RecordType::Run(later)],
    );

    assert_eq!(lines.run().display_name, "second");
    assert_eq!(lines.run().tags, ["x"]);
    assert!(lines.config_json().contains(r#""lr":{"value":0.1}"#));
}

#[test]
fn files_and_the_end_are_passed_on() {
    let files = FilesRecord {
        files: vec![FilesItem {
            path: "requirements.txt".into(),
            policy: 1,
            r#type: 1,
        }],
    };
    let exit = RunExitRecord {
        exit_code: 3,
        ..RunExitRecord::default()
    };

    let (lines, batch) = fold(
        &Opened::default(),
        vec![RecordType::Files(files), RecordType::Exit(exit)],
    );

    assert_eq!(
        (batch.files[0].name.as_str(), batch.files[0].policy),
        ("requirements.txt", FilePolicy::End)
    );
    assert_eq!((batch.exit, lines.exit()), (Some(3), Some(3)));
}

#[test]
fn two_merged_batches_are_what_one_would_have_been() {
    let output = |text: &str| {
        RecordType::OutputRaw(OutputRawRecord {
            output_type: OutputType::Stdout.into(),
            timestamp: Some(timestamp(0.0)),
            line: text.into(),
        })
    };
    let kinds = vec![
        RecordType::Run(run()),
        output("10%"),
        row(&[(&["a"], "1")], 0),
        output("\r100%\nnext"),
        row(&[(&["a"], "2")], 1),
        summary(&[(&["a"], "2")], &[]),
    ];
    let (_, whole) = fold(&Opened::default(), kinds.clone());

    for cut in 0..=kinds.len() {
        let mut lines = Lines::new(&Opened::default());
        let (mut first, mut second) = (Batch::default(), Batch::default());
        for (index, kind) in kinds.iter().enumerate() {
            let batch = if index < cut { &mut first } else { &mut second };
            lines.apply(&note::record(kind.clone()), batch).unwrap();
        }
        first.merge(second);
        first.bytes = whole.bytes;
        assert_eq!(first, whole);
    }
}

/// A later run record as our own journals have it.
fn changed(update: v1::RunUpdate) -> Record {
    let mut record = note::record(RecordType::Run(run()));
    let note = v1::Note {
        run_update: Some(update),
        ..v1::Note::default()
    };
    note::set_note(&mut record, note);
    record
}

#[test]
fn a_change_of_the_run_changes_what_it_says_also_to_nothing_and_leaves_what_the_server_had() {
    let opened = Opened {
        tags: vec!["old".into()],
        notes: "old notes".into(),
        group: "old group".into(),
        ..Opened::default()
    };
    let mut lines = Lines::new(&opened);
    let mut batch = Batch::default();
    let plain = RunRecord {
        tags: vec![],
        notes: String::new(),
        ..run()
    };
    lines
        .apply(&note::record(RecordType::Run(plain)), &mut batch)
        .unwrap();
    assert_eq!(lines.run().tags, ["old"]);

    let update = v1::RunUpdate {
        notes: Some(String::new()),
        job_type: Some("train".into()),
        ..v1::RunUpdate::default()
    };
    lines.apply(&changed(update), &mut batch).unwrap();

    let run = lines.run();
    assert_eq!((run.notes.as_str(), run.job_type.as_str()), ("", "train"));
    assert_eq!(
        (run.group.as_str(), run.tags.as_slice()),
        ("old group", &["old".to_owned()][..])
    );
    let clear = v1::RunUpdate {
        tags: Some(v1::run_update::Tags::default()),
        group: Some(String::new()),
        ..v1::RunUpdate::default()
    };
    lines.apply(&changed(clear), &mut batch).unwrap();
    assert!(lines.run().tags.is_empty() && lines.run().group.is_empty());
}

#[test]
fn lines_that_the_run_logs_itself_have_the_time_of_the_call_and_the_label_of_its_writer() {
    let open = v1::OpenRun {
        shared: Some(v1::Shared {
            label: "node-1".into(),
            ..v1::Shared::default()
        }),
        ..v1::OpenRun::default()
    };
    let mut opening = note::record(RecordType::Run(run()));
    let opened = v1::Opened {
        run: Some(open),
        ..v1::Opened::default()
    };
    let note = v1::Note {
        opened: Some(opened),
        ..v1::Note::default()
    };
    note::set_note(&mut opening, note);
    let mut logged = note::record(RecordType::OutputLogger(OutputLoggerRecord {
        line: "one\ntwo\n".into(),
    }));
    let note = v1::Note {
        timestamp: 1_767_225_600.5,
        ..v1::Note::default()
    };
    note::set_note(&mut logged, note);
    let (mut lines, mut batch) = (Lines::new(&Opened::default()), Batch::default());

    lines.apply(&opening, &mut batch).unwrap();
    lines.apply(&logged, &mut batch).unwrap();

    let texts: Vec<_> = batch.console.values().map(String::as_str).collect();
    assert_eq!(
        texts,
        [
            "2026-01-01T00:00:00.500000 [node-1] one",
            "2026-01-01T00:00:00.500000 [node-1] two"
        ]
    );
}

#[test]
fn an_object_in_the_config_is_merged_into_the_one_that_is_there_and_removal_comes_last() {
    let item = |name: &str, text: &str| ConfigItem {
        key: name.into(),
        value_json: text.into(),
        ..ConfigItem::default()
    };
    let update = ConfigRecord {
        update: vec![item("n", r#"{"b":2}"#), item("lr", "1")],
        remove: vec![item("lr", "")],
    };

    let (lines, _) = fold(
        &Opened::default(),
        vec![RecordType::Run(run()), RecordType::Config(update)],
    );

    assert_eq!(lines.config_tree().to_json(), r#"{"n":{"a":NaN,"b":2}}"#);
}
