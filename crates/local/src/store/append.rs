//! Storing the lines of a post.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::lines::LineFile;
use super::runs::RunRow;
use super::stream::Chunk;
use crate::error::StoreResult;
use crate::extjson;

/// Which lines of the run a writer's lines are. A run's only writer counts as the run does; of several writers that share a
/// run each counts its own from 0, and a line gets its number in the run when it first comes.
pub(super) struct Numbering<'a> {
    connection: &'a Connection,
    run_id: i64,
    file: LineFile,
    writer: Option<&'a str>,
    next: i64,
}

impl<'a> Numbering<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        run: &RunRow,
        file: LineFile,
        writer: Option<&'a str>,
    ) -> Self {
        Self {
            connection,
            run_id: run.id,
            file,
            writer,
            next: end_of(run, file),
        }
    }

    /// The number after the writer's last line. A writer that comes new may begin at 0 or go on after the run's lines, which its
    /// upsert told it about.
    pub(super) fn expected(&self) -> StoreResult<i64> {
        let Some(writer) = self.writer else {
            return Ok(self.next);
        };
        Ok(self
            .connection
            .prepare_cached(
                "SELECT coalesce(max(own) + 1, ?4) FROM shared_lines WHERE run_id = ?1 AND file = ?2 AND writer = ?3",
            )?
            .query_row(params![self.run_id, self.file.table(), writer, self.next], |row| row.get(0))?)
    }

    /// The run's number of a writer's line, if it has one.
    pub(super) fn known(&self, own: i64) -> StoreResult<Option<i64>> {
        let Some(writer) = self.writer else {
            return Ok((own < self.next).then_some(own));
        };
        Ok(self
            .connection
            .prepare_cached(
                "SELECT line FROM shared_lines WHERE run_id = ?1 AND file = ?2 AND writer = ?3 AND own = ?4",
            )?
            .query_row(params![self.run_id, self.file.table(), writer, own], |row| row.get(0))
            .optional()?)
    }

    /// The run's number of a writer's line, given out now where it has none, and whether it is new.
    fn place(&mut self, own: i64) -> StoreResult<(i64, bool)> {
        if let Some(line) = self.known(own)? {
            return Ok((line, false));
        }
        let Some(writer) = self.writer else {
            self.next = own + 1;
            return Ok((own, true));
        };
        let line = self.next;
        self.next += 1;
        self.connection
            .prepare_cached(
                "INSERT INTO shared_lines (run_id, file, writer, own, line) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![self.run_id, self.file.table(), writer, own, line])?;
        Ok((line, true))
    }
}

fn end_of(run: &RunRow, file: LineFile) -> i64 {
    match file {
        LineFile::History => run.history_lines,
        LineFile::Events => run.events_lines,
        LineFile::Console => run.console_lines,
    }
}

/// Stores rows. A row without `_step` from one of several writers gets its number in the run as its step.
pub(super) fn history(
    connection: &Connection,
    run: &RunRow,
    chunk: &Chunk,
    writer: Option<&str>,
) -> StoreResult<()> {
    let mut replace =
        connection.prepare_cached("DELETE FROM history WHERE run_id = ?1 AND line = ?2")?;
    let mut insert = connection
        .prepare_cached("INSERT INTO history (run_id, line, step, text) VALUES (?1, ?2, ?3, ?4)")?;
    let mut numbering = Numbering::new(connection, run, LineFile::History, writer);
    let mut keys = Keys::default();
    let mut last_step = run.last_step;
    for (own, text) in (chunk.offset..).zip(&chunk.content) {
        let (line, new) = numbering.place(own)?;
        let (step, numbered) = match step_of(text) {
            Some(step) => (step, None),
            None if writer.is_some() => (line, with_step(text, line)),
            None => (line, None),
        };
        if new {
            keys.count(text);
        } else {
            replace.execute([run.id, line])?;
        }
        insert.execute(params![
            run.id,
            line,
            step,
            numbered.as_ref().unwrap_or(text)
        ])?;
        last_step = last_step.max(step);
    }
    keys.save(connection, run.id, LineFile::History)?;
    connection
        .prepare_cached("UPDATE runs SET history_lines = ?2, last_step = ?3 WHERE id = ?1")?
        .execute([run.id, numbering.next, last_step])?;
    Ok(())
}

fn with_step(text: &str, step: i64) -> Option<String> {
    let rest = text.trim_start().strip_prefix('{')?;
    let comma = if rest.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    Some(format!("{{\"_step\":{step}{comma}{rest}"))
}

/// Stores system metrics.
pub(super) fn events(
    connection: &Connection,
    run: &RunRow,
    chunk: &Chunk,
    writer: Option<&str>,
) -> StoreResult<()> {
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO events (run_id, line, text) VALUES (?1, ?2, ?3)")?;
    let mut numbering = Numbering::new(connection, run, LineFile::Events, writer);
    let mut keys = Keys::default();
    for (own, text) in (chunk.offset..).zip(&chunk.content) {
        let (line, new) = numbering.place(own)?;
        if new {
            keys.count(text);
        }
        insert.execute(params![run.id, line, text])?;
    }
    keys.save(connection, run.id, LineFile::Events)?;
    connection
        .prepare_cached("UPDATE runs SET events_lines = ?2 WHERE id = ?1")?
        .execute([run.id, numbering.next])?;
    Ok(())
}

/// Stores console lines; a line that comes again is replaced.
pub(super) fn console(
    connection: &Connection,
    run: &RunRow,
    chunk: &Chunk,
    writer: Option<&str>,
) -> StoreResult<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO console (run_id, line, text) VALUES (?1, ?2, ?3)",
    )?;
    let mut numbering = Numbering::new(connection, run, LineFile::Console, writer);
    for (own, text) in (chunk.offset..).zip(&chunk.content) {
        let (line, _) = numbering.place(own)?;
        insert.execute(params![run.id, line, text])?;
    }
    connection
        .prepare_cached("UPDATE runs SET console_lines = ?2 WHERE id = ?1")?
        .execute([run.id, numbering.next])?;
    Ok(())
}

/// `_step` of a row as a whole number.
pub(super) fn step_of(text: &str) -> Option<i64> {
    let raw = extjson::get(text, "_step")?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a step written as a float is taken by its floor"
    )]
    raw.parse::<i64>()
        .ok()
        .or_else(|| extjson::number(raw).map(|step| step.floor() as i64))
}

/// Which keys occur how often with which kind of value.
#[derive(Default)]
pub(super) struct Keys {
    seen: HashMap<(String, String), i64>,
}

impl Keys {
    pub(super) fn count(&mut self, text: &str) {
        extjson::leaves(text, &mut |name, raw| {
            let kind = extjson::kind(raw);
            *self
                .seen
                .entry((name.to_owned(), kind.into_owned()))
                .or_default() += 1;
        });
    }

    pub(super) fn save(
        self,
        connection: &Connection,
        run_id: i64,
        file: LineFile,
    ) -> StoreResult<()> {
        let mut add = connection.prepare_cached(
            "INSERT INTO keys (run_id, file, key, kind, rows) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET rows = rows + excluded.rows",
        )?;
        for ((key, kind), rows) in self.seen {
            add.execute(params![run_id, file.table(), key, kind, rows])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_step_gets_one() {
        assert_eq!(with_step("{\"a\":1}", 3).unwrap(), "{\"_step\":3,\"a\":1}");
        assert_eq!(with_step("{}", 0).unwrap(), "{\"_step\":0}");
        assert_eq!(with_step("[1]", 0), None);
    }
}
