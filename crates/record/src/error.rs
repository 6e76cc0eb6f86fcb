//! Why something was refused.

/// Why a run id was refused: W&B's own rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRunId {
    /// No characters at all.
    #[error("the run id is empty: give it at least one character")]
    Empty,
    /// Blanks at an end.
    #[error("run id {0:?} begins or ends with a blank: remove it")]
    Blank(String),
    /// One of the characters that W&B refuses.
    #[error("run id {id:?} contains {character:?}: none of : ; , # ? / ' is allowed")]
    Character {
        /// The id as given.
        id: String,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Why a text is not extended JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not JSON at byte {at}: {reason}")]
pub struct BadJson {
    /// Offset of the first byte that does not fit.
    pub at: usize,
    /// What was wrong there.
    pub reason: &'static str,
}

/// Why a value or its name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// The value's text is not JSON.
    #[error("the value of {name:?} is refused")]
    Json {
        /// Dotted name of the value.
        name: String,
        /// What is wrong with the text.
        #[source]
        source: BadJson,
    },
    /// Neither a number nor any other value.
    #[error("{name:?} has no value: set one of its cases")]
    Missing {
        /// Dotted name of the value.
        name: String,
    },
    /// No name at all.
    #[error("a value without a name: give it a key")]
    Unnamed,
    /// Too many names on the way to the value.
    #[error("{name:?} lies {names} names deep: at most {max} are allowed", max = crate::path::MAX_NAMES)]
    Deep {
        /// The first name.
        name: String,
        /// How many there are.
        names: usize,
    },
}

/// Why a message of a client was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// One value of it.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// The config given at the start is not a JSON object.
    #[error("the config is refused: it must be a JSON object")]
    Config(#[source] BadJson),
    /// Neither a name nor a glob, or both.
    #[error("a metric needs either a name or a glob: set exactly one")]
    MetricName,
    /// A glob with a star elsewhere than at its end.
    #[error("glob {0:?} is refused: only one * at its end is allowed")]
    Glob(String),
}

/// Why a file to upload was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// Its name leads elsewhere.
    #[error("file name {0:?} is refused: it must lie below the run's files, without . or .. in it")]
    Name(String),
    /// Where it lies cannot be told.
    #[error("the source of a file must be an absolute path, not {0:?}")]
    Source(String),
}

/// Why an artifact was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadArtifact {
    /// No name.
    #[error("the artifact has no name: give it one of at most 128 characters")]
    Unnamed,
    /// Too long a name.
    #[error("artifact name {name:?} has {length} characters: at most 128 are allowed")]
    Long {
        /// The name as given.
        name: String,
        /// Its length in characters.
        length: usize,
    },
    /// A character that W&B refuses.
    #[error("artifact name {name:?} contains {character:?}: use letters, digits, - _ and .")]
    Character {
        /// The name as given.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// No type.
    #[error("artifact {0:?} has no type: give it one, for example \"model\"")]
    Untyped(String),
    /// An alias with a character that has a meaning in artifact names.
    #[error(
        "alias {alias:?} of artifact {name:?} is refused: it must not be empty or contain / or :"
    )]
    Alias {
        /// Name of the artifact.
        name: String,
        /// The alias as given.
        alias: String,
    },
    /// Metadata that is not a JSON object.
    #[error("the metadata of artifact {name:?} is refused: it must be a JSON object")]
    Metadata {
        /// Name of the artifact.
        name: String,
        /// What is wrong with the text.
        #[source]
        source: BadJson,
    },
    /// A tag with a character that W&B refuses.
    #[error(
        "tag {tag:?} of artifact {name:?} is refused: use letters, digits, - _ and single blanks"
    )]
    Tag {
        /// Name of the artifact.
        name: String,
        /// The tag as given.
        tag: String,
    },
    /// A path without content, or with several.
    #[error(
        "path {path:?} in artifact {name:?} is refused: it needs one content, a file by its absolute path, a reference, a media, \
         or what the server has with its digest"
    )]
    Content {
        /// Name of the artifact.
        name: String,
        /// The path inside the artifact.
        path: String,
    },
    /// What is said of a reference is not a JSON object.
    #[error(
        "what is said of the reference {path:?} in artifact {name:?} is refused: it must be a JSON object"
    )]
    Extra {
        /// Name of the artifact.
        name: String,
        /// The path inside the artifact.
        path: String,
        /// What is wrong with the text.
        #[source]
        source: BadJson,
    },
    /// A link that leads nowhere, or from nowhere.
    #[error(
        "the link to {0:?} is refused: give one version, and a target like [[entity/]project/]collection"
    )]
    Link(String),
    /// Two files under one path, or a file without a path.
    #[error("path {path:?} in artifact {name:?} is refused: every file needs a path of its own")]
    Path {
        /// Name of the artifact.
        name: String,
        /// The path inside the artifact.
        path: String,
    },
}

/// A note in a journal that cannot be read. Newer daemons may write such; the record itself is still good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the note on journal record {num} cannot be read")]
pub struct BadNote {
    /// Number of the record, as it says itself.
    pub num: i64,
    /// What the decoder said.
    #[source]
    pub source: prost::DecodeError,
}

/// Why the places in a template could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// The text itself.
    #[error("the template is refused")]
    Json(#[from] BadJson),
    /// A place for media that never came, or were forgotten.
    #[error("media {0:?} is not known: log it again (a run keeps its newest 65,536)")]
    Unknown(String),
    /// What the client said of a media is no object.
    #[error("the template of media {0:?} is refused: it must be a JSON object")]
    Object(String),
    /// Media in media in media, or in themselves.
    #[error("media lie more than {limit} deep in each other")]
    Deep {
        /// How deep they may.
        limit: usize,
    },
    /// Too many media.
    #[error("more than {limit} media in one value: log fewer at once, or a table")]
    Places {
        /// How many there may be.
        limit: usize,
    },
    /// Too long a text.
    #[error("a value with its media is longer than {limit} bytes: log fewer at once, or a table")]
    Large {
        /// How long it may be.
        limit: usize,
    },
}
