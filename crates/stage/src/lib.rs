//! Private copies of files, as they were when somebody handed them over.
//!
//! A file is cloned where the file system can, else held by a read lease while it is copied, so that only a process which really
//! overwrites it has to wait.
