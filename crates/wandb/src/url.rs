//! Addresses: of the API, of its parts, of the pages.

use std::net::IpAddr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};

use crate::error::WandbError;

/// The hosted service.
pub const DEFAULT_BASE_URL: &str = "https://api.wandb.ai";

/// The hosted service under both its names; netrc entries of one are good for the other.
const HOSTED: [&str; 2] = ["api.wandb.ai", "api.forge.coreweave.com"];

/// What may stand unescaped in one part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The address of a W&B API: `http` or `https`, no trailing slash, a path prefix is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    url: Url,
}

impl BaseUrl {
    /// Reads an address; the empty one is [`DEFAULT_BASE_URL`].
    /// # Errors
    /// [`WandbError::BaseUrl`] for anything but `http(s)://host[:port][/path]`, and for addresses of wandb.ai that are not its API.
    pub fn parse(text: &str) -> Result<Self, WandbError> {
        let text = text.trim().trim_end_matches('/');
        let text = if text.is_empty() {
            DEFAULT_BASE_URL
        } else {
            text
        };
        let refuse = |reason| WandbError::BaseUrl {
            url: without_userinfo(text),
            reason,
        };
        let url = Url::parse(text).map_err(|_| refuse("not an address, such as https://host"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("must not hold a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("must not hold ? or #"));
        }
        let host = url.host_str().unwrap_or_default();
        let hosted = host == "wandb.ai" || host.ends_with(".wandb.ai");
        if hosted && (url.scheme() != "https" || !host.starts_with("api.")) {
            return Err(refuse("the hosted service is https://api.wandb.ai"));
        }
        Ok(BaseUrl {
            text: text.to_owned(),
            url,
        })
    }

    /// The address, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// On this machine: nobody there counts requests.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        }
    }

    /// The address of the pages, without a trailing slash; `given` if it is not empty.
    pub fn app_url(&self, given: &str) -> String {
        let given = given.trim().trim_end_matches('/');
        if !given.is_empty() {
            return given.to_owned();
        }
        let text = self.text.as_str();
        if [
            "https://api.forge.coreweave.com",
            "https://forge.coreweave.com/api/wandb",
        ]
        .contains(&text)
        {
            return "https://forge.coreweave.com/wandb".to_owned();
        }
        if text.contains("://api.wandb.") {
            return text.replacen("://api.", "://", 1);
        }
        text.replacen("://api.", "://app.", 1)
    }

    /// Names under which netrc may have the key, the best first.
    pub(crate) fn machines(&self) -> Vec<String> {
        let host = self.url.host_str().unwrap_or_default();
        let own = match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let mut machines = vec![own];
        if HOSTED.contains(&host) || host == "forge.coreweave.com" {
            let others = HOSTED.iter().filter(|name| **name != host);
            machines.extend(others.map(|name| (*name).to_owned()));
        }
        machines
    }

    /// Where GraphQL is spoken.
    pub(crate) fn graphql(&self) -> String {
        format!("{}/graphql", self.text)
    }

    /// Where a run's lines go.
    pub(crate) fn file_stream(&self, entity: &str, project: &str, run: &str) -> String {
        let [entity, project, run] = [entity, project, run].map(escape);
        format!("{}/files/{entity}/{project}/{run}/file_stream", self.text)
    }

    /// An upload address; some servers leave out their own name.
    pub(crate) fn resolve(&self, address: &str) -> Result<Url, url::ParseError> {
        if address.starts_with('/') {
            return Url::parse(&format!("{}{address}", self.text));
        }
        Url::parse(address)
    }
}

impl BaseUrl {
    /// The address is one of this server: credentials may go there.
    pub(crate) fn holds(&self, address: &Url) -> bool {
        let path = self.url.path().trim_end_matches('/');
        let rest = address.path().strip_prefix(path);
        address.origin() == self.url.origin() && rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The page of a run; `app_url` as from [`BaseUrl::app_url`].
pub fn run_url(app_url: &str, entity: &str, project: &str, run: &str) -> String {
    format!(
        "{}/runs/{}",
        project_url(app_url, entity, project),
        escape(run)
    )
}

/// The page of a project; `app_url` as from [`BaseUrl::app_url`].
pub fn project_url(app_url: &str, entity: &str, project: &str) -> String {
    format!("{app_url}/{}/{}", escape(entity), escape(project))
}

fn escape(part: &str) -> String {
    utf8_percent_encode(part, PART).to_string()
}

/// An address without user and password, to be shown.
pub(crate) fn without_userinfo(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((_, host)) = authority.rsplit_once('@') else {
        return text.to_owned();
    };
    let between = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{between}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    #[test]
    fn the_hosted_service_is_meant_when_nothing_is_said() {
        assert_eq!(base("").as_str(), "https://api.wandb.ai");
        assert_eq!(base("").app_url(""), "https://wandb.ai");
    }

    #[test]
    fn a_trailing_slash_goes_and_a_path_prefix_stays() {
        let base = base("http://host:8080/wandb/");

        assert_eq!(base.graphql(), "http://host:8080/wandb/graphql");
        assert_eq!(
            base.file_stream("an entity", "a/b", "id?"),
            "http://host:8080/wandb/files/an%20entity/a%2Fb/id%3F/file_stream"
        );
    }

    #[test]
    fn wrong_addresses_are_refused_without_showing_a_password() {
        for text in [
            "wandb",
            "ftp://host",
            "https://wandb.ai",
            "http://api.wandb.ai",
            "https://host?x=1",
            "https://user:hunter2@host",
        ] {
            let error = BaseUrl::parse(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn pages_lie_beside_the_api() {
        for (api, pages) in [
            ("https://api.wandb.ai", "https://wandb.ai"),
            (
                "https://api.forge.coreweave.com",
                "https://forge.coreweave.com/wandb",
            ),
            ("https://api.example.com", "https://app.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(base(api).app_url(""), pages);
        }
        assert_eq!(
            base("").app_url("https://pages.example/"),
            "https://pages.example"
        );
        assert_eq!(
            run_url("https://wandb.ai", "e", "p q", "r"),
            "https://wandb.ai/e/p%20q/runs/r"
        );
    }

    #[test]
    fn a_key_is_looked_for_under_host_and_port_and_both_names_of_the_hosted_service() {
        assert_eq!(base("http://host:8080/x").machines(), ["host:8080"]);
        assert_eq!(
            base("").machines(),
            ["api.wandb.ai", "api.forge.coreweave.com"]
        );
        assert_eq!(
            base("https://api.forge.coreweave.com").machines(),
            ["api.forge.coreweave.com", "api.wandb.ai"]
        );
    }

    #[test]
    fn credentials_go_below_the_base_url_and_nowhere_else() {
        for (address, expect) in [
            ("https://host/wandb/files/x", true),
            ("https://host:443/wandb/graphql", true),
            ("https://host/other", false),
            ("https://host/wandbx/files", false),
            ("http://host/wandb/files", false),
            ("https://host.example/wandb/files", false),
        ] {
            let url = Url::parse(address).unwrap();

            assert_eq!(base("https://host/wandb").holds(&url), expect, "{address}");
        }
    }

    #[test]
    fn loopback_is_this_machine_only() {
        for (text, expect) in [
            ("http://127.0.0.1:1", true),
            ("http://localhost", true),
            ("http://[::1]:80", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(base(text).is_loopback(), expect, "{text}");
        }
    }
}
