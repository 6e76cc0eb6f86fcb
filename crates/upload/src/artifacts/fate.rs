use serde::{Deserialize, Serialize};

/// What came of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Fate {
    /// It is there.
    Delivered {
        /// What the destination calls it; empty when that was not noted.
        id: String,
    },
    /// Newer ones of its name waited behind it, and its policy was not to hold them up.
    Superseded,
    /// It was given up, for this reason.
    Failed(String),
}

const DELIVERED: &str = "done";
const SUPERSEDED: &str = "superseded";
const FAILED: &str = "failed: ";

impl From<String> for Fate {
    fn from(text: String) -> Fate {
        if text == DELIVERED {
            return Fate::Delivered { id: String::new() };
        }
        if text == SUPERSEDED {
            return Fate::Superseded;
        }
        if let Some(id) = text.strip_prefix("done ") {
            return Fate::Delivered { id: id.to_owned() };
        }
        let reason = text.strip_prefix(FAILED).map(str::to_owned);
        Fate::Failed(reason.unwrap_or(text))
    }
}

impl From<Fate> for String {
    fn from(fate: Fate) -> String {
        match fate {
            Fate::Delivered { id } if id.is_empty() => DELIVERED.to_owned(),
            Fate::Delivered { id } => format!("{DELIVERED} {id}"),
            Fate::Superseded => SUPERSEDED.to_owned(),
            Fate::Failed(reason) => format!("{FAILED}{reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fate_is_read_as_it_was_written_and_as_older_cursors_wrote_it() {
        for fate in [
            Fate::Delivered { id: String::new() },
            Fate::Delivered { id: "QTox".into() },
            Fate::Superseded,
            Fate::Failed("done for".into()),
        ] {
            let text = serde_json::to_string(&fate).unwrap();
            assert_eq!(serde_json::from_str::<Fate>(&text).unwrap(), fate);
        }
        assert_eq!(
            Fate::from("refused (400): no".to_owned()),
            Fate::Failed("refused (400): no".into())
        );
    }
}
