//! Values inside lists, as JSON text.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyString},
};
use wandbd_client::{Fields, json};

use crate::{
    run::Run,
    template::Template,
    types::{self, Kind},
    values::{self, DEPTH_MAX},
};

/// JSON text that grows.
pub(crate) struct Json<'a, 'py> {
    to: String,
    is_template: bool,
    run: Option<&'a Bound<'py, Run>>,
    /// Where the text belongs, for the callback.
    at: &'a Fields,
}

impl<'a, 'py> Json<'a, 'py> {
    pub(crate) fn new(run: Option<&'a Bound<'py, Run>>, at: &'a Fields) -> Self {
        Self {
            to: String::new(),
            is_template: false,
            run,
            at,
        }
    }

    /// The text, and whether it has places for media.
    pub(crate) fn end(self) -> (String, bool) {
        (self.to, self.is_template)
    }

    /// Appends `value`. `is_converted`: it comes from the callback, which is not asked again.
    fn push(
        &mut self,
        value: &Bound<'py, PyAny>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        if let Ok(float) = value.cast_exact::<PyFloat>() {
            json::push_f64(&mut self.to, float.extract()?);
        } else if let Ok(bool) = value.cast_exact::<PyBool>() {
            self.push_bool(bool.is_true());
        } else if value.is_exact_instance_of::<PyInt>() {
            self.push_integer(value)?;
        } else if let Ok(text) = value.cast_exact::<PyString>() {
            json::push_str(&mut self.to, &values::utf8(text));
        } else if value.is_none() {
            self.to.push_str("null");
        } else {
            self.push_other(value, depth, is_converted)?;
        }
        Ok(())
    }

    fn push_other(
        &mut self,
        value: &Bound<'py, PyAny>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        match types::kind_of(value) {
            Kind::Float => json::push_f64(&mut self.to, value.extract()?),
            Kind::Integer => self.push_integer(value)?,
            Kind::Boolean => self.push_bool(value.is_truthy()?),
            Kind::Text => json::push_str(&mut self.to, &values::utf8(value.cast::<PyString>()?)),
            Kind::Dict => self.push_dict(value.cast::<PyDict>()?, depth, is_converted)?,
            Kind::List => self.push_list(value, depth, is_converted)?,
            Kind::Template => self.push_template(value.cast::<Template>()?.get())?,
            Kind::Device | Kind::Moment | Kind::Convert if is_converted => {
                return Err(no_json(value));
            }
            Kind::Device | Kind::Moment | Kind::Convert => {
                let made = values::converted(value, self.run, self.at)?;
                self.push(&made, depth + 1, true)?;
            }
        }
        Ok(())
    }

    fn push_bool(&mut self, value: bool) {
        self.to.push_str(if value { "true" } else { "false" });
    }

    fn push_integer(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        match value.extract::<i64>() {
            Ok(small) => json::push_i64(&mut self.to, small),
            Err(_) => self.to.push_str(&digits(value)?),
        }
        Ok(())
    }

    fn push_template(&mut self, template: &Template) -> PyResult<()> {
        if self.run.is_none() {
            return Err(PyTypeError::new_err("media can only be logged in rows"));
        }
        if template.text.is_empty() {
            self.to.push_str("null");
        } else {
            self.to.push_str(&template.text);
            self.is_template = true;
        }
        Ok(())
    }

    /// Appends a list or tuple.
    pub(crate) fn push_list(
        &mut self,
        list: &Bound<'py, PyAny>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        self.to.push('[');
        for (place, item) in list.try_iter()?.enumerate() {
            if place > 0 {
                self.to.push(',');
            }
            self.push(&item?, depth + 1, is_converted)?;
        }
        self.to.push(']');
        Ok(())
    }

    fn push_dict(
        &mut self,
        dict: &Bound<'py, PyDict>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        self.to.push('{');
        let mut is_first = true;
        values::each_item(dict, |key, value| {
            if !std::mem::take(&mut is_first) {
                self.to.push(',');
            }
            json::push_str(&mut self.to, &values::nested_name(key)?);
            self.to.push(':');
            self.push(value, depth + 1, is_converted)
        })?;
        self.to.push('}');
        Ok(())
    }
}

/// The decimal digits of an integer of any size.
pub(crate) fn digits(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value
        .call_method0("__index__")?
        .str()?
        .to_string_lossy()
        .into_owned())
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
