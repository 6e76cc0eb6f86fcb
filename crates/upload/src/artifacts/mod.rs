//! Artifacts of a run and what is done with them: one of a name after another, so that versions are numbered in the order in which
//! they were logged, and many names at once.

mod carry;
mod fate;
mod queue;

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use wandbd_record::v1;
use wandbd_record::v1::artifact::Keep;
use wandbd_record::wandb::{ArtifactRecord, UseArtifactRecord};

use crate::cursor::beside;
use crate::destination::Version;

pub(crate) use self::carry::{Settled, carry};
pub use self::fate::Fate;
pub(crate) use self::queue::Queue;

/// References to versions by the ids that their clients chose.
const CLIENT_REFERENCE: &str = "wandb-client-artifact://";

/// Something to be done with an artifact.
#[derive(Debug)]
pub(crate) struct Errand {
    /// What tells it apart, in the cursor.
    pub(crate) key: String,
    /// Of the version that it delivers; empty if it delivers none.
    pub(crate) client_id: String,
    /// Only one of these at a time, in order.
    pub(crate) lane: String,
    /// Versions that must be settled before.
    pub(crate) needs: Vec<String>,
    pub(crate) work: Work,
}

#[derive(Debug)]
pub(crate) enum Work {
    Version(Box<Version>),
    Link(v1::Link),
    Use(String),
}

impl Errand {
    /// The delivery of a version.
    pub(crate) fn version(
        journal: &Path,
        record: ArtifactRecord,
        said: v1::Artifact,
        ask: Vec<String>,
    ) -> Errand {
        let key = key(&record);
        let contents = record.manifest.iter().flat_map(|all| &all.contents);
        let mut needs: Vec<String> = contents
            .filter_map(|entry| {
                entry
                    .r#ref
                    .strip_prefix(CLIENT_REFERENCE)?
                    .split('/')
                    .next()
            })
            .map(str::to_owned)
            .collect();
        needs.sort_unstable();
        needs.dedup();
        Errand {
            client_id: record.client_id.clone(),
            lane: collection(&record.name).to_owned(),
            needs,
            work: Work::Version(Box::new(Version {
                parts: parts(journal, &key),
                record,
                said,
                ask,
            })),
            key,
        }
    }

    /// A link, said at this position of the journal.
    pub(crate) fn link(position: u64, link: v1::Link) -> Errand {
        let needs = Some(link.client_id.clone()).filter(|id| !id.is_empty());
        Errand {
            key: format!("link@{position}"),
            client_id: String::new(),
            lane: format!("link to {}", link.target),
            needs: needs.into_iter().collect(),
            work: Work::Link(link),
        }
    }

    /// The use of a version of the server, said at this position of the journal.
    pub(crate) fn usage(position: u64, used: &UseArtifactRecord) -> Errand {
        let key = format!("use@{position}");
        Errand {
            client_id: String::new(),
            lane: key.clone(),
            key,
            needs: Vec::new(),
            work: Work::Use(used.id.clone()),
        }
    }

    /// What becomes of it when newer versions wait behind it; `None`: it is always delivered.
    fn keep(&self) -> Option<Keep> {
        match &self.work {
            Work::Version(version) if version.record.finalize => version.said.keep,
            _ => None,
        }
    }

    /// The version that it is about, by its client id, if it may come later than this.
    fn subject(&self) -> Option<&str> {
        match &self.work {
            Work::Link(link) if !link.client_id.is_empty() => Some(&link.client_id),
            _ => None,
        }
    }

    pub(crate) fn is_version(&self) -> bool {
        matches!(self.work, Work::Version(_))
    }

    /// For people.
    pub(crate) fn name(&self) -> &str {
        match &self.work {
            Work::Version(version) => &version.record.name,
            Work::Link(link) => &link.target,
            Work::Use(id) => id,
        }
    }

    /// Why it was left out, for the counters.
    pub(crate) fn failed(&self) -> &'static str {
        match self.work {
            Work::Version(_) => "artifact failed",
            Work::Link(_) => "link of an artifact failed",
            Work::Use(_) => "use of an artifact failed",
        }
    }
}

/// What tells artifacts apart.
pub(crate) fn key(artifact: &ArtifactRecord) -> String {
    if artifact.client_id.is_empty() {
        format!("{}@{}", artifact.name, artifact.digest)
    } else {
        artifact.client_id.clone()
    }
}

/// The name without a version.
fn collection(name: &str) -> &str {
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// Where an upload in parts is noted.
fn parts(journal: &Path, key: &str) -> PathBuf {
    use std::fmt::Write;

    let mut name = String::with_capacity(40);
    for byte in Md5::digest(key.as_bytes()) {
        // Writing to a String cannot fail.
        write!(name, "{byte:02x}").ok();
    }
    name.push_str(".json");
    beside(journal, "parts").join(name)
}
