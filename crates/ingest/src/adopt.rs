//! What an earlier daemon left undelivered.

use std::{fs, path::PathBuf, sync::Arc};

use crate::{
    error::IngestError,
    hub::{Hub, UNREADABLE, private_dir, synced_mark},
    run_log::RunLog,
};

impl Hub {
    /// Takes up what an earlier daemon left undelivered. Returns the number of runs; one that cannot be read is reported and left
    /// as it is. Blocking.
    ///
    /// # Errors
    /// When the folder of runs cannot be read.
    pub fn adopt_all(self: &Arc<Self>) -> Result<usize, IngestError> {
        // Minders of the first runs wait here until every run is known: a spill must not open a run a second time.
        let _alone = self.spilling.blocking_lock();
        let mut adopted = 0;
        for path in self.undelivered()? {
            match RunLog::adopt(&self.committer, &path) {
                Ok(run) => {
                    let run = Arc::new(run);
                    self.lock()
                        .insert(run.opened().session.clone(), Arc::clone(&run));
                    self.take_up(&run);
                    adopted += 1;
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(journal = %path.display(), error, "journal cannot be adopted; left as it is");
                    self.drops.count(UNREADABLE, 1);
                }
            }
        }
        Ok(adopted)
    }

    /// Journals below the folder of runs that are not marked as delivered.
    fn undelivered(&self) -> Result<Vec<PathBuf>, IngestError> {
        let dir = &self.config.runs_dir;
        private_dir(dir)?;
        let mut found = Vec::new();
        for folder in fs::read_dir(dir).map_err(IngestError::io("read", dir))? {
            let folder = folder.map_err(IngestError::io("read", dir))?.path();
            let Ok(entries) = fs::read_dir(&folder) else {
                continue; // a link to an offline folder that was taken away, or a stray file
            };
            for entry in entries.flatten() {
                let path = entry.path();
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with("run-")
                    && name.ends_with(".wandb")
                    && !synced_mark(&path).exists()
                {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}
