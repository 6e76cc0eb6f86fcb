//! What people and clients ask of the whole daemon: try again, log in, read a file back.

use std::{path::Path, sync::Arc};

use wandbd_ingest::RunLog;
use wandbd_proto::v1::{self, login_response, run::State};
use wandbd_wandb::{RunPath, ServerSettings, Verdict, find_key};

use crate::{
    deliver::{Deliveries, is_fresh},
    lead::Lead,
    marks,
    shell::same_server,
};

impl Deliveries {
    /// Tries runs again now, whatever they wait for.
    pub(crate) fn retry(&self, request: &v1::RetryRequest) -> Result<v1::RetryResponse, String> {
        let wanted = &request.run;
        let found: Vec<Arc<RunLog>> = self
            .hub
            .all()
            .into_iter()
            .filter(|run| is_meant(run, wanted))
            .collect();
        if found.is_empty() {
            return Err(format!(
                "no run {wanted} is known to the daemon; delivered ones are forgotten, and `wandbd sync PATH` delivers one that lies on disk"
            ));
        }
        let mut tried = v1::RetryResponse::default();
        let mut reasons = Vec::new();
        for run in found {
            match self.retry_one(&run) {
                Ok(()) => tried.run.push(run.describe()),
                Err(reason) => reasons.push(reason),
            }
        }
        if tried.run.is_empty() {
            return Err(reasons.join("; "));
        }
        Ok(tried)
    }

    fn retry_one(&self, run: &Arc<RunLog>) -> Result<(), String> {
        let (id, path) = (run.run_id(), run.path().display());
        if run.delivery().borrow().state == State::Delivered {
            return Err(format!("run {id} is delivered"));
        }
        let Some(lead) = self.leads.get(&run.opened().session) else {
            return Err(format!(
                "run {id} is kept offline; `wandbd sync {path}` delivers it"
            ));
        };
        marks::forget(run.path());
        lead.kick();
        Ok(())
    }

    /// Says whose key it is, and sends what has waited for it.
    pub(crate) async fn login(&self, request: &v1::LoginRequest) -> v1::LoginResponse {
        let asked = request.server.clone().unwrap_or_default();
        let settings = self.servers.of_shell(&asked);
        let mut answer = v1::LoginResponse::default();
        if !wandbd_wandb::has_credentials(&settings) {
            answer.verdict = login_response::Verdict::Refused.into();
            answer.message = format!("there is no API key for {}", settings.base_url);
            return answer;
        }
        if request.verify {
            match wandbd_wandb::verify(&self.transports, settings.clone()).await {
                Verdict::Valid { entity, username } => {
                    answer.verdict = login_response::Verdict::Valid.into();
                    answer.entity = entity;
                    answer.username = username;
                }
                Verdict::Refused(message) => {
                    answer.verdict = login_response::Verdict::Refused.into();
                    answer.message = message;
                    return answer;
                }
                Verdict::Unreachable(message) => {
                    answer.verdict = login_response::Verdict::Unreachable.into();
                    answer.message = message;
                }
            }
        }
        if request.send {
            self.send_waiting(&settings, &mut answer);
        }
        answer
    }

    /// Runs of this server that wait for credentials: those of the last day go, older ones are only told.
    fn send_waiting(&self, settings: &ServerSettings, answer: &mut v1::LoginResponse) {
        for lead in self.leads.all() {
            if !self.waits_for(&lead, settings) {
                continue;
            }
            if is_fresh(&lead.run) {
                self.give(&lead, settings);
                lead.renew();
                answer.sent.push(lead.run.describe());
            } else {
                answer.older.push(lead.run.describe());
            }
        }
    }

    fn waits_for(&self, lead: &Lead, settings: &ServerSettings) -> bool {
        let run = &lead.run;
        let server = run.open().server.unwrap_or_default();
        !run.opened().use_local
            && same_server(&server.base_url, &settings.base_url)
            && (lead.is_refused()
                || marks::had_no_key(run.path())
                || self.servers.of_run(run).is_err())
    }

    /// Keeps a key for a run that finds none, or another one, by itself.
    pub(crate) fn give(&self, lead: &Lead, settings: &ServerSettings) {
        let Some(key) = find_key(settings) else {
            return; // an identity token: the run knows its file
        };
        let server = lead.run.open().server.unwrap_or_default();
        if !same_server(&server.base_url, &settings.base_url) {
            return; // this once it goes elsewhere
        }
        let own = self.servers.of_run(&lead.run);
        if own.ok().and_then(|own| find_key(&own)) == Some(key.clone()) {
            return;
        }
        let session = &lead.run.opened().session;
        let given = self
            .credentials
            .give(session, &settings.base_url, key.reveal());
        if let Err(error) = given {
            tracing::warn!(run = lead.run.run_id(), %error, "key not kept for a run");
        }
    }

    /// Reads a file of a run from its server.
    pub(crate) async fn restore(&self, request: &v1::RestoreRequest) -> v1::RestoreResponse {
        match self.fetch(request).await {
            Ok(true) => v1::RestoreResponse {
                found: true,
                message: String::new(),
            },
            Ok(false) => v1::RestoreResponse {
                found: false,
                message: format!("{} not found among the files of that run", request.name),
            },
            Err(message) => v1::RestoreResponse {
                found: false,
                message,
            },
        }
    }

    async fn fetch(&self, request: &v1::RestoreRequest) -> Result<bool, String> {
        let target = Path::new(&request.target);
        if !target.is_absolute() || request.name.is_empty() {
            return Err("a file's name and an absolute path to put it are needed".into());
        }
        let known = self.hub.get(&request.session);
        let settings = if let Some(run) = &known {
            self.servers.of_run(run)?
        } else {
            let asked = request.server.clone().unwrap_or_default();
            self.servers.of_request(&asked, None)?
        };
        let path = match (&*request.run_path, &known) {
            ("", Some(run)) => path_of(run),
            ("", None) => return Err("no run was named".into()),
            (named, _) => parse(named)?,
        };
        let found =
            wandbd_wandb::fetch_file(&self.transports, settings, &path, &request.name, target);
        found.await.map_err(|error| error.to_string())
    }
}

/// By its id, its owner's session, its journal or the folder of that.
fn is_meant(run: &RunLog, wanted: &str) -> bool {
    let named = Path::new(wanted);
    run.run_id() == wanted
        || run.opened().session == wanted
        || run.path() == named
        || named.is_absolute() && run.path().parent() == Some(named)
}

/// As the server calls it, or as it was opened.
pub(crate) fn path_of(run: &RunLog) -> RunPath {
    let now = run.describe();
    RunPath {
        entity: now.entity,
        project: now.project,
        run: now.run_id,
    }
}

/// `entity/project/run` or `project/run`, as W&B writes it.
fn parse(text: &str) -> Result<RunPath, String> {
    let parts: Vec<&str> = text.trim_matches('/').split('/').collect();
    let (entity, project, run) = match *parts.as_slice() {
        [entity, project, run] | [entity, project, "runs", run] => (entity, project, run),
        [project, run] => ("", project, run),
        _ => {
            return Err(format!(
                "{text:?} names no run; write entity/project/run_id"
            ));
        }
    };
    Ok(RunPath {
        entity: entity.to_owned(),
        project: project.to_owned(),
        run: run.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_with_or_without_its_owner() {
        let path = |entity: &str| RunPath {
            entity: entity.into(),
            project: "p".into(),
            run: "abc".into(),
        };

        assert_eq!(parse("e/p/abc"), Ok(path("e")));
        assert_eq!(parse("/e/p/runs/abc"), Ok(path("e")));
        assert_eq!(parse("p/abc"), Ok(path("")));
        assert!(parse("abc").is_err());
    }
}
