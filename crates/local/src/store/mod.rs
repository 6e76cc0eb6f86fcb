//! The database: one writer, a few readers, all on blocking threads.
//!
//! Every write is one transaction and is on disk (WAL, `synchronous=FULL`) before its caller gets an answer, except those that
//! say otherwise ([`Store::write_soon`]). Readers do not wait for the writer. Statements are prepared once per connection.

pub(crate) mod alerts;
pub(crate) mod aliases;
mod append;
pub(crate) mod artifact_files;
pub(crate) mod artifacts;
pub(crate) mod collections;
pub(crate) mod commit;
pub(crate) mod files;
pub(crate) mod filter;
mod fork;
pub(crate) mod lines;
mod manifests;
pub(crate) mod members;
pub(crate) mod multipart;
pub(crate) mod removal;
pub(crate) mod rewind;
pub(crate) mod runs;
mod schema;
pub(crate) mod series;
pub(crate) mod stream;
pub(crate) mod sweeps;
pub(crate) mod upsert;
pub(crate) mod violations;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::Semaphore;

use crate::blobs::Blobs;
use crate::error::{LocalError, StoreError, StoreResult};

/// Connections for reading; more requests than this wait for one.
const READERS: usize = 4;

/// Access to the database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    free_readers: Semaphore,
}

impl Store {
    /// Opens the database at `path`, making it where it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, LocalError> {
        let failed = |source| LocalError::Database {
            path: path.to_owned(),
            source,
        };
        let writer = Connection::open(path).map_err(failed)?;
        schema::prepare(&writer).map_err(failed)?;
        let readers = (0..READERS)
            .map(|_| open_reader(path))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: Mutex::new(writer),
                readers: Mutex::new(readers),
                free_readers: Semaphore::new(READERS),
            }),
        })
    }

    /// Clears up what an earlier life left behind; before anything is served.
    pub(crate) fn sweep(&self, blobs: &Blobs) -> StoreResult<()> {
        let mut connection = lock(&self.inner.writer);
        let transaction = connection.transaction()?;
        multipart::sweep(&transaction, blobs)?;
        transaction.commit()?;
        Ok(())
    }

    /// Runs `work` in one transaction, committed when it returns `Ok`.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let mut connection = lock(&inner.writer);
            let transaction = connection.transaction()?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        })
        .await
    }

    /// Like [`Store::write`], but on disk only with the next other write: for what a client does again when it gets lost.
    /// `prepare` runs before, on the same thread and without holding up other writers.
    pub(crate) async fn write_soon<P, T: Send + 'static>(
        &self,
        prepare: impl FnOnce() -> StoreResult<P> + Send + 'static,
        work: impl FnOnce(&Transaction<'_>, P) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let prepared = prepare()?;
            let mut connection = lock(&inner.writer);
            connection.execute_batch("PRAGMA synchronous=NORMAL")?;
            let answer = connection.transaction().map_err(StoreError::from);
            let answer = answer.and_then(|transaction| {
                let answer = work(&transaction, prepared)?;
                transaction.commit()?;
                Ok(answer)
            });
            connection.execute_batch("PRAGMA synchronous=FULL")?;
            answer
        })
        .await
    }

    /// Runs `work` on a reading connection.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let _permit = self
            .inner
            .free_readers
            .acquire()
            .await
            .map_err(|_| StoreError::Task)?;
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let connection = lock(&inner.readers).pop().ok_or(StoreError::Task)?;
            let answer = work(&connection);
            lock(&inner.readers).push(connection);
            answer
        })
        .await
    }
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let reader = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    reader.busy_timeout(std::time::Duration::from_secs(5))?;
    reader.set_prepared_statement_cache_capacity(64);
    Ok(reader)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> StoreResult<T> + Send + 'static,
) -> StoreResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StoreError::Task)?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
