//! Going on with a run that the server has: what it knows, and where that leads.

use serde::Deserialize;
use serde_json::{Value, json};
use wandbd_record::{Node, Tree, json as text};
use wandbd_upload::SendError;

use crate::answer::nonsense;
use crate::api::Api;

const QUERY: &str = "\
query RunResumeStatus($entity: String, $project: String, $run: String!) { \
model(name: $project, entityName: $entity) { bucket(name: $run, missingOk: true) { \
id tags notes group jobType sweepName summaryMetrics config historyLineCount eventsLineCount logLineCount historyTail eventsTail wandbConfig(keys: [\"t\"]) } } }";

/// Of what is under `_wandb`, a resumed run keeps these.
const KEPT: [&str; 3] = ["viz", "visualize", "mask/class_labels"];

#[derive(Deserialize)]
struct Data {
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Model {
    bucket: Option<Bucket>,
}

/// The run as the server has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    id: String,
    summary_metrics: Option<String>,
    config: Option<String>,
    history_line_count: Option<u64>,
    events_line_count: Option<u64>,
    log_line_count: Option<u64>,
    history_tail: Option<String>,
    events_tail: Option<String>,
    wandb_config: Option<String>,
    tags: Option<Vec<String>>,
    notes: Option<String>,
    group: Option<String>,
    job_type: Option<String>,
    sweep_name: Option<String>,
}

/// What a run has been until now.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) id: String,
    /// Lines there are.
    pub(crate) history: u64,
    pub(crate) events: u64,
    pub(crate) console: u64,
    /// The number that its next row gets.
    pub(crate) next_step: i64,
    /// How long it has run, in whole seconds.
    pub(crate) runtime: f64,
    /// Extended JSON.
    pub(crate) summary: String,
    /// In wire form: each key with its `value`.
    config: Tree,
    pub(crate) tags: Vec<String>,
    pub(crate) notes: String,
    pub(crate) group: String,
    pub(crate) job_type: String,
    pub(crate) sweep_id: String,
}

impl Past {
    /// A run of which nothing is known but its config, in wire form.
    pub(crate) fn with_config(config: Option<&str>) -> Self {
        Past {
            config: Tree::parse_object(config.unwrap_or_default()).unwrap_or_default(),
            ..Past::default()
        }
    }

    /// Asks the server; `None` if the run does not exist or was never started. `strict`: an answer without all counts is an error,
    /// else what it does not say is nothing.
    pub(crate) async fn ask(
        api: &Api,
        entity: &str,
        project: &str,
        run: &str,
        strict: bool,
    ) -> Result<Option<Self>, SendError> {
        let entity = if entity.is_empty() {
            None
        } else {
            Some(entity)
        };
        let variables = json!({"entity": entity, "project": project, "run": run});
        let data: Data = match api.graphql("RunResumeStatus", QUERY, variables).await {
            Ok(data) => data,
            Err(SendError::Gone { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        match data.model.and_then(|model| model.bucket) {
            Some(bucket) if bucket.started() => match Past::of(bucket, strict) {
                Ok(past) => Ok(Some(past)),
                Err(error) => Err(SendError::Usage(format!(
                    "run {run} of project {project} cannot be resumed: {error}"
                ))),
            },
            _ => Ok(None),
        }
    }

    fn of(bucket: Bucket, strict: bool) -> Result<Self, SendError> {
        let count = |count: Option<u64>, what| match count {
            None if strict => Err(nonsense("RunResumeStatus", format_args!("no {what}"))),
            count => Ok(count.unwrap_or(0)),
        };
        let history = count(bucket.history_line_count, "historyLineCount")?;
        let events = count(bucket.events_line_count, "eventsLineCount")?;
        let console = count(bucket.log_line_count, "logLineCount")?;
        let summary = bucket.summary_metrics.as_deref().unwrap_or_default();
        let (row, event) = (
            last(bucket.history_tail.as_deref()),
            last(bucket.events_tail.as_deref()),
        );
        let known = parse(summary);
        let step = row.get("_step").or_else(|| known.get("_step"));
        let step = step.and_then(whole).unwrap_or(0);
        let own = match known.get("_wandb") {
            Some(own) => own.get("runtime"),
            None => known.get("_runtime"),
        };
        let runtimes = [event.get("_runtime"), own, row.get("_runtime")];
        let runtimes = runtimes.into_iter().flatten().filter_map(Value::as_f64);
        Ok(Past {
            history,
            events,
            console,
            next_step: if history > 0 { step + 1 } else { step },
            runtime: runtimes.fold(0.0, f64::max).floor(),
            summary: Tree::parse_object(summary).unwrap_or_default().to_json(),
            tags: bucket.tags.unwrap_or_default(),
            notes: bucket.notes.unwrap_or_default(),
            group: bucket.group.unwrap_or_default(),
            job_type: bucket.job_type.unwrap_or_default(),
            sweep_id: bucket.sweep_name.unwrap_or_default(),
            id: bucket.id,
            ..Past::with_config(bucket.config.as_deref())
        })
    }

    /// The run is what an opening with this config leaves: nothing was ever logged to it. So it may be our own, whose answer was
    /// lost, and if it is not, there is nothing to spare.
    pub(crate) fn is_just_opened(&self, config_json: &str) -> bool {
        let ours = parse(config_json);
        let theirs = parse(&self.config.to_strict_json());
        let own = ours.as_object().into_iter().flatten();
        let told = own.clone().count() == theirs.as_object().map_or(0, serde_json::Map::len);
        let nothing = self.history == 0 && self.events == 0 && self.console == 0;
        nothing
            && told
            && own
                .into_iter()
                .all(|(key, entry)| contains(theirs.get(key), entry))
    }

    /// What the old config adds, key by key: what the new one does not set, and our own charts and labels.
    fn additions(&self, new: &Tree) -> Vec<(Vec<&str>, Node)> {
        let mut additions = Vec::new();
        for (key, entry) in self.config.iter().filter(|(key, _)| *key != "_wandb") {
            if new.get(&[key]).is_none() {
                additions.push((vec![key], entry.clone()));
            }
        }
        for key in KEPT {
            let path = vec!["_wandb", "value", key];
            if let Some(node) = self.config.get(&path)
                && new.get(&path).is_none()
            {
                additions.push((path, node.clone()));
            }
        }
        additions
    }

    /// `config_json` with what it does not set from before, strict JSON in wire form.
    pub(crate) fn merged_config(&self, config_json: &str) -> String {
        let Ok(mut new) = Tree::parse_object(config_json) else {
            return config_json.to_owned();
        };
        for (path, node) in self.additions(&new) {
            new.set_node(&path, node);
        }
        new.to_strict_json()
    }

    /// What the run keeps of its old config: plain values, not in wire form.
    pub(crate) fn plain_config(&self) -> String {
        let mut plain = Tree::new();
        for (path, node) in self.additions(&Tree::new()) {
            match (path.as_slice(), node) {
                (["_wandb", _, key], node) => plain.set_node(&["_wandb", key], node),
                (path, Node::Tree(entry)) => {
                    if let Some(value) = entry.get(&["value"]) {
                        plain.set_node(path, value.clone());
                    }
                }
                _ => {}
            }
        }
        plain.to_json()
    }
}

impl Bucket {
    /// A run that was made ahead of time, by a sweep, has no telemetry yet.
    fn started(&self) -> bool {
        let own = self.wandb_config.as_deref().map(parse);
        own.is_some_and(|own| own.get("t").is_some())
    }
}

/// Extended JSON as strict values; what is broken is null.
fn parse(raw: &str) -> Value {
    serde_json::from_str(&text::strict(raw)).unwrap_or_default()
}

/// The last line of a tail: JSON text with a list of JSON texts.
fn last(tail: Option<&str>) -> Value {
    let lines = tail.map(parse).unwrap_or_default();
    let line = lines.as_array().and_then(|lines| lines.last());
    line.and_then(Value::as_str).map(parse).unwrap_or_default()
}

#[allow(clippy::cast_possible_truncation, reason = "steps are far below 2^53")]
fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|step| step as i64))
}

/// `theirs` has all that `ours` has; numbers are compared by value, and servers may add keys.
fn contains(theirs: Option<&Value>, ours: &Value) -> bool {
    let Some(theirs) = theirs else {
        return ours.is_null();
    };
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => ours
            .iter()
            .all(|(key, value)| contains(theirs.get(key), value)),
        (Value::Array(theirs), Value::Array(ours)) => {
            let mut pairs = theirs.iter().zip(ours);
            theirs.len() == ours.len() && pairs.all(|(theirs, ours)| contains(Some(theirs), ours))
        }
        (Value::Number(theirs), Value::Number(ours)) => theirs.as_f64() == ours.as_f64(),
        (theirs, ours) => theirs == ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Bucket {
        Bucket {
            id: "UnVuOjE=".into(),
            summary_metrics: Some(r#"{"_step":6,"_wandb":{"runtime":33},"loss":NaN}"#.into()),
            config: Some(
                r#"{"lr":{"desc":null,"value":0.1},"old":{"value":{"a":1}},"_wandb":{"value":{"t":{},"viz":{"x":1}}}}"#.into(),
            ),
            history_line_count: Some(5),
            events_line_count: Some(3),
            log_line_count: Some(11),
            history_tail: Some(r#"["{\"_step\":1}","{\"_step\":7,\"_runtime\":34.5,\"x\":NaN}"]"#.into()),
            events_tail: Some(r#"["{\"_runtime\":40.2}"]"#.into()),
            wandb_config: Some(r#"{"t":{}}"#.into()),
            ..Bucket::default()
        }
    }

    #[test]
    fn the_state_of_a_run_follows_from_the_answer() {
        let past = Past::of(bucket(), true).unwrap();

        assert_eq!((past.history, past.events, past.console), (5, 3, 11));
        assert_eq!(past.next_step, 8);
        assert!((past.runtime - 40.0).abs() < f64::EPSILON);
        assert_eq!(
            past.summary,
            r#"{"_step":6,"_wandb":{"runtime":33},"loss":NaN}"#
        );
    }

    #[test]
    fn without_rows_the_next_step_is_not_moved() {
        let empty = Bucket {
            history_line_count: Some(0),
            history_tail: None,
            events_tail: None,
            summary_metrics: None,
            ..bucket()
        };

        assert_eq!(Past::of(empty, true).unwrap().next_step, 0);
    }

    #[test]
    fn all_three_counts_are_needed_where_the_run_must_be_there() {
        let without = Bucket {
            log_line_count: None,
            ..bucket()
        };

        let error = Past::of(without.clone(), true).unwrap_err().to_string();

        assert!(error.contains("no logLineCount"), "{error}");
        assert_eq!(Past::of(without, false).unwrap().console, 0);
    }

    #[test]
    fn old_config_fills_what_the_new_one_leaves_open() {
        let past = Past::of(bucket(), true).unwrap();

        let merged =
            past.merged_config(r#"{"lr":{"value":0.2},"_wandb":{"value":{"t":{"5":"x"}}}}"#);

        assert_eq!(
            merged,
            r#"{"lr":{"value":0.2},"_wandb":{"value":{"t":{"5":"x"},"viz":{"x":1}}},"old":{"value":{"a":1}}}"#
        );
        assert_eq!(
            past.plain_config(),
            r#"{"lr":0.1,"old":{"a":1},"_wandb":{"viz":{"x":1}}}"#
        );
    }

    #[test]
    fn a_run_of_a_sweep_that_never_began_does_not_exist_yet() {
        let planned = Bucket {
            wandb_config: Some("{}".into()),
            ..bucket()
        };

        assert!(bucket().started() && !planned.started());
    }

    #[test]
    fn only_an_empty_run_with_our_config_is_just_opened() {
        let ours = r#"{"lr":{"value":1e-1},"old":{"value":{"a":1.0}},"_wandb":{"value":{"t":{}}}}"#;
        let empty = Bucket {
            history_line_count: Some(0),
            events_line_count: Some(0),
            log_line_count: Some(0),
            ..bucket()
        };

        assert!(Past::of(empty.clone(), true).unwrap().is_just_opened(ours));
        assert!(!Past::of(bucket(), true).unwrap().is_just_opened(ours));
        let other = ours.replace("1e-1", "0.3");
        assert!(!Past::of(empty, true).unwrap().is_just_opened(&other));
    }
}
