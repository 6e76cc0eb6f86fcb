//! `credentials.json`: access tokens on disk, in the released client's format.
//!
//! ```json
//! {"credentials": {"https://api.wandb.ai": {"access_token": "...", "expires_at": "2026-01-01 00:00:00"}}}
//! ```
//!
//! Times are UTC. The file is for its owner alone (0600). Entries of other servers and unknown fields are kept.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::tokens::Access;

const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// A cache file is not read further than this many bytes.
const MAX: u64 = 1 << 20;

/// The token for the server at `base`, if there is one.
pub(crate) fn find(path: &Path, base: &str) -> Option<Access> {
    let all = load(path);
    let entry = all.get("credentials")?.get(base)?;
    let expires = DateTime::strptime(TIME, entry.get("expires_at")?.as_str()?).ok()?;
    let expires = TimeZone::UTC.to_timestamp(expires).ok()?;
    let token = entry.get("access_token")?.as_str()?.to_owned();
    Some(Access { token, expires })
}

/// Puts a token in; the file is replaced at once.
pub(crate) fn keep(path: &Path, base: &str, access: &Access) -> io::Result<()> {
    let mut all = load(path);
    let expires = access.expires.strftime(TIME).to_string();
    let entry = json!({"access_token": access.token, "expires_at": expires});
    let list = all
        .entry("credentials")
        .or_insert_with(|| Value::Object(Map::new()));
    match list {
        Value::Object(list) => {
            list.insert(base.to_owned(), entry);
        }
        other => *other = json!({base: entry}),
    }
    write(path, &serde_json::to_vec_pretty(&all)?)
}

fn load(path: &Path) -> Map<String, Value> {
    let small = std::fs::metadata(path).is_ok_and(|about| about.len() <= MAX);
    let text = if small {
        std::fs::read(path).ok()
    } else {
        None
    };
    text.and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let beside = beside(path);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_data()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        std::fs::remove_file(&beside).ok();
    }
    written
}

/// A name that nobody else uses at this moment.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    let moment = Timestamp::now().as_nanosecond();
    name.push(format!(".{}.{moment}", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(token: &str) -> Access {
        Access {
            token: token.into(),
            expires: "2026-01-02T03:04:05Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_token_is_found_again_and_those_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wandb/credentials.json");
        keep(&path, "https://a", &access("1")).unwrap();
        keep(&path, "https://b", &access("2")).unwrap();
        keep(&path, "https://a", &access("3")).unwrap();

        assert_eq!(find(&path, "https://a"), Some(access("3")));
        assert_eq!(find(&path, "https://b"), Some(access("2")));
        assert_eq!(find(&path, "https://c"), None);
        let text: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let entry = json!({"access_token": "2", "expires_at": "2026-01-02 03:04:05"});
        assert_eq!(text["credentials"]["https://b"], entry);
        let mut left = std::fs::read_dir(path.parent().unwrap()).unwrap();
        assert!(left.next().is_some() && left.next().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        std::fs::write(&path, "{}").unwrap();

        keep(&path, "https://a", &access("1")).unwrap();

        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_is_broken_holds_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        for text in [
            "",
            "[]",
            "{\"credentials\": 1}",
            "{\"credentials\": {\"https://a\": {}}}",
        ] {
            std::fs::write(&path, text).unwrap();

            assert_eq!(find(&path, "https://a"), None, "{text}");
        }
        keep(&path, "https://a", &access("1")).unwrap();
        assert_eq!(find(&path, "https://a"), Some(access("1")));
    }
}
