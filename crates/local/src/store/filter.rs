//! Choosing and ordering runs, collections and versions the way the public API asks for it: MongoDB-like filters, `+field` / `-field` orders.

use std::cmp::Ordering;

use serde_json::Value;

use super::runs::RunRow;
use crate::clock::{self, Moment};
use crate::error::{StoreError, StoreResult};
use crate::extjson;

/// A run with its texts, as filters see it.
pub(crate) struct Candidate {
    pub(crate) run: RunRow,
    pub(crate) config: String,
    pub(crate) summary: String,
    pub(crate) moment: Moment,
}

/// What can be asked for its fields; one that is not there is null.
pub(crate) trait Fields {
    /// The field's value.
    fn field(&self, name: &str) -> Value;
}

impl Fields for Candidate {
    fn field(&self, name: &str) -> Value {
        let run = &self.run;
        if let Some(path) = name.strip_prefix("config.") {
            let key = path.strip_suffix(".value").unwrap_or(path);
            return config_value(&self.config, key);
        }
        for prefix in ["summary_metrics.", "summaryMetrics.", "summary."] {
            if let Some(path) = name.strip_prefix(prefix) {
                return extjson::lookup(&self.summary, path)
                    .and_then(extjson::to_json)
                    .unwrap_or(Value::Null);
            }
        }
        match name {
            "name" => run.name.clone().into(),
            "display_name" | "displayName" => run.display_name.clone().into(),
            "state" => run.state(self.moment).into(),
            "group" => run.group.clone().into(),
            "job_type" | "jobType" => run.job_type.clone().into(),
            "notes" => run.notes.clone().into(),
            "host" => run.host.clone().into(),
            "sweep" => run.sweep.clone().into(),
            "tags" => run.tags.clone().into(),
            "username" | "user.username" | "user" => crate::USER.into(),
            "created_at" | "createdAt" => clock::iso(run.created_at).into(),
            "heartbeat_at" | "heartbeatAt" | "updated_at" | "updatedAt" => {
                clock::iso(run.heartbeat_at).into()
            }
            "duration" => (run.heartbeat_at - run.created_at).into(),
            _ => Value::Null,
        }
    }
}

fn config_value(config: &str, path: &str) -> Value {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let whole = extjson::get(config, path).and_then(|entry| extjson::get(entry, "value"));
    let raw = whole.or_else(|| {
        let value = extjson::get(extjson::get(config, first)?, "value")?;
        extjson::lookup(value, rest)
    });
    raw.and_then(extjson::to_json).unwrap_or(Value::Null)
}

/// Whether an item passes the filter; an operator that is not known is an error that names it.
pub(crate) fn passes(filter: &Value, item: &impl Fields) -> StoreResult<bool> {
    let Value::Object(parts) = filter else {
        return Ok(true);
    };
    for (key, wanted) in parts {
        let passed = match key.as_str() {
            "$and" => all(wanted, item)?,
            "$or" => any(wanted, item)?,
            "$nor" => !any(wanted, item)?,
            "$not" => !passes(wanted, item)?,
            other if other.starts_with('$') => return Err(unknown(other)),
            field => matches(&item.field(field), wanted)?,
        };
        if !passed {
            return Ok(false);
        }
    }
    Ok(true)
}

fn all(filters: &Value, item: &impl Fields) -> StoreResult<bool> {
    for filter in filters.as_array().into_iter().flatten() {
        if !passes(filter, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any(filters: &Value, item: &impl Fields) -> StoreResult<bool> {
    for filter in filters.as_array().into_iter().flatten() {
        if passes(filter, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn matches(have: &Value, wanted: &Value) -> StoreResult<bool> {
    let Value::Object(operators) = wanted else {
        return Ok(equal(have, wanted));
    };
    for (operator, operand) in operators {
        let passed = match operator.as_str() {
            "$eq" => equal(have, operand),
            "$ne" => !equal(have, operand),
            "$in" => contained(have, operand),
            "$nin" => !contained(have, operand),
            "$gt" => compare(have, operand) == Some(Ordering::Greater),
            "$gte" => matches!(
                compare(have, operand),
                Some(Ordering::Greater | Ordering::Equal)
            ),
            "$lt" => compare(have, operand) == Some(Ordering::Less),
            "$lte" => matches!(
                compare(have, operand),
                Some(Ordering::Less | Ordering::Equal)
            ),
            "$exists" => have.is_null() != operand.as_bool().unwrap_or(true),
            "$not" => !matches(have, operand)?,
            "$regex" => simple_regex(have, operand)?,
            other => return Err(unknown(other)),
        };
        if !passed {
            return Ok(false);
        }
    }
    Ok(true)
}

fn unknown(operator: &str) -> StoreError {
    StoreError::Refused(format!("filter operator {operator} is not supported"))
}

fn equal(have: &Value, wanted: &Value) -> bool {
    match (have, wanted) {
        (Value::Array(items), wanted) if !wanted.is_array() => items.contains(wanted),
        _ => compare(have, wanted) == Some(Ordering::Equal) || have == wanted,
    }
}

fn contained(have: &Value, list: &Value) -> bool {
    list.as_array()
        .is_some_and(|list| list.iter().any(|wanted| equal(have, wanted)))
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// `$regex` for plain text with optional `^`, `$` and `.*`; anything else is refused by name.
fn simple_regex(have: &Value, pattern: &Value) -> StoreResult<bool> {
    let (Some(text), Some(pattern)) = (have.as_str(), pattern.as_str()) else {
        return Ok(false);
    };
    let anchored_start = pattern.starts_with('^');
    let anchored_end = pattern.ends_with('$');
    let body = pattern.trim_start_matches('^').trim_end_matches('$');
    let pieces: Vec<&str> = body.split(".*").collect();
    if pieces
        .iter()
        .any(|piece| piece.contains(['[', ']', '(', ')', '+', '?', '{', '}', '|', '\\', '*']))
    {
        return Err(StoreError::Refused(format!(
            "$regex {pattern:?}: only plain text, ^, $ and .* are supported"
        )));
    }
    let mut rest = text;
    for (index, piece) in pieces.iter().enumerate() {
        let last = index + 1 == pieces.len();
        let found = match (index == 0 && anchored_start, last && anchored_end) {
            (true, true) => (rest == *piece).then_some(rest.len()),
            (true, false) => rest.starts_with(piece).then_some(piece.len()),
            (false, true) => rest.ends_with(piece).then_some(rest.len()),
            (false, false) => rest.find(piece).map(|at| at + piece.len()),
        };
        match found {
            Some(end) => rest = &rest[end..],
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Sorts runs by `order` (`+created_at` when missing); runs without the field come last.
pub(crate) fn sort(runs: &mut [Candidate], order: Option<&str>) {
    let order = order.unwrap_or("+created_at");
    let (down, field) = match order.strip_prefix('-') {
        Some(field) => (true, field),
        None => (false, order.trim_start_matches('+')),
    };
    runs.sort_by(|a, b| {
        let by_field = match field {
            "created_at" | "createdAt" => a.run.created_at.total_cmp(&b.run.created_at),
            "heartbeat_at" | "heartbeatAt" => a.run.heartbeat_at.total_cmp(&b.run.heartbeat_at),
            _ => {
                let (x, y) = (a.field(field), b.field(field));
                match (x.is_null(), y.is_null()) {
                    (true, false) => return Ordering::Greater,
                    (false, true) => return Ordering::Less,
                    _ => compare(&x, &y).unwrap_or(Ordering::Equal),
                }
            }
        };
        let ordering = by_field.then(a.run.id.cmp(&b.run.id));
        if down { ordering.reverse() } else { ordering }
    });
}

/// Sorts by `order`, such as `-created_at`; what lacks the field comes last.
pub(crate) fn sort_by_field(items: &mut [impl Fields], order: &str) {
    let (down, field) = match order.strip_prefix('-') {
        Some(field) => (true, field),
        None => (false, order.trim_start_matches('+')),
    };
    items.sort_by(|a, b| {
        let (x, y) = (a.field(field), b.field(field));
        match (x.is_null(), y.is_null()) {
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            _ => {}
        }
        let ordering = compare(&x, &y).unwrap_or(Ordering::Equal);
        if down { ordering.reverse() } else { ordering }
    });
}
