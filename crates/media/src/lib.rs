//! Raw data becomes the files that W&B shows: pictures, sounds, histograms and tables.
//!
//! [`make`] takes one `Media` as a client sent it and writes what comes of it into a folder: a picture of pixels, a WAV file of
//! samples, a GIF of frames, a list of points, the two files of a table, or simply the bytes. What it returns, a `Made`, says
//! where the files lie, with their digests, and holds the JSON objects that stand for the thing in rows and in artifacts. Rows
//! of tables come before their table and are kept by [`append_rows`].
//!
//! What comes out is what W&B's Python client makes of the same data: the same pixels, the same counts and edges to the last
//! bit, the same bytes of WAV files and of tables (only PNG, JPEG and GIF are compressed by other encoders).
//!
//! # Limits
//! - an array has at most 2 GiB and 32 dimensions, and exactly the bytes that its shape says: no memory is taken before that is
//!   checked;
//! - the sides of a picture are 1 to 65,500 pixels; a picture of a film has at most 67 million;
//! - a histogram has 1 to 512 bins; numbers that are not finite are left out of it;
//! - names are short and lead nowhere: an id has at most 64 characters of `[0-9a-zA-Z_-]`.
//!
//! # What happens at failure
//! Everything here blocks and needs no run: callers bring it to threads of its own. Files appear under their names when they are
//! whole and synced; the folder is the caller's to sync. After a crash the same media is made again. What cannot be made is
//! refused with an error that names the thing and the fix, and leaves at most a `..part` file.

mod array;
mod error;
mod frames;
mod histogram;
mod json;
mod keep;
mod make;
mod names;
mod number;
mod picture;
mod pixels;
mod points;
mod rows;
mod sound;
mod table;

pub use error::MediaError;
pub use json::python_json;
pub use make::{make, private_files};
pub use rows::append_rows;
