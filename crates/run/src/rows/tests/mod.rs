//! Specs of [`Rows`]: helpers here, each idea in its own file.

mod aggregates;
mod continuation;
mod media;
mod replay;
mod several;
mod steps;

use wandbd_record::convert::{history_raw, run_record};
use wandbd_record::note;
use wandbd_record::path;
use wandbd_record::v1::{self, field::Value, record::Kind};
use wandbd_record::wandb::{Record, record::RecordType};

use super::*;
use crate::error::Refused;

pub(super) const START: f64 = 1000.0;

pub(super) fn rows() -> Rows {
    let open = v1::OpenRun {
        run_id: "r".into(),
        project: "p".into(),
        config_json: r#"{"lr":0.1,"n":{"a":NaN}}"#.into(),
        start_time: START,
        ..v1::OpenRun::default()
    };
    let mut rows = Rows::new(START);
    let run = RecordType::Run(run_record(&open).unwrap());
    rows.replay(&note::record(run)).unwrap();
    rows
}

pub(super) fn kind(kind: Kind) -> v1::Record {
    v1::Record { kind: Some(kind) }
}

pub(super) fn number(name: &str, value: f64) -> v1::Field {
    v1::Field {
        key: name.into(),
        nested: vec![],
        value: Some(Value::Number(value)),
    }
}

pub(super) fn json(names: &[&str], text: &str) -> v1::Field {
    v1::Field {
        key: names[0].into(),
        nested: names[1..].iter().map(|name| (*name).to_owned()).collect(),
        value: Some(Value::Json(text.into())),
    }
}

/// A call of `log` at a time after the start.
pub(super) fn call(
    field: Vec<v1::Field>,
    step: Option<i64>,
    close: bool,
    after: f64,
) -> v1::Record {
    kind(Kind::Row(v1::Row {
        field,
        timestamp: START + after,
        close,
        step,
    }))
}

/// One closed row from session `a`.
pub(super) fn log(rows: &mut Rows, fields: Vec<v1::Field>) -> Vec<Record> {
    let mut out = Vec::new();
    rows.apply("a", call(fields, None, true, 1.0), &mut out)
        .unwrap();
    out
}

/// The rows among `records`: each as its step and its leaves `name=value`, without `_runtime` and `_timestamp`.
pub(super) fn closed(records: &[Record]) -> Vec<(i64, Vec<String>)> {
    records
        .iter()
        .filter_map(|record| match &record.record_type {
            Some(RecordType::History(row)) => Some(row),
            _ => None,
        })
        .map(|row| {
            let leaves = row
                .item
                .iter()
                .map(|item| {
                    let name = path::of_item(&item.key, &item.nested_key).join(".");
                    format!("{name}={}", history_raw(item))
                })
                .filter(|leaf| !leaf.starts_with("_runtime=") && !leaf.starts_with("_timestamp="))
                .collect();
            (row.step.unwrap().num, leaves)
        })
        .collect()
}

pub(super) fn leaf(record: &Record, name: &str) -> String {
    let Some(RecordType::History(row)) = &record.record_type else {
        panic!("not a row: {record:?}");
    };
    let item = row.item.iter().find(|item| item.key == name);
    item.unwrap().value_json.clone()
}
