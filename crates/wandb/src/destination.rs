use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use wandbd_record::{v1, wandb};
use wandbd_run::Opened;
use wandbd_upload::{
    Answer, ArtifactOutcome, Destination, ExitState, FileResult, Pace, Post, RunStart, RunState,
    SendError, UploadFile, Version,
};

use crate::alert::alert;
use crate::api::Api;
use crate::artifact;
use crate::config_yaml;
use crate::error::WandbError;
use crate::features::Features;
use crate::fetch::RunPath;
use crate::file_stream;
use crate::files;
use crate::open::{Opening, writer_id};
use crate::settings::ServerSettings;
use crate::shipment::Shipment;
use crate::transports::Transports;
use crate::upsert::{self, Upsert};

/// This many opened runs are remembered.
const REMEMBERED: usize = 256;

/// To open a run takes so many calls one after another.
const CALLS_TO_OPEN: u32 = 2;

/// Between the limit of a request and that of the uploader.
const SLACK: Duration = Duration::from_secs(2);

/// A W&B server with one set of credentials: where a run goes, or many.
pub struct WandbDestination {
    api: Api,
    app_url: String,
    pace: Pace,
    features: OnceCell<Features>,
    /// Runs that this process has opened, the newest last.
    opened: Mutex<VecDeque<String>>,
}

impl WandbDestination {
    /// Takes the settings of a run; speaks to nobody. Reads the netrc and certificate files.
    /// # Errors
    /// [`WandbError`] names the setting that cannot be used.
    pub fn new(transports: &Transports, settings: ServerSettings) -> Result<Self, WandbError> {
        let app_url = settings.app_url.clone().unwrap_or_default();
        let own = settings.clone();
        let api = Api::new(transports, settings)?;
        Ok(WandbDestination {
            pace: pace(&api, &own),
            app_url: api.base.app_url(&app_url),
            api,
            features: OnceCell::new(),
            opened: Mutex::default(),
        })
    }

    /// What the server can do, asked once.
    async fn features(&self) -> Result<&Features, SendError> {
        self.features
            .get_or_try_init(|| Features::ask(&self.api))
            .await
    }

    fn has_opened(&self, key: &str) -> bool {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.iter().any(|known| known == key)
    }

    fn remember(&self, key: String) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= REMEMBERED {
            opened.pop_front();
        }
        opened.push_back(key);
    }
}

/// The usual one, with what the settings want otherwise. An answer that takes as long as they allow is not cut off by the uploader.
fn pace(api: &Api, settings: &ServerSettings) -> Pace {
    let usual = if api.base.is_loopback() {
        Pace::local()
    } else {
        Pace::default()
    };
    let beyond = |limit: Duration| limit + SLACK;
    Pace {
        interval: settings.transmit_interval.unwrap_or(usual.interval),
        max_post_bytes: settings.post_max_bytes.unwrap_or(usual.max_post_bytes),
        post_timeout: settings.file_stream_timeout.map(beyond),
        call_timeout: settings
            .http_timeout
            .map(|limit| beyond(limit * CALLS_TO_OPEN)),
        ..usual
    }
}

#[async_trait]
impl Destination for WandbDestination {
    async fn open(&self, run: &RunStart) -> Result<Opened, SendError> {
        let key = [&run.run.entity, upsert::project(run), &run.run.run_id].join("/");
        let again = self.has_opened(&key);
        let api = self.api.of_writer(writer_id(run));
        let opening = Opening {
            api: &api,
            app_url: &self.app_url,
            start: run,
            again,
        };
        let opened = opening.run(self.features()).await?;
        if !again {
            self.remember(key);
        }
        Ok(opened)
    }

    async fn update(&self, opened: &Opened, state: &RunState) -> Result<(), SendError> {
        let api = self.api.of_writer(&opened.writer_id);
        Upsert::update(opened, state).send(&api).await.map(drop)
    }

    async fn post(&self, opened: &Opened, post: &Post) -> Result<Answer, SendError> {
        let api = self.api.of_writer(&opened.writer_id);
        file_stream::post(&api, opened, post).await
    }

    async fn put_files(&self, opened: &Opened, files: &[UploadFile]) -> Vec<FileResult> {
        let api = self.api.of_writer(&opened.writer_id);
        files::put_files(&api, opened, files).await
    }

    async fn alert(&self, opened: &Opened, record: &wandb::AlertRecord) -> Result<(), SendError> {
        let api = self.api.of_writer(&opened.writer_id);
        alert(&api, opened, record).await
    }

    async fn artifact(
        &self,
        opened: &Opened,
        version: &Version,
    ) -> Result<ArtifactOutcome, SendError> {
        let api = self.api.of_writer(&opened.writer_id);
        let shipment = Shipment {
            api: &api,
            features: self.features().await?,
            opened,
            version,
            record: &version.record,
        };
        shipment.send().await
    }

    async fn link(&self, opened: &Opened, link: &v1::Link) -> Result<(), SendError> {
        let api = self.api.of_writer(&opened.writer_id);
        artifact::link(&api, opened, link).await
    }

    async fn use_artifact(&self, opened: &Opened, id: &str) -> Result<(), SendError> {
        let api = self.api.of_writer(&opened.writer_id);
        let used = artifact::Use {
            id,
            entity: "",
            project: "",
            used_as: "",
        };
        let run = RunPath {
            entity: opened.entity.clone(),
            project: opened.project.clone(),
            run: opened.run_id.clone(),
        };
        used.tell(&api, self.features().await?, &run).await
    }

    async fn reauthorize(&self) {
        self.api.reload_credentials().await;
    }

    fn exit_files(&self, state: &ExitState) -> Vec<UploadFile> {
        config_yaml::exit_files(state)
    }

    fn pace(&self) -> Pace {
        self.pace.clone()
    }
}
