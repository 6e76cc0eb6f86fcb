//! What `convert` returns for a value that names media.

use pyo3::prelude::*;

/// JSON text with places for media, as a value of a row.
#[pyclass(frozen, module = "wandbd._core")]
pub(crate) struct Template {
    #[pyo3(get)]
    pub(crate) text: String,
    #[pyo3(get)]
    pub(crate) key: Option<String>,
}

#[pymethods]
impl Template {
    #[new]
    #[pyo3(signature = (text, key=None))]
    fn new(text: String, key: Option<String>) -> Self {
        Self { text, key }
    }

    fn __repr__(&self) -> String {
        format!("<wandbd._core.Template {}>", self.text)
    }
}
