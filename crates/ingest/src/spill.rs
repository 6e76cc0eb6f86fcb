//! What clients left on disk because no daemon answered them: taken over as if it had come by the socket.
//!
//! `<spill>/<session>` holds `[u32 little-endian length][wandbd.v1.ClientMessage]` again and again: a hello, then chunks.
//! `<session>.secret` holds a `wandbd.v1.Server` with the key, headers and proxy passwords that belong to the hello. Names that end in `.tmp` are
//! not finished. A file is removed when everything in it is durable in a journal.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use prost::Message as _;
use tokio::time::timeout;
use wandbd_journal::{Journal, Position};
use wandbd_proto::v1::{self, client_message, hello::Role};

use crate::{
    error::IngestError,
    hub::{Hub, private_dir},
    making::{News, Prepared, Turn, work_in},
    run_log::RunLog,
    session::{self, Joined},
};

/// How long the disk may take to make one spill durable; others wait meanwhile.
const DURABLE: Duration = Duration::from_secs(30);

/// Takes over everything that lies there. What cannot be taken over now is left for the next time, with one line in the log.
pub async fn adopt_spills(hub: &Arc<Hub>) {
    let _alone = hub.spilling.lock().await;
    for path in spills(hub.spill_dir()) {
        let taken = {
            let (hub, path) = (Arc::clone(hub), path.clone());
            tokio::task::spawn_blocking(move || take_over(&hub, &path)).await
        };
        match taken {
            Ok(Ok(taken)) => settle(hub, &path, taken).await,
            Ok(Err(IngestError::Invalid(reason))) => {
                tracing::error!(spill = %path.display(), reason, "records that a client had left on disk are put aside");
                hub.drops.count("spills that no run could take", 1);
                put_aside(&path);
            }
            Ok(Err(error)) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(spill = %path.display(), error, "spill kept for later");
            }
            Err(error) => tracing::error!(spill = %path.display(), %error, "spill kept for later"),
        }
    }
}

/// What was taken over of a spill.
struct Taken {
    run: Arc<RunLog>,
    journal: Journal,
    position: Position,
    /// Records that the run did not take, because it has ended.
    late: u64,
    /// Private files that nobody needs any more.
    used: Vec<PathBuf>,
}

/// Removes a spill when everything in it is durable. One that came too late is put aside, for a person.
async fn settle(hub: &Hub, path: &Path, taken: Taken) {
    let Taken {
        run,
        journal,
        position,
        late,
        used,
    } = taken;
    match timeout(DURABLE, journal.wait_durable(position)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(spill = %path.display(), %error, "spill kept for later");
            return;
        }
        Err(_) => {
            tracing::warn!(spill = %path.display(), "spill kept for later: the disk does not answer");
            return;
        }
    }
    if late > 0 {
        tracing::error!(run = run.run_id(), records = late, kept = %path.with_extension("late").display(), "records that a client had left on disk came after the run's end");
        hub.drops
            .count("spilled records that came after their run had ended", late);
        put_aside(path);
        return;
    }
    tracing::info!(
        run = run.run_id(),
        "records that a client had left on disk are journaled"
    );
    hub.workshop.tidy(&used);
    remove(path);
    remove(&secret_of(path));
}

/// Keeps a spill for a person, without its key.
fn put_aside(path: &Path) {
    if let Err(error) = fs::rename(path, path.with_extension("late")) {
        tracing::warn!(spill = %path.display(), %error, "spill not put aside");
    }
    remove(&secret_of(path));
}

fn spills(dir: &Path) -> Vec<PathBuf> {
    if let Err(error) = private_dir(dir) {
        tracing::warn!(%error, "no spill directory");
    }
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_none())
        .collect();
    found.sort();
    found
}

fn take_over(hub: &Arc<Hub>, path: &Path) -> Result<Taken, IngestError> {
    let bytes = fs::read(path).map_err(IngestError::io("read", path))?;
    let mut rest = bytes.as_slice();
    let Some(client_message::Kind::Hello(mut hello)) = next_message(&mut rest, path)? else {
        return Err(IngestError::NotOurs {
            path: path.to_owned(),
            reason: "no hello at the start",
        });
    };
    restore_secrets(&mut hello, path)?;
    let alone = hub.alone(&hello.session);
    let _alone = alone.blocking_lock();
    let joined = session::join(hub, None, hello)?;
    let (mut journal, mut position) = (joined.journal.clone(), joined.position);
    let mut late = 0;
    let (mut seq, mut used) = (joined.seq, Vec::new());
    while let Some(kind) = next_message(&mut rest, path)? {
        if let client_message::Kind::Chunk(chunk) = kind {
            let prepared = ready(hub, &joined, chunk, seq)?;
            let appended = joined.run.append_chunk(&joined.session, prepared)?;
            (journal, position) = (appended.journal, appended.position);
            late += appended.late;
            seq = appended.seq;
            used.extend(appended.used);
        }
    }
    Ok(Taken {
        run: Arc::clone(&joined.run),
        journal,
        position,
        late,
        used,
    })
}

/// The chunk, with what is to be made of it.
fn ready(
    hub: &Arc<Hub>,
    joined: &Joined,
    chunk: v1::Chunk,
    seq: u64,
) -> Result<Prepared, IngestError> {
    if work_in(&chunk).is_none() || joined.run.has_ended() {
        return Ok(Prepared::plain(chunk));
    }
    let run = Arc::clone(&joined.run);
    let making =
        Arc::clone(&hub.workshop).prepare(run, chunk, seq, News::default(), Turn::default());
    tokio::runtime::Handle::current().block_on(making)
}

fn next_message(
    rest: &mut &[u8],
    path: &Path,
) -> Result<Option<client_message::Kind>, IngestError> {
    let torn = || IngestError::NotOurs {
        path: path.to_owned(),
        reason: "a message is cut off",
    };
    let Some((length, after)) = rest.split_first_chunk::<4>() else {
        return if rest.is_empty() {
            Ok(None)
        } else {
            Err(torn())
        };
    };
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| torn())?;
    let (message, after) = after.split_at_checked(length).ok_or_else(torn)?;
    *rest = after;
    v1::ClientMessage::decode(message)
        .map(|message| message.kind)
        .map_err(|_| torn())
}

fn restore_secrets(hello: &mut v1::Hello, path: &Path) -> Result<(), IngestError> {
    let Some(Role::Open(open)) = &mut hello.role else {
        return Ok(());
    };
    let path = secret_of(path);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(IngestError::io("read", &path)(error)),
    };
    let secret = v1::Server::decode(bytes.as_slice()).map_err(|_| IngestError::NotOurs {
        path: path.clone(),
        reason: "no server message",
    })?;
    let server = open.server.get_or_insert_default();
    server.api_key = secret.api_key;
    server.header = secret.header;
    // Only those with a password were put aside.
    for (own, put_aside) in [
        (&mut server.http_proxy, secret.http_proxy),
        (&mut server.https_proxy, secret.https_proxy),
    ] {
        if !put_aside.is_empty() {
            *own = put_aside;
        }
    }
    Ok(())
}

fn secret_of(path: &Path) -> PathBuf {
    path.with_extension("secret")
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "leftover not removed");
    }
}
