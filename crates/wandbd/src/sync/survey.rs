//! What a file holds, before it is delivered: which run, since when, whether it is whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wandbd_ingest::synced_mark;
use wandbd_journal::{Damage, FileReader, Files, Position};
use wandbd_proto::{v1, wandb, wandb::record::RecordType};

use crate::deliver::chain;

/// A file of a run.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    pub(super) path: PathBuf,
    pub(super) run: wandb::RunRecord,
    /// What was said when the run was opened, if the file is ours.
    pub(super) opened: Option<v1::Opened>,
    /// Parts that cannot be read.
    damage: Vec<Damage>,
    /// Bytes at the end that make no whole record.
    torn: u64,
    /// Records that can be read.
    records: u64,
}

impl Survey {
    /// Reads the whole file; blocking.
    pub(super) fn of(files: &dyn Files, path: &Path) -> Result<Self, String> {
        let mut reader = FileReader::open(files, path, Position::START)
            .map_err(|error| format!("not a W&B run file: {}", chain(&error)))?;
        let mut run = None;
        let mut opened = None;
        let mut end = Position::START;
        let mut records = 0;
        while let Some(frame) = reader.next_frame().map_err(|error| chain(&error))? {
            end = frame.end;
            records += 1;
            if run.is_some() {
                continue;
            }
            let Ok(record) = wandbd_record::note::decode(&frame.data) else {
                continue; // counted by whoever delivers it
            };
            if let Some(RecordType::Run(found)) = &record.record_type {
                run = Some(found.clone());
                let note = wandbd_record::note::note_of(&record);
                opened = note.ok().flatten().and_then(|note| note.opened);
            }
        }
        let size = files
            .open_read(path)
            .and_then(|file| file.size())
            .map_err(|error| format!("cannot read it: {error}"))?;
        let damage = reader.damaged().to_vec();
        let known = damage.iter().map(|damage| damage.to.0).max();
        let torn = size.saturating_sub(end.0.max(known.unwrap_or_default()));
        let run = run.ok_or("it holds no run record, so nothing says which run this is")?;
        Ok(Self {
            path: path.to_owned(),
            run,
            opened,
            damage,
            torn,
            records,
        })
    }

    /// Unix seconds.
    pub(super) fn start(&self) -> f64 {
        self.run
            .start_time
            .as_ref()
            .map_or(0.0, wandbd_record::convert::seconds)
    }

    /// Whether an earlier part of the same run lies beside it and is delivered: this one goes on from there. Blocking.
    pub(super) fn has_delivered_part_before(&self, files: &dyn Files) -> bool {
        let Some((folder, name)) = self.path.parent().zip(self.path.file_name()) else {
            return false;
        };
        let folders = folder.parent().and_then(|above| fs::read_dir(above).ok());
        folders.into_iter().flatten().flatten().any(|entry| {
            let other = entry.path().join(name);
            entry.path() != folder
                && synced_mark(&other).exists()
                && Self::of(files, &other).is_ok_and(|part| part.is_before(self))
        })
    }

    fn is_before(&self, other: &Self) -> bool {
        self.run.run_id == other.run.run_id && self.start() < other.start()
    }

    /// What is left out of it, for the person who asked; empty when nothing is.
    pub(super) fn repairs(&self) -> String {
        let mut parts: Vec<String> = self
            .damage
            .iter()
            .take(3)
            .map(ToString::to_string)
            .collect();
        if self.damage.len() > parts.len() {
            parts.push(format!("{} more", self.damage.len() - parts.len()));
        }
        if self.torn > 0 {
            parts.push(format!(
                "{} bytes at the end make no whole record",
                self.torn
            ));
        }
        if parts.is_empty() {
            return String::new();
        }
        format!(
            "repaired: {} records are readable, left out were {}",
            self.records,
            parts.join("; ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use wandbd_journal::{Committer, Journal, OsFiles, Urgency};
    use wandbd_record::note::{encode, record};

    /// A journal of a run record and three others of 1,000 bytes.
    async fn journal(path: &Path) {
        let (committer, task) = Committer::start(Arc::new(OsFiles));
        let committer = Arc::new(committer);
        let journal = Journal::create(&committer, path).unwrap();
        let run = record(RecordType::Run(wandb::RunRecord {
            run_id: "abc".into(),
            ..wandb::RunRecord::default()
        }));
        let text = record(RecordType::OutputLogger(wandb::OutputLoggerRecord {
            line: "x".repeat(1000),
        }));
        let frames = [&run, &text, &text, &text].map(encode);
        let end = journal.append(&frames, Urgency::Now).unwrap();
        journal.wait_durable(end).await.unwrap();
        task.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn a_part_goes_on_from_an_earlier_one_that_is_delivered() {
        let dir = tempfile::tempdir().unwrap();
        let place = |folder: &str| dir.path().join(folder).join("run-abc.wandb");
        let (first, second) = (place("offline-run-1-abc"), place("offline-run-2-abc"));
        journal(&first).await;
        journal(&second).await;
        let mut parts = [&first, &second].map(|path| Survey::of(&OsFiles, path).unwrap());
        parts[1].run.start_time = Some(wandbd_record::convert::timestamp(5.0));
        let goes_on = |part: &Survey| part.has_delivered_part_before(&OsFiles);

        assert!(!goes_on(&parts[1]), "the first is not delivered");
        fs::write(synced_mark(&first), "").unwrap();
        assert!(goes_on(&parts[1]));
        fs::write(synced_mark(&second), "").unwrap();
        assert!(!goes_on(&parts[0]), "the second is later");
    }

    #[tokio::test]
    async fn a_whole_file_needs_no_repair() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run-abc.wandb");
        journal(&path).await;

        let survey = Survey::of(&OsFiles, &path).unwrap();

        assert_eq!(survey.run.run_id, "abc");
        assert_eq!(survey.repairs(), "");
    }

    #[tokio::test]
    async fn what_is_left_out_of_a_damaged_file_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run-abc.wandb");
        journal(&path).await;
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        bytes.truncate(bytes.len() - 10);
        fs::write(&path, bytes).unwrap();

        let repairs = Survey::of(&OsFiles, &path).unwrap().repairs();

        assert!(repairs.starts_with("repaired: "), "{repairs}");
        assert!(repairs.contains("checksum mismatch"), "{repairs}");
    }

    #[test]
    fn a_file_without_a_run_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wandb");
        fs::write(&path, b":W&B\xe1\xbe\x00").unwrap();

        assert!(
            Survey::of(&OsFiles, &path)
                .unwrap_err()
                .contains("no run record")
        );
    }
}
