//! Reading stored lines: rows, system metrics, console.

use rusqlite::{Connection, params};

use crate::error::StoreResult;

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
