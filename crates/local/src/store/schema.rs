//! Tables of the database.

use rusqlite::Connection;

/// What to do to come from each version of the tables to the next; the version is kept as `user_version` in the database.
const STEPS: [&str; 3] = [TABLES, SHARED_AND_ALERTS, LINKS_AND_PARTS];

const TABLES: &str = "
CREATE TABLE projects (
  id INTEGER PRIMARY KEY, entity TEXT NOT NULL, name TEXT NOT NULL, created_at REAL NOT NULL,
  UNIQUE (entity, name));

CREATE TABLE runs (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL REFERENCES projects(id), name TEXT NOT NULL,
  display_name TEXT NOT NULL, group_name TEXT, job_type TEXT, notes TEXT, description TEXT,
  tags TEXT NOT NULL DEFAULT '[]', config TEXT NOT NULL DEFAULT '{}', summary TEXT NOT NULL DEFAULT '{}',
  host TEXT, program TEXT, repo TEXT, commit_sha TEXT, sweep TEXT,
  state TEXT NOT NULL DEFAULT 'running', exitcode INTEGER, stopped INTEGER NOT NULL DEFAULT 0,
  preempting INTEGER NOT NULL DEFAULT 0,
  created_at REAL NOT NULL, heartbeat_at REAL NOT NULL,
  history_lines INTEGER NOT NULL DEFAULT 0, events_lines INTEGER NOT NULL DEFAULT 0,
  console_lines INTEGER NOT NULL DEFAULT 0, last_step INTEGER NOT NULL DEFAULT -1,
  posts INTEGER NOT NULL DEFAULT 0,
  UNIQUE (project_id, name));

CREATE TABLE history (
  run_id INTEGER NOT NULL, line INTEGER NOT NULL, step INTEGER NOT NULL, text TEXT NOT NULL,
  UNIQUE (run_id, line));
CREATE INDEX history_step ON history (run_id, step);
CREATE TABLE events (
  run_id INTEGER NOT NULL, line INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (run_id, line));
CREATE TABLE console (
  run_id INTEGER NOT NULL, line INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (run_id, line));

CREATE TABLE keys (
  run_id INTEGER NOT NULL, file TEXT NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY (run_id, file, key, kind)) WITHOUT ROWID;
CREATE TABLE posts (
  run_id INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (run_id, number)) WITHOUT ROWID;
CREATE TABLE violations (
  run_id INTEGER NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (run_id, kind)) WITHOUT ROWID;

CREATE TABLE files (
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, name TEXT NOT NULL, blob TEXT, size INTEGER NOT NULL DEFAULT 0,
  md5 TEXT, updated_at REAL NOT NULL, UNIQUE (run_id, name));
CREATE INDEX files_blob ON files (blob);

CREATE TABLE collections (
  id INTEGER PRIMARY KEY, project_id INTEGER NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
  created_at REAL NOT NULL, UNIQUE (project_id, name));
CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY, collection_id INTEGER NOT NULL REFERENCES collections(id), run_id INTEGER,
  digest TEXT NOT NULL, state TEXT NOT NULL, version INTEGER, description TEXT, metadata TEXT,
  size INTEGER NOT NULL DEFAULT 0, file_count INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL, updated_at REAL,
  history_step INTEGER, client_id TEXT, sequence_client_id TEXT, ttl INTEGER, pending_aliases TEXT NOT NULL DEFAULT '[]',
  tags TEXT NOT NULL DEFAULT '[]', manifest_id INTEGER);
CREATE INDEX artifacts_collection ON artifacts (collection_id, version);
CREATE INDEX artifacts_run ON artifacts (run_id);
CREATE INDEX artifacts_client ON artifacts (client_id);
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY, artifact_id INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
  digest TEXT NOT NULL DEFAULT '', base_id INTEGER, blob TEXT);
CREATE TABLE artifact_files (
  id INTEGER PRIMARY KEY, artifact_id INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 0,
  blob TEXT, ref TEXT, birth_id INTEGER NOT NULL, UNIQUE (artifact_id, name));
CREATE INDEX artifact_files_blob ON artifact_files (blob);
CREATE INDEX artifact_files_digest ON artifact_files (digest);
CREATE TABLE aliases (
  id INTEGER PRIMARY KEY, collection_id INTEGER NOT NULL, alias TEXT NOT NULL, artifact_id INTEGER NOT NULL,
  UNIQUE (collection_id, alias));
CREATE INDEX aliases_artifact ON aliases (artifact_id);
CREATE TABLE uses (run_id INTEGER NOT NULL, artifact_id INTEGER NOT NULL, PRIMARY KEY (run_id, artifact_id)) WITHOUT ROWID;
CREATE TABLE alerts (
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, at REAL NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, severity TEXT NOT NULL);
";

/// Lines of several writers of one run (`own` is the writer's number of a line, `line` the run's), repeated alerts, silence.
const SHARED_AND_ALERTS: &str = "
CREATE TABLE shared_lines (
  run_id INTEGER NOT NULL, file TEXT NOT NULL, writer TEXT NOT NULL, own INTEGER NOT NULL, line INTEGER NOT NULL,
  PRIMARY KEY (run_id, file, writer, own)) WITHOUT ROWID;
ALTER TABLE alerts ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN longest_silence REAL NOT NULL DEFAULT 0;
";

/// Links of versions to portfolios (`members`), ids that clients made up, blobs that are not synced yet (`loose`), uploads in
/// parts.
const LINKS_AND_PARTS: &str = "
ALTER TABLE collections ADD COLUMN kind TEXT NOT NULL DEFAULT 'SEQUENCE';
ALTER TABLE collections ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE collections ADD COLUMN updated_at REAL;
ALTER TABLE artifacts ADD COLUMN distributed_id TEXT;
ALTER TABLE uses ADD COLUMN used_as TEXT;
CREATE TABLE members (
  id INTEGER PRIMARY KEY, collection_id INTEGER NOT NULL, artifact_id INTEGER NOT NULL, version INTEGER NOT NULL,
  created_at REAL NOT NULL, UNIQUE (collection_id, artifact_id));
CREATE INDEX members_artifact ON members (artifact_id);
CREATE TABLE client_ids (client_id TEXT PRIMARY KEY, artifact_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sequence_ids (client_id TEXT PRIMARY KEY, collection_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE loose (blob TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE multiparts (
  id INTEGER PRIMARY KEY, upload_id TEXT NOT NULL UNIQUE, file_id INTEGER NOT NULL, parts INTEGER NOT NULL);
CREATE INDEX multiparts_file ON multiparts (file_id);
CREATE TABLE parts (
  multipart_id INTEGER NOT NULL, number INTEGER NOT NULL, md5 TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (multipart_id, number)) WITHOUT ROWID;
";

/// Sets the connection up for writing and makes the tables where they are missing.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-4096;",
    )?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or(0);
    for (step, number) in STEPS.iter().zip(1..).skip(done) {
        connection.execute_batch(&format!(
            "BEGIN; {step} PRAGMA user_version={number}; COMMIT;"
        ))?;
    }
    Ok(())
}
