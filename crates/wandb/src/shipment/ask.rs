//! References to the web: their servers say which content it is.

use http::header::{CONTENT_LENGTH, ETAG, LOCATION};
use http::{HeaderMap, Method};
use serde_json::Value;
use url::{Host, Url};
use wandbd_upload::SendError;

use super::manifest::{Entry, Manifest};
use crate::api::{Api, unreachable};
use crate::features::Features;

/// Servers send clients on; more often than this makes no sense.
const REDIRECTS: usize = 10;

/// Asks for the entries of these paths.
pub(super) async fn servers(
    api: &Api,
    manifest: &mut Manifest,
    paths: &[String],
) -> Result<(), SendError> {
    for entry in &mut manifest.entries {
        if !paths.contains(&entry.path) {
            continue;
        }
        let Some(address) = entry.reference.clone() else {
            continue;
        };
        match look(api, &address).await {
            Ok((address, headers)) => note(entry, &address, &headers),
            Err(reason) => {
                // Without a network nobody is to blame: then our own server does not answer either.
                Features::ask(api).await?;
                return Err(SendError::Rejected {
                    status: 0,
                    reason: format!("the reference {address} ({}): {reason}", entry.path),
                });
            }
        }
        manifest.changed = true;
    }
    Ok(())
}

/// Follows an address to its end; no credentials are shown. The error is for people.
async fn look(api: &Api, address: &str) -> Result<(Url, HeaderMap), String> {
    let mut address = Url::parse(address).map_err(|error| error.to_string())?;
    let limit = api.limits.graphql;
    let mut method = Method::HEAD;
    for _ in 0..=REDIRECTS {
        let request = api.http.request(method.clone(), address.clone()).send();
        let response = tokio::time::timeout(limit, request).await;
        let response = response.map_err(|_| format!("no answer within {limit:?}"))?;
        let response = response.map_err(|error| unreachable(error, limit).explain())?;
        let status = response.status();
        if status.is_success() {
            return Ok((address, response.headers().clone()));
        }
        let to = response.headers().get(LOCATION);
        match to.and_then(|to| address.join(to.to_str().ok()?).ok()) {
            Some(to) if status.is_redirection() => address = to,
            // Some servers only know GET.
            _ if method == Method::HEAD && !status.is_redirection() => method = Method::GET,
            _ => return Err(format!("its server answered {status}")),
        }
    }
    Err("its server sends clients on for ever".to_owned())
}

fn note(entry: &mut Entry, address: &Url, headers: &HeaderMap) {
    let text = |name| headers.get(name)?.to_str().ok();
    let etag = text(ETAG);
    let bare = etag.map(|etag| etag.trim_matches('"').to_owned());
    entry.extra.clear();
    if is_azure(address) {
        let version = headers.get("x-ms-version-id");
        let version = version.and_then(|version| version.to_str().ok());
        for (key, value) in [("etag", bare.as_deref()), ("versionID", version)] {
            if let Some(value) = value {
                entry.extra.push((key.to_owned(), Value::from(value)));
            }
        }
    } else {
        entry.reference = Some(address.as_str().to_owned());
        if let Some(etag) = etag {
            entry.extra.push(("etag".to_owned(), etag.into()));
        }
    }
    entry.digest = bare.unwrap_or_else(|| address.as_str().to_owned());
    let size = text(CONTENT_LENGTH).and_then(|size| size.parse().ok());
    entry.size = size.unwrap_or(entry.size);
}

fn is_azure(address: &Url) -> bool {
    let Some(Host::Domain(host)) = address.host() else {
        return false;
    };
    address.scheme() == "https" && host.ends_with(".blob.core.windows.net")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(address: &str, headers: &[(&'static str, &'static str)]) -> Entry {
        let mut entry = Entry {
            reference: Some(address.to_owned()),
            ..Entry::default()
        };
        let pairs = headers.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        });
        note(&mut entry, &Url::parse(address).unwrap(), &pairs.collect());
        entry
    }

    #[test]
    fn an_etag_is_the_digest_without_its_quotes_and_an_extra_with_them() {
        let entry = noted(
            "http://h/x",
            &[("etag", "\"abc\""), ("content-length", "12")],
        );

        assert_eq!((entry.digest.as_str(), entry.size), ("abc", 12));
        assert_eq!(entry.extra, [("etag".to_owned(), "\"abc\"".into())]);
    }

    #[test]
    fn without_an_etag_the_address_is_the_digest() {
        let entry = noted("http://h/x", &[]);

        assert_eq!((entry.digest.as_str(), entry.size), ("http://h/x", 0));
        assert!(entry.extra.is_empty());
    }

    #[test]
    fn azure_has_versions_and_no_quotes() {
        let headers = [("etag", "\"abc\""), ("x-ms-version-id", "v1")];
        let entry = noted("https://a.blob.core.windows.net/c/x", &headers);

        let extra = [("etag", "abc"), ("versionID", "v1")];
        let extra = extra.map(|(key, value)| (key.to_owned(), Value::from(value)));
        assert_eq!(entry.extra, extra);
        assert_eq!(entry.digest, "abc");
    }
}
