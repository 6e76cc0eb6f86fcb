//! One errand, however long it takes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wandbd_run::Opened;

use super::{Errand, Fate, Work};
use crate::courier::{Courier, Stopped};
use crate::error::{SendError, chain};
use crate::policy::{Backoff, Policy};
use crate::progress::Channel;

/// An errand that is done with.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) errand: Errand,
    pub(crate) fate: Fate,
}

/// Does an errand. When `superseded` is cancelled it is given up after the attempt that is being made.
pub(crate) async fn carry(
    courier: Arc<Courier>,
    opened: Arc<Opened>,
    errand: Errand,
    superseded: CancellationToken,
) -> Result<Settled, Stopped> {
    let mut backoff = Backoff::default();
    let mut refused = 0;
    let mut held = None;
    let fate = loop {
        let permit = courier.budget.artifact(courier.ending());
        let permit = courier.or_stop(permit).await?;
        let answer = courier
            .or_stop(attempt(&courier, &opened, &errand.work))
            .await?;
        drop(permit);
        let error = match answer {
            Ok(id) => {
                info!(run = %courier.name, artifact = errand.name(), "artifact delivered");
                break Fate::Delivered { id };
            }
            Err(error) => error,
        };
        if superseded.is_cancelled() {
            break Fate::Superseded;
        }
        let policy = match error.policy(false) {
            // Only versions are worth a person's while.
            Policy::Hourly | Policy::Told | Policy::Reopen if !errand.is_version() => {
                Policy::Refuse
            }
            policy => policy,
        };
        let policy = match policy {
            Policy::Refuse if is_full(&error) => Policy::Hourly,
            Policy::Refuse => {
                refused += 1;
                let missing = matches!(error, SendError::Missing { .. });
                if missing || refused >= courier.timing.rejections {
                    let error = chain(&error);
                    warn!(run = %courier.name, artifact = errand.name(), %error, "artifact given up");
                    break Fate::Failed(error);
                }
                Policy::BackOff
            }
            Policy::Reopen => Policy::BackOff,
            policy => policy,
        };
        held.get_or_insert_with(|| Held::new(&courier));
        let wait = courier.wait_out(Channel::Artifacts, &error, policy, &mut backoff);
        tokio::select! {
            biased;
            waited = wait => waited?,
            () = superseded.cancelled() => break Fate::Superseded,
        }
    };
    drop(held);
    // The cause of one that still waits stays to be seen.
    if courier.held_errands.load(Ordering::Relaxed) == 0 {
        courier.flows(Channel::Artifacts);
    }
    if let Work::Version(version) = &errand.work {
        forget_parts(version).await;
    }
    Ok(Settled { errand, fate })
}

/// An errand that has failed at least once and is not done with.
struct Held<'a>(&'a Courier);

impl<'a> Held<'a> {
    fn new(courier: &'a Courier) -> Self {
        courier.held_errands.fetch_add(1, Ordering::Relaxed);
        Held(courier)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held_errands.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One attempt; what the destination calls the artifact.
async fn attempt(courier: &Courier, opened: &Opened, work: &Work) -> Result<String, SendError> {
    let destination = &courier.destination;
    match work {
        Work::Version(version) => {
            let outcome = destination.artifact(opened, version).await?;
            Ok(outcome.id)
        }
        Work::Link(link) => {
            destination.link(opened, link).await?;
            Ok(link.artifact_id.clone())
        }
        Work::Use(id) => {
            destination.use_artifact(opened, id).await?;
            Ok(id.clone())
        }
    }
}

/// The destination has no room: a person has to make some, and nothing is wrong with the artifact.
fn is_full(error: &SendError) -> bool {
    let SendError::Rejected { reason, .. } = error else {
        return false;
    };
    let reason = reason.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    says(&["storage", "quota"]) && says(&["quota", "limit", "exceed", "full"])
}

async fn forget_parts(version: &crate::destination::Version) {
    tokio::fs::remove_file(&version.parts).await.ok();
    if let Some(folder) = version.parts.parent() {
        // Stays while others are noted in it.
        tokio::fs::remove_dir(folder).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_storage_is_told_from_an_artifact_that_is_refused() {
        for (reason, expect) in [
            ("CreateArtifact: storage limit exceeded", true),
            ("Quota reached", true),
            ("CreateArtifact: no such type", false),
            ("storage path is wrong", false),
        ] {
            let reason = reason.to_owned();
            let error = SendError::Rejected {
                status: 200,
                reason,
            };
            assert_eq!(is_full(&error), expect, "{error}");
        }
    }
}
