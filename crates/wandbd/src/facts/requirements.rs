//! `requirements.txt`: what was installed.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

/// Packages listed of one folder at most; more is not an environment of one program.
const PACKAGES: usize = 10_000;
/// The name stands in the first lines of a package's metadata.
const HEAD_BYTES: u64 = 4096;

/// `name==version` of every installed package found on these paths, by their `*.dist-info` and `*.egg-info`, sorted. Of a package that is
/// there twice the first counts, as in Python.
pub(super) fn list(package_path: &[String]) -> String {
    let mut found = BTreeMap::new();
    for dir in package_path.iter().filter(|dir| !dir.is_empty()) {
        let Ok(entries) = fs::read_dir(dir) else {
            continue;
        };
        for entry in entries.flatten().take(PACKAGES) {
            if let Some((name, version)) = package(&entry.path()) {
                let same = name.to_lowercase().replace(['_', '.'], "-");
                found
                    .entry(same)
                    .or_insert_with(|| format!("{name}=={version}\n"));
            }
        }
    }
    found.into_values().collect()
}

/// Name and version of a package: as its metadata spells them, else as the folder does.
fn package(path: &Path) -> Option<(String, String)> {
    let folder = path.file_name()?.to_str()?;
    let (stem, metadata) = match folder.strip_suffix(".dist-info") {
        Some(stem) => (stem, path.join("METADATA")),
        None if path.is_dir() => (folder.strip_suffix(".egg-info")?, path.join("PKG-INFO")),
        None => (folder.strip_suffix(".egg-info")?, path.to_owned()),
    };
    said(&metadata).or_else(|| {
        let (name, version) = stem.split_once('-')?;
        let version = version.split("-py").next().unwrap_or(version);
        Some((name.to_owned(), version.to_owned()))
    })
}

fn said(metadata: &Path) -> Option<(String, String)> {
    let mut name = None;
    let mut version = None;
    let head = fs::File::open(metadata).ok()?.take(HEAD_BYTES);
    for line in BufReader::new(head).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Name:") {
            name = Some(value.trim().to_owned());
        } else if let Some(value) = line.strip_prefix("Version:") {
            version = Some(value.trim().to_owned());
        }
    }
    Some((name?, version?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_listed_once_sorted_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b_c-2.0.dist-info",
            "A-1.0.dist-info",
            "old-0.1-py3.10.egg-info",
            "unrelated",
        ] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let path = dir.path().display().to_string();

        assert_eq!(
            list(&[path.clone(), String::new(), path]),
            "A==1.0\nb_c==2.0\nold==0.1\n"
        );
    }

    #[test]
    fn a_package_is_spelled_as_its_metadata_spells_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("pyyaml-6.0.3.dist-info");
        fs::create_dir(&folder).unwrap();
        let text = "Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0.3\n\nName: other\n";
        fs::write(folder.join("METADATA"), text).unwrap();

        assert_eq!(list(&[dir.path().display().to_string()]), "PyYAML==6.0.3\n");
    }
}
