//! The run's own parameters.

use wandbd_record::convert::seconds;
use wandbd_record::v1;
use wandbd_record::wandb::{EnvironmentRecord, RunRecord};

use crate::opened::Opened;

/// What the run's record says of it, with later changes. Empty: not given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunParams {
    /// Id of the run as the journal has it.
    pub run_id: String,
    /// Owner; empty: the server's default.
    pub entity: String,
    /// Project.
    pub project: String,
    /// Name for people.
    pub display_name: String,
    /// Notes.
    pub notes: String,
    /// Tags: always the whole list.
    pub tags: Vec<String>,
    /// Group.
    pub group: String,
    /// Job type.
    pub job_type: String,
    /// Sweep that the run belongs to.
    pub sweep_id: String,
    /// Host name.
    pub host: String,
    /// Path of the script, as the environment record has it.
    pub program: String,
    /// Address of the git remote.
    pub git_remote: String,
    /// Git commit.
    pub git_commit: String,
    /// Unix seconds at which the run began.
    pub start_time: f64,
}

impl RunParams {
    /// Takes over the record that opens the run; what it leaves open is as the server has it. True when something changed.
    pub(crate) fn open(&mut self, run: &RunRecord, opened: &Opened) -> bool {
        let before = self.clone();
        self.run_id.clone_from(&run.run_id);
        self.entity.clone_from(&run.entity);
        self.project.clone_from(&run.project);
        self.sweep_id.clone_from(&run.sweep_id);
        self.host.clone_from(&run.host);
        self.start_time = run.start_time.as_ref().map_or(0.0, seconds);
        self.apply(run);
        for (mine, theirs) in [
            (&mut self.notes, &opened.notes),
            (&mut self.group, &opened.group),
            (&mut self.job_type, &opened.job_type),
        ] {
            if mine.is_empty() {
                mine.clone_from(theirs);
            }
        }
        if self.tags.is_empty() {
            self.tags.clone_from(&opened.tags);
        }
        *self != before
    }

    /// Takes over what a user has changed, in our own journals; an empty text or list clears.
    pub(crate) fn update(&mut self, update: &v1::RunUpdate) -> bool {
        let before = self.clone();
        for (mine, theirs) in [
            (&mut self.display_name, &update.display_name),
            (&mut self.notes, &update.notes),
            (&mut self.group, &update.group),
            (&mut self.job_type, &update.job_type),
        ] {
            if let Some(theirs) = theirs {
                mine.clone_from(theirs);
            }
        }
        if let Some(tags) = &update.tags {
            self.tags.clone_from(&tags.tag);
        }
        *self != before
    }

    /// Takes over what is found out about the program; true when the server should hear of it.
    pub(crate) fn environment(&mut self, environment: &EnvironmentRecord) -> bool {
        if !environment.program.is_empty() {
            self.program.clone_from(&environment.program);
        }
        let Some(git) = &environment.git else {
            return false;
        };
        let before = (self.git_remote.clone(), self.git_commit.clone());
        for (mine, theirs) in [
            (&mut self.git_remote, &git.remote_url),
            (&mut self.git_commit, &git.commit),
        ] {
            if !theirs.is_empty() {
                mine.clone_from(theirs);
            }
        }
        before != (self.git_remote.clone(), self.git_commit.clone())
    }

    /// Takes over what a user can change of a later run record of another writer.
    pub(crate) fn apply(&mut self, run: &RunRecord) -> bool {
        let before = self.clone();
        self.display_name.clone_from(&run.display_name);
        self.notes.clone_from(&run.notes);
        self.tags.clone_from(&run.tags);
        // Readers must cope with both: some writers repeat these, some leave them out later.
        for (mine, theirs) in [
            (&mut self.group, &run.run_group),
            (&mut self.job_type, &run.job_type),
        ] {
            if !theirs.is_empty() {
                mine.clone_from(theirs);
            }
        }
        if let Some(git) = &run.git {
            self.git_remote.clone_from(&git.remote_url);
            self.git_commit.clone_from(&git.commit);
        }
        *self != before
    }
}
