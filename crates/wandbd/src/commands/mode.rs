//! `wandbd offline` and `wandbd online`: the mode of runs that are started in this folder.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use super::{Outcome, shell};
use crate::account::settings;

/// Writes the local settings file, which W&B's own client reads too.
pub(crate) fn set(mode: Option<&str>) -> Outcome {
    let path = shell()?.local_settings();
    settings::set(&path, "mode", mode)?;
    let line = if mode.is_some() {
        "offline: runs started in this folder stay on disk until `wandbd sync`"
    } else {
        "online: runs started in this folder are delivered as they go"
    };
    writeln!(io::stdout(), "{line}")?;
    Ok(ExitCode::SUCCESS)
}
