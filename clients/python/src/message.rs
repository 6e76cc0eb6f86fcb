//! A message of the contract from a dict, by the names of its fields.

use std::collections::HashMap;

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyMapping},
};

/// A dict that is taken apart; what is left over at the end is an error.
pub(crate) struct Message<'py> {
    left: Bound<'py, PyDict>,
    name: &'static str,
}

impl<'py> Message<'py> {
    pub(crate) fn new(name: &'static str, fields: &Bound<'py, PyAny>) -> PyResult<Self> {
        let left = PyDict::new(fields.py());
        let mapping = fields
            .cast::<PyMapping>()
            .map_err(|_| PyTypeError::new_err(format!("{name} must be a dict")))?;
        left.update(mapping)?;
        Ok(Self { left, name })
    }

    pub(crate) fn any(&self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(value) = self.left.get_item(field)? else {
            return Ok(None);
        };
        self.left.del_item(field)?;
        Ok((!value.is_none()).then_some(value))
    }

    fn named<T>(&self, field: &str, found: PyResult<T>) -> PyResult<T> {
        // The value itself is not shown: it may be a key.
        found.map_err(|error| {
            PyTypeError::new_err(format!(
                "{}.{field} has a value of a wrong type ({error})",
                self.name
            ))
        })
    }

    pub(crate) fn text(&self, field: &str) -> PyResult<String> {
        self.any(field)?.map_or(Ok(String::new()), |value| {
            self.named(field, value.extract())
        })
    }

    pub(crate) fn texts(&self, field: &str) -> PyResult<Vec<String>> {
        self.any(field)?
            .map_or(Ok(Vec::new()), |value| self.named(field, value.extract()))
    }

    pub(crate) fn numbers(&self, field: &str) -> PyResult<Vec<i32>> {
        self.any(field)?
            .map_or(Ok(Vec::new()), |value| self.named(field, value.extract()))
    }

    pub(crate) fn flag(&self, field: &str) -> PyResult<bool> {
        self.any(field)?
            .map_or(Ok(false), |value| self.named(field, value.extract()))
    }

    pub(crate) fn number(&self, field: &str) -> PyResult<f64> {
        self.any(field)?
            .map_or(Ok(0.0), |value| self.named(field, value.extract()))
    }

    pub(crate) fn integer<T: FromPyObjectOwned<'py> + Default>(&self, field: &str) -> PyResult<T> {
        self.any(field)?.map_or(Ok(T::default()), |value| {
            self.named(field, value.extract().map_err(Into::into))
        })
    }

    pub(crate) fn map(&self, field: &str) -> PyResult<HashMap<String, String>> {
        self.any(field)?.map_or_else(
            || Ok(HashMap::new()),
            |value| self.named(field, value.extract()),
        )
    }

    /// What is set at all, of any kind.
    pub(crate) fn maybe<T: FromPyObjectOwned<'py>>(&self, field: &str) -> PyResult<Option<T>> {
        self.any(field)?
            .map(|value| self.named(field, value.extract().map_err(Into::into)))
            .transpose()
    }

    /// A message inside.
    pub(crate) fn below<T>(
        &self,
        field: &str,
        read: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> PyResult<Option<T>> {
        self.any(field)?.map(|below| read(&below)).transpose()
    }

    /// A list of messages inside.
    pub(crate) fn each<T>(
        &self,
        field: &str,
        mut read: impl FnMut(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> PyResult<Vec<T>> {
        let mut found = Vec::new();
        if let Some(list) = self.any(field)? {
            for item in list.try_iter()? {
                found.push(read(&item?)?);
            }
        }
        Ok(found)
    }

    pub(crate) fn end(self) -> PyResult<()> {
        match self.left.keys().iter().next() {
            None => Ok(()),
            Some(unknown) => Err(PyValueError::new_err(format!(
                "{} has no field {unknown}",
                self.name
            ))),
        }
    }
}
