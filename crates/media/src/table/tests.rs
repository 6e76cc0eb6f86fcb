use std::collections::HashMap;

use super::*;

fn cell(value: Cell) -> v1::Cell {
    v1::Cell { value: Some(value) }
}

fn send(dir: &Path, rows: Vec<Vec<Cell>>) {
    let rows = v1::TableRows {
        table: "t".to_owned(),
        first_row: 0,
        row: rows
            .into_iter()
            .map(|cells| v1::TableRow {
                cell: cells.into_iter().map(cell).collect(),
            })
            .collect(),
    };
    rows::append_rows(dir, &rows).unwrap();
}

fn table(columns: &str, row_count: u64) -> v1::Table {
    v1::Table {
        rows: "t".to_owned(),
        row_count,
        columns_json: columns.to_owned(),
        column_types_json: r#"{"wb_type":"typedDict","params":{"type_map":{}}}"#.to_owned(),
        extra_json: r#"{"log_mode":"IMMUTABLE"}"#.to_owned(),
        ..v1::Table::default()
    }
}

fn files(
    dir: &Path,
    table: &v1::Table,
    known: &HashMap<String, v1::Made>,
) -> Result<(String, String, Tables), MediaError> {
    let made = make("m", table, known, dir, &dir.join("m.table.json"))?;
    let read = |file: &v1::made::File| std::fs::read_to_string(&file.source).unwrap();
    Ok((read(&made.run), read(&made.artifact), made))
}

#[test]
fn a_plain_table_is_written_as_the_released_client_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    send(
        dir.path(),
        vec![
            vec![Cell::Integer(1), Cell::Text("é\n".to_owned())],
            vec![Cell::Number(1e22), Cell::Number(f64::NAN)],
            vec![Cell::Boolean(true), Cell::None(true)],
            vec![Cell::Number(1e-6), Cell::Number(f64::INFINITY)],
        ],
    );

    let (run, artifact, made) =
        files(dir.path(), &table(r#"["a",1]"#, 4), &HashMap::new()).unwrap();

    assert_eq!(
        run,
        "{\"columns\":[\"a\",1],\"data\":[[1,\"é\\n\"],[1e+22,NaN],[true,null],[1e-6,Infinity]]}"
    );
    assert_eq!(
        artifact,
        concat!(
            r#"{"_type": "table", "column_types": {"params": {"type_map": {}}, "wb_type": "typedDict"}, "columns": ["a", 1], "#,
            r#""data": [[1, "\u00e9\n"], [1e+22, null], [true, null], [1e-06, Infinity]], "log_mode": "IMMUTABLE", "#,
            r#""ncols": 2, "nrows": 4}"#
        )
    );
    assert_eq!(made.run.size, run.len() as u64);
}

#[test]
fn dates_arrays_and_objects_differ_between_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let date = v1::cell::Date {
        ms: 1_577_934_245_678,
        text: "2020-01-02T03:04:05.678901".to_owned(),
    };
    send(
        dir.path(),
        vec![vec![
            Cell::Date(date),
            Cell::Stored("[[1, 2.0]]".to_owned()),
            Cell::Json(r#"{"z": 1.0, "a": [NaN, 2]}"#.to_owned()),
        ]],
    );
    let mut asked = table(r#"["d","s","j"]"#, 1);
    asked.stored = vec![v1::table::Stored {
        path: "media/serialized_data/x.npz".to_owned(),
        key: "s".to_owned(),
        array: Some(v1::Array {
            dtype: "|u1".to_owned(),
            shape: vec![1, 2],
            data: vec![1, 2],
            source: String::new(),
        }),
    }];

    let (run, artifact, made) = files(dir.path(), &asked, &HashMap::new()).unwrap();

    assert!(
        run.ends_with(r#"[["2020-01-02T03:04:05.678901",[[1,2.0]],{"z":1.0,"a":[NaN,2]}]]}"#),
        "{run}"
    );
    assert!(
        artifact.contains(r#""data": [[1577934245678, null, {"a": [null, 2], "z": 1.0}]]"#),
        "{artifact}"
    );
    assert_eq!(made.stored[0].inside, "media/serialized_data/x.npz");
    assert!(
        made.stored[0]
            .file
            .as_ref()
            .unwrap()
            .source
            .ends_with("m..0.npz")
    );
}

#[test]
fn media_in_cells_are_named_in_the_run_and_whole_in_artifacts() {
    let dir = tempfile::tempdir().unwrap();
    let image = v1::Made {
        id: "i".to_owned(),
        artifact_json: r#"{"_type":"image-file","format":"png"}"#.to_owned(),
        inside: "media/images/x.png".to_owned(),
        file: Some(v1::made::File {
            sha256: "ab".to_owned(),
            ..v1::made::File::default()
        }),
        ..v1::Made::default()
    };
    let known = HashMap::from([("i".to_owned(), image)]);
    let media = || Cell::Media("i".to_owned());
    send(dir.path(), vec![vec![media()], vec![media()]]);

    let (run, artifact, made) = files(dir.path(), &table(r#"["a"]"#, 2), &known).unwrap();

    assert!(run.ends_with(r#""data":[["Image"],["Image"]]}"#), "{run}");
    let object =
        r#"{"_type": "image-file", "format": "png", "path": "media/images/x.png", "sha256": "ab"}"#;
    assert!(
        artifact.contains(&format!("[[{object}], [{object}]]")),
        "{artifact}"
    );
    assert_eq!(made.held, ["i"]);
    assert!(files(dir.path(), &table(r#"["a"]"#, 2), &HashMap::new()).is_err());
}

#[test]
fn a_list_of_media_in_a_cell_brings_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let image = v1::Made {
        id: "i".to_owned(),
        artifact_json: r#"{"_type":"image-file"}"#.to_owned(),
        inside: "media/images/x.png".to_owned(),
        file: Some(v1::made::File::default()),
        ..v1::Made::default()
    };
    let list = v1::Made {
        id: "l".to_owned(),
        row_json: r#"["Image", 1]"#.to_owned(),
        artifact_json: r#"[{"$wandbd": "i"}, 1]"#.to_owned(),
        ..v1::Made::default()
    };
    let known = HashMap::from([("i".to_owned(), image), ("l".to_owned(), list)]);
    send(dir.path(), vec![vec![Cell::Media("l".to_owned())]]);

    let (run, artifact, made) = files(dir.path(), &table(r#"["a"]"#, 1), &known).unwrap();

    assert!(run.ends_with(r#"[[["Image",1]]]}"#), "{run}");
    assert!(
        artifact.contains(
            r#"[[[{"_type": "image-file", "path": "media/images/x.png", "sha256": ""}, 1]]]"#
        ),
        "{artifact}"
    );
    assert_eq!(made.held, ["i"]);
}

#[test]
fn the_runs_file_ends_at_its_limit_and_the_artifact_has_all() {
    let dir = tempfile::tempdir().unwrap();
    send(
        dir.path(),
        (0..5).map(|number| vec![Cell::Integer(number)]).collect(),
    );
    let mut asked = table(r#"["a"]"#, 3);
    asked.run_rows = 2;
    asked.first_row = 1;

    let (run, artifact, _) = files(dir.path(), &asked, &HashMap::new()).unwrap();

    assert!(run.ends_with("[[1],[2]]}"), "{run}");
    assert!(
        artifact.contains("[[1], [2], [3]]") && artifact.contains("\"nrows\": 3"),
        "{artifact}"
    );
}

#[test]
fn what_is_said_beside_takes_its_place_among_the_sorted_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut asked = table("[]", 0);
    asked.extra_json = r#"{"log_mode":"INCREMENTAL","increment_num":2,"previous_increments_paths":[],"aa":1,"nrows":7}"#.to_owned();

    let (run, artifact, _) = files(dir.path(), &asked, &HashMap::new()).unwrap();

    assert_eq!(run, r#"{"columns":[],"data":[]}"#);
    assert_eq!(
        artifact,
        concat!(
            r#"{"_type": "table", "aa": 1, "column_types": {"params": {"type_map": {}}, "wb_type": "typedDict"}, "#,
            r#""columns": [], "data": [], "increment_num": 2, "log_mode": "INCREMENTAL", "ncols": 0, "nrows": 7, "#,
            r#""previous_increments_paths": []}"#
        )
    );
}

#[test]
fn rows_of_another_length_are_refused_by_number() {
    let dir = tempfile::tempdir().unwrap();
    send(dir.path(), vec![vec![Cell::Integer(1)], vec![]]);

    let refused = files(dir.path(), &table(r#"["a"]"#, 2), &HashMap::new())
        .err()
        .unwrap();

    assert!(
        refused.to_string().contains("row 1 of table \"t\""),
        "{refused}"
    );
}
