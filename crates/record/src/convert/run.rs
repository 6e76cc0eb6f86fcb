//! The run itself: how a journal begins, how its parameters change, how it ends.

use wandbd_proto::v1;
use wandbd_proto::wandb::{
    ConfigRecord, GitRepoRecord, HeaderRecord, RunExitRecord, RunRecord, TelemetryRecord,
    VersionInfo,
};

use crate::convert::{config_item, timestamp};
use crate::error::BadRecord;
use crate::json::str_text;
use crate::telemetry;
use crate::tree::Tree;

/// The oldest reader that the official tools ask for.
const MIN_CONSUMER: &str = "0.70.0";

/// The first record of a journal.
pub fn header_record(version: &str) -> HeaderRecord {
    HeaderRecord {
        version_info: Some(VersionInfo {
            producer: format!("wandbd-{version}"),
            min_consumer: MIN_CONSUMER.to_owned(),
        }),
    }
}

/// The record that opens a run: one config item for each key at the top.
/// # Errors
/// [`BadRecord::Config`] when the config is not a JSON object.
pub fn run_record(open: &v1::OpenRun) -> Result<RunRecord, BadRecord> {
    let program = open.program.clone().unwrap_or_default();
    let branch = open.fork_from.as_ref().or(open.resume_from.as_ref());
    Ok(RunRecord {
        run_id: open.run_id.clone(),
        entity: open.entity.clone(),
        project: open.project.clone(),
        config: Some(config(&open.config_json, branch)?),
        run_group: open.group.clone(),
        job_type: open.job_type.clone(),
        display_name: open.display_name.clone(),
        notes: open.notes.clone(),
        tags: open.tag.clone(),
        sweep_id: open.sweep_id.clone(),
        host: program.host,
        git: git(&program.git_remote_url, &program.git_commit),
        forked: open.fork_from.is_some(),
        resume: matches!(open.resume.as_str(), "allow" | "must"),
        start_time: Some(timestamp(open.start_time)),
        telemetry: Some(TelemetryRecord {
            feature: telemetry::to_bytes(&open.feature),
            python_version: program.language_version,
            cli_version: program.cli_version,
            ..TelemetryRecord::default()
        }),
        ..RunRecord::default()
    })
}

/// The config given to `init`, and the mark of a run that branches off.
fn config(text: &str, branch: Option<&v1::Branch>) -> Result<ConfigRecord, BadRecord> {
    let mut tree = if text.trim().is_empty() {
        Tree::new()
    } else {
        Tree::parse_object(text).map_err(BadRecord::Config)?
    };
    if let Some(branch) = branch {
        let mark = ["_wandb", "branch_point"];
        tree.set(&[mark[0], mark[1], "run_id"], str_text(&branch.run_id));
        tree.set(&[mark[0], mark[1], "step"], branch.step.to_string());
    }
    let update = tree
        .iter()
        .map(|(name, node)| config_item(vec![name.to_owned()], node.to_json()))
        .collect();
    Ok(ConfigRecord {
        update,
        remove: Vec::new(),
    })
}

fn git(remote: &str, commit: &str) -> Option<GitRepoRecord> {
    (!remote.is_empty() || !commit.is_empty()).then(|| GitRepoRecord {
        remote_url: remote.to_owned(),
        commit: commit.to_owned(),
    })
}

/// Changes the parameters of a run in place. The whole record is journaled again, because an absent field of it means "empty".
pub fn run_update(run: &mut RunRecord, update: &v1::RunUpdate) {
    if let Some(name) = &update.display_name {
        run.display_name.clone_from(name);
    }
    if let Some(notes) = &update.notes {
        run.notes.clone_from(notes);
    }
    if let Some(tags) = &update.tags {
        run.tags.clone_from(&tags.tag);
    }
    if let Some(group) = &update.group {
        run.run_group.clone_from(group);
    }
    if let Some(job_type) = &update.job_type {
        run.job_type.clone_from(job_type);
    }
}

/// The end of a run after `runtime` seconds.
pub fn exit_record(exit_code: i32, runtime: i32) -> RunExitRecord {
    RunExitRecord {
        exit_code,
        runtime,
        not_complete: false,
    }
}

/// What was said when the run was opened, without the key and the headers: fit for a journal.
pub fn secretless(open: &v1::OpenRun) -> v1::OpenRun {
    let mut open = open.clone();
    if let Some(server) = &mut open.server {
        server.api_key.clear();
        server.header.clear();
        server.http_proxy = without_password(&server.http_proxy);
        server.https_proxy = without_password(&server.https_proxy);
    }
    open
}

/// An address without the user and password that may stand before its host.
fn without_password(address: &str) -> String {
    let (scheme, rest) = address
        .split_once("://")
        .map_or(("", address), |(scheme, rest)| (scheme, rest));
    let authority = rest.split('/').next().unwrap_or("");
    match authority.rfind('@') {
        Some(at) if scheme.is_empty() => rest[at + 1..].to_owned(),
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_opens_with_one_config_item_for_each_key() {
        let open = v1::OpenRun {
            run_id: "r".into(),
            config_json: r#"{"lr":0.1,"n":{"a":NaN}}"#.into(),
            start_time: 12.5,
            feature: vec![7, 16],
            ..v1::OpenRun::default()
        };

        let run = run_record(&open).unwrap();

        let config = run.config.unwrap().update;
        assert_eq!(
            (config[1].key.as_str(), config[1].value_json.as_str()),
            ("n", r#"{"a":NaN}"#)
        );
        assert_eq!(run.start_time.unwrap().nanos, 500_000_000);
        assert_eq!(
            telemetry::to_numbers(&run.telemetry.unwrap().feature),
            [7, 16]
        );
    }

    #[test]
    fn a_fork_says_in_its_config_where_it_branches_off() {
        let open = v1::OpenRun {
            config_json: r#"{"lr":1}"#.into(),
            fork_from: Some(v1::Branch {
                run_id: "old".into(),
                step: 7,
            }),
            sweep_id: "s".into(),
            ..v1::OpenRun::default()
        };

        let run = run_record(&open).unwrap();

        let config = run.config.unwrap().update;
        assert_eq!(config[1].nested_key, Vec::<String>::new());
        assert_eq!(
            (config[1].key.as_str(), config[1].value_json.as_str()),
            ("_wandb", r#"{"branch_point":{"run_id":"old","step":7}}"#)
        );
        assert!(run.forked && run.sweep_id == "s" && run.git.is_none());
    }

    #[test]
    fn a_config_that_is_no_object_is_refused() {
        let open = |text: &str| v1::OpenRun {
            config_json: text.into(),
            ..v1::OpenRun::default()
        };

        assert!(run_record(&open("")).is_ok());
        assert!(matches!(
            run_record(&open("[1]")),
            Err(BadRecord::Config(_))
        ));
    }

    #[test]
    fn nothing_secret_stays_in_what_is_journaled() {
        let open = v1::OpenRun {
            server: Some(v1::Server {
                api_key: "topsecret".into(),
                header: [("Authorization".to_owned(), "topsecret".to_owned())].into(),
                https_proxy: "http://me:topsecret@proxy:3128/".into(),
                http_proxy: "proxy:3128".into(),
                base_url: "https://api.wandb.ai".into(),
                ..v1::Server::default()
            }),
            ..v1::OpenRun::default()
        };

        let clean = secretless(&open);

        assert!(!format!("{clean:?}").contains("topsecret"));
        let server = clean.server.unwrap();
        assert_eq!(server.https_proxy, "http://proxy:3128/");
        assert_eq!(server.http_proxy, "proxy:3128");
        assert_eq!(server.base_url, "https://api.wandb.ai");
    }
}
