//! Values by name: rows, config, summary, system metrics and console text.

use std::borrow::Cow;

use wandbd_proto::v1;
use wandbd_proto::wandb::{
    ConfigItem, ConfigRecord, HistoryItem, HistoryRecord, HistoryStep, OutputRawRecord, StatsItem,
    StatsRecord, SummaryItem, SummaryRecord, history_item::Typed, output_raw_record::OutputType,
};

use crate::convert::timestamp;
use crate::error::BadValue;
use crate::json::{field_json, push_f64, str_text};
use crate::path;
use crate::tree::Node;

/// A field's value: an object given as JSON becomes a subtree, as in W&B, which walks nested values leaf by leaf.
/// # Errors
/// [`BadValue`] when the field has no name or no value, lies too deep, or its text is not JSON.
pub fn node_of_field(field: &v1::Field) -> Result<Node, BadValue> {
    check_path(field)?;
    let raw = field_json(field)?;
    if !raw.starts_with('{') {
        return Ok(Node::Leaf(raw));
    }
    Node::parse(&raw).map_err(|source| BadValue::Json {
        name: path::of_field(field).join("."),
        source,
    })
}

fn check_path(field: &v1::Field) -> Result<(), BadValue> {
    if field.nested.is_empty() && !field.key.is_empty() {
        return Ok(());
    }
    path::check(&path::of_field(field))
}

/// A leaf of a row. Only `value_json` is written: older readers do not know the typed cases.
pub fn history_item(names: Vec<String>, raw: String) -> HistoryItem {
    let (key, nested_key) = path::to_item(names);
    HistoryItem {
        key,
        nested_key,
        value_json: raw,
        typed: None,
    }
}

/// The value of a leaf of a row as extended JSON, whichever way the writer gave it.
pub fn history_raw(item: &HistoryItem) -> Cow<'_, str> {
    if !item.value_json.is_empty() {
        return Cow::Borrowed(&item.value_json);
    }
    match &item.typed {
        None | Some(Typed::None(_)) => Cow::Borrowed("null"),
        Some(Typed::Boolean(true)) => Cow::Borrowed("true"),
        Some(Typed::Boolean(false)) => Cow::Borrowed("false"),
        Some(Typed::Integer(integer)) => Cow::Owned(integer.to_string()),
        Some(Typed::Number(number)) => {
            let mut out = String::new();
            push_f64(&mut out, *number);
            Cow::Owned(out)
        }
        Some(Typed::Text(text)) => Cow::Owned(str_text(text)),
        Some(Typed::Json(json)) => Cow::Borrowed(json),
    }
}

/// A row.
pub fn history_record(item: Vec<HistoryItem>, step: i64) -> HistoryRecord {
    HistoryRecord {
        item,
        step: Some(HistoryStep { num: step }),
    }
}

/// A config value.
pub fn config_item(names: Vec<String>, raw: String) -> ConfigItem {
    let (key, nested_key) = path::to_item(names);
    ConfigItem {
        key,
        nested_key,
        value_json: raw,
    }
}

/// A summary value.
pub fn summary_item(names: Vec<String>, raw: String) -> SummaryItem {
    let (key, nested_key) = path::to_item(names);
    SummaryItem {
        key,
        nested_key,
        value_json: raw,
    }
}

/// Changes of the config. Removal comes first there and here.
/// # Errors
/// [`BadValue`] when one of the values is refused; nothing of the update is kept then.
pub fn config_record(update: &v1::ConfigUpdate) -> Result<ConfigRecord, BadValue> {
    let (update, remove) = changes(&update.update, &update.remove)?;
    let build = |(names, raw)| config_item(names, raw);
    Ok(ConfigRecord {
        update: update.into_iter().map(build).collect(),
        remove: remove.into_iter().map(build).collect(),
    })
}

/// Explicit changes of the summary.
/// # Errors
/// [`BadValue`] when one of the values is refused; nothing of the update is kept then.
pub fn summary_record(update: &v1::SummaryUpdate) -> Result<SummaryRecord, BadValue> {
    let (update, remove) = changes(&update.update, &update.remove)?;
    let build = |(names, raw)| summary_item(names, raw);
    Ok(SummaryRecord {
        update: update.into_iter().map(build).collect(),
        remove: remove.into_iter().map(build).collect(),
    })
}

type Leaf = (Vec<String>, String);

fn changes(update: &[v1::Field], remove: &[v1::Path]) -> Result<(Vec<Leaf>, Vec<Leaf>), BadValue> {
    let mut set = Vec::with_capacity(update.len());
    for field in update {
        check_path(field)?;
        let names = path::of_field(field);
        set.push((
            names.into_iter().map(str::to_owned).collect(),
            field_json(field)?,
        ));
    }
    let mut gone = Vec::with_capacity(remove.len());
    for place in remove {
        path::check(&place.name)?;
        gone.push((place.name.clone(), String::new()));
    }
    Ok((set, gone))
}

/// Console text as it was written.
pub fn output_record(output: &v1::Output) -> OutputRawRecord {
    let stream = match output.stream() {
        v1::output::Stream::Stdout | v1::output::Stream::Logs => OutputType::Stdout,
        v1::output::Stream::Stderr => OutputType::Stderr,
    };
    OutputRawRecord {
        output_type: stream.into(),
        timestamp: Some(timestamp(output.timestamp)),
        line: output.text.clone(),
    }
}

/// System metrics of one instant (Unix seconds): names without the prefix `system.`, values as JSON numbers.
pub fn stats_record(at: f64, readings: impl IntoIterator<Item = (String, String)>) -> StatsRecord {
    let item = readings
        .into_iter()
        .map(|(key, value_json)| StatsItem { key, value_json })
        .collect();
    StatsRecord {
        stats_type: 0,
        timestamp: Some(timestamp(at)),
        item,
    }
}

#[cfg(test)]
mod tests {
    use wandbd_proto::v1::field::Value;

    use super::*;

    fn field(key: &str, nested: &[&str], value: Value) -> v1::Field {
        v1::Field {
            key: key.into(),
            nested: nested.iter().map(|name| (*name).to_owned()).collect(),
            value: Some(value),
        }
    }

    #[test]
    fn every_kind_of_value_has_its_json() {
        for (value, expect) in [
            (Value::Number(0.5), "0.5"),
            (Value::Number(f64::NAN), "NaN"),
            (Value::Integer(-3), "-3"),
            (Value::Boolean(true), "true"),
            (Value::Text("a\"b".into()), "\"a\\\"b\""),
            (Value::Json(" [1, NaN] ".into()), "[1, NaN]"),
            (Value::None(false), "null"),
        ] {
            assert_eq!(
                node_of_field(&field("k", &[], value)),
                Ok(Node::Leaf(expect.into()))
            );
        }
    }

    #[test]
    fn a_value_that_is_no_json_is_refused_by_name() {
        let error = node_of_field(&field("a", &["b"], Value::Json("{".into()))).unwrap_err();

        assert!(error.to_string().contains("a.b"), "{error}");
        assert!(node_of_field(&v1::Field::default()).is_err());
        assert!(node_of_field(&field("a", &["x"; 100], Value::None(true))).is_err());
    }

    #[test]
    fn a_nested_name_stands_whole_in_nested_key() {
        let update = v1::ConfigUpdate {
            update: vec![
                field("lr", &[], Value::Number(0.1)),
                field("n", &["a"], Value::Integer(1)),
            ],
            remove: vec![v1::Path {
                name: vec!["old".into()],
            }],
        };

        let record = config_record(&update).unwrap();

        assert_eq!(
            (
                record.update[0].key.as_str(),
                record.update[0].nested_key.len()
            ),
            ("lr", 0)
        );
        assert_eq!(record.update[1].key, "");
        assert_eq!(record.update[1].nested_key, ["n", "a"]);
        assert_eq!(record.remove[0].key, "old");
    }

    #[test]
    fn typed_values_of_other_writers_are_read() {
        let item = |typed| HistoryItem {
            typed: Some(typed),
            ..HistoryItem::default()
        };

        assert_eq!(history_raw(&item(Typed::Integer(-2))), "-2");
        assert_eq!(history_raw(&item(Typed::Number(f64::INFINITY))), "Infinity");
        assert_eq!(history_raw(&item(Typed::Text("x".into()))), "\"x\"");
        assert_eq!(history_raw(&item(Typed::Json("[1]".into()))), "[1]");
    }
}
