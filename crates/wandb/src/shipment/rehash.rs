//! Records of other writers may hold digests of another kind: their files are read again.

use futures_util::{StreamExt, stream};
use wandbd_upload::SendError;

use super::hash;
use super::manifest::Manifest;
use crate::put::missing;

/// Files at once.
const AT_ONCE: usize = 4;

/// What names the kind of a digest in an entry's extras.
const ALGORITHM: &str = "alg";

/// Puts MD5 digests in place of others. Contents that lie elsewhere keep theirs.
pub(super) async fn with_md5(manifest: &mut Manifest) -> Result<(), SendError> {
    let entries = manifest.entries.iter().enumerate();
    let foreign = entries.filter_map(|(index, entry)| {
        let named = entry.extra.iter().any(|(key, _)| key == ALGORITHM);
        let path = entry.source.clone()?;
        (manifest.foreign || named).then_some((index, path))
    });
    let work = foreign.map(|(index, path)| async move {
        let hashed = hash(&path).await.map_err(|error| missing(&path, error))?;
        Ok::<_, SendError>((index, hashed))
    });
    let work: Vec<_> = work.collect();
    let mut work = stream::iter(work).buffer_unordered(AT_ONCE);
    let mut hashed = Vec::new();
    while let Some(done) = work.next().await {
        hashed.push(done?);
    }
    drop(work);
    for (index, (size, digest)) in hashed {
        if let Some(entry) = manifest.entries.get_mut(index) {
            entry.size = size;
            entry.digest = digest;
            entry.extra.retain(|(key, _)| key != ALGORITHM);
            manifest.changed = true;
        }
    }
    manifest.changed |= manifest.foreign;
    Ok(())
}
