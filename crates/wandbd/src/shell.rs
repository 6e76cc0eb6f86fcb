//! What a person's shell and files say of W&B, for the commands: environment over local settings file over global one over netrc.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use wandbd_proto::v1;
use wandbd_wandb::{ApiKey, BaseUrl, KeySource, ServerSettings};

use crate::account::{AccountError, settings};

/// The environment by name.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Where a person works, and with which variables.
pub(crate) struct Shell<'a> {
    environment: Lookup<'a>,
    cwd: PathBuf,
}

impl<'a> Shell<'a> {
    pub(crate) fn new(environment: Lookup<'a>, cwd: PathBuf) -> Self {
        Self { environment, cwd }
    }

    /// A variable that is set to something.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = (self.environment)(name).filter(|value| !value.is_empty())?;
        Some(self.expand(Path::new(&value)))
    }

    fn text(&self, name: &str) -> String {
        (self.environment)(name)
            .and_then(|value| value.into_string().ok())
            .map(|value| value.trim().to_owned())
            .unwrap_or_default()
    }

    fn first(&self, names: &[&str]) -> String {
        let texts = names.iter().map(|name| self.text(name));
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    fn home(&self) -> PathBuf {
        (self.environment)("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from)
    }

    /// With `~` for the home directory, from the root.
    fn expand(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => self.home().join(rest),
            Err(_) => self.cwd.join(path),
        }
    }

    /// Where runs and the local settings lie: `wandb`, or `.wandb` where that is there already.
    pub(crate) fn wandb_dir(&self) -> PathBuf {
        let root = self.path("WANDB_DIR").unwrap_or_else(|| self.cwd.clone());
        let hidden = root.join(".wandb");
        if hidden.exists() {
            hidden
        } else {
            root.join("wandb")
        }
    }

    pub(crate) fn local_settings(&self) -> PathBuf {
        self.wandb_dir().join("settings")
    }

    fn config_dir(&self) -> PathBuf {
        self.path("WANDB_CONFIG_DIR")
            .unwrap_or_else(|| self.home().join(".config/wandb"))
    }

    pub(crate) fn global_settings(&self) -> PathBuf {
        self.config_dir().join("settings")
    }

    /// The netrc file in force, whether it is there or not.
    pub(crate) fn netrc(&self) -> PathBuf {
        if let Some(named) = self.path("NETRC") {
            return named;
        }
        let [plain, other] = [".netrc", "_netrc"].map(|name| self.home().join(name));
        if !plain.exists() && other.exists() {
            other
        } else {
            plain
        }
    }

    /// What a settings file says, the local one first.
    fn setting(&self, key: &str) -> Result<Option<String>, AccountError> {
        match settings::get(&self.local_settings(), key)? {
            Some(value) => Ok(Some(value)),
            None => settings::get(&self.global_settings(), key),
        }
    }

    /// The server that is meant; empty when nothing names one.
    pub(crate) fn base_url(&self) -> Result<String, AccountError> {
        match self.text("WANDB_BASE_URL") {
            named if !named.is_empty() => Ok(named),
            _ => Ok(self.setting("base_url")?.unwrap_or_default()),
        }
    }

    /// The server, and how to reach it; `host` goes before all else.
    ///
    /// # Errors
    /// [`AccountError`] when a settings file cannot be read.
    pub(crate) fn server(&self, host: Option<&str>) -> Result<v1::Server, AccountError> {
        let base_url = match host {
            Some(host) => host.to_owned(),
            None => self.base_url()?,
        };
        let or_none = |path: Option<PathBuf>| {
            path.map(|path| path.display().to_string())
                .unwrap_or_default()
        };
        let mut server = v1::Server {
            api_key: self.text("WANDB_API_KEY"),
            netrc: self.netrc().display().to_string(),
            header: self.headers(),
            http_proxy: self.first(&["WANDB_HTTP_PROXY", "HTTP_PROXY", "http_proxy"]),
            https_proxy: self.first(&["WANDB_HTTPS_PROXY", "HTTPS_PROXY", "https_proxy"]),
            no_proxy: self.first(&["NO_PROXY", "no_proxy"]),
            ca_bundle: or_none(
                ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
                    .iter()
                    .filter_map(|name| self.path(name))
                    .find(|path| path.is_file()),
            ),
            insecure: matches!(
                self.text("WANDB_INSECURE_DISABLE_SSL")
                    .to_lowercase()
                    .as_str(),
                "1" | "true" | "yes" | "on"
            ),
            app_url: self.text("WANDB_APP_URL"),
            username: self.text("WANDB_USERNAME"),
            email: self.text("WANDB_USER_EMAIL"),
            identity_token_file: or_none(self.path("WANDB_IDENTITY_TOKEN_FILE")),
            credentials_file: or_none(Some(
                self.path("WANDB_CREDENTIALS_FILE")
                    .unwrap_or_else(|| self.config_dir().join("credentials.json")),
            )),
            http_timeout_s: self.seconds("WANDB_HTTP_TIMEOUT"),
            base_url,
            ..v1::Server::default()
        };
        if server.api_key.is_empty()
            && server.identity_token_file.is_empty()
            && stored_key(&server).is_none()
            && host.is_none_or(|host| self.base_url().is_ok_and(|url| same_server(&url, host)))
        {
            server.api_key = self.setting("api_key")?.unwrap_or_default();
        }
        Ok(server)
    }

    /// It goes before what is stored.
    pub(crate) fn has_key_in_environment(&self) -> bool {
        !self.text("WANDB_API_KEY").is_empty()
    }

    fn seconds(&self, name: &str) -> f64 {
        let seconds = self.text(name).parse().unwrap_or(0.0);
        if f64::is_finite(seconds) && seconds > 0.0 {
            seconds
        } else {
            0.0
        }
    }

    fn headers(&self) -> HashMap<String, String> {
        let text = self.first(&["WANDB__EXTRA_HTTP_HEADERS", "WANDB_X_EXTRA_HTTP_HEADERS"]);
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// The key that the netrc file of these settings holds for their server.
pub(crate) fn stored_key(server: &v1::Server) -> Option<ApiKey> {
    let mut settings = ServerSettings::new(&server.base_url);
    settings.key = KeySource {
        netrc: Some(PathBuf::from(&server.netrc)),
        ..KeySource::default()
    };
    wandbd_wandb::find_key(&settings)
}

/// Whether two base URLs mean one server; the empty one is the hosted service.
pub(crate) fn same_server(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|url| BaseUrl::parse(url).map(|url| url.as_str().to_owned()));
    matches!((a, b), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A home with files in it, and the variables of a shell.
    struct Case {
        dir: tempfile::TempDir,
        variables: Vec<(&'static str, String)>,
    }

    impl Case {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = dir.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            let home = dir.path().join("home").display().to_string();
            Self {
                dir,
                variables: vec![("HOME", home)],
            }
        }

        fn with(mut self, name: &'static str, value: &str) -> Self {
            self.variables.push((name, value.to_owned()));
            self
        }

        fn server(&self, host: Option<&str>) -> v1::Server {
            let lookup = |name: &str| {
                let found = self.variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            Shell::new(&lookup, self.dir.path().join("work"))
                .server(host)
                .unwrap()
        }
    }

    const KEY: &str = "0123456789012345678901234567890123456789";

    #[test]
    fn the_environment_goes_before_the_local_file_and_that_before_the_global_one() {
        let global = (
            "home/.config/wandb/settings",
            "[default]\nbase_url = http://global\n",
        );
        let local = (
            "work/wandb/settings",
            "[default]\nbase_url = http://local\n",
        );

        let shell = |files: &[_]| Case::new(files);

        assert_eq!(shell(&[]).server(None).base_url, "");
        assert_eq!(shell(&[global]).server(None).base_url, "http://global");
        assert_eq!(
            shell(&[global, local]).server(None).base_url,
            "http://local"
        );
        let named = shell(&[global, local]).with("WANDB_BASE_URL", "http://env");
        assert_eq!(named.server(None).base_url, "http://env");
        assert_eq!(named.server(Some("http://said")).base_url, "http://said");
    }

    #[test]
    fn a_key_in_a_settings_file_counts_only_where_netrc_has_none() {
        let file = format!("[default]\nbase_url = http://w:1\napi_key = {KEY}\n");
        let settings = ("home/.config/wandb/settings", file.as_str());
        let entry = format!("machine w:1 login user password {KEY}\n");

        let alone = Case::new(&[settings]).server(None);
        let case = Case::new(&[settings, ("home/.netrc", &entry)]);
        let both = case.server(None);
        let elsewhere = Case::new(&[settings]).server(Some("http://other"));

        assert_eq!(alone.api_key, KEY);
        assert_eq!(both.api_key, "");
        assert_eq!(stored_key(&both).unwrap().reveal(), KEY);
        assert_eq!(elsewhere.api_key, "");
    }

    #[test]
    fn the_netrc_file_is_found_where_tools_look_for_it() {
        let case = Case::new(&[("home/_netrc", "")]);
        assert!(case.server(None).netrc.ends_with("home/_netrc"));

        let both = Case::new(&[("home/_netrc", ""), ("home/.netrc", "")]);
        assert!(both.server(None).netrc.ends_with("home/.netrc"));

        let named = both.with("NETRC", "~/mine");
        assert!(named.server(None).netrc.ends_with("home/mine"));
    }

    #[test]
    fn one_server_has_several_spellings() {
        assert!(same_server("", "https://api.wandb.ai/"));
        assert!(!same_server("http://h:1", "http://h:2"));
        assert!(!same_server("nonsense", "nonsense"));
    }
}
