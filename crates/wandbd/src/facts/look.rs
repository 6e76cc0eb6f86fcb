//! Looking at a run's surroundings, and telling the run when it is done.

use std::{path::PathBuf, sync::Arc};

use wandbd_ingest::{IngestError, RunLog};
use wandbd_journal::Urgency;
use wandbd_proto::v1;
use wandbd_record::wandb::{EnvironmentRecord, record::RecordType};
use wandbd_sampler::Machine;
use wandbd_wandb::{Pod, image_of};

use crate::deliver::Deliveries;

impl Deliveries {
    /// Gathers everything there is to know; what fails is said in the log.
    pub(crate) async fn look_around(&self, run: Arc<RunLog>, machine: Arc<Machine>) {
        let of = Arc::clone(&run);
        told(&run, blocking(move || super::gather(&of, &machine)).await);
        let pod = run
            .open()
            .program
            .as_ref()
            .and_then(|program| program.pod.clone());
        if let Some(pod) = pod
            && let Some(image) = image_of(&self.transports, &address(pod)).await
        {
            let of = Arc::clone(&run);
            let record = super::record(RecordType::Environment(EnvironmentRecord {
                docker: image,
                ..EnvironmentRecord::default()
            }));
            let appended = blocking(move || of.append_own(vec![record], Urgency::Normal).map(drop));
            told(&run, appended.await);
        }
        run.facts_are_in();
    }
}

fn address(pod: v1::Pod) -> Pod {
    Pod {
        host: pod.host,
        port: pod.port,
        namespace: pod.namespace,
        name: pod.name,
        account: PathBuf::from(pod.account),
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<(), IngestError> + Send + 'static,
) -> Result<(), String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn told(run: &RunLog, done: Result<(), String>) {
    if let Err(error) = done {
        tracing::warn!(run = run.run_id(), %error, "not everything about the run's surroundings is known");
    }
}
