//! The fields of `Media` from a dict, with the memory of its data.

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::{PyAny, PyString},
};
use wandbd_client::{
    Bytes, Data as _, Session,
    proto::{
        Array, Binned, Frames, Media, Pixels, Sound, Table,
        media::{Content, Source},
        table::Stored,
    },
};

use crate::{buffer::Raw, message::Message};

/// Says a media; false: no room.
pub(crate) fn say(session: &Session, fields: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (media, data) = media(fields)?;
    let taken = match &data {
        Some(data) => session.media(media, data),
        None => session.media(media, &Bytes::new()),
    };
    taken.map_err(|error| {
        PyRuntimeError::new_err(format!("the media's data cannot be read: {error}"))
    })
}

fn media<'py>(fields: &Bound<'py, PyAny>) -> PyResult<(Media, Option<Raw<'py>>)> {
    let message = Message::new("Media", fields)?;
    let mut data = None;
    let mut contents = Vec::new();
    if let Some(bytes) = message.any("bytes")? {
        data = Some(Raw::of(&bytes)?);
        contents.push(Content::Bytes(Vec::new()));
    }
    contents.extend(message.below("file", source)?.map(Content::File));
    contents.extend(
        message
            .below("pixels", |below| pixels(below, &mut data))?
            .map(Content::Pixels),
    );
    contents.extend(
        message
            .below("histogram", |below| binned(below, &mut data))?
            .map(Content::Histogram),
    );
    contents.extend(message.below("table", table)?.map(Content::Table));
    contents.extend(
        message
            .below("sound", |below| sound(below, &mut data))?
            .map(Content::Sound),
    );
    contents.extend(
        message
            .below("frames", |below| frames(below, &mut data))?
            .map(Content::Frames),
    );
    contents.extend(
        message
            .below("points", |below| array(below, &mut data))?
            .map(Content::Points),
    );
    if contents.len() > 1 {
        return Err(PyValueError::new_err("Media has more than one content"));
    }
    let media = Media {
        id: message.text("id")?,
        dir: message.text("dir")?,
        extension: message.text("extension")?,
        row_json: message.text("row_json")?,
        artifact_json: message.text("artifact_json")?,
        basename: message.text("basename")?,
        measure: message.flag("measure")?,
        reference: message.text("reference")?,
        content: contents.pop(),
    };
    message.end()?;
    Ok((media, data))
}

fn source(fields: &Bound<'_, PyAny>) -> PyResult<Source> {
    if let Ok(path) = fields.cast::<PyString>() {
        return Ok(Source {
            path: path.extract()?,
            staged: false,
        });
    }
    let message = Message::new("Source", fields)?;
    let source = Source {
        path: message.text("path")?,
        staged: message.flag("staged")?,
    };
    message.end()?;
    Ok(source)
}

/// The array without its data, which is left in `data`.
fn array<'py>(fields: &Bound<'py, PyAny>, data: &mut Option<Raw<'py>>) -> PyResult<Array> {
    let message = Message::new("Array", fields)?;
    let array = Array {
        dtype: message.text("dtype")?,
        shape: message.maybe("shape")?.unwrap_or_default(),
        data: Vec::new(),
        source: message.text("source")?,
    };
    *data = message.below("data", Raw::of)?;
    message.end()?;
    Ok(array)
}

fn pixels<'py>(fields: &Bound<'py, PyAny>, data: &mut Option<Raw<'py>>) -> PyResult<Pixels> {
    let message = Message::new("Pixels", fields)?;
    let pixels = Pixels {
        array: message.below("array", |below| array(below, data))?,
        normalize: message.flag("normalize")?,
        channels_first: message.flag("channels_first")?,
    };
    message.end()?;
    Ok(pixels)
}

fn binned<'py>(fields: &Bound<'py, PyAny>, data: &mut Option<Raw<'py>>) -> PyResult<Binned> {
    let message = Message::new("Binned", fields)?;
    let binned = Binned {
        array: message.below("array", |below| array(below, data))?,
        bins: message.integer("bins")?,
    };
    message.end()?;
    Ok(binned)
}

fn sound<'py>(fields: &Bound<'py, PyAny>, data: &mut Option<Raw<'py>>) -> PyResult<Sound> {
    let message = Message::new("Sound", fields)?;
    let sound = Sound {
        array: message.below("array", |below| array(below, data))?,
        rate: message.integer("rate")?,
    };
    message.end()?;
    Ok(sound)
}

fn frames<'py>(fields: &Bound<'py, PyAny>, data: &mut Option<Raw<'py>>) -> PyResult<Frames> {
    let message = Message::new("Frames", fields)?;
    let frames = Frames {
        array: message.below("array", |below| array(below, data))?,
        rate: message.integer("rate")?,
    };
    message.end()?;
    Ok(frames)
}

fn table(fields: &Bound<'_, PyAny>) -> PyResult<Table> {
    let message = Message::new("Table", fields)?;
    let table = Table {
        rows: message.text("rows")?,
        first_row: message.integer("first_row")?,
        row_count: message.integer("row_count")?,
        columns_json: message.text("columns_json")?,
        column_types_json: message.text("column_types_json")?,
        extra_json: message.text("extra_json")?,
        run_rows: message.integer("run_rows")?,
        stored: message.each("stored", stored)?,
    };
    message.end()?;
    Ok(table)
}

fn stored(fields: &Bound<'_, PyAny>) -> PyResult<Stored> {
    let message = Message::new("Stored", fields)?;
    let mut data = None;
    let mut stored = Stored {
        path: message.text("path")?,
        key: message.text("key")?,
        array: message.below("array", |below| array(below, &mut data))?,
    };
    message.end()?;
    if let (Some(array), Some(data)) = (&mut stored.array, data) {
        array.data = data.bytes()?.into();
    }
    Ok(stored)
}
