//! Which W&B server a run goes to, and with which key.

use std::{path::PathBuf, sync::Arc, time::Duration};

use wandbd_ingest::RunLog;
use wandbd_proto::v1;
use wandbd_wandb::{ApiKey, KeySource, ServerSettings};

use crate::{credentials::Credentials, local::Hosted, shell::same_server};

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
        let given = self.credentials.given(&opened.session);
        settings.key.explicit = given
            .or_else(|| self.credentials.api_key(&opened.key_fingerprint))
            .map(|key| ApiKey::new(&key));
        self.credentials
            .complete(&opened.header_fingerprint, &mut settings);
        if !wandbd_wandb::has_credentials(&settings) {
            return Err(no_key(&settings.base_url));
        }
        Ok(settings)
    }

    /// The server that a person's shell means: the embedded one where nothing names another.
    pub(crate) fn of_shell(&self, asked: &v1::Server) -> ServerSettings {
        let settings = settings(asked);
        if asked.base_url.is_empty()
            && !wandbd_wandb::has_credentials(&settings)
            && let Some(local) = self.local()
        {
            return local;
        }
        settings
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
        if !wandbd_wandb::has_credentials(&settings)
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
        Err(no_key(&settings.base_url))
    }
}

/// Why a run waits, and what a person can do.
fn no_key(base_url: &str) -> String {
    let host = if same_server(base_url, "") {
        String::new()
    } else {
        format!(" --host {base_url}")
    };
    format!("no API key for {base_url}; `wandbd login{host}` asks for one and sends what waits")
}

pub(crate) fn settings(server: &v1::Server) -> ServerSettings {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let mut settings = ServerSettings::new(&server.base_url);
    settings.app_url = some(&server.app_url);
    settings.key = KeySource {
        explicit: some(&server.api_key).map(|key| ApiKey::new(&key)),
        netrc: some(&server.netrc).map(PathBuf::from),
        identity_token: some(&server.identity_token_file).map(PathBuf::from),
        token_cache: some(&server.credentials_file).map(PathBuf::from),
    };
    settings.headers = server.header.clone().into_iter().collect();
    settings.http_proxy = some(&server.http_proxy);
    settings.https_proxy = some(&server.https_proxy);
    settings.no_proxy = some(&server.no_proxy);
    settings.ca_bundle = some(&server.ca_bundle).map(PathBuf::from);
    settings.insecure = server.insecure;
    settings.username.clone_from(&server.username);
    settings.email.clone_from(&server.email);
    settings.http_timeout = seconds(server.http_timeout_s);
    settings.file_transfer_timeout = seconds(server.file_transfer_timeout_s);
    settings.file_stream_timeout = seconds(server.file_stream_timeout_s);
    settings.transmit_interval = seconds(server.transmit_interval_s);
    settings.post_max_bytes = usize::try_from(server.post_max_bytes)
        .ok()
        .filter(|most| *most > 0);
    settings
}

/// A span of at most a day; `None`: the default.
fn seconds(seconds: f64) -> Option<Duration> {
    (seconds.is_finite() && seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(86_400.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_key_is_told_how_to_get_one() {
        assert!(no_key("https://api.wandb.ai").contains("`wandbd login` asks"));
        assert!(no_key("http://w:1").contains("`wandbd login --host http://w:1` asks"));
    }

    #[test]
    fn times_that_make_no_sense_mean_the_default() {
        for seconds_ in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(seconds(seconds_), None);
        }
        assert_eq!(seconds(2.5), Some(Duration::from_millis(2500)));
    }
}
