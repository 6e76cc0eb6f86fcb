//! Why a call was refused, or a journal record could not be used whole.

use wandbd_record::{BadArtifact, BadFile, BadJson, BadNote, BadRecord, BadValue};

/// Why a record of a session was not taken. Its text is for the user: it names the thing and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Rows only go forward.
    #[error(
        "step {step} is below the run's step {next}, so this row was dropped: log with step {next} or above"
    )]
    Backward {
        /// The step of the call.
        step: i64,
        /// The lowest step that would be taken.
        next: i64,
    },
    /// No JSON reader would get it right.
    #[error("step {0} is refused: steps lie below 9007199254740992 (2^53)")]
    StepRange(i64),
    /// Not a time.
    #[error("the time of the call is not a number: give Unix seconds")]
    Time,
    /// A value or its name.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// A metric or the config.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// A file.
    #[error(transparent)]
    File(#[from] BadFile),
    /// An artifact.
    #[error(transparent)]
    Artifact(#[from] BadArtifact),
    /// The run is over.
    #[error("the run has ended with exit code {0}: start a new run, or resume this one")]
    Ended(i32),
    /// A record without a kind that this daemon knows.
    #[error("this daemon does not know this kind of record: update it")]
    Unknown,
    /// The run's own record was not replayed first.
    #[error("bug: the run's parameters were changed before the run was opened")]
    NotOpened,
}

/// Why a journal record could not be replayed whole. What could be read of it was used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// wandbd's own note on it.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// A call kept in a note is refused now, although it was taken once.
    #[error("a call kept in the journal does not fit")]
    Call(#[from] Refused),
}

/// Why a journal record could not be turned into lines whole. What could be read of it was used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A value whose text is not JSON: it was left out.
    #[error("value {name:?} of journal record {num} was left out")]
    Value {
        /// Number of the record, as it says itself.
        num: i64,
        /// Dotted name of the value.
        name: String,
        /// What is wrong with its text.
        #[source]
        source: BadJson,
    },
    /// A value with no name, or too deep: it was left out.
    #[error("a value of journal record {num} was left out")]
    Name {
        /// Number of the record, as it says itself.
        num: i64,
        /// What is wrong with its name.
        #[source]
        source: BadValue,
    },
}
