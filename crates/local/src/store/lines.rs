//! Reading stored lines: rows, system metrics, console.

use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use crate::error::StoreResult;
use crate::extjson;

/// A file of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineFile {
    History,
    Events,
    Console,
}

impl LineFile {
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Events => "events",
            Self::Console => "console",
        }
    }
}

/// Lines `from..from + limit` with their numbers.
pub(crate) fn page(
    connection: &Connection,
    run_id: i64,
    file: LineFile,
    from: i64,
    limit: i64,
) -> StoreResult<Vec<(i64, String)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT line, text FROM {} WHERE run_id = ?1 AND line >= ?2 ORDER BY line LIMIT ?3",
        file.table()
    ))?;
    let rows = statement.query_map([run_id, from, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lines that are looked at for keys at once.
const LOOKED_AT: i64 = 5_000;

/// A row's line, step and wanted values.
type Found = (i64, i64, Map<String, Value>);

/// At most `limit` rows from line `from` on that have one of the keys, with those; and the line to go on from.
pub(crate) fn with_keys(
    connection: &Connection,
    run_id: i64,
    keys: &[String],
    mut from: i64,
    limit: i64,
) -> StoreResult<(Vec<Found>, i64)> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let mut found = Vec::new();
    loop {
        let lines = page(connection, run_id, LineFile::History, from, LOOKED_AT)?;
        let Some((last, _)) = lines.last() else {
            return Ok((found, from));
        };
        let after = last + 1;
        for (line, text) in lines {
            let values: Map<String, Value> = keys
                .iter()
                .filter_map(|key| {
                    let value = extjson::to_json(extjson::lookup(&text, key)?)?;
                    Some((key.clone(), value))
                })
                .collect();
            if values.is_empty() {
                continue;
            }
            if found.len() == limit {
                return Ok((found, line));
            }
            let step = extjson::get(&text, "_step").and_then(extjson::number);
            #[allow(clippy::cast_possible_truncation, reason = "steps are whole numbers")]
            let step = step.map_or(line, |step| step as i64);
            found.push((line, step, values));
        }
        from = after;
    }
}

/// The last `count` lines, oldest first.
pub(crate) fn tail(
    connection: &Connection,
    run_id: i64,
    file: LineFile,
    count: i64,
) -> StoreResult<Vec<(i64, String)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT line, text FROM {} WHERE run_id = ?1 ORDER BY line DESC LIMIT ?2",
        file.table()
    ))?;
    let rows = statement.query_map([run_id, count], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut lines: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
    lines.reverse();
    Ok(lines)
}

/// Rows with `_step` in `min..max`, in order.
pub(crate) fn steps(
    connection: &Connection,
    run_id: i64,
    min: i64,
    max: i64,
) -> StoreResult<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT text FROM history WHERE run_id = ?1 AND step >= ?2 AND step < ?3 ORDER BY step, line",
    )?;
    let rows = statement.query_map([run_id, min, max], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// At most `samples` lines spread evenly over the file, the first and the last among them.
pub(crate) fn sample(
    connection: &Connection,
    run_id: i64,
    file: LineFile,
    samples: i64,
) -> StoreResult<Vec<String>> {
    let table = file.table();
    let count: i64 = connection.query_row(
        &format!("SELECT count(*) FROM {table} WHERE run_id = ?1"),
        [run_id],
        |row| row.get(0),
    )?;
    let wanted = samples.max(1);
    if count <= wanted {
        return Ok(page(connection, run_id, file, 0, count)?
            .into_iter()
            .map(|(_, text)| text)
            .collect());
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT text FROM {table} WHERE run_id = ?1 AND line = ?2"
    ))?;
    let mut lines = Vec::new();
    for index in 0..wanted {
        let line = if wanted == 1 {
            0
        } else {
            index * (count - 1) / (wanted - 1)
        };
        for text in statement.query_map(params![run_id, line], |row| row.get(0))? {
            lines.push(text?);
        }
    }
    Ok(lines)
}

/// Key, kind and number of rows for each key of a file.
pub(crate) fn keys(
    connection: &Connection,
    run_id: i64,
    file: LineFile,
) -> StoreResult<Vec<(String, String, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key, kind, rows FROM keys WHERE run_id = ?1 AND file = ?2 ORDER BY key, kind",
    )?;
    let rows = statement.query_map(params![run_id, file.table()], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
