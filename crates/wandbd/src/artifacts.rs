//! Artifacts for those who ask: looked up, waited for, brought here, changed.
//!
//! A version that was logged here is known by its client id. It is waited for: first until its run's uploader has told what came of it,
//! then the server is asked about it like about any other.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};
use wandbd_ingest::RunLog;
use wandbd_proto::v1::{self, get_artifact_response::Verdict, run::State};
use wandbd_upload::Fate;
use wandbd_wandb::{Artifacts, RunPath};

use crate::{
    answers::path_of,
    deliver::{Deliveries, chain},
};

/// How often a run is looked at again whose uploader tells nothing.
const LOOK: Duration = Duration::from_millis(200);
/// How long a run may need to get here after it is named.
const ARRIVAL: Duration = Duration::from_secs(5);
/// How long a run that is to use something is waited for, unless another time is asked for.
const PATIENCE: Duration = Duration::from_mins(1);
/// More is not believed.
const PATIENCE_MAX_S: f64 = 86_400.0;

impl Deliveries {
    /// A version, once it is there.
    pub(crate) async fn get_artifact(
        &self,
        mut request: v1::GetArtifactRequest,
    ) -> v1::GetArtifactResponse {
        // The rest is for the server.
        let until = Instant::now() + patience(request.timeout_s) * 3 / 4;
        let known = self
            .run_of(&request.session, request.server.is_none())
            .await;
        if let Some(run) = &known {
            if run.open().offline && run.delivery().borrow().opened.is_none() {
                return answer(Verdict::Refused, offline(run));
            }
            match self.on_server(run, &request, until).await {
                Ok(Some(id)) => request.id = id,
                Ok(None) => {}
                Err(answer) => return answer,
            }
        }
        let artifacts = match self.asker(request.server.as_ref(), known.as_ref()) {
            Ok(artifacts) => artifacts,
            Err(reason) => return answer(Verdict::Refused, reason),
        };
        let Some(named) = Named::new(&request, known.as_deref()) else {
            return artifacts.get(&request).await;
        };
        if named.is_final {
            let found = artifacts.get(&request).await;
            if found.verdict() != Verdict::Missing {
                return found;
            }
        }
        // What finished here a moment ago may still be on its way; what does not come in time does not count.
        timeout_at(until, self.arrived(&named)).await.ok();
        artifacts.get(&request).await
    }

    /// Waits for versions of this name that runs of this daemon have logged.
    async fn arrived(&self, named: &Named) {
        for run in self.hub.all() {
            let state = run.delivery().borrow().state;
            if matches!(state, State::Delivered | State::Offline | State::Parked)
                || !named.may_be_of(&run)
            {
                continue;
            }
            for (client_id, name) in run.artifacts() {
                if name == named.collection {
                    self.fate(&run, &client_id).await;
                }
            }
        }
    }

    /// Waits for what has to be on the server before it can be asked: the version, if it was logged here, and the run, if it is to use it.
    async fn on_server(
        &self,
        run: &Arc<RunLog>,
        request: &v1::GetArtifactRequest,
        until: Instant,
    ) -> Result<Option<String>, v1::GetArtifactResponse> {
        let mut id = None;
        if !request.client_id.is_empty() && request.id.is_empty() {
            let fate = timeout_at(until, self.fate(run, &request.client_id)).await;
            match fate {
                Ok(Fate::Delivered { id: told }) => id = Some(told),
                Ok(Fate::Superseded) => {
                    let reason = "newer versions of the same name waited behind it, and the keep policy (WANDBD_CHECKPOINTS) left it out";
                    return Err(answer(Verdict::Lost, reason.to_owned()));
                }
                Ok(Fate::Failed(reason)) => return Err(answer(Verdict::Lost, reason)),
                Err(_) => return Err(answer(Verdict::Pending, pending(run))),
            }
        }
        if request.r#use && timeout_at(until, opened(run)).await.is_err() {
            return Err(answer(Verdict::Pending, pending(run)));
        }
        Ok(id)
    }

    /// What came of a version that was logged here. Waits for ever.
    async fn fate(&self, run: &Arc<RunLog>, client_id: &str) -> Fate {
        loop {
            let Some(lead) = self.leads.get(&run.opened().session) else {
                if let Some(fate) = self.noted(run, client_id).await {
                    return fate;
                }
                sleep(LOOK).await;
                continue;
            };
            let mut fates = lead.fates();
            let told = fates.borrow_and_update().get(client_id).cloned();
            if let Some(fate) = told {
                return fate;
            }
            if let Some(reason) = run.artifact_failure(client_id) {
                return Fate::Failed(reason);
            }
            tokio::select! {
                _ = fates.changed() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    /// The same of a run that no uploader works on: as its cursor has it.
    async fn noted(&self, run: &Arc<RunLog>, client_id: &str) -> Option<Fate> {
        if let Some(reason) = run.artifact_failure(client_id) {
            return Some(Fate::Failed(reason));
        }
        let (files, run, id) = (
            Arc::clone(&self.files),
            Arc::clone(run),
            client_id.to_owned(),
        );
        let read = tokio::task::spawn_blocking(move || {
            let cursor = wandbd_upload::delivered(files.as_ref(), run.path());
            cursor.ok()?.artifacts.get(&id).cloned()
        });
        read.await.ok().flatten()
    }

    /// Begins to bring files here.
    pub(crate) fn download_artifact(
        self: &Arc<Self>,
        request: v1::DownloadArtifactRequest,
        out: mpsc::Sender<v1::DownloadProgress>,
    ) {
        let this = Arc::clone(self);
        self.spawn(async move {
            let known = this
                .run_of(&request.session, request.server.is_none())
                .await;
            match this.asker(request.server.as_ref(), known.as_ref()) {
                Ok(artifacts) => {
                    let cache = Some(Path::new(&request.cache)).filter(|cache| cache.is_absolute());
                    artifacts.download(&request, cache, &out).await;
                }
                Err(error) => {
                    let refused = v1::DownloadProgress {
                        error,
                        ..v1::DownloadProgress::default()
                    };
                    // A client that has left needs no answer.
                    out.send(refused).await.ok();
                }
            }
        });
    }

    /// Changes what may change of a version.
    pub(crate) async fn change_artifact(
        &self,
        request: &v1::ChangeArtifactRequest,
    ) -> v1::GetArtifactResponse {
        let known = self
            .run_of(&request.session, request.server.is_none())
            .await;
        match self.asker(request.server.as_ref(), known.as_ref()) {
            Ok(artifacts) => artifacts.change(request).await,
            Err(reason) => answer(Verdict::Refused, reason),
        }
    }

    /// The run of a session. One that is needed may be on its way here on another stream.
    async fn run_of(&self, session: &str, needed: bool) -> Option<Arc<RunLog>> {
        let until = Instant::now() + ARRIVAL;
        loop {
            let known = self.hub.get(session);
            if known.is_some() || !needed || session.is_empty() || Instant::now() >= until {
                return known;
            }
            sleep(LOOK / 4).await;
        }
    }

    /// The server that is named, else that of the run, asked on behalf of the run.
    fn asker(
        &self,
        server: Option<&v1::Server>,
        run: Option<&Arc<RunLog>>,
    ) -> Result<Artifacts, String> {
        let settings = match (server, run) {
            (Some(server), run) => {
                let opened = run.map(|run| run.opened());
                self.servers.of_request(server, opened)?
            }
            (None, Some(run)) => {
                let lead = self.leads.get(&run.opened().session);
                match lead.and_then(|lead| lead.said()) {
                    Some(said) => said,
                    None => self.servers.of_run(run)?,
                }
            }
            (None, None) => {
                return Err("the daemon does not know this run any more; name a server".into());
            }
        };
        let home = run.map_or_else(RunPath::default, |run| path_of(run));
        Artifacts::new(&self.transports, settings, home).map_err(|error| chain(&error))
    }
}

/// What somebody asks for by its name.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    /// Empty: whosever it is.
    entity: String,
    /// Empty: wherever it is.
    project: String,
    collection: String,
    /// A version by its number: once it is there, it stays what it is.
    is_final: bool,
}

impl Named {
    fn new(request: &v1::GetArtifactRequest, run: Option<&RunLog>) -> Option<Self> {
        if request.name.is_empty() || !request.id.is_empty() || !request.client_id.is_empty() {
            return None;
        }
        let home = run.map(path_of).unwrap_or_default();
        Some(Self::parse(&request.name, home))
    }

    /// `[[entity/]project/]collection[:version or alias]`.
    fn parse(name: &str, home: RunPath) -> Self {
        let (path, alias) = name.split_once(':').unwrap_or((name, ""));
        let mut parts = path.rsplit('/');
        let collection = parts.next().unwrap_or_default().to_owned();
        let project = parts.next().map(str::to_owned);
        let entity = parts.next().map(str::to_owned);
        let number = alias.strip_prefix('v').unwrap_or_default();
        Self {
            entity: entity.unwrap_or(home.entity),
            project: project.unwrap_or(home.project),
            collection,
            is_final: !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        }
    }

    /// A run may not know yet whose it is.
    fn may_be_of(&self, run: &RunLog) -> bool {
        let place = path_of(run);
        let fits = |asked: &str, own: &str| asked.is_empty() || own.is_empty() || asked == own;
        fits(&self.entity, &place.entity) && fits(&self.project, &place.project)
    }
}

fn answer(verdict: Verdict, message: String) -> v1::GetArtifactResponse {
    v1::GetArtifactResponse {
        verdict: verdict.into(),
        message,
        artifact: None,
    }
}

fn patience(wish: f64) -> Duration {
    if wish.is_finite() && wish > 0.0 {
        Duration::from_secs_f64(wish.min(PATIENCE_MAX_S))
    } else {
        PATIENCE
    }
}

/// Returns when the server has the run.
async fn opened(run: &RunLog) {
    let mut delivery = run.delivery();
    if delivery
        .wait_for(|delivery| delivery.opened.is_some())
        .await
        .is_err()
    {
        // The run is gone; so is who asks for it.
        std::future::pending::<()>().await;
    }
}

fn offline(run: &RunLog) -> String {
    let id = run.run_id();
    format!(
        "run {id} is offline, so no server is asked; `wandbd sync` delivers it with its artifacts"
    )
}

/// Why it is not there yet.
fn pending(run: &RunLog) -> String {
    let cause = run.describe().cause;
    if cause.is_empty() {
        "it is still on its way to the server".to_owned()
    } else {
        format!("it is still on its way to the server: {cause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_a_place_and_a_number_is_final() {
        let home = || RunPath {
            entity: "me".into(),
            project: "mine".into(),
            run: "abc".into(),
        };
        let named = |entity: &str, project: &str, is_final| Named {
            entity: entity.into(),
            project: project.into(),
            collection: "m".into(),
            is_final,
        };

        assert_eq!(Named::parse("m", home()), named("me", "mine", false));
        assert_eq!(Named::parse("m:v12", home()), named("me", "mine", true));
        assert_eq!(Named::parse("m:vast", home()), named("me", "mine", false));
        assert_eq!(Named::parse("p/m:latest", home()), named("me", "p", false));
        assert_eq!(Named::parse("e/p/m:v0", home()), named("e", "p", true));
    }

    #[test]
    fn a_time_that_makes_no_sense_is_the_usual_one() {
        for wish in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(patience(wish), PATIENCE);
        }
        assert_eq!(patience(0.5), Duration::from_millis(500));
        assert_eq!(patience(1e12), Duration::from_hours(24));
    }
}
