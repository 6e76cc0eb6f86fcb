//! Rows of tables: cell by cell, without a Python call for plain values.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use wandbd_client::{Rows, Session};

use crate::{
    text,
    types::{self, Kind},
    values::utf8,
};

const NONE: u32 = 1;
const NUMBER: u32 = 2;
const STRING: u32 = 4;
const BOOL: u32 = 8;
const TIMESTAMP: u32 = 16;
const OTHER: u32 = 32;

/// Says rows; false: there is no room for all of them.
pub(crate) fn say(
    session: &Session,
    table: String,
    first_row: u64,
    rows: &Bound<'_, PyAny>,
    other: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let mut said = Rows::new(table, first_row);
    let mut is_taken = true;
    each(rows, |row| {
        each(row, |cell| push(&mut said, cell, other))?;
        if said.end_row() {
            is_taken &= session.table_rows(&mut said);
        }
        Ok(())
    })?;
    Ok(is_taken & session.table_rows(&mut said))
}

/// Calls `visit` for every item of a sequence or iterable. A list that another thread changes meanwhile may be seen in part.
fn each<'py>(
    items: &Bound<'py, PyAny>,
    mut visit: impl FnMut(&Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    if let Ok(list) = items.cast_exact::<PyList>() {
        let mut place = 0;
        while place < list.len() {
            visit(&list.get_item(place)?)?;
            place += 1;
        }
        return Ok(());
    }
    if let Ok(tuple) = items.cast_exact::<PyTuple>() {
        for place in 0..tuple.len() {
            visit(&tuple.get_item(place)?)?;
        }
        return Ok(());
    }
    for item in items.try_iter()? {
        visit(&item?)?;
    }
    Ok(())
}

fn push(to: &mut Rows, cell: &Bound<'_, PyAny>, other: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    if let Ok(float) = cell.cast_exact::<PyFloat>() {
        to.number(float.extract()?);
    } else if let Ok(text) = cell.cast_exact::<PyString>() {
        to.text(&utf8(text));
    } else if cell.is_exact_instance_of::<PyInt>() {
        push_integer(to, cell)?;
    } else if let Ok(bool) = cell.cast_exact::<PyBool>() {
        to.boolean(bool.is_true());
    } else if cell.is_none() {
        to.none();
    } else {
        match types::kind_of(cell) {
            Kind::Float => to.number(cell.extract()?),
            Kind::Integer => push_integer(to, cell)?,
            Kind::Boolean => to.boolean(cell.is_truthy()?),
            Kind::Text => to.text(&utf8(cell.cast::<PyString>()?)),
            Kind::Moment => push_moment(to, cell)?,
            _ => push_other(to, cell, other)?,
        }
    }
    Ok(())
}

fn push_integer(to: &mut Rows, cell: &Bound<'_, PyAny>) -> PyResult<()> {
    match cell.extract::<i64>() {
        Ok(small) => to.integer(small),
        Err(_) => to.json(&text::digits(cell)?),
    }
    Ok(())
}

/// A moment without a zone is in UTC, and a day begins there.
fn push_moment(to: &mut Rows, cell: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = cell.py();
    let iso: String = cell.call_method0("isoformat")?.extract()?;
    let iso = match iso.strip_suffix("+00:00") {
        Some(start) => format!("{start}Z"),
        None => iso,
    };
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let seconds: f64 = if !cell.hasattr("hour")? {
        let parts = ["year", "month", "day"].map(|name| cell.getattr(name));
        let [year, month, day] = parts;
        datetime
            .getattr("datetime")?
            .call1((year?, month?, day?, 0, 0, 0, 0, utc))?
            .call_method0("timestamp")?
            .extract()?
    } else if cell.call_method0("utcoffset")?.is_none() {
        let kwargs = pyo3::types::PyDict::new(py);
        kwargs.set_item("tzinfo", utc)?;
        cell.call_method("replace", (), Some(&kwargs))?
            .call_method0("timestamp")?
            .extract()?
    } else {
        cell.call_method0("timestamp")?.extract()?
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a moment of Python fits, and parts of a millisecond are cut off as W&B does"
    )]
    to.date((seconds * 1000.0) as i64, &iso);
    Ok(())
}

/// What the package's callback makes of a cell: a plain value, or a pair or triple that begins with a word.
fn push_other(
    to: &mut Rows,
    cell: &Bound<'_, PyAny>,
    other: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let Some(other) = other else {
        return Err(text::no_json(cell));
    };
    let made = other.call1((cell,))?;
    let Ok(words) = made.cast_exact::<PyTuple>() else {
        if is_plain(&made) {
            return push(to, &made, None);
        }
        return Err(text::no_json(&made));
    };
    let word: String = words.get_item(0)?.extract()?;
    if word == "date" {
        let (_, ms, iso): (String, i64, String) = words.extract()?;
        to.date(ms, &iso);
        return Ok(());
    }
    let (_, text): (String, String) = words.extract()?;
    match word.as_str() {
        "media" => to.media(&text),
        "json" => to.json(&text),
        "stored" => to.stored(&text),
        _ => {
            let text = format!("a cell must be one of media, json, stored, date; not {word:?}");
            return Err(PyValueError::new_err(text));
        }
    }
    Ok(())
}

fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    !matches!(bit(value), OTHER)
}

/// Which kinds of cells each column has, by bits.
#[pyfunction]
pub(crate) fn scan_columns(rows: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let mut columns: Option<Vec<u32>> = None;
    let mut number = 0_u64;
    each(rows, |row| {
        let width = row.len()?;
        let columns = columns.get_or_insert_with(|| vec![0; width]);
        if width != columns.len() {
            let text = format!(
                "row {number} has {width} cells, and the rows before it have {}",
                columns.len()
            );
            return Err(PyValueError::new_err(text));
        }
        let mut places = columns.iter_mut();
        each(row, |cell| {
            if let Some(place) = places.next() {
                *place |= bit(cell);
            }
            Ok(())
        })?;
        number += 1;
        Ok(())
    })
    .map_err(|error| not_rows(rows.py(), error))?;
    Ok(columns.unwrap_or_default())
}

fn not_rows(py: Python<'_>, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(format!("rows must be lists: {}", error.value(py)))
    } else {
        error
    }
}

fn bit(cell: &Bound<'_, PyAny>) -> u32 {
    if let Ok(float) = cell.cast_exact::<PyFloat>() {
        // W&B takes it for a missing value.
        return if float.value().is_nan() { NONE } else { NUMBER };
    }
    if cell.is_exact_instance_of::<PyInt>() {
        return NUMBER;
    }
    if cell.is_exact_instance_of::<PyString>() {
        return STRING;
    }
    if cell.is_none() {
        return NONE;
    }
    if cell.is_exact_instance_of::<PyBool>() {
        return BOOL;
    }
    match types::kind_of(cell) {
        // Subclasses of the plain types have types of their own: keys of tables, texts of numpy.
        Kind::Integer if cell.is_instance_of::<PyInt>() => OTHER,
        Kind::Float | Kind::Integer => NUMBER,
        Kind::Boolean => BOOL,
        Kind::Moment => TIMESTAMP,
        _ => OTHER,
    }
}
