//! Which W&B server a run goes to, and with which key.

use std::{path::PathBuf, sync::Arc};

use wandbd_ingest::RunLog;
use wandbd_proto::v1;
use wandbd_wandb::{ApiKey, KeySource, ServerSettings};

use crate::{credentials::Credentials, local::Hosted};

/// Where keys are looked up.
pub(crate) struct Servers {
    credentials: Arc<Credentials>,
    /// Address and key of the embedded server.
    local: Option<(String, ApiKey)>,
}

impl Servers {
    pub(crate) fn new(credentials: &Arc<Credentials>, hosted: Option<&Hosted>) -> Self {
        Self {
            credentials: Arc::clone(credentials),
            local: hosted.map(|hosted| (hosted.url.clone(), ApiKey::new(&hosted.api_key))),
        }
    }

    /// The server of a run, or why it has to wait and what a person can do.
    pub(crate) fn of_run(&self, run: &RunLog) -> Result<ServerSettings, String> {
        let opened = run.opened();
        if opened.use_local {
            return self.local().ok_or_else(|| {
                "it belongs to the embedded server, which this daemon does not host; start it with `wandbd start --local`".to_owned()
            });
        }
        let server = run.open().server.unwrap_or_default();
        let mut settings = settings(&server);
        settings.key.explicit = self
            .credentials
            .api_key(&opened.key_fingerprint)
            .map(|key| ApiKey::new(&key));
        settings.headers = self
            .credentials
            .headers(&opened.header_fingerprint)
            .into_iter()
            .collect();
        if !wandbd_wandb::has_credentials(&settings) {
            return Err(no_key(
                &settings.base_url,
                &run.path().display().to_string(),
            ));
        }
        Ok(settings)
    }

    /// The embedded server.
    fn local(&self) -> Option<ServerSettings> {
        let (url, key) = self.local.as_ref()?;
        let mut settings = settings(&v1::Server::default());
        settings.base_url.clone_from(url);
        settings.key.explicit = Some(key.clone());
        Some(settings)
    }

    /// The server that a person who asked for a sync means: what their shell names, else what the journal names, else the embedded one.
    pub(crate) fn of_request(
        &self,
        asked: &v1::Server,
        recorded: Option<&v1::Opened>,
        journal: &str,
    ) -> Result<ServerSettings, String> {
        if asked.base_url.is_empty()
            && recorded.is_some_and(|opened| opened.use_local)
            && let Some(local) = self.local()
        {
            return Ok(local);
        }
        let mut server = asked.clone();
        let own = recorded
            .and_then(|opened| opened.run.as_ref())
            .and_then(|run| run.server.clone())
            .unwrap_or_default();
        if server.base_url.is_empty() {
            server.base_url = own.base_url;
        }
        let mut settings = settings(&server);
        if settings.key.explicit.is_none()
            && let Some(opened) = recorded
        {
            settings.key.explicit = self
                .credentials
                .api_key(&opened.key_fingerprint)
                .map(|key| ApiKey::new(&key));
        }
        if wandbd_wandb::has_credentials(&settings) {
            return Ok(settings);
        }
        if server.base_url.is_empty()
            && let Some(local) = self.local()
        {
            return Ok(local);
        }
        Err(no_key(&settings.base_url, journal))
    }
}

fn no_key(base_url: &str, journal: &str) -> String {
    format!(
        "no API key for {base_url}: set WANDB_API_KEY or add the host to ~/.netrc, then run `wandbd sync {journal}`"
    )
}

fn settings(server: &v1::Server) -> ServerSettings {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let mut settings = ServerSettings::new(&server.base_url);
    settings.app_url = some(&server.app_url);
    settings.key = KeySource {
        explicit: some(&server.api_key).map(|key| ApiKey::new(&key)),
        netrc: some(&server.netrc).map(PathBuf::from),
    };
    settings.http_proxy = some(&server.http_proxy);
    settings.https_proxy = some(&server.https_proxy);
    settings.no_proxy = some(&server.no_proxy);
    settings.ca_bundle = some(&server.ca_bundle).map(PathBuf::from);
    settings.insecure = server.insecure;
    settings.username.clone_from(&server.username);
    settings.email.clone_from(&server.email);
    settings
}
