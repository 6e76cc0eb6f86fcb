//! The memory of Python objects: arrays, bytes, memoryviews.
//!
//! The buffer protocol belongs to the stable ABI only since Python 3.11; 3.10 has the same functions and the same structure, so they are
//! declared here.

#![allow(unsafe_code, reason = "calls of the interpreter's own functions")]

use std::{
    ffi::{c_char, c_int, c_void},
    fs::File,
    io::{self, Write as _},
    mem::MaybeUninit,
};

use pyo3::{exceptions::PyBufferError, ffi, prelude::*, types::PyBytes};
use wandbd_client::{Bytes, Data, pool};

use crate::strided::Items;

/// One piece of memory, in C order.
const SIMPLE: c_int = 0;
/// Anything that can be read by strides.
const STRIDED_RO: c_int = 0x001C;

#[repr(C)]
struct View {
    buf: *mut c_void,
    obj: *mut ffi::PyObject,
    len: ffi::Py_ssize_t,
    itemsize: ffi::Py_ssize_t,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut ffi::Py_ssize_t,
    strides: *mut ffi::Py_ssize_t,
    suboffsets: *mut ffi::Py_ssize_t,
    internal: *mut c_void,
}

unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut ffi::PyObject, view: *mut View, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut View);
}

/// The memory of an object, which cannot go away or be resized meanwhile.
pub(crate) struct Buffer<'py> {
    py: Python<'py>,
    /// Points into itself.
    view: Box<View>,
    is_simple: bool,
}

impl<'py> Buffer<'py> {
    /// The object's memory.
    ///
    /// # Errors
    /// It has none.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if let Some(view) = get(object, SIMPLE) {
            return Ok(Self {
                py,
                view,
                is_simple: true,
            });
        }
        // Not in one piece, or no memory at all: the second answer says which.
        drop(PyErr::take(py));
        match get(object, STRIDED_RO) {
            Some(view) => Ok(Self {
                py,
                view,
                is_simple: false,
            }),
            None => Err(PyErr::fetch(py)),
        }
    }

    fn len(&self) -> usize {
        usize::try_from(self.view.len).unwrap_or(0)
    }

    fn slice(&self) -> Option<&[u8]> {
        if !self.is_simple {
            return None;
        }
        if self.view.buf.is_null() || self.len() == 0 {
            return Some(&[]);
        }
        // SAFETY: a simple view is `len` bytes at `buf`, which stay there until it is released. That another thread may write into them
        // while they are copied is the caller's business, as with every array.
        Some(unsafe { std::slice::from_raw_parts(self.view.buf.cast::<u8>(), self.len()) })
    }

    /// A copy, in C order.
    pub(crate) fn copy(&self, mut to: Vec<u8>) -> PyResult<Vec<u8>> {
        if let Some(bytes) = self.slice() {
            to.extend_from_slice(bytes);
            return Ok(to);
        }
        let items = self.items()?;
        // SAFETY: the object has said where its items are, and they stay there until the view is released.
        unsafe { items.append_to(&mut to) };
        Ok(to)
    }

    /// # Errors
    /// The items are found in another way, or are not as many as the view has bytes.
    fn items(&self) -> PyResult<Items<'_>> {
        let odd = || PyBufferError::new_err("this memory cannot be read in one go");
        let view = &self.view;
        let axes = usize::try_from(view.ndim).map_err(|_| odd())?;
        if view.shape.is_null() || view.strides.is_null() || !view.suboffsets.is_null() {
            return Err(odd());
        }
        // SAFETY: both have one entry for each axis, and live as long as the view.
        let (shape, strides) = unsafe {
            (
                std::slice::from_raw_parts(view.shape, axes),
                std::slice::from_raw_parts(view.strides, axes),
            )
        };
        let items = Items {
            start: view.buf.cast::<u8>().cast_const(),
            size: usize::try_from(view.itemsize).map_err(|_| odd())?,
            shape,
            strides,
        };
        if items.len() == Some(self.len()) {
            Ok(items)
        } else {
            Err(odd())
        }
    }
}

fn get(object: &Bound<'_, PyAny>, flags: c_int) -> Option<Box<View>> {
    let mut view = Box::new(MaybeUninit::<View>::zeroed());
    // SAFETY: the object is alive, the GIL is held, and the place stays where it is.
    let result = unsafe { PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), flags) };
    // SAFETY: on success the interpreter has filled it; all-zero is valid besides.
    (result == 0).then(|| unsafe { view.assume_init() })
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // SAFETY: it was filled by `PyObject_GetBuffer`, and the GIL is held, as `py` witnesses.
        unsafe { PyBuffer_Release(&raw mut *self.view) };
    }
}

impl Data for Buffer<'_> {
    fn size(&self) -> usize {
        self.len()
    }

    fn bytes(&self) -> io::Result<Bytes> {
        let copied = self.copy(pool::take(self.len()));
        copied.map(pool::freeze).map_err(io::Error::other)
    }

    fn write_to(&self, file: &mut File) -> io::Result<()> {
        if let Some(bytes) = self.slice() {
            return self.py.detach(|| file.write_all(bytes));
        }
        let bytes = self.copy(Vec::new()).map_err(io::Error::other)?;
        self.py.detach(|| file.write_all(&bytes))
    }
}

/// Raw data as it was when this was made.
#[pyclass(frozen, module = "wandbd._core")]
pub(crate) struct Snapshot(Bytes);

#[pymethods]
impl Snapshot {
    #[new]
    fn new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let data = Raw::of(data)?.bytes();
        Ok(Self(data?))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0)
    }

    fn __repr__(&self) -> String {
        format!("<wandbd._core.Snapshot of {} bytes>", self.0.len())
    }
}

/// `bytes` that somebody holds.
struct Held {
    _object: Py<PyBytes>,
    start: *const u8,
    len: usize,
}

// SAFETY: the memory of `bytes` never changes and stays where it is while the object is held.
unsafe impl Send for Held {}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

fn held(bytes: &Bound<'_, PyBytes>) -> Bytes {
    let slice = bytes.as_bytes();
    Bytes::from_owner(Held {
        start: slice.as_ptr(),
        len: slice.len(),
        _object: bytes.clone().unbind(),
    })
}

/// Raw data from Python: memory that may change, or bytes that do not.
pub(crate) enum Raw<'py> {
    Memory(Buffer<'py>),
    Fixed(Python<'py>, Bytes),
}

impl<'py> Raw<'py> {
    /// # Errors
    /// The object has no memory to read.
    pub(crate) fn of(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            return Ok(Self::Fixed(py, held(bytes)));
        }
        if let Ok(snapshot) = object.cast_exact::<Snapshot>() {
            return Ok(Self::Fixed(py, snapshot.get().0.clone()));
        }
        Buffer::of(object).map(Self::Memory)
    }
}

impl Data for Raw<'_> {
    fn size(&self) -> usize {
        match self {
            Self::Memory(buffer) => buffer.size(),
            Self::Fixed(_, bytes) => bytes.size(),
        }
    }

    fn bytes(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(buffer) => buffer.bytes(),
            Self::Fixed(_, bytes) => bytes.bytes(),
        }
    }

    fn write_to(&self, file: &mut File) -> io::Result<()> {
        match self {
            Self::Memory(buffer) => buffer.write_to(file),
            Self::Fixed(py, bytes) => py.detach(|| file.write_all(bytes)),
        }
    }
}
