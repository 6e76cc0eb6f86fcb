//! Artifacts of a run: one after another, so that versions are numbered in the order in which they were logged.

use std::sync::Arc;

use tracing::{info, warn};
use wandbd_record::wandb::ArtifactRecord;
use wandbd_run::Opened;

use crate::courier::{Courier, Stopped};
use crate::destination::ArtifactOutcome;
use crate::error::chain;
use crate::policy::{Backoff, Policy};
use crate::progress::Channel;

/// What came of an artifact.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) key: String,
    pub(crate) client_id: String,
    /// Why it failed; `None` when it is there.
    pub(crate) failure: Option<String>,
}

/// What tells artifacts apart.
pub(crate) fn key(artifact: &ArtifactRecord) -> String {
    if artifact.client_id.is_empty() {
        format!("{}@{}", artifact.name, artifact.digest)
    } else {
        artifact.client_id.clone()
    }
}

/// Uploads an artifact, however long it takes.
pub(crate) async fn ship(
    courier: Arc<Courier>,
    opened: Arc<Opened>,
    artifact: ArtifactRecord,
) -> Result<Settled, Stopped> {
    let mut backoff = Backoff::default();
    let mut refused = 0;
    let failure = loop {
        let permit = courier.budget.transfer(courier.ending());
        let permit = courier.or_stop(permit).await?;
        let attempt = courier.destination.artifact(&opened, &artifact);
        let answer = courier.or_stop(attempt).await?;
        drop(permit);
        let error = match answer {
            Ok(outcome) => {
                let new = outcome == ArtifactOutcome::Committed;
                info!(run = %courier.name, artifact = artifact.name, new, "artifact delivered");
                break None;
            }
            Err(error) => error,
        };
        let policy = match error.policy(false) {
            Policy::Refuse => {
                refused += 1;
                let missing = matches!(error, crate::SendError::Missing { .. });
                if missing || refused >= courier.timing.rejections {
                    let error = chain(&error);
                    warn!(run = %courier.name, artifact = artifact.name, %error, "artifact given up");
                    break Some(error);
                }
                Policy::BackOff
            }
            Policy::Reopen => Policy::BackOff,
            policy => policy,
        };
        courier
            .wait_out(Channel::Artifacts, &error, policy, &mut backoff)
            .await?;
    };
    courier.flows(Channel::Artifacts);
    Ok(Settled {
        key: key(&artifact),
        client_id: artifact.client_id,
        failure,
    })
}
