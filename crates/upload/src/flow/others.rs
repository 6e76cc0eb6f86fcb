//! What travels beside the posts: config, files, artifacts.

use std::sync::Arc;

use tracing::warn;

use super::{DONE, ExitFiles, Flow};
use crate::artifacts::{Settled, ship};
use crate::courier::Rejection;
use crate::destination::{Content, ExitState, RunState, UploadFile};
use crate::error::chain;
use crate::exit::write_console;
use crate::files::{Report, Upload};
use crate::progress::Channel;

impl Flow {
    pub(super) fn start_update(&mut self) {
        self.config_due = None;
        let state = RunState {
            config_json: self.lines.config_json(),
            params: self.params_changed.then(|| self.lines.run().clone()),
        };
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
            Ok(())
        }));
    }

    pub(super) fn upload(&self) -> Upload {
        let mut known = self.cursor.files.clone();
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
        let console = self.console_seen.then(|| self.console_name());
        let feed = Arc::clone(&self.parts.feed);
        let (end, folder) = (self.position, self.parts.folder.clone());
        let upload = self.upload();
        self.jobs.filing = Some(Box::pin(async move {
            if let Some(name) = console {
                let path = folder.join(&name);
                match write_console(feed, end, path.clone()).await {
                    Ok(()) => more.push(UploadFile {
                        name,
                        content: Content::Path(path),
                    }),
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

    /// `wandb-metadata.json` out of the journal, when the file is not there.
    pub(super) fn metadata(&self, names: &mut Vec<String>) -> Option<UploadFile> {
        const NAME: &str = "wandb-metadata.json";
        let there = self.parts.folder.join(NAME).is_file();
        if there || self.cursor.files.contains_key(NAME) {
            return None;
        }
        names.retain(|name| name != NAME);
        Some(UploadFile {
            name: NAME.into(),
            content: Content::Bytes(self.lines.metadata_json()?.into_bytes().into()),
        })
    }

    pub(super) fn console_name(&self) -> String {
        match &self.parts.opened.label {
            Some(label) if !label.is_empty() => format!("output_{label}.log"),
            _ => "output.log".into(),
        }
    }

    pub(super) fn files_arrived(&mut self, report: Report) {
        self.uploaded.extend(report.uploaded);
        for reason in report.skipped {
            self.parts.courier.standing.skipped(reason);
        }
        if self.exit_files == ExitFiles::OnTheirWay {
            self.exit_files = ExitFiles::There;
        }
    }

    pub(super) fn start_artifact(&mut self) {
        if let Some(artifact) = self.artifacts.pop_front() {
            let courier = Arc::clone(&self.parts.courier);
            let opened = Arc::clone(&self.parts.opened);
            self.jobs.shipping = Some(Box::pin(ship(courier, opened, artifact)));
        }
    }

    pub(super) async fn artifact_settled(&mut self, settled: Settled) {
        let done = settled.failure.is_none();
        if !done {
            self.parts.courier.standing.skipped("artifact failed");
        }
        let how = settled.failure.unwrap_or_else(|| DONE.into());
        self.cursor.artifacts.insert(settled.key, how);
        self.save().await;
        if done {
            (self.parts.on_artifact_done)(&settled.client_id);
        }
    }
}
