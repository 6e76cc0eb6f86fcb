//! The files that every run leaves when it ends.

use bytes::Bytes;
use serde_json::Value;
use tracing::warn;
use wandbd_upload::{Content, ExitState, UploadFile};

use crate::yaml;

/// `config.yaml` and `wandb-summary.json`.
pub(crate) fn exit_files(state: &ExitState) -> Vec<UploadFile> {
    let file = |name: &str, text: String| UploadFile {
        name: name.to_owned(),
        content: Content::Bytes(Bytes::from(text)),
    };
    let mut files = Vec::new();
    match config_yaml(&state.config_json) {
        Ok(text) => files.push(file("config.yaml", text)),
        Err(error) => warn!(error = %error, "no config.yaml"),
    }
    if !state.summary_json.is_empty() {
        files.push(file("wandb-summary.json", state.summary_json.clone()));
    }
    files
}

/// The config in wire form as YAML.
fn config_yaml(config_json: &str) -> Result<String, NoYaml> {
    let config = match config_json {
        "" => Value::Object(serde_json::Map::new()),
        text => serde_json::from_str(text).map_err(NoYaml)?,
    };
    Ok(yaml::text(&config))
}

/// Why there is no YAML.
#[derive(Debug, thiserror::Error)]
#[error("the config is not JSON: line {} column {}", .0.line(), .0.column())]
struct NoYaml(serde_json::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_is_sorted_and_each_key_has_a_value() {
        let config = r#"{"lr":{"value":0.1},"_wandb":{"value":{"t":{"3":[1]},"m":[]}},"b":{"value":{"z":null,"a":"yes: no"}}}"#;

        let yaml = config_yaml(config).unwrap();

        let value: Value = serde_json::from_str(config).unwrap();
        assert_eq!(serde_yaml_ng::from_str::<Value>(&yaml).unwrap(), value);
        assert!(
            yaml.starts_with("_wandb:\n    value:\n        m: []\n"),
            "{yaml}"
        );
        let keys: Vec<&str> = yaml.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(keys, ["_wandb:", "b:", "lr:"]);
    }

    #[test]
    fn a_run_leaves_its_config_and_its_summary() {
        let state = ExitState {
            config_json: "{}".into(),
            summary_json: r#"{"loss":NaN}"#.into(),
        };

        let files = exit_files(&state);

        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["config.yaml", "wandb-summary.json"]);
        assert!(matches!(&files[1].content, Content::Bytes(text) if text == r#"{"loss":NaN}"#));
    }
}
