//! Which image a run trains in, asked of Kubernetes as W&B's SDK does.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use tokio::fs::read_to_string;

use crate::api::read;
use crate::settings::ServerSettings;
use crate::transports::Transports;

/// How long the API server has for its answer.
const LIMIT: Duration = Duration::from_secs(3);
/// The description of a pod is not longer than this, in bytes.
const ANSWER_MAX: usize = 4 << 20;

/// A pod, from the environment of its processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Of the API server.
    pub host: String,
    /// Of the API server.
    pub port: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The folder with the files `token` and `ca.crt`.
    pub account: PathBuf,
}

#[derive(Deserialize)]
struct Description {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    container_statuses: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "imageID", default)]
    image_id: String,
}

/// The image of the pod's first container; nothing when Kubernetes does not say within 3 s.
pub async fn image_of(transports: &Transports, pod: &Pod) -> Option<String> {
    let settings = ServerSettings {
        ca_bundle: Some(pod.account.join("ca.crt")),
        ..ServerSettings::default()
    };
    let client = match transports.client(&settings) {
        Ok(client) => client,
        Err(error) => {
            tracing::debug!(pod = pod.name, %error, "the API server of the pod cannot be asked");
            return None;
        }
    };
    let answer = tokio::time::timeout(LIMIT, ask(&client, pod)).await;
    let image = answer.ok().flatten();
    if image.is_none() {
        tracing::debug!(
            pod = pod.name,
            "the API server does not say which image it is"
        );
    }
    image
}

async fn ask(client: &Client, pod: &Pod) -> Option<String> {
    let token = read_to_string(pod.account.join("token")).await.ok()?;
    let host = if pod.host.contains(':') {
        format!("[{}]", pod.host)
    } else {
        pod.host.clone()
    };
    let (port, namespace, name) = (&pod.port, &pod.namespace, &pod.name);
    let address = format!("https://{host}:{port}/api/v1/namespaces/{namespace}/pods/{name}");
    let request = client.get(address).bearer_auth(token.trim());
    let response = request.send().await.ok()?.error_for_status().ok()?;
    let body = read(response, ANSWER_MAX, LIMIT).await.ok()?;
    let said: Description = serde_json::from_slice(&body).ok()?;
    let id = said.status.container_statuses.into_iter().next()?.image_id;
    let image = id.strip_prefix("docker-pullable://").unwrap_or(&id);
    (!image.is_empty()).then(|| image.to_owned())
}
