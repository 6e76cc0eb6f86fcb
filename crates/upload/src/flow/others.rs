//! What travels beside the posts: config, files, artifacts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;
use tracing::{info, warn};
use wandbd_run::RunParams;

use super::{ExitFiles, Flow, Told};
use crate::alerts::{Alerted, alert};
use crate::artifacts::{Errand, Fate, Settled, Work, carry};
use crate::budget::ARTIFACTS;
use crate::courier::Rejection;
use crate::destination::{Content, ExitState, ParamsChange, RunState, UploadFile};
use crate::error::chain;
use crate::exit::write_console;
use crate::files::{Report, Upload};
use crate::progress::Channel;

impl Flow {
    pub(super) fn start_update(&mut self) {
        self.config_due = None;
        let params = self.params();
        let state = RunState {
            config_json: self.lines.config_json(),
            params: changes(&self.told, &params),
        };
        let position = self.position.0;
        let courier = Arc::clone(&self.parts.courier);
        let opened = Arc::clone(&self.parts.opened);
        self.jobs.updating = Some(Box::pin(async move {
            let answer = courier
                .insist(Channel::Update, Rejection::GiveUp, || {
                    courier.destination.update(&opened, &state)
                })
                .await?;
            if let Err(error) = answer {
                warn!(run = %courier.name, error = %chain(&error), "config update refused");
                courier
                    .standing
                    .skipped("config update refused by the server");
            }
            Ok(Told { position, params })
        }));
    }

    /// The run's parameters, with what is known of its repository.
    pub(super) fn params(&self) -> RunParams {
        let mut params = self.lines.run().clone();
        if let Some(git) = &self.git {
            params.git_remote.clone_from(&git.remote_url);
            params.git_commit.clone_from(&git.commit);
        }
        params
    }

    pub(super) async fn update_settled(&mut self, told: Told) {
        self.told = told.params;
        self.cursor.updated = self.cursor.updated.max(told.position);
        self.save().await;
    }

    pub(super) fn start_alert(&mut self) {
        if let Some((position, record)) = self.alerts.pop_front() {
            let courier = Arc::clone(&self.parts.courier);
            let opened = Arc::clone(&self.parts.opened);
            self.jobs.alerting = Some(Box::pin(alert(courier, opened, position, record)));
        }
    }

    /// Whatever came of it: it is not told again.
    pub(super) async fn alert_settled(&mut self, alerted: &Alerted) {
        if !alerted.sent {
            self.parts.courier.standing.skipped("alert failed");
        }
        self.cursor.alerts = self.cursor.alerts.max(alerted.position);
        self.save().await;
    }

    pub(super) fn upload(&self) -> Upload {
        let mut known = self.cursor.files.clone();
        if let Some(mark) = &self.in_flight {
            known.extend(mark.uploaded.clone());
        }
        known.extend(self.uploaded.clone());
        Upload {
            courier: Arc::clone(&self.parts.courier),
            opened: Arc::clone(&self.parts.opened),
            folder: self.parts.folder.clone(),
            known,
        }
    }

    pub(super) fn start_exit_files(&mut self) {
        self.exit_files = ExitFiles::OnTheirWay;
        let mut names = self.waiting.take_all();
        let mut more = self.parts.courier.destination.exit_files(&ExitState {
            config_json: self.lines.config_json(),
            summary_json: self.lines.summary_json(),
        });
        more.extend(self.metadata(&mut names));
        more.retain(|file| self.wanted(&file.name));
        let console = self.console_seen.then(|| self.console_files());
        let ignored = self.ignored.clone();
        let feed = Arc::clone(&self.parts.feed);
        let (end, folder) = (self.position, self.parts.folder.clone());
        let upload = self.upload();
        let known: BTreeSet<String> = upload.known.keys().cloned().collect();
        self.jobs.filing = Some(Box::pin(async move {
            if let Some(console) = console {
                match write_console(feed, end, folder.clone(), console, known).await {
                    Ok(written) => more.extend(written.into_iter().filter_map(|name| {
                        names.remove(&name);
                        let content = Content::Path(folder.join(&name));
                        (!ignored.matches(&name)).then_some(UploadFile { name, content })
                    })),
                    Err(error) => {
                        let courier = &upload.courier;
                        warn!(run = %courier.name, error = %chain(&error), "no console file");
                        courier.standing.skipped("console file not written");
                    }
                }
            }
            upload.run(names, more).await
        }));
    }

    fn wanted(&self, name: &str) -> bool {
        !self.ignored.matches(name) && self.writer.may_upload(name)
    }

    /// `wandb-metadata.json` out of the journal, when the file is not there.
    pub(super) fn metadata(&self, names: &mut BTreeMap<String, u64>) -> Option<UploadFile> {
        const NAME: &str = "wandb-metadata.json";
        let there = self.parts.folder.join(NAME).is_file();
        if there || self.cursor.files.contains_key(NAME) {
            return None;
        }
        names.remove(NAME);
        Some(UploadFile {
            name: NAME.into(),
            content: Content::Bytes(self.lines.metadata_json()?.into_bytes().into()),
        })
    }

    pub(super) fn files_arrived(&mut self, report: Report) {
        self.uploaded.extend(report.uploaded);
        // Nothing new to tell: the next save keeps it.
        self.cursor.files.extend(report.same);
        for reason in report.skipped {
            self.parts.courier.standing.skipped(reason);
        }
        if self.exit_files == ExitFiles::OnTheirWay {
            self.exit_files = ExitFiles::There;
        }
        let poll = self.parts.poster.pace.files_poll;
        self.waiting.poll_at(Instant::now() + poll);
    }

    pub(super) fn start_artifacts(&mut self) {
        while let Some((mut errand, superseded)) = self.artifacts.next(ARTIFACTS) {
            let courier = Arc::clone(&self.parts.courier);
            if let Some(fate) = self.decided(&mut errand) {
                let settled = Settled { errand, fate };
                self.jobs.shipping.push(Box::pin(async { Ok(settled) }));
                continue;
            }
            let opened = Arc::clone(&self.parts.opened);
            let work = carry(courier, opened, errand, superseded);
            self.jobs.shipping.push(Box::pin(work));
        }
    }

    /// A link follows its version: to what the destination calls it, or nowhere.
    fn decided(&self, errand: &mut Errand) -> Option<Fate> {
        let Work::Link(link) = &mut errand.work else {
            return None;
        };
        match self.cursor.artifacts.get(&link.client_id)? {
            Fate::Delivered { id } => {
                link.artifact_id.clone_from(id);
                None
            }
            Fate::Superseded => Some(Fate::Failed(
                "the version was left out for a newer one".to_owned(),
            )),
            Fate::Failed(reason) => Some(Fate::Failed(format!(
                "the version was not delivered: {reason}"
            ))),
        }
    }

    /// Versions that newer ones behind them make superfluous.
    pub(super) async fn leave_out_superseded(&mut self) {
        let mut done = Vec::new();
        while let Some(errand) = self.artifacts.superseded() {
            self.note_fate(&errand, Fate::Superseded);
            done.push(errand.client_id);
        }
        if !done.is_empty() {
            self.save().await;
        }
        for client_id in done {
            (self.parts.on_artifact_done)(&client_id);
        }
    }

    pub(super) async fn artifact_settled(&mut self, settled: Settled) {
        self.artifacts.settled(&settled.errand.key);
        // Who failed keeps its snapshots.
        let done = !matches!(settled.fate, Fate::Failed(_)) && settled.errand.is_version();
        self.note_fate(&settled.errand, settled.fate);
        self.save().await;
        if done {
            (self.parts.on_artifact_done)(&settled.errand.client_id);
        }
    }

    fn note_fate(&mut self, errand: &Errand, fate: Fate) {
        let standing = &self.parts.courier.standing;
        let name = errand.name();
        match &fate {
            Fate::Delivered { .. } => {}
            Fate::Superseded => {
                info!(run = %self.parts.courier.name, artifact = name, "left out for a newer version");
                standing.skipped("artifact version left out for a newer one");
            }
            Fate::Failed(reason) => {
                warn!(run = %self.parts.courier.name, artifact = name, reason, "not done");
                standing.skipped(errand.failed());
            }
        }
        self.cursor.artifacts.insert(errand.key.clone(), fate);
    }
}

/// What the destination does not know yet; what others have set there is left alone.
fn changes(told: &RunParams, now: &RunParams) -> Option<ParamsChange> {
    let text = |told: &String, now: &String| (told != now).then(|| now.clone());
    let change = ParamsChange {
        display_name: text(&told.display_name, &now.display_name),
        notes: text(&told.notes, &now.notes),
        tags: (told.tags != now.tags).then(|| now.tags.clone()),
        group: text(&told.group, &now.group),
        job_type: text(&told.job_type, &now.job_type),
        program: text(&told.program, &now.program).filter(|program| !program.is_empty()),
        git_remote: text(&told.git_remote, &now.git_remote),
        git_commit: text(&told.git_commit, &now.git_commit),
    };
    (change != ParamsChange::default()).then_some(change)
}
