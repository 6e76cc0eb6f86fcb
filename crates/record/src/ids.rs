//! Names and numbers that must not be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::BadRunId;

/// Characters that W&B refuses in a run id.
const REFUSED: [char; 7] = [':', ';', ',', '#', '?', '/', '\''];

/// The id of a run, unique in its project; checked by W&B's rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Checks `id` by W&B's rules.
    /// # Errors
    /// [`BadRunId`] when it is empty, has blanks at an end, or contains one of `: ; , # ? / '`.
    pub fn new(id: impl Into<String>) -> Result<Self, BadRunId> {
        let id = id.into();
        if id.is_empty() {
            return Err(BadRunId::Empty);
        }
        if id.trim() != id {
            return Err(BadRunId::Blank(id));
        }
        match id.chars().find(|character| REFUSED.contains(character)) {
            Some(character) => Err(BadRunId::Character { id, character }),
            None => Ok(Self(id)),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = BadRunId;

    fn try_from(id: String) -> Result<Self, BadRunId> {
        Self::new(id)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl AsRef<str> for RunId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One process's connection to one run: a UUID that the client chose, the same at every reconnect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub String);

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Number of a record within its session, from 1 without a gap.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a history row: W&B's `_step`, strictly increasing within a run.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Step(pub i64);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_follows_the_rules_of_wandb() {
        for good in ["a1b2c3d4", "with blank inside", "Ümlaut", "a.b_c-d"] {
            assert_eq!(RunId::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "", " a", "a ", "a/b", "a:b", "a;b", "a,b", "a#b", "a?b", "a'b",
        ] {
            assert!(RunId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refused_run_id_is_named_in_the_error() {
        let error = RunId::new("my/run").unwrap_err().to_string();

        assert!(error.contains("my/run") && error.contains("'/'"), "{error}");
    }
}
