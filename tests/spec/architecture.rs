//! The arrows between crates are a decision: a new one is made here, on purpose.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates a crate may use. ARCHITECTURE.md says why.
const ARROWS: &[(&str, &[&str])] = &[
    ("wandbd-proto", &[]),
    ("wandbd-record", &["wandbd-proto"]),
    ("wandbd-journal", &[]),
    ("wandbd-run", &["wandbd-record"]),
    ("wandbd-sampler", &[]),
    ("wandbd-media", &["wandbd-record"]),
    ("wandbd-stage", &[]),
    ("wandbd-tensorboard", &[]),
    (
        "wandbd-ingest",
        &[
            "wandbd-media",
            "wandbd-stage",
            "wandbd-tensorboard",
            "wandbd-proto",
            "wandbd-record",
            "wandbd-journal",
            "wandbd-run",
        ],
    ),
    (
        "wandbd-upload",
        &["wandbd-record", "wandbd-journal", "wandbd-run"],
    ),
    (
        "wandbd-wandb",
        &["wandbd-record", "wandbd-run", "wandbd-upload"],
    ),
    ("wandbd-local", &[]),
    (
        "wandbd",
        &[
            "wandbd-client",
            "wandbd-ingest",
            "wandbd-journal",
            "wandbd-local",
            "wandbd-proto",
            "wandbd-record",
            "wandbd-run",
            "wandbd-sampler",
            "wandbd-stage",
            "wandbd-upload",
            "wandbd-wandb",
        ],
    ),
    ("wandbd-client", &["wandbd-proto"]),
    ("wandbd-python", &["wandbd-client"]),
    ("wandbd-tests", &[]),
];

/// Libraries that only these crates of ours may use directly.
const OWNERS: &[(&str, &[&str])] = &[
    (
        "tonic",
        &["wandbd-proto", "wandbd-ingest", "wandbd-client", "wandbd"],
    ),
    ("reqwest", &["wandbd-wandb"]),
    ("image", &["wandbd-media"]),
    ("axum", &["wandbd-local"]),
    ("rusqlite", &["wandbd-local"]),
    ("pyo3", &["wandbd-python"]),
    ("sysinfo", &["wandbd-sampler"]),
];

/// The libraries that each of our crates uses, those for tests and builds left out.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo metadata");
    metadata
        .packages
        .into_iter()
        .map(|package| {
            let normal = package
                .dependencies
                .into_iter()
                .filter(|dependency| dependency.kind == DependencyKind::Normal)
                .map(|dependency| dependency.name);
            (package.name.to_string(), normal.collect())
        })
        .collect()
}

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let uses = uses();
    let known: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (name, libraries) in &uses {
        let allowed = known
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the table: give it a line"));
        for library in libraries
            .iter()
            .filter(|library| uses.contains_key(*library))
        {
            assert!(
                allowed.contains(&library.as_str()),
                "{name} may not use {library}"
            );
        }
    }
}

#[test]
fn every_crate_of_the_table_exists() {
    let uses = uses();
    for (name, _) in ARROWS {
        assert!(
            uses.contains_key(*name),
            "{name} is in the table and not in the workspace"
        );
    }
}

#[test]
fn a_protocol_has_one_home() {
    let uses = uses();
    for (library, owners) in OWNERS {
        for (name, libraries) in &uses {
            if libraries.contains(*library) {
                assert!(
                    owners.contains(&name.as_str()),
                    "{name} may not know {library}"
                );
            }
        }
    }
}
