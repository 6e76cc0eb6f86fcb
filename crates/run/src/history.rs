//! A history record to its line.

use wandbd_record::convert::history_raw;
use wandbd_record::json::{self, f64_text, number, push_str};
use wandbd_record::wandb::HistoryRecord;
use wandbd_record::{Node, Tree, path};

use crate::error::LineError;
use crate::lines::Shift;

/// The line of a row: its leaves nested as they were logged, in the order in which they were recorded.
pub(crate) fn line(
    record: &HistoryRecord,
    num: i64,
    shift: Shift,
    fault: &mut Option<LineError>,
) -> String {
    let nested = |item: &wandbd_record::wandb::HistoryItem| item.nested_key.len() > 1;
    if record.item.iter().any(nested) {
        nested_line(record, num, shift, fault)
    } else {
        flat_line(record, num, shift, fault)
    }
}

/// The common case: no names below names.
fn flat_line(
    record: &HistoryRecord,
    num: i64,
    shift: Shift,
    fault: &mut Option<LineError>,
) -> String {
    let mut out = String::with_capacity(record.item.len() * 32 + 32);
    let mut stepped = false;
    out.push('{');
    for item in &record.item {
        let name = item.nested_key.first().unwrap_or(&item.key);
        let raw = history_raw(item);
        if let Err(source) = json::check(&raw) {
            let name = name.clone();
            fault.get_or_insert(LineError::Value { num, name, source });
            continue;
        }
        stepped |= name == "_step";
        if out.len() > 1 {
            out.push(',');
        }
        push_str(&mut out, name);
        out.push(':');
        match shifted(name, &raw, shift) {
            Some(shifted) => out.push_str(&shifted),
            None => out.push_str(&raw),
        }
    }
    if let (false, Some(step)) = (stepped, record.step) {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str("\"_step\":");
        out.push_str(&step.num.saturating_add(shift.step).to_string());
    }
    out.push('}');
    // Lines wait by the ten thousands: none keeps room that it does not need.
    out.as_str().to_owned()
}

fn nested_line(
    record: &HistoryRecord,
    num: i64,
    shift: Shift,
    fault: &mut Option<LineError>,
) -> String {
    let mut row = Tree::new();
    for item in &record.item {
        let names = path::of_item(&item.key, &item.nested_key);
        if let Err(source) = path::check(&names) {
            fault.get_or_insert(LineError::Name { num, source });
            continue;
        }
        let raw = history_raw(item);
        match Node::parse(&raw) {
            Ok(Node::Leaf(raw)) if names.len() == 1 => {
                let raw = shifted(names[0], &raw, shift).unwrap_or(raw);
                row.set(&names, raw);
            }
            Ok(node) => row.merge_node(&names, node),
            Err(source) => {
                let name = names.join(".");
                fault.get_or_insert(LineError::Value { num, name, source });
            }
        }
    }
    if let (None, Some(step)) = (row.get(&["_step"]), record.step) {
        row.set(&["_step"], step.num.saturating_add(shift.step).to_string());
    }
    row.to_json()
}

/// The value of `_step` or `_runtime` in the run as the destination knows it; nothing when it is the recorded one.
pub(crate) fn shifted(name: &str, raw: &str, shift: Shift) -> Option<String> {
    match name {
        "_step" if shift.step != 0 => {
            let step: i64 = raw.parse().ok()?;
            Some(step.saturating_add(shift.step).to_string())
        }
        "_runtime" if shift.runtime != 0.0 => Some(f64_text(number(raw)? + shift.runtime)),
        _ => None,
    }
}
