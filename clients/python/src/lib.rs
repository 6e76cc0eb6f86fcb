//! `wandbd._core`: the client for Python. The interface is described in `python/wandbd/_core.pyi`.
//!
//! A call of `log` walks the dict once and writes protobuf bytes (`values`); types that are not plain are looked up in a cache by their
//! type object (`types`) and only what that does not know goes through the package's own `convert`. That may hand raw data over (`media`,
//! by the buffer protocol: `buffer`) and rows of tables (`table`), and return a `Template` that names them. Nothing here holds a lock while
//! Python code can run, and the GIL is given up wherever something is waited for (`wait`).

mod artifact;
mod buffer;
mod calls;
mod config;
mod defer;
mod dicts;
mod end;
mod media;
mod message;
mod open;
mod run;
mod said;
mod strided;
mod table;
mod template;
mod text;
mod types;
mod values;
mod wait;

use pyo3::prelude::*;

/// The compiled client.
#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::buffer::Snapshot;
    #[pymodule_export]
    use crate::calls::{
        change_artifact, download_artifact, get_artifact, login, random_id, restore, stage,
    };
    #[pymodule_export]
    use crate::config::{configure, messages, paths};
    #[pymodule_export]
    use crate::run::Run;
    #[pymodule_export]
    use crate::table::scan_columns;
    #[pymodule_export]
    use crate::template::Template;

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
