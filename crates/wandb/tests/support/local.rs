//! The embedded server, which is strict where W&B is strict.

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wandbd_local::{Config, LocalServer};
use wandbd_wandb::{ApiKey, ServerSettings, WandbDestination};

use super::limits;

/// A server with an empty folder; it stops with this.
pub(crate) struct Local {
    pub(crate) url: String,
    pub(crate) key: String,
    _folder: tempfile::TempDir,
    _stop: tokio_util::sync::DropGuard,
}

impl Local {
    pub(crate) async fn start() -> Self {
        wandbd_wandb::install_tls();
        let folder = tempfile::tempdir().unwrap();
        let server = LocalServer::bind(Config::new(folder.path())).await.unwrap();
        let stop = CancellationToken::new();
        let local = Local {
            url: server.url().to_owned(),
            key: server.api_key().reveal().to_owned(),
            _folder: folder,
            _stop: stop.clone().drop_guard(),
        };
        tokio::spawn(server.serve(stop));
        local
    }

    pub(crate) fn destination(&self) -> WandbDestination {
        super::destination(self.settings(), limits())
    }

    pub(crate) fn settings(&self) -> ServerSettings {
        let mut settings = ServerSettings::new(&self.url);
        settings.key.explicit = Some(ApiKey::new(&self.key));
        settings
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}/api/runs/{path}", self.url));
        let answer = request
            .basic_auth("api", Some(&self.key))
            .send()
            .await
            .unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}
