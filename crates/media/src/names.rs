//! Names that clients give, checked before anything is written under them.

use wandbd_record::v1;

use crate::error::MediaError;

const MAX_ID: usize = 64;
const MAX_EXTENSION: usize = 32;
const MAX_DIR: usize = 128;
const MAX_BASENAME: usize = 255;

/// Checks an id of media or of rows.
pub(crate) fn check_id(id: &str) -> Result<(), MediaError> {
    let good = (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    refuse(
        good,
        "the id",
        id,
        "use 1 to 64 characters of [0-9a-zA-Z_-]",
    )
}

/// Checks all names of `media`.
pub(crate) fn check(media: &v1::Media) -> Result<(), MediaError> {
    check_id(&media.id)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let extension = &media.extension;
    let good = extension.is_empty()
        || extension.starts_with('.')
            && extension.len() <= MAX_EXTENSION
            && extension != ".rows"
            && !extension.contains("..")
            && extension.bytes().all(plain);
    refuse(
        good,
        "the extension",
        extension,
        "use a dot and at most 31 letters, digits, dots, - and _",
    )?;
    let dir = &media.dir;
    let part =
        |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    let good = dir.is_empty() || dir.len() <= MAX_DIR && dir.split('/').all(part);
    refuse(
        good,
        "the folder",
        dir,
        "use letters, digits, dots, - and _, with slashes between",
    )?;
    let basename = &media.basename;
    let good = basename.len() <= MAX_BASENAME
        && !basename.contains(['/', '\0'])
        && basename != "."
        && basename != "..";
    refuse(
        good,
        "the file name",
        basename,
        "use at most 255 bytes without slashes",
    )
}

fn refuse(
    good: bool,
    what: &'static str,
    name: &str,
    rule: &'static str,
) -> Result<(), MediaError> {
    if good {
        return Ok(());
    }
    Err(MediaError::Name {
        what,
        name: name.chars().take(MAX_BASENAME).collect(),
        rule,
    })
}
