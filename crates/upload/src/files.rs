//! Files of a run: which are to be uploaded, and getting them there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio::time::Instant;
use tracing::warn;
use wandbd_run::{FilePolicy, Opened};

use crate::courier::{Courier, Stopped};
use crate::destination::{Content, UploadFile};
use crate::error::{SendError, chain};
use crate::policy::{Backoff, Policy};
use crate::progress::Channel;

/// Files of one request.
const BATCH: usize = 100;

/// Made by us when the run ends; what a journal says about them is ignored.
const OURS: [&str; 3] = ["config.yaml", "wandb-summary.json", "output.log"];

/// Files that wait for their upload.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    now: BTreeSet<String>,
    end: BTreeSet<String>,
    pub(crate) due: Option<Instant>,
}

impl Waiting {
    /// Notes a file that the journal names. `known`: it has arrived before.
    pub(crate) fn add(&mut self, name: String, policy: FilePolicy, known: bool, due: Instant) {
        if OURS.contains(&name.as_str()) {
            return;
        }
        let now = match policy {
            FilePolicy::Now => !known,
            FilePolicy::End => false,
            FilePolicy::Live => true,
        };
        if now {
            self.now.insert(name.clone());
            self.due.get_or_insert(due);
        }
        if policy != FilePolicy::Now {
            self.end.insert(name);
        }
    }

    /// The files to be uploaded now.
    pub(crate) fn take(&mut self) -> Vec<String> {
        self.due = None;
        std::mem::take(&mut self.now).into_iter().collect()
    }

    /// The files to be uploaded at the end.
    pub(crate) fn take_all(&mut self) -> Vec<String> {
        let mut names = std::mem::take(&mut self.end);
        names.extend(self.take());
        names.into_iter().collect()
    }
}

/// What came of some files.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Those that have arrived, and how they were.
    pub(crate) uploaded: Vec<(String, String)>,
    /// Those that are left out.
    pub(crate) skipped: Vec<&'static str>,
}

/// Uploads files, however long it takes.
pub(crate) struct Upload {
    pub(crate) courier: Arc<Courier>,
    pub(crate) opened: Arc<Opened>,
    pub(crate) folder: PathBuf,
    /// How files were when they arrived last.
    pub(crate) known: BTreeMap<String, String>,
}

struct Piece {
    file: UploadFile,
    mark: String,
    refused: u32,
}

impl Upload {
    /// Uploads the files called `names` in the folder, and `more`.
    pub(crate) async fn run(
        self,
        names: Vec<String>,
        more: Vec<UploadFile>,
    ) -> Result<Report, Stopped> {
        let mut report = Report::default();
        let mut pieces = Vec::new();
        for name in names {
            match self.look(&name).await {
                Ok(piece) => pieces.extend(piece),
                Err(reason) => {
                    warn!(run = %self.courier.name, file = name, reason, "file left out");
                    report.skipped.push(reason);
                }
            }
        }
        pieces.extend(more.into_iter().map(|file| Piece {
            file,
            mark: "generated".into(),
            refused: 0,
        }));
        while !pieces.is_empty() {
            let rest = pieces.split_off(pieces.len().min(BATCH));
            self.send(pieces, &mut report).await?;
            pieces = rest;
        }
        self.courier.flows(Channel::Files);
        Ok(report)
    }

    /// Finds a file; `None` if it has arrived as it is now.
    async fn look(&self, name: &str) -> Result<Option<Piece>, &'static str> {
        let path = Path::new(name);
        let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !path.components().all(plain) {
            return Err("file outside the run's folder");
        }
        let path = self.folder.join(path);
        let about = match tokio::fs::metadata(&path).await {
            Ok(about) if about.is_file() => about,
            _ => return Err("file vanished"),
        };
        let changed = about.modified().ok();
        let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let mark = format!("{} {}", about.len(), changed.unwrap_or_default().as_nanos());
        if self.known.get(name) == Some(&mark) {
            return Ok(None);
        }
        Ok(Some(Piece {
            file: UploadFile {
                name: name.to_owned(),
                content: Content::Path(path),
            },
            mark,
            refused: 0,
        }))
    }

    async fn send(&self, mut pieces: Vec<Piece>, report: &mut Report) -> Result<(), Stopped> {
        let mut backoff = Backoff::default();
        while !pieces.is_empty() {
            let files: Vec<UploadFile> = pieces.iter().map(|piece| piece.file.clone()).collect();
            let permit = self.courier.budget.transfer(self.courier.ending());
            let permit = self.courier.or_stop(permit).await?;
            let put = self.courier.destination.put_files(&self.opened, &files);
            let results = self.courier.or_stop(put).await?;
            drop(permit);
            let before = pieces.len();
            let mut held_up = None;
            for result in results {
                let Some(at) = pieces.iter().position(|p| p.file.name == result.name) else {
                    continue;
                };
                match result.result {
                    Ok(()) => {
                        let piece = pieces.swap_remove(at);
                        report.uploaded.push((piece.file.name, piece.mark));
                    }
                    Err(error) => {
                        if let Some(reason) = self.hopeless(&mut pieces, at, &error) {
                            report.skipped.push(reason);
                        } else {
                            held_up.get_or_insert(error);
                        }
                    }
                }
            }
            if pieces.len() < before {
                backoff.reset();
            }
            if let Some(error) = held_up {
                let policy = match error.policy(false) {
                    Policy::Refuse | Policy::Reopen => Policy::BackOff,
                    policy => policy,
                };
                self.courier
                    .wait_out(Channel::Files, &error, policy, &mut backoff)
                    .await?;
            } else if pieces.len() == before {
                let silent = SendError::Unreachable("no word about some files".into());
                self.courier
                    .wait_out(Channel::Files, &silent, Policy::BackOff, &mut backoff)
                    .await?;
            }
        }
        Ok(())
    }

    /// Takes out a file that will never be accepted, and says why.
    fn hopeless(
        &self,
        pieces: &mut Vec<Piece>,
        at: usize,
        error: &SendError,
    ) -> Option<&'static str> {
        let piece = pieces.get_mut(at)?;
        let reason = match error {
            SendError::Missing { .. } => "file vanished",
            SendError::Rejected { .. } => {
                piece.refused += 1;
                if piece.refused < self.courier.timing.rejections {
                    return None;
                }
                "file refused by the server"
            }
            _ => return None,
        };
        let piece = pieces.swap_remove(at);
        let (file, error) = (piece.file.name, chain(error));
        warn!(run = %self.courier.name, file, %error, "file left out");
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_when_their_policy_says() {
        let due = Instant::now();
        let mut waiting = Waiting::default();
        waiting.add("a".into(), FilePolicy::Now, false, due);
        waiting.add("b".into(), FilePolicy::End, false, due);
        waiting.add("c".into(), FilePolicy::Live, false, due);
        waiting.add("d".into(), FilePolicy::Now, true, due);
        waiting.add("output.log".into(), FilePolicy::Now, false, due);

        assert_eq!(waiting.due, Some(due));
        assert_eq!(waiting.take(), ["a", "c"]);
        assert_eq!(waiting.due, None);
        assert_eq!(waiting.take_all(), ["b", "c"]);
    }
}
