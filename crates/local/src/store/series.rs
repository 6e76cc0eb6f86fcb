//! Values of metrics over a run: for charts (thinned so that peaks survive) and for sampled history.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};

use super::lines::LineFile;
use crate::error::{StoreError, StoreResult};
use crate::extjson;

/// Most points that one request may ask for.
const MOST_POINTS: usize = 10_000;

/// What to draw.
pub(crate) struct SeriesQuery {
    pub(crate) file: LineFile,
    pub(crate) keys: Vec<String>,
    /// The metric on the x axis.
    pub(crate) x: String,
    /// First line to look at.
    pub(crate) from: i64,
    /// Points per key; each of `points / 2` stretches of lines gives its lowest and its highest.
    pub(crate) points: usize,
}

/// Points of the wanted keys and the line to go on from.
pub(crate) fn series(
    connection: &Connection,
    run_id: i64,
    query: &SeriesQuery,
) -> StoreResult<Value> {
    let table = query.file.table();
    let end: i64 = connection.query_row(
        &format!("SELECT coalesce(max(line) + 1, 0) FROM {table} WHERE run_id = ?1"),
        [run_id],
        |row| row.get(0),
    )?;
    let buckets = (query.points.clamp(2, MOST_POINTS) / 2).max(1);
    let span = usize::try_from(end - query.from).unwrap_or(0).max(1);
    let mut curves: HashMap<&str, Curve> = query
        .keys
        .iter()
        .map(|key| (key.as_str(), Curve::default()))
        .collect();
    let mut statement = connection.prepare_cached(&format!(
        "SELECT line, text FROM {table} WHERE run_id = ?1 AND line >= ?2 ORDER BY line"
    ))?;
    let mut rows = statement.query(params![run_id, query.from])?;
    while let Some(row) = rows.next()? {
        let line: i64 = row.get(0)?;
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let offset = usize::try_from(line - query.from).unwrap_or(0);
        let bucket = offset.saturating_mul(buckets) / span;
        let Some(x) = x_of(text, &query.x, line) else {
            continue;
        };
        extjson::leaves(text, &mut |name, raw| {
            if let (Some(curve), Some(y)) = (curves.get_mut(name), extjson::number(raw)) {
                curve.add(bucket, x, y);
            }
        });
    }
    let curves: Map<String, Value> = curves
        .into_iter()
        .map(|(key, curve)| (key.to_owned(), curve.finish()))
        .collect();
    Ok(json!({"series": curves, "next": end}))
}

fn x_of(text: &str, x: &str, line: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a line number on an axis")]
    let from_line = || (x == "_step").then_some(line as f64);
    extjson::lookup(text, x)
        .and_then(extjson::number)
        .filter(|x| x.is_finite())
        .or_else(from_line)
}

/// One metric's points, thinned stretch by stretch; the first and the last always stay.
#[derive(Default)]
struct Curve {
    points: Vec<(f64, f64)>,
    last: Option<(f64, f64)>,
    bucket: usize,
    low: Option<(f64, f64)>,
    high: Option<(f64, f64)>,
}

impl Curve {
    fn add(&mut self, bucket: usize, x: f64, y: f64) {
        if bucket != self.bucket {
            self.close();
            self.bucket = bucket;
        }
        if !y.is_finite() {
            return;
        }
        if self.last.replace((x, y)).is_none() {
            self.points.push((x, y));
            return;
        }
        if self.low.is_none_or(|(_, low)| y < low) {
            self.low = Some((x, y));
        }
        if self.high.is_none_or(|(_, high)| y >= high) {
            self.high = Some((x, y));
        }
    }

    fn close(&mut self) {
        let (Some(low), Some(high)) = (self.low.take(), self.high.take()) else {
            return;
        };
        let (first, second) = if low.0 <= high.0 {
            (low, high)
        } else {
            (high, low)
        };
        self.points.push(first);
        if second.0 > first.0 {
            self.points.push(second);
        }
    }

    fn finish(mut self) -> Value {
        self.close();
        if let (Some(last), Some(drawn)) = (self.last, self.points.last())
            && last.0 > drawn.0
        {
            self.points.push(last);
        }
        let x: Vec<f64> = self.points.iter().map(|point| point.0).collect();
        let y: Vec<f64> = self.points.iter().map(|point| point.1).collect();
        json!({"x": x, "y": y})
    }
}

/// Rows that hold all of the keys of `spec` (`{"keys": [..], "samples": n, "minStep", "maxStep"}`, steps inclusive), with
/// only those keys, at most `samples` of them, evenly chosen.
pub(crate) fn sampled(connection: &Connection, run_id: i64, spec: &str) -> StoreResult<Vec<Value>> {
    let spec: Value = serde_json::from_str(spec)
        .map_err(|error| StoreError::Refused(format!("sampledHistory spec: {error}")))?;
    let keys: Vec<&str> = spec["keys"]
        .as_array()
        .map(|keys| keys.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let min = spec["minStep"].as_i64().unwrap_or(i64::MIN);
    let max = spec["maxStep"].as_i64().unwrap_or(i64::MAX);
    let samples = spec["samples"]
        .as_u64()
        .and_then(|samples| usize::try_from(samples).ok())
        .unwrap_or(500)
        .max(1);
    let mut statement = connection.prepare_cached(
        "SELECT text FROM history WHERE run_id = ?1 AND step >= ?2 AND step <= ?3 ORDER BY step, line",
    )?;
    let mut rows = statement.query(params![run_id, min, max])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        if let Some(row) = pick(text, &keys) {
            found.push(row);
        }
    }
    if found.len() <= samples {
        return Ok(found);
    }
    let last = found.len() - 1;
    let step = (samples - 1).max(1);
    Ok((0..samples)
        .map(|index| found[index * last / step].take())
        .collect())
}

fn pick(text: &str, keys: &[&str]) -> Option<Value> {
    let mut row = Map::new();
    for key in keys {
        let raw = extjson::lookup(text, key)?;
        row.insert((*key).to_owned(), extjson::to_json(raw)?);
    }
    Some(Value::Object(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_peak_survives_thinning() {
        let mut curve = Curve::default();

        for index in 0..10_000_usize {
            let y = if index == 4321 { 50.0 } else { 1.0 };
            #[allow(clippy::cast_precision_loss, reason = "small numbers")]
            curve.add(index * 50 / 10_000, index as f64, y);
        }
        let drawn = curve.finish();

        let y = drawn["y"].as_array().unwrap();
        assert!(y.len() <= 102);
        assert!(y.contains(&json!(50.0)));
        assert!(drawn["x"].as_array().unwrap().contains(&json!(4321.0)));
    }
}
