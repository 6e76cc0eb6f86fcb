//! Files of the run itself, and alerts.

use wandbd_proto::v1::{self, alert::Level, save::Policy};
use wandbd_proto::wandb::{
    AlertRecord, FilesItem, FilesRecord,
    files_item::{FileType, PolicyType},
};

use crate::error::BadFile;

/// Files to upload by a policy. Their content is read from where the daemon has put them: a record names no source.
/// # Errors
/// [`BadFile`] when a name leads out of the run's files, or a source is not absolute.
pub fn files_record(save: &v1::Save) -> Result<FilesRecord, BadFile> {
    let policy = match save.policy() {
        Policy::Now => PolicyType::Now,
        Policy::Live => PolicyType::Live,
        Policy::End => PolicyType::End,
    };
    let item = |file: &v1::save::File| {
        check_name(&file.name)?;
        if !file.source.starts_with('/') {
            return Err(BadFile::Source(file.source.clone()));
        }
        Ok(FilesItem {
            path: file.name.clone(),
            policy: policy.into(),
            ..FilesItem::default()
        })
    };
    let files = save.file.iter().map(item).collect::<Result<_, _>>()?;
    Ok(FilesRecord { files })
}

/// Files of media, by their names below the run's files: they are there, and are uploaded at once.
pub fn media_files_record(names: impl IntoIterator<Item = String>) -> FilesRecord {
    let item = |path| FilesItem {
        path,
        policy: PolicyType::Now.into(),
        r#type: FileType::Media.into(),
    };
    FilesRecord {
        files: names.into_iter().map(item).collect(),
    }
}

fn check_name(name: &str) -> Result<(), BadFile> {
    let inside = |part: &str| !matches!(part, "" | "." | "..");
    if name.split('/').all(inside) {
        Ok(())
    } else {
        Err(BadFile::Name(name.to_owned()))
    }
}

/// A message to people. Its waiting time is in milliseconds there.
pub fn alert_record(alert: v1::Alert) -> AlertRecord {
    let level = match alert.level() {
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float beyond the range becomes its end"
    )]
    let wait_duration = (alert.wait_s * 1000.0).round() as i64;
    AlertRecord {
        title: alert.title,
        text: alert.text,
        level: level.to_owned(),
        wait_duration,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn save(name: &str, source: &str) -> v1::Save {
        v1::Save {
            file: vec![v1::save::File {
                name: name.into(),
                source: source.into(),
            }],
            policy: Policy::Live.into(),
        }
    }

    #[test]
    fn a_file_keeps_its_name_and_policy() {
        let record = files_record(&save("a/b.txt", "/tmp/x")).unwrap();

        assert_eq!(record.files[0].path, "a/b.txt");
        assert_eq!(record.files[0].policy(), PolicyType::Live);
    }

    #[test]
    fn no_name_leads_out_of_the_runs_files() {
        for name in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a"] {
            assert!(files_record(&save(name, "/tmp/x")).is_err(), "{name}");
        }
        assert!(files_record(&save("a", "relative")).is_err());
    }
}
