//! Files that are kept for artifacts and media: taken over, and cleaned up.

use std::{fs, io, path::PathBuf};

use wandbd_ingest::RunLog;
use wandbd_proto::v1::{self, stage_response};
use wandbd_stage::{Kept, Stage, Wanted};

/// Keeps files as they are now.
pub(crate) async fn keep(stage: &Stage, request: v1::StageRequest) -> v1::StageResponse {
    let count = request.file.len();
    let files = request.file.into_iter().map(|file| Wanted {
        source: PathBuf::from(file.source),
        target: PathBuf::from(file.target),
    });
    match stage.keep(files.collect()).await {
        Ok(kept) => v1::StageResponse {
            file: kept.into_iter().map(|kept| word(kept).into()).collect(),
            full: String::new(),
        },
        Err(error) => {
            tracing::warn!(%error, "files not kept");
            v1::StageResponse {
                file: vec![stage_response::Kept::NotKept.into(); count],
                full: error.to_string(),
            }
        }
    }
}

fn word(kept: Kept) -> stage_response::Kept {
    match kept {
        Kept::NotKept => stage_response::Kept::NotKept,
        Kept::Cloned => stage_response::Kept::Cloned,
        Kept::Leased => stage_response::Kept::Leased,
        Kept::Copied => stage_response::Kept::Copied,
    }
}

/// What was made for a delivered run is on the server, and links to what is a file of the run stay. Offline folders keep everything, for a
/// sync to another place. Blocking.
pub(crate) fn forget_made(run: &RunLog) {
    if run.open().offline {
        return;
    }
    let folder = run.path().with_file_name("made");
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(folder = %folder.display(), %error, "made files not removed");
        }
        _ => {}
    }
}
