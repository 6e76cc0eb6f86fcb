//! How a type that is not a plain one is read, found out once per type.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use pyo3::{
    prelude::*,
    types::{PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType},
};

use crate::template::Template;

/// Types made up while the program runs are not remembered without end.
const REMEMBERED_MAX: usize = 1024;
const NUMPY_FLOATS: [&str; 3] = ["float16", "float32", "float64"];
const NUMPY_INTEGERS: [&str; 13] = [
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "longlong",
    "ulonglong",
    "intc",
    "uintc",
    "int_",
];

/// How the values of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By `__float__`.
    Float,
    /// By `__index__`.
    Integer,
    /// By its truth value.
    Boolean,
    /// A string.
    Text,
    /// A dict, leaf by leaf.
    Dict,
    /// A list or tuple, as JSON.
    List,
    /// A JAX array: immutable, and perhaps not computed yet.
    Device,
    /// A date, or a date and time: only tables know them.
    Moment,
    /// What the callback returned for a value that names media.
    Template,
    /// By the package's own callback.
    Convert,
}

impl Kind {
    /// Whether rows ask the callback about it.
    pub(crate) fn is_foreign(self) -> bool {
        matches!(self, Self::Device | Self::Moment | Self::Convert)
    }
}

/// The type is kept, so that its address stays its own.
type Cache = HashMap<usize, (Py<PyType>, Kind)>;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// Held with the GIL, and never while Python code runs.
fn cache() -> MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How `value` is read.
pub(crate) fn kind_of(value: &Bound<'_, PyAny>) -> Kind {
    let address = value.get_type_ptr() as usize;
    if let Some((_, kind)) = cache().get(&address) {
        return *kind;
    }
    let of = value.get_type();
    let kind = classify(&of).unwrap_or(Kind::Convert);
    let mut cache = cache();
    if cache.len() < REMEMBERED_MAX {
        let before = cache.insert(address, (of.unbind(), kind));
        drop(cache);
        drop(before);
    }
    kind
}

fn classify(of: &Bound<'_, PyType>) -> PyResult<Kind> {
    if of.is_subclass_of::<Template>()? {
        return Ok(Kind::Template);
    }
    // Members of an enumeration are their names or values: the callback knows.
    if of.hasattr("__members__")? {
        return Ok(Kind::Convert);
    }
    if of.is_subclass_of::<PyFloat>()? {
        return Ok(Kind::Float);
    }
    if of.is_subclass_of::<PyInt>()? {
        return Ok(Kind::Integer);
    }
    if of.is_subclass_of::<PyString>()? {
        return Ok(Kind::Text);
    }
    if of.is_subclass_of::<PyDict>()? {
        return Ok(Kind::Dict);
    }
    if of.is_subclass_of::<PyList>()? || of.is_subclass_of::<PyTuple>()? {
        return Ok(Kind::List);
    }
    let module = of.module()?.to_string();
    let name = of.name()?.to_string();
    Ok(match module.split('.').next() {
        Some("numpy") if NUMPY_FLOATS.contains(&name.as_str()) => Kind::Float,
        Some("numpy") if NUMPY_INTEGERS.contains(&name.as_str()) => Kind::Integer,
        Some("numpy") if name == "bool" || name == "bool_" => Kind::Boolean,
        Some("jax" | "jaxlib")
            if of.hasattr("is_ready")? && of.hasattr("copy_to_host_async")? =>
        {
            Kind::Device
        }
        // A date that is none is pandas' own.
        _ if is_moment(of)? && name != "NaTType" => Kind::Moment,
        _ => Kind::Convert,
    })
}

fn is_moment(of: &Bound<'_, PyType>) -> PyResult<bool> {
    of.is_subclass(&of.py().import("datetime")?.getattr("date")?)
}
