//! Files of a run: which are to be uploaded, and getting them there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tokio::time::Instant;
use tracing::warn;
use wandbd_run::{FilePolicy, Opened};

use crate::courier::{Courier, Stopped};
use crate::destination::{Content, UploadFile};
use crate::error::{SendError, chain};
use crate::mark::Mark;
use crate::policy::{Backoff, Policy};
use crate::progress::Channel;

/// Files of one request.
const BATCH: usize = 100;

/// Made by us when the run ends; what a journal says about them is ignored.
const OURS: [&str; 3] = ["config.yaml", "wandb-summary.json", "output.log"];

/// Files that wait for their upload, each with the journal position that asks for it.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    now: BTreeMap<String, u64>,
    end: BTreeMap<String, u64>,
    /// Kept up to date while the run lives.
    live: BTreeSet<String>,
    pub(crate) due: Option<Instant>,
    /// When the live ones are looked at.
    pub(crate) poll: Option<Instant>,
}

impl Waiting {
    /// Notes a file that the journal names at `asked`. `known`: how it was when it arrived last.
    pub(crate) fn add(
        &mut self,
        (name, policy): (String, FilePolicy),
        asked: u64,
        known: Option<&Mark>,
        due: Instant,
    ) {
        if OURS.contains(&name.as_str()) {
            return;
        }
        // What arrived because of this very record, before a restart, is not asked for again.
        let settled = known.is_some_and(|mark| mark.asked >= asked);
        let now = match policy {
            FilePolicy::Now => !settled,
            FilePolicy::End => false,
            FilePolicy::Live => true,
        };
        if now {
            self.now.insert(name.clone(), asked);
            self.due.get_or_insert(due);
        }
        if policy == FilePolicy::Live {
            self.live.insert(name.clone());
        }
        if policy != FilePolicy::Now {
            self.end.insert(name, asked);
        }
    }

    /// The files to be uploaded now, and the live ones if it is time to look at them.
    pub(crate) fn take(&mut self, now: Instant) -> BTreeMap<String, u64> {
        let mut names = std::mem::take(&mut self.now);
        self.due = None;
        if self.poll.is_some_and(|poll| poll <= now) {
            self.poll = None;
            for name in &self.live {
                let asked = self.end.get(name).copied().unwrap_or_default();
                names.entry(name.clone()).or_insert(asked);
            }
        }
        names
    }

    /// Looks at the live ones then, if there are any.
    pub(crate) fn poll_at(&mut self, poll: Instant) {
        if !self.live.is_empty() {
            self.poll.get_or_insert(poll);
        }
    }

    /// The files to be uploaded at the end.
    pub(crate) fn take_all(&mut self) -> BTreeMap<String, u64> {
        (self.due, self.poll) = (None, None);
        let mut names = std::mem::take(&mut self.end);
        names.extend(std::mem::take(&mut self.now));
        names
    }
}

/// What came of some files.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Those that have arrived, and how they were.
    pub(crate) uploaded: Vec<(String, Mark)>,
    /// Those that were touched, but hold what has arrived before.
    pub(crate) same: Vec<(String, Mark)>,
    /// Those that are left out.
    pub(crate) skipped: Vec<&'static str>,
}

/// Uploads files, however long it takes.
pub(crate) struct Upload {
    pub(crate) courier: Arc<Courier>,
    pub(crate) opened: Arc<Opened>,
    pub(crate) folder: PathBuf,
    /// How files were when they arrived last.
    pub(crate) known: BTreeMap<String, Mark>,
}

struct Piece {
    file: UploadFile,
    mark: Mark,
    refused: u32,
}

impl Upload {
    /// Uploads the files called `names` in the folder, and `more`.
    pub(crate) async fn run(
        self,
        names: BTreeMap<String, u64>,
        more: Vec<UploadFile>,
    ) -> Result<Report, Stopped> {
        let mut report = Report::default();
        let mut pieces = Vec::new();
        for (name, asked) in names {
            match self.look(&name, asked, &mut report).await {
                Ok(piece) => pieces.extend(piece),
                Err(reason) => {
                    warn!(run = %self.courier.name, file = name, reason, "file left out");
                    report.skipped.push(reason);
                }
            }
        }
        pieces.extend(more.into_iter().map(|file| Piece {
            file,
            mark: Mark::generated(),
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

    /// Finds a file; `None` if its content has arrived.
    async fn look(
        &self,
        name: &str,
        asked: u64,
        report: &mut Report,
    ) -> Result<Option<Piece>, &'static str> {
        let path = Path::new(name);
        let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !path.components().all(plain) {
            return Err("file outside the run's folder");
        }
        let path = self.folder.join(path);
        let about = match tokio::fs::metadata(&path).await {
            Ok(about) if about.is_file() => about,
            Ok(_) => return Err("not a file"),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err("file cannot be read");
            }
            Err(_) => return Err("file vanished"),
        };
        let mut mark = Mark::of(&about, asked);
        let known = self.known.get(name);
        if known.is_some_and(|known| known.untouched(&mark)) {
            return Ok(None);
        }
        mark.hash_content(&path).await;
        if known.is_some_and(|known| known.same_content(&mark)) {
            report.same.push((name.to_owned(), mark));
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
            SendError::Missing { source, .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                "file cannot be read"
            }
            SendError::Missing { .. } => "file vanished",
            SendError::NoAddress => "the server gave no upload address",
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
    use std::time::Duration;

    use super::*;

    fn names(files: &BTreeMap<String, u64>) -> Vec<&str> {
        files.keys().map(String::as_str).collect()
    }

    #[test]
    fn files_go_when_their_policy_says() {
        let due = Instant::now();
        let arrived = |asked: u64| Mark::from(format!("1 1 - {asked}"));
        let mut waiting = Waiting::default();
        waiting.add(("a".into(), FilePolicy::Now), 10, None, due);
        waiting.add(("b".into(), FilePolicy::End), 20, None, due);
        waiting.add(("c".into(), FilePolicy::Live), 30, None, due);
        waiting.add(("d".into(), FilePolicy::Now), 40, Some(&arrived(40)), due);
        waiting.add(("e".into(), FilePolicy::Now), 50, Some(&arrived(40)), due);
        waiting.add(("output.log".into(), FilePolicy::Now), 60, None, due);

        assert_eq!(waiting.due, Some(due));
        assert_eq!(names(&waiting.take(due)), ["a", "c", "e"]);
        assert_eq!(waiting.due, None);
        waiting.poll_at(due + Duration::from_secs(5));
        assert_eq!(names(&waiting.take(due)), Vec::<&str>::new());
        assert_eq!(names(&waiting.take(due + Duration::from_secs(5))), ["c"]);
        assert_eq!(names(&waiting.take_all()), ["b", "c"]);
    }
}
