//! The config as the destination wants it: the user's values, and what W&B keeps under `_wandb`.

use wandbd_record::json::{push_str, str_text};
use wandbd_record::wandb::{ConfigItem, ConfigRecord, EnvironmentRecord, TelemetryRecord};
use wandbd_record::{Node, Tree, path, telemetry};

use crate::error::LineError;
use crate::metadata;
use crate::metrics::Metrics;

/// What of an inherited `_wandb` lives on in a resumed run.
const INHERITED: [&str; 3] = ["viz", "visualize", "mask/class_labels"];

/// The config of a run.
#[derive(Debug, Default)]
pub(crate) struct Config {
    tree: Tree,
    pub(crate) metrics: Metrics,
    telemetry: Telemetry,
    environment: Option<EnvironmentRecord>,
}

/// Telemetry adds up: sets are united, texts replaced.
#[derive(Debug, Default, PartialEq, Clone)]
struct Telemetry {
    sets: [Vec<i32>; 3],
    python_version: String,
    cli_version: String,
    huggingface_version: String,
    core_version: String,
    platform: String,
}

impl Config {
    /// Begins with what a resumed run had.
    pub(crate) fn inherit(text: &str) -> Self {
        let mut tree = Tree::parse_object(text).unwrap_or_default();
        if let Some(Node::Tree(wandb)) = tree.remove(&["_wandb"]) {
            for name in INHERITED {
                if let Some(node) = wandb.get(&[name]) {
                    tree.set_node(&["_wandb", name], node.clone());
                }
            }
        }
        Self {
            tree,
            ..Self::default()
        }
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The config of the run's own record: a key that it sets replaces an inherited one whole.
    pub(crate) fn open(&mut self, config: &ConfigRecord, num: i64, fault: &mut Option<LineError>) {
        for item in &config.update {
            let names = path::of_item(&item.key, &item.nested_key);
            if names.first() != Some(&"_wandb") {
                self.tree.remove(&names[..1]);
            }
        }
        self.apply(config, num, fault);
    }

    pub(crate) fn apply(&mut self, config: &ConfigRecord, num: i64, fault: &mut Option<LineError>) {
        for item in &config.update {
            if let Err(error) = self.set(item, num) {
                fault.get_or_insert(error);
            }
        }
        // W&B removes last, whatever else the record says.
        for item in &config.remove {
            self.tree
                .remove(&path::of_item(&item.key, &item.nested_key));
        }
    }

    fn set(&mut self, item: &ConfigItem, num: i64) -> Result<(), LineError> {
        let names = path::of_item(&item.key, &item.nested_key);
        path::check(&names).map_err(|source| LineError::Name { num, source })?;
        let node = Node::parse(&item.value_json).map_err(|source| LineError::Value {
            num,
            name: names.join("."),
            source,
        })?;
        // An object is merged into the one that is there, as in W&B.
        self.tree.merge_node(&names, node);
        Ok(())
    }

    /// True when it says something new.
    pub(crate) fn telemetry(&mut self, record: &TelemetryRecord) -> bool {
        let before = self.telemetry.clone();
        let now = &mut self.telemetry;
        let sets = [
            &record.imports_init,
            &record.imports_finish,
            &record.feature,
        ];
        for (set, bytes) in now.sets.iter_mut().zip(sets) {
            set.extend(telemetry::to_numbers(bytes));
            set.sort_unstable();
            set.dedup();
        }
        for (text, new) in [
            (&mut now.python_version, &record.python_version),
            (&mut now.cli_version, &record.cli_version),
            (&mut now.huggingface_version, &record.huggingface_version),
            (&mut now.core_version, &record.core_version),
            (&mut now.platform, &record.platform),
        ] {
            if !new.is_empty() {
                text.clone_from(new);
            }
        }
        *now != before
    }

    /// What is known of program and machine. Later records add to it. The `email` of the account goes before one that was set, as in W&B's SDK.
    pub(crate) fn environment(&mut self, record: &EnvironmentRecord, email: &str) -> bool {
        let mut merged = match &self.environment {
            Some(old) => metadata::merged(old, record),
            None => record.clone(),
        };
        if !email.is_empty() {
            email.clone_into(&mut merged.email);
        }
        let changed = self.environment.as_ref() != Some(&merged);
        self.environment = Some(merged);
        changed
    }

    /// `wandb-metadata.json`.
    pub(crate) fn metadata_json(&self) -> Option<String> {
        self.environment
            .as_ref()
            .map(|record| metadata::tree(record).to_strict_json())
    }

    /// The wire form: each key at the top maps to `{"value": ...}`; strict JSON.
    pub(crate) fn to_json(&self, writer: &str) -> String {
        let mut out = Tree::new();
        let mut own = Tree::new();
        for (name, node) in self.tree.iter() {
            match node {
                Node::Tree(tree) if name == "_wandb" => own = tree.clone(),
                node if name != "_wandb" => out.set_node(&[name, "value"], node.clone()),
                _ => {}
            }
        }
        self.write_own(&mut own, writer);
        out.set_node(&["_wandb", "value"], Node::Tree(own));
        out.to_strict_json()
    }

    fn write_own(&self, own: &mut Tree, writer: &str) {
        let telemetry = &self.telemetry;
        own.set_node(&["t"], Node::Tree(telemetry.tree()));
        own.set(&["m"], self.metrics.to_json());
        for (name, text) in [
            ("cli_version", &telemetry.cli_version),
            ("python_version", &telemetry.python_version),
        ] {
            if !text.is_empty() {
                own.set(&[name], str_text(text));
            }
        }
        if let Some(environment) = &self.environment {
            let writer = match environment.writer_id.as_str() {
                "" => writer,
                id => id,
            };
            let tree = metadata::tree(environment);
            own.set_node(&["e", writer], Node::Tree(tree));
        }
    }
}

impl Telemetry {
    /// `_wandb.value.t`: field numbers as keys. It must be there, if only empty: a run without it can never be resumed.
    fn tree(&self) -> Tree {
        let mut out = Tree::new();
        for (key, set) in ["1", "2", "3"].into_iter().zip(&self.sets) {
            if !set.is_empty() {
                let numbers: Vec<String> = set.iter().map(i32::to_string).collect();
                out.set(&[key], format!("[{}]", numbers.join(",")));
            }
        }
        for (key, text) in [
            ("4", &self.python_version),
            ("5", &self.cli_version),
            ("6", &self.huggingface_version),
            ("12", &self.core_version),
            ("13", &self.platform),
        ] {
            if !text.is_empty() {
                let mut raw = String::new();
                push_str(&mut raw, text);
                out.set(&[key], raw);
            }
        }
        out
    }
}
