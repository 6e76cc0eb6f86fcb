//! Python values to the fields of a row, config or summary.

use std::borrow::Cow;

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    ffi,
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PyString, PyTuple},
};
use wandbd_client::Fields;

use crate::{
    config,
    defer::{self, Device},
    run::Run,
    template::Template,
    text::{self, Json},
    types::{self, Kind},
};

/// Nesting of dicts and lists; a list that holds itself ends here.
pub(crate) const DEPTH_MAX: usize = 64;

/// Writes values into `fields`; those that are still being computed on a device are put aside if `devices` takes them. `run`: what the
/// callback gets; without it there is no media.
pub(crate) struct Writer<'a, 'py> {
    pub(crate) fields: &'a mut Fields,
    pub(crate) devices: Option<&'a mut Vec<Device>>,
    pub(crate) run: Option<&'a Bound<'py, Run>>,
}

impl<'py> Writer<'_, 'py> {
    /// Every item of a mapping whose keys must be strings.
    pub(crate) fn mapping(&mut self, data: &Bound<'py, PyAny>, what: &str) -> PyResult<()> {
        if let Ok(dict) = data.cast::<PyDict>() {
            return self.top(dict);
        }
        match data.cast::<PyMapping>() {
            Ok(mapping) => {
                let dict = PyDict::new(data.py());
                dict.update(mapping)?;
                self.top(&dict)
            }
            Err(_) => Err(PyTypeError::new_err(format!(
                "{what} must be passed a dictionary, not {}",
                type_name(data)
            ))),
        }
    }

    fn top(&mut self, dict: &Bound<'py, PyDict>) -> PyResult<()> {
        each_item(dict, |key, value| {
            let Ok(name) = key.cast::<PyString>() else {
                return Err(PyTypeError::new_err(format!(
                    "Key values passed to `wandb.log` must be strings. {} is of type {}",
                    key.repr()?.to_string_lossy(),
                    type_name(key)
                )));
            };
            let name = utf8(name);
            let mark = self.fields.enter(&name);
            self.value(value, 0, false)
                .map_err(|error| at_key(key.py(), &name, error))?;
            self.fields.leave(mark);
            Ok(())
        })
    }

    /// One value at the current path. `is_converted`: it comes from the callback, which is not asked again.
    fn value(
        &mut self,
        value: &Bound<'py, PyAny>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        if let Ok(float) = value.cast_exact::<PyFloat>() {
            self.fields.number(float.extract()?);
        } else if let Ok(bool) = value.cast_exact::<PyBool>() {
            self.fields.boolean(bool.is_true());
        } else if value.is_exact_instance_of::<PyInt>() {
            self.integer(value)?;
        } else if let Ok(text) = value.cast_exact::<PyString>() {
            self.fields.text(&utf8(text));
        } else if value.is_none() {
            self.fields.none();
        } else {
            self.other(value, depth, is_converted)?;
        }
        Ok(())
    }

    fn other(
        &mut self,
        value: &Bound<'py, PyAny>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        if depth > DEPTH_MAX {
            return Err(text::too_deep());
        }
        match types::kind_of(value) {
            Kind::Float => self.fields.number(value.extract()?),
            Kind::Integer => self.integer(value)?,
            Kind::Boolean => self.fields.boolean(value.is_truthy()?),
            Kind::Text => self.fields.text(&utf8(value.cast::<PyString>()?)),
            Kind::Dict => self.dict(value.cast::<PyDict>()?, depth, is_converted)?,
            Kind::List => self.list(value, depth, is_converted)?,
            Kind::Template => self.template(value.cast::<Template>()?.get())?,
            kind if is_converted => {
                debug_assert!(kind.is_foreign());
                return Err(text::no_json(value));
            }
            Kind::Device => self.device(value, depth)?,
            Kind::Moment | Kind::Convert => {
                self.value(&self.converted(value)?, depth + 1, true)?;
            }
        }
        Ok(())
    }

    /// What the package's callback makes of a value.
    fn converted(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        converted(value, self.run, self.fields)
    }

    /// One that begins with something unknown is the callback's as a whole: pictures of one row belong together.
    fn list(&mut self, list: &Bound<'py, PyAny>, depth: usize, is_converted: bool) -> PyResult<()> {
        if !is_converted
            && let Ok(first) = list.get_item(0)
            && types::kind_of(&first).is_foreign()
        {
            let made = self.converted(list)?;
            return self.value(&made, depth + 1, true);
        }
        let mut json = Json::new(self.run, self.fields);
        json.push_list(list, depth, is_converted)?;
        let (text, is_template) = json.end();
        if is_template {
            self.fields.template(&text);
        } else {
            self.fields.json(&text);
        }
        Ok(())
    }

    fn template(&mut self, template: &Template) -> PyResult<()> {
        if self.run.is_none() {
            return Err(PyTypeError::new_err("media can only be logged in rows"));
        }
        match &template.key {
            _ if template.text.is_empty() => {}
            None => self.fields.template(&template.text),
            Some(key) => {
                let path = self.fields.path();
                self.fields.at(&[]);
                let mark = self.fields.enter(key);
                self.fields.template(&template.text);
                self.fields.leave(mark);
                self.fields.at(&path);
            }
        }
        Ok(())
    }

    fn integer(&mut self, value: &Bound<'py, PyAny>) -> PyResult<()> {
        match value.extract::<i64>() {
            Ok(small) => self.fields.integer(small),
            Err(_) => self.fields.json(&text::digits(value)?),
        }
        Ok(())
    }

    fn dict(
        &mut self,
        dict: &Bound<'py, PyDict>,
        depth: usize,
        is_converted: bool,
    ) -> PyResult<()> {
        if dict.is_empty() {
            self.fields.json("{}");
            return Ok(());
        }
        each_item(dict, |key, value| {
            let mark = self.fields.enter(&nested_name(key)?);
            self.value(value, depth + 1, is_converted)?;
            self.fields.leave(mark);
            Ok(())
        })
    }

    fn device(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> PyResult<()> {
        if let Some(devices) = &mut self.devices
            && let Some(device) = defer::device(value, self.fields.path())
        {
            devices.push(device);
            return Ok(());
        }
        self.value(&self.converted(value)?, depth + 1, true)
    }

    /// The value of an array that was put aside.
    pub(crate) fn late(&mut self, device: &Device, py: Python<'py>) -> PyResult<()> {
        self.fields.at(&device.path);
        self.value(&self.converted(device.value.bind(py))?, 0, true)
    }
}

/// What the package's callback makes of a value. It gets the run, the last name of the path, and all of it.
pub(crate) fn converted<'py>(
    value: &Bound<'py, PyAny>,
    run: Option<&Bound<'py, Run>>,
    at: &Fields,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(convert) = config::convert(value.py()) else {
        return Err(text::no_json(value));
    };
    let names = at.names();
    let key = names.last().map_or("", String::as_str);
    convert
        .bind(value.py())
        .call1((value, run, key, names.join(".")))
}

/// The name of a key inside a value: strings as they are, everything else as W&B's SDK writes it.
pub(crate) fn nested_name<'a>(key: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    if let Ok(name) = key.cast::<PyString>() {
        return Ok(utf8(name));
    }
    if let Ok(bool) = key.cast_exact::<PyBool>() {
        return Ok(Cow::Borrowed(if bool.is_true() { "true" } else { "false" }));
    }
    if let Ok(parts) = key.cast_exact::<PyTuple>() {
        let mut names = Vec::with_capacity(parts.len());
        for part in parts {
            names.push(nested_name(&part)?.into_owned());
        }
        return Ok(Cow::Owned(names.join(",")));
    }
    if key.get_type().hasattr("__members__")? {
        return Ok(Cow::Owned(
            nested_name(&key.getattr("value")?)?.into_owned(),
        ));
    }
    Ok(Cow::Owned(utf8(&key.str()?).into_owned()))
}

/// Text as UTF-8; a lone surrogate is replaced.
pub(crate) fn utf8<'a>(text: &'a Bound<'_, PyString>) -> Cow<'a, str> {
    text.to_str()
        .map_or_else(|_| Cow::Owned(repaired(text)), Cow::Borrowed)
}

/// Two surrogates that belong together become one character, any other one becomes U+FFFD.
fn repaired(text: &Bound<'_, PyString>) -> String {
    let words = text
        .call_method1("encode", ("utf-16-le", "surrogatepass"))
        .and_then(|bytes| bytes.extract::<Vec<u8>>())
        .unwrap_or_default();
    let words = words
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(words)
        .map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value
        .get_type()
        .name()
        .map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

fn at_key(py: Python<'_>, name: &str, error: PyErr) -> PyErr {
    let text = format!("{name:?}: {}", error.value(py));
    let named = if error.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(text)
    } else if error.is_instance_of::<PyValueError>(py) {
        PyValueError::new_err(text)
    } else {
        return error;
    };
    named.set_cause(py, Some(error));
    named
}

/// Calls `each` for every item of a dict. Unlike an iterator it does not mind when another thread changes the dict meanwhile (a callback
/// may let it run): then items may be missed.
#[allow(
    unsafe_code,
    reason = "the iterator of pyo3 panics when the dict changes"
)]
pub(crate) fn each_item<'py>(
    dict: &Bound<'py, PyDict>,
    mut each: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let py = dict.py();
    let mut place: ffi::Py_ssize_t = 0;
    let mut key = std::ptr::null_mut();
    let mut value = std::ptr::null_mut();
    // SAFETY: the dict is alive and the GIL is held; the interpreter checks `place` against the dict as it is now.
    while unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut place, &raw mut key, &raw mut value) }
        != 0
    {
        // SAFETY: both are borrowed from the dict and not null; they are counted up before any Python code can run.
        let (key, value) = unsafe {
            (
                Bound::from_borrowed_ptr(py, key),
                Bound::from_borrowed_ptr(py, value),
            )
        };
        each(&key, &value)?;
    }
    Ok(())
}
