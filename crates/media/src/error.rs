//! Why something was not made.

use std::io;
use std::path::{Path, PathBuf};

use wandbd_record::BadJson;

/// Why nothing came of a `Media`. Its texts are shown to the user.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// An id, a folder or an extension that is no good name.
    #[error("{what} {name:?} of media is refused: {rule}")]
    Name {
        /// Which name.
        what: &'static str,
        /// As given.
        name: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// One of its JSON texts.
    #[error("the JSON of media {id:?} is refused")]
    Json {
        /// Of the media.
        id: String,
        /// What is wrong.
        #[source]
        source: BadJson,
    },
    /// One of its JSON texts is no object.
    #[error("the JSON of media {id:?} is refused: it must be an object")]
    NoObject {
        /// Of the media.
        id: String,
    },
    /// A kind of number that is not known.
    #[error(
        "arrays of {0:?} cannot be read here: convert them to float32, an integer type or bool"
    )]
    Dtype(String),
    /// The data is not what the shape says.
    #[error(
        "an array of {dtype} and shape {shape:?} has {given} bytes of data: the shape does not fit"
    )]
    Shape {
        /// As given.
        dtype: String,
        /// As given.
        shape: Vec<u64>,
        /// Bytes of data.
        given: u64,
    },
    /// More than can be held.
    #[error("an array of {bytes} bytes is too large: at most {max} are allowed", max = crate::array::MAX_BYTES)]
    Large {
        /// Of the array.
        bytes: u64,
    },
    /// A shape that is no picture, no sound, ...
    #[error("{what} cannot be made of an array of shape {shape:?}: {rule}")]
    Form {
        /// What was to be made.
        what: &'static str,
        /// As given.
        shape: Vec<u64>,
        /// What fits.
        rule: &'static str,
    },
    /// An extension that cannot be written.
    #[error("pictures of kind {0:?} cannot be written: use .png, .jpg or .bmp")]
    Picture(String),
    /// The encoder did not want it.
    #[error("the picture of media {id:?} cannot be encoded")]
    Encode {
        /// Of the media.
        id: String,
        /// What it said.
        #[source]
        source: image::ImageError,
    },
    /// The numbers span more than can be divided.
    #[error("a histogram of {bins} bins cannot be made of these numbers: {reason}")]
    Histogram {
        /// As asked for.
        bins: u32,
        /// Why not.
        reason: &'static str,
    },
    /// A number of samples or pictures per second that no file can hold.
    #[error("a rate of {0} per second is refused: give one above 0")]
    Rate(u32),
    /// Rows that never came.
    #[error("rows {from} to {to} of table {table:?} are missing")]
    Rows {
        /// Its name.
        table: String,
        /// The first one.
        from: u64,
        /// The one after the last.
        to: u64,
    },
    /// A row of another length.
    #[error("row {row} of table {table:?} has {cells} cells, but the table has {columns} columns")]
    Cells {
        /// Its name.
        table: String,
        /// Its number.
        row: u64,
        /// How many it has.
        cells: usize,
        /// How many it should have.
        columns: usize,
    },
    /// Media in a table that nobody has seen.
    #[error("a cell of table {table:?} names the media {id:?}, which is not known")]
    Unknown {
        /// Its name.
        table: String,
        /// Of the media.
        id: String,
    },
    /// A template in a table's cell, or in what it names.
    #[error("a cell of table {table:?} is refused")]
    Template {
        /// Its name.
        table: String,
        /// What is wrong.
        #[source]
        source: wandbd_record::BadTemplate,
    },
    /// A file that cannot be read or written.
    #[error("cannot {verb} {}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl MediaError {
    /// Whether the disk is at fault and not the media: another try may do.
    pub fn is_disk(&self) -> bool {
        matches!(self, Self::Io { verb, .. } if *verb == "write")
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Io {
            verb: "read",
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Io {
            verb: "write",
            path: path.to_owned(),
            source,
        }
    }
}
