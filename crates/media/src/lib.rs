//! Raw data becomes the files that W&B shows: pictures, sounds, histograms and tables.
//!
//! Blocking and without a run: bytes in, files and JSON out.
