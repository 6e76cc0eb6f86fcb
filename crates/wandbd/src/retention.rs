//! What is kept for how long: delivered runs, keys, spills, and an idle daemon itself.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use wandbd_ingest::{Hub, adopt_spills};
use wandbd_proto::v1::run::State;
use wandbd_stage::Stage;

use crate::{
    allocator,
    config::Config,
    credentials::{Credentials, given_name},
    serve::system_time,
};

/// How often spills are looked for: a client leaves one when this daemon was too slow for it.
const SPILLS: Duration = Duration::from_secs(5);
/// How often free memory is given back: what a burst of rows needed is gone a moment after it.
const MEMORY: Duration = Duration::from_secs(1);
/// How often disk and keys are looked through.
const CLEANING: Duration = Duration::from_mins(10);

/// Looks after disk, keys and idleness until the stop.
pub(crate) async fn keep(
    config: Config,
    (hub, credentials, stage): (Arc<Hub>, Arc<Credentials>, Stage),
    stop: CancellationToken,
) {
    let mut spills = interval(SPILLS);
    let mut memory = interval(MEMORY);
    let mut cleaning = interval(CLEANING);
    let mut busy = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = spills.tick() => {
                adopt_spills(&hub).await;
                measure(&stage).await;
                if is_busy(&hub) {
                    busy = Instant::now();
                }
                if config.idle.is_some_and(|limit| busy.elapsed() > limit) {
                    tracing::info!("nothing to do for a long time; stopping");
                    stop.cancel();
                }
            }
            _ = memory.tick() => allocator::give_back(),
            _ = cleaning.tick() => clean(&config, &hub, &credentials, &stage).await,
        }
    }
}

/// Clients put files there, too.
async fn measure(stage: &Stage) {
    let stage = stage.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || stage.measure()).await {
        tracing::error!(%error, "staging directory not measured");
    }
}

fn is_busy(hub: &Hub) -> bool {
    hub.sessions() > 0
        || hub.all().iter().any(|run| {
            let state = run.delivery().borrow().state;
            !matches!(state, State::Delivered | State::Offline | State::Parked)
        })
}

async fn clean(config: &Config, hub: &Arc<Hub>, credentials: &Arc<Credentials>, stage: &Stage) {
    let (config, hub, credentials) = (config.clone(), Arc::clone(hub), Arc::clone(credentials));
    let stage = stage.clone();
    let cleaned = tokio::task::spawn_blocking(move || {
        forget_delivered(&hub);
        let needed = fingerprints(&hub);
        // A journal that could not be read may name a key, too.
        let complete = hub
            .drops
            .all()
            .iter()
            .all(|(reason, _)| *reason != wandbd_ingest::UNREADABLE);
        if complete
            && let Err(error) = credentials.retain(&|fingerprint| needed.contains(fingerprint))
        {
            tracing::warn!(%error, "unneeded keys not removed");
        }
        // So may it, or a spill that was not adopted, name a snapshot.
        if complete && is_empty(&config.state_dir.join("spill")) {
            sweep(&hub, &stage);
        }
        let keep = Duration::from_secs(u64::from(config.keep_days) * 86_400);
        let gone = match delivered(&config.state_dir.join("runs")) {
            Ok(mut runs) => {
                runs.retain(|run| !is_used(&hub, &run.folder));
                expired(runs, keep, config.keep_bytes, system_time())
            }
            Err(error) => {
                tracing::warn!(%error, "delivered runs not looked through");
                Vec::new()
            }
        };
        for folder in gone {
            match remove_run(&folder) {
                Ok(()) => {
                    tracing::info!(folder = %folder.display(), "delivered run removed from disk");
                }
                Err(error) => {
                    tracing::warn!(folder = %folder.display(), %error, "delivered run not removed");
                }
            }
        }
    });
    if let Err(error) = cleaned.await {
        tracing::error!(%error, "cleaning ended badly");
    }
}

/// Snapshots of processes that are gone, which no run will deliver.
fn sweep(hub: &Hub, stage: &Stage) {
    let runs = hub.all().into_iter();
    let undelivered = runs.filter(|run| run.delivery().borrow().state != State::Delivered);
    let needed = undelivered.flat_map(|run| run.snapshots()).collect();
    match stage.sweep(&needed, system_time()) {
        Ok(0) => {}
        Ok(bytes) => tracing::info!(bytes, "snapshots removed that nobody needs any more"),
        Err(error) => tracing::warn!(%error, "staging directory not swept"),
    }
}

/// True also of a folder that is not there.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// A run of which nothing is sent may still have its process.
fn is_used(hub: &Hub, folder: &Path) -> bool {
    hub.all()
        .iter()
        .any(|run| !run.has_ended() && run.path().parent() == Some(folder))
}

/// The journal goes first: a rest without it is nothing to the next daemon, a journal without its mark would be sent again.
fn remove_run(folder: &Path) -> io::Result<()> {
    for file in fs::read_dir(folder)?.flatten() {
        if file
            .path()
            .extension()
            .is_some_and(|extension| extension == "wandb")
        {
            fs::remove_file(file.path())?;
        }
    }
    fs::File::open(folder)?.sync_all()?;
    fs::remove_dir_all(folder)
}

/// Delivered runs that nobody talks to any more need no memory and no open file; asked for again they are read from disk.
fn forget_delivered(hub: &Hub) {
    for run in hub.all() {
        let delivered = run.delivery().borrow().state == State::Delivered;
        if delivered && run.describe().exit_code.is_some() {
            hub.forget_quiet(&run);
        }
    }
}

/// Keys that undelivered runs name.
fn fingerprints(hub: &Hub) -> HashSet<String> {
    hub.all()
        .iter()
        .filter(|run| run.delivery().borrow().state != State::Delivered)
        .flat_map(|run| {
            let opened = run.opened();
            [
                opened.key_fingerprint.clone(),
                opened.header_fingerprint.clone(),
                given_name(&opened.session),
            ]
        })
        .collect()
}

/// A delivered run on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Delivered {
    folder: PathBuf,
    bytes: u64,
    since: SystemTime,
}

/// Online runs whose journal is marked as synced, or as one of which nothing may be sent. Offline folders are links here and are never touched.
fn delivered(runs: &Path) -> io::Result<Vec<Delivered>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(runs)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let mut bytes = 0;
        let mut since = None;
        let mut journals = 0;
        let mut marks = 0;
        for file in fs::read_dir(entry.path())?.flatten() {
            let meta = file.metadata()?;
            bytes += size(&file.path(), &meta);
            let name = file.file_name();
            let name = name.to_string_lossy();
            journals += u32::from(name.ends_with(".wandb"));
            if name.ends_with(".wandb.synced") || name.ends_with(".wandb.forbidden") {
                marks += 1;
                since = meta.modified().ok();
            }
        }
        if let Some(since) = since.filter(|_| marks >= journals) {
            found.push(Delivered {
                folder: entry.path(),
                bytes,
                since,
            });
        }
    }
    Ok(found)
}

/// Of a file or a folder. One that has several names counts as often.
fn size(path: &Path, about: &fs::Metadata) -> u64 {
    if !about.is_dir() {
        return about.len();
    }
    let files = fs::read_dir(path).into_iter().flatten().flatten();
    let sizes = files.filter_map(|file| Some(size(&file.path(), &file.metadata().ok()?)));
    sizes.sum()
}

/// Folders to remove: older than `keep`, and then the oldest ones until the rest fits into `bytes`.
fn expired(mut runs: Vec<Delivered>, keep: Duration, bytes: u64, now: SystemTime) -> Vec<PathBuf> {
    runs.sort_by_key(|run| std::cmp::Reverse(run.since));
    let mut total = 0_u64;
    runs.into_iter()
        .filter(|run| {
            total = total.saturating_add(run.bytes);
            let age = now.duration_since(run.since).unwrap_or_default();
            age > keep || total > bytes
        })
        .map(|run| run.folder)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, bytes: u64, days_ago: u64, now: SystemTime) -> Delivered {
        Delivered {
            folder: name.into(),
            bytes,
            since: now - Duration::from_secs(days_ago * 86_400),
        }
    }

    #[test]
    fn old_runs_go_and_beyond_the_size_the_oldest_go_first() {
        let now = system_time();
        let runs = vec![
            run("ancient", 1, 8, now),
            run("older", 60, 2, now),
            run("newer", 60, 1, now),
        ];

        let gone = expired(runs, Duration::from_hours(7 * 24), 100, now);

        assert_eq!(gone, [PathBuf::from("older"), PathBuf::from("ancient")]);
    }

    #[test]
    fn only_folders_whose_journal_is_marked_count_as_delivered() {
        let dir = tempfile::tempdir().unwrap();
        for (name, files) in [
            ("a", vec!["run-1.wandb", "run-1.wandb.synced"]),
            ("b", vec!["run-2.wandb"]),
            ("c", vec!["run-3.wandb", "run-3.wandb.forbidden"]),
        ] {
            fs::create_dir(dir.path().join(name)).unwrap();
            for file in files {
                fs::write(dir.path().join(name).join(file), "").unwrap();
            }
        }

        let mut found = delivered(dir.path()).unwrap();

        found.sort_by(|a, b| a.folder.cmp(&b.folder));
        assert_eq!(found.len(), 2);
        assert!(found[0].folder.ends_with("a") && found[1].folder.ends_with("c"));
    }
}
