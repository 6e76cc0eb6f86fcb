//! Reads a journal back into the state that it describes.

use std::path::Path;

use wandbd_journal::{FileReader, Files, Position, Scan, Seen, scan};
use wandbd_proto::v1;

use crate::{error::IngestError, memory::Memory};

/// A journal that was read back.
pub(crate) struct Loaded {
    pub(crate) opened: v1::Opened,
    pub(crate) memory: Memory,
    pub(crate) scan: Scan,
}

/// Reads a whole journal of ours. What follows its last complete group is not taken in.
pub(crate) fn load(files: &dyn Files, path: &Path) -> Result<Loaded, IngestError> {
    let journal_error = |source| IngestError::Journal {
        run: path.display().to_string(),
        source,
    };
    let scan = scan(files, path, &mut |_, frame| judge(frame)).map_err(journal_error)?;
    let mut reader = FileReader::open(files, path, Position::START)
        .map_err(journal_error)?
        .until(scan.end);
    let mut found: Option<(v1::Opened, Memory)> = None;
    while let Some(frame) = reader.next_frame().map_err(journal_error)? {
        // A frame with a right checksum that is no record was not written by us: skipped here and by every reader.
        let Ok(record) = wandbd_record::note::decode(&frame.data) else {
            continue;
        };
        let note = wandbd_record::note::note_of(&record)
            .ok()
            .flatten()
            .unwrap_or_default();
        if found.is_none()
            && let Some(opened) = note.opened.clone()
        {
            let start = opened.run.as_ref().map_or(0.0, |run| run.start_time);
            found = Some((opened, Memory::new(start)));
        }
        if let Some((opened, memory)) = &mut found {
            let run = opened.run.as_ref().map_or("", |run| run.run_id.as_str());
            memory.replay(run, &record, &note);
        }
    }
    let (opened, memory) = found.ok_or_else(|| IngestError::NotOurs {
        path: path.to_owned(),
        reason: "no record opens a run",
    })?;
    Ok(Loaded {
        opened,
        memory,
        scan,
    })
}

/// The owner's session of the journal at `path`, from its first records.
pub(crate) fn owner_of(files: &dyn Files, path: &Path) -> Option<String> {
    let mut reader = FileReader::open(files, path, Position::START).ok()?;
    while let Some(frame) = reader.next_frame().ok()? {
        let record = wandbd_record::note::decode(&frame.data).ok()?;
        if let Some(opened) = wandbd_record::note::note_of(&record)
            .ok()?
            .and_then(|note| note.opened)
        {
            return Some(opened.session);
        }
    }
    None
}

fn judge(frame: &[u8]) -> Seen {
    let note = wandbd_record::note::decode(frame)
        .ok()
        .and_then(|record| wandbd_record::note::note_of(&record).ok().flatten());
    match note {
        Some(note) if note.group_end => Seen::GroupEnd {
            durable: (note.durable > 0).then_some(Position(note.durable)),
        },
        _ => Seen::Inside,
    }
}
