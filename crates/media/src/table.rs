//! A table's two files, made of its rows: one for the run, cut at its limit, and one for artifacts.
//!
//! They differ in more than length, as W&B's client has it: the run's file is compact, and names media by their class and dates
//! by ISO text; the artifact's is Python's JSON with sorted keys, with whole media objects, milliseconds, and `null` for what is
//! not a number.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use wandbd_record::made::{Makings, in_artifact};
use wandbd_record::v1::cell::Value as Cell;
use wandbd_record::{BadJson, v1};

use crate::error::MediaError;
use crate::json::Value;
use crate::keep::{self, Draft};
use crate::{number, points, rows};

/// Rows of the run's file, unless the table says otherwise.
const RUN_ROWS: u64 = 10_000;

/// Text is handed on in pieces of this size.
const PIECE: usize = 1 << 16;

/// What a table became.
pub(crate) struct Tables {
    pub(crate) run: v1::made::File,
    pub(crate) artifact: v1::made::File,
    pub(crate) stored: Vec<v1::made::Part>,
    /// Ids of the media in its cells, each once.
    pub(crate) held: Vec<String>,
}

/// Makes the files of `table` in `dir`; those of the run at `at`.
pub(crate) fn make(
    id: &str,
    table: &v1::Table,
    known: &dyn Makings,
    dir: &Path,
    at: &Path,
) -> Result<Tables, MediaError> {
    let json = |source: BadJson| MediaError::Json {
        id: id.to_owned(),
        source,
    };
    let columns = Value::parse(non_empty(&table.columns_json, "[]")).map_err(json)?;
    let Value::List(names) = &columns else {
        return Err(MediaError::NoObject { id: id.to_owned() });
    };
    let (before, after) = around(id, table, &columns)?;
    let mut files = Files {
        table: &table.rows,
        columns: names.len(),
        run: Text::new(at)?,
        artifact: Text::new(&dir.join(format!("{id}..table")))?,
        run_rows: if table.run_rows == 0 {
            RUN_ROWS
        } else {
            table.run_rows
        },
        written: 0,
        cells: Cells {
            table: &table.rows,
            known,
            seen: HashSet::new(),
            held: Vec::new(),
        },
    };
    files.run.out.push_str("{\"columns\":");
    columns.push_compact(&mut files.run.out);
    files.run.out.push_str(",\"data\":[");
    files.artifact.out.push_str(&before);
    rows::visit(
        dir,
        &table.rows,
        table.first_row,
        table.row_count,
        |number, row| files.row(number, row),
    )?;
    files.run.out.push_str("]}");
    files.artifact.out.push_str(&after);
    let stored = table.stored.iter().enumerate();
    Ok(Tables {
        run: files.run.finish()?,
        artifact: files.artifact.finish()?,
        stored: stored
            .map(|(number, stored)| keep_stored(id, number, stored, dir))
            .collect::<Result<_, _>>()?,
        held: files.cells.held,
    })
}

fn non_empty<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.trim().is_empty() {
        otherwise
    } else {
        text
    }
}

/// The artifact's JSON before and after its rows.
fn around(
    id: &str,
    table: &v1::Table,
    columns: &Value<'_>,
) -> Result<(String, String), MediaError> {
    let json = |source: BadJson| MediaError::Json {
        id: id.to_owned(),
        source,
    };
    let types = Value::parse(non_empty(&table.column_types_json, "{}")).map_err(json)?;
    let extra = Value::parse(non_empty(&table.extra_json, "{}")).map_err(json)?;
    let Value::Object(extra) = extra else {
        return Err(MediaError::NoObject { id: id.to_owned() });
    };
    let (rows, width) = (
        table.row_count.to_string(),
        if let Value::List(names) = columns {
            names.len()
        } else {
            0
        }
        .to_string(),
    );
    let mut members: BTreeMap<&str, &Value<'_>> = BTreeMap::new();
    let named = [
        ("_type", Value::Text("table".to_owned())),
        ("ncols", Value::Word(&width)),
        ("nrows", Value::Word(&rows)),
        ("data", Value::Word("null")),
    ];
    members.extend(named.iter().map(|(name, value)| (*name, value)));
    members.extend(extra.iter().map(|(name, value)| (name.as_str(), value)));
    members.insert("columns", columns);
    members.insert("column_types", &types);
    let (mut before, mut after) = (String::from("{"), String::new());
    let mut out = &mut before;
    for (name, value) in members {
        if !out.ends_with('{') {
            out.push_str(", ");
        }
        number::push_python_str(out, name);
        out.push_str(": ");
        if name == "data" {
            out.push('[');
            out = &mut after;
            out.push(']');
        } else {
            value.push_python(out, "NaN");
        }
    }
    after.push('}');
    Ok((before, after))
}

fn keep_stored(
    id: &str,
    number: usize,
    stored: &v1::table::Stored,
    dir: &Path,
) -> Result<v1::made::Part, MediaError> {
    let empty = v1::Array::default();
    let bytes = points::npz(&stored.key, stored.array.as_ref().unwrap_or(&empty))?;
    let file = keep::write(&dir.join(format!("{id}..{number}.npz")), &bytes)?;
    Ok(v1::made::Part {
        inside: stored.path.clone(),
        file: Some(file),
    })
}

/// A file that grows by pieces.
struct Text {
    out: String,
    draft: Draft,
}

impl Text {
    fn new(path: &Path) -> Result<Self, MediaError> {
        Ok(Self {
            out: String::with_capacity(PIECE * 2),
            draft: Draft::new(path)?,
        })
    }

    fn hand_on(&mut self) -> Result<(), MediaError> {
        if self.out.len() < PIECE {
            return Ok(());
        }
        self.draft.write(self.out.as_bytes())?;
        self.out.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<v1::made::File, MediaError> {
        self.draft.write(self.out.as_bytes())?;
        self.draft.finish()
    }
}

struct Files<'a> {
    table: &'a str,
    columns: usize,
    run: Text,
    artifact: Text,
    run_rows: u64,
    written: u64,
    cells: Cells<'a>,
}

impl Files<'_> {
    fn row(&mut self, number: u64, row: &v1::TableRow) -> Result<(), MediaError> {
        if row.cell.len() != self.columns {
            return Err(MediaError::Cells {
                table: self.table.to_owned(),
                row: number,
                cells: row.cell.len(),
                columns: self.columns,
            });
        }
        if self.written < self.run_rows {
            let out = &mut self.run.out;
            out.push_str(if self.written == 0 { "[" } else { ",[" });
            for (at, cell) in row.cell.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                self.cells.push_run(out, cell.value.as_ref())?;
            }
            out.push(']');
            self.run.hand_on()?;
        }
        let out = &mut self.artifact.out;
        out.push_str(if self.written == 0 { "[" } else { ", [" });
        for (at, cell) in row.cell.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { ", " });
            self.cells.push_artifact(out, cell.value.as_ref())?;
        }
        out.push(']');
        self.written += 1;
        self.artifact.hand_on()
    }
}

/// Writes cells.
struct Cells<'a> {
    table: &'a str,
    known: &'a dyn Makings,
    seen: HashSet<String>,
    held: Vec<String>,
}

impl Cells<'_> {
    fn push_run(&self, out: &mut String, cell: Option<&Cell>) -> Result<(), MediaError> {
        match cell {
            Some(Cell::Number(value)) => number::push_compact(out, *value),
            Some(Cell::Text(text)) => number::push_compact_str(out, text),
            Some(Cell::Json(text) | Cell::Stored(text)) => self.parse(text)?.push_compact(out),
            Some(Cell::Date(date)) => number::push_compact_str(out, &date.text),
            Some(Cell::Media(id)) => {
                let made = self.known.made(id).ok_or_else(|| self.unknown(id))?;
                match class(made) {
                    None if !made.row_json.is_empty() => {
                        self.parse(&made.row_json)?.push_compact(out);
                    }
                    name => number::push_compact_str(out, name.unwrap_or_default()),
                }
            }
            other => push_plain(out, other),
        }
        Ok(())
    }

    fn push_artifact(&mut self, out: &mut String, cell: Option<&Cell>) -> Result<(), MediaError> {
        match cell {
            Some(Cell::Number(value)) if value.is_nan() => out.push_str("null"),
            Some(Cell::Number(value)) => number::push_python(out, *value),
            Some(Cell::Text(text)) => number::push_python_str(out, text),
            Some(Cell::Json(text)) => self.parse(text)?.push_python(out, "null"),
            Some(Cell::Stored(_)) => out.push_str("null"),
            Some(Cell::Date(date)) => out.push_str(&date.ms.to_string()),
            Some(Cell::Media(id)) => self.push_media(out, id)?,
            other => push_plain(out, other),
        }
        Ok(())
    }

    fn push_media(&mut self, out: &mut String, id: &str) -> Result<(), MediaError> {
        let made = self.known.made(id).ok_or_else(|| self.unknown(id))?;
        let object = made.artifact_json.trim_start();
        let (template, held) = if object.is_empty() || object.starts_with('{') {
            (format!("{{\"$wandbd\":\"{id}\"}}"), vec![id.to_owned()])
        } else {
            // A list of media has neither a file nor a place of its own: what counts is what it holds.
            let mut held = Vec::new();
            places(&self.parse(object)?, &mut held);
            (object.to_owned(), held)
        };
        let object = in_artifact(&template, self.known, &mut Vec::new()).map_err(|source| {
            MediaError::Template {
                table: self.table.to_owned(),
                source,
            }
        })?;
        self.parse(&object)?.push_python(out, "NaN");
        for id in held {
            if self.seen.insert(id.clone()) {
                self.held.push(id);
            }
        }
        Ok(())
    }

    fn parse<'t>(&self, text: &'t str) -> Result<Value<'t>, MediaError> {
        Value::parse(text).map_err(|source| MediaError::Json {
            id: self.table.to_owned(),
            source,
        })
    }

    fn unknown(&self, id: &str) -> MediaError {
        MediaError::Unknown {
            table: self.table.to_owned(),
            id: id.to_owned(),
        }
    }
}

/// What is the same in both files.
fn push_plain(out: &mut String, cell: Option<&Cell>) {
    match cell {
        Some(Cell::Integer(number)) => out.push_str(&number.to_string()),
        Some(Cell::Boolean(true)) => out.push_str("true"),
        Some(Cell::Boolean(false)) => out.push_str("false"),
        _ => out.push_str("null"),
    }
}

/// The ids in the places of a template.
fn places(value: &Value<'_>, held: &mut Vec<String>) {
    match value {
        Value::List(values) => values.iter().for_each(|value| places(value, held)),
        Value::Object(members) => {
            if let Some(Value::Text(id)) = value.get("$wandbd") {
                held.push(id.clone());
            } else {
                for (_, value) in members {
                    places(value, held);
                }
            }
        }
        Value::Word(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

/// The name of the Python class that an object is of: what the run's file says of it.
fn class(made: &v1::Made) -> Option<&'static str> {
    let object = Value::parse(&made.artifact_json).ok()?;
    let Some(Value::Text(kind)) = object.get("_type") else {
        return None;
    };
    CLASSES
        .iter()
        .find(|(name, _)| name == kind)
        .map(|(_, class)| *class)
}

/// Names of objects, and of their Python classes.
const CLASSES: [(&str, &str); 16] = [
    ("image-file", "Image"),
    ("audio-file", "Audio"),
    ("video-file", "Video"),
    ("html-file", "Html"),
    ("molecule-file", "Molecule"),
    ("object3D-file", "Object3D"),
    ("plotly-file", "Plotly"),
    ("bokeh-file", "Bokeh"),
    ("graph-file", "Graph"),
    ("table", "Table"),
    ("joined-table", "JoinedTable"),
    ("partitioned-table", "_PartitionedTable"),
    ("histogram", "Histogram"),
    ("mask", "ImageMask"),
    ("boxes2D", "BoundingBoxes2D"),
    ("classes", "Classes"),
];

#[cfg(test)]
mod tests;
