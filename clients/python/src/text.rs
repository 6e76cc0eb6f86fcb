//! Values inside lists, as JSON text.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyString},
};
use wandbd_client::json;

use crate::{
    types::{self, Kind},
    values::{self, DEPTH_MAX},
};

/// Appends `value`. `is_converted`: it comes from the callback, which is not asked again.
pub(crate) fn push(
    to: &mut String,
    value: &Bound<'_, PyAny>,
    depth: usize,
    is_converted: bool,
) -> PyResult<()> {
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    if let Ok(float) = value.cast_exact::<PyFloat>() {
        json::push_f64(to, float.extract()?);
    } else if let Ok(bool) = value.cast_exact::<PyBool>() {
        to.push_str(if bool.is_true() { "true" } else { "false" });
    } else if value.is_exact_instance_of::<PyInt>() {
        push_integer(to, value)?;
    } else if let Ok(text) = value.cast_exact::<PyString>() {
        json::push_str(to, &values::utf8(text));
    } else if value.is_none() {
        to.push_str("null");
    } else {
        push_other(to, value, depth, is_converted)?;
    }
    Ok(())
}

fn push_other(
    to: &mut String,
    value: &Bound<'_, PyAny>,
    depth: usize,
    is_converted: bool,
) -> PyResult<()> {
    match types::kind_of(value) {
        Kind::Float => json::push_f64(to, value.extract()?),
        Kind::Integer => push_integer(to, value)?,
        Kind::Boolean => to.push_str(if value.is_truthy()? { "true" } else { "false" }),
        Kind::Text => json::push_str(to, &values::utf8(value.cast::<PyString>()?)),
        Kind::Dict => push_dict(to, value.cast::<PyDict>()?, depth, is_converted)?,
        Kind::List => push_list(to, value, depth, is_converted)?,
        Kind::Device | Kind::Convert if is_converted => return Err(no_json(value)),
        Kind::Device | Kind::Convert => push(to, &values::converted(value)?, depth + 1, true)?,
    }
    Ok(())
}

fn push_integer(to: &mut String, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match value.extract::<i64>() {
        Ok(small) => json::push_i64(to, small),
        Err(_) => to.push_str(&digits(value)?),
    }
    Ok(())
}

/// The decimal digits of an integer of any size.
pub(crate) fn digits(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value
        .call_method0("__index__")?
        .str()?
        .to_string_lossy()
        .into_owned())
}

/// Appends a list or tuple.
pub(crate) fn push_list(
    to: &mut String,
    list: &Bound<'_, PyAny>,
    depth: usize,
    is_converted: bool,
) -> PyResult<()> {
    to.push('[');
    for (place, item) in list.try_iter()?.enumerate() {
        if place > 0 {
            to.push(',');
        }
        push(to, &item?, depth + 1, is_converted)?;
    }
    to.push(']');
    Ok(())
}

fn push_dict(
    to: &mut String,
    dict: &Bound<'_, PyDict>,
    depth: usize,
    is_converted: bool,
) -> PyResult<()> {
    to.push('{');
    let mut is_first = true;
    values::each_item(dict, |key, value| {
        if !std::mem::take(&mut is_first) {
            to.push(',');
        }
        json::push_str(to, &values::nested_name(key)?);
        to.push(':');
        push(to, value, depth + 1, is_converted)
    })?;
    to.push('}');
    Ok(())
}

pub(crate) fn too_deep() -> PyErr {
    PyValueError::new_err(format!("nested deeper than {DEPTH_MAX} levels"))
}

pub(crate) fn no_json(value: &Bound<'_, PyAny>) -> PyErr {
    let name = value
        .get_type()
        .fully_qualified_name()
        .map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("a value of type {name} has no JSON form"))
}
