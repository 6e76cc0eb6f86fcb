//! The last resort: what no daemon took is left on disk for the next one.
//!
//! `<state>/spill/<session>` is a sequence of `[length: u32 little-endian][ClientMessage]`: the hello without its secrets, then every
//! chunk that is not acknowledged. The secrets, if any, lie in `<session>.secret`, a `Server` message with only those set, which is
//! written first. Both are complete or absent: written under a name ending in `.tmp`, synced, renamed, directory synced. Mode 0600.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use prost::Message as _;
use wandbd_proto::v1::{self, client_message, hello};

use crate::{error::SpillError, parts::Parts, paths};

/// Leaves a session in `dir`.
///
/// # Errors
/// [`SpillError`] names the file or directory.
pub(crate) fn write(
    dir: &Path,
    hello: &v1::Hello,
    chunks: &[Parts],
) -> Result<PathBuf, SpillError> {
    paths::private_dir(dir)?;
    let (public, secret) = split(hello);
    if let Some(secret) = secret {
        let path = dir.join(format!("{}.secret", hello.session));
        write_file(dir, &path, &[Bytes::from(secret.encode_to_vec())])?;
    }
    let message = v1::ClientMessage {
        kind: Some(client_message::Kind::Hello(public)),
    };
    let first = Parts::from(message.encode_to_vec());
    let mut parts = Vec::with_capacity(3 * chunks.len() + 3);
    for part in std::iter::once(&first).chain(chunks) {
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        parts.push(Bytes::copy_from_slice(&len.to_le_bytes()));
        parts.push(part.head.clone());
        parts.push(part.tail.clone());
    }
    let path = dir.join(&hello.session);
    write_file(dir, &path, &parts)?;
    Ok(path)
}

/// The hello as it may lie about, and what was taken out of it.
fn split(hello: &v1::Hello) -> (v1::Hello, Option<v1::Server>) {
    let mut public = hello.clone();
    let Some(hello::Role::Open(run)) = &mut public.role else {
        return (public, None);
    };
    let Some(server) = &mut run.server else {
        return (public, None);
    };
    let secret = v1::Server {
        api_key: std::mem::take(&mut server.api_key),
        header: std::mem::take(&mut server.header),
        http_proxy: take_password(&mut server.http_proxy),
        https_proxy: take_password(&mut server.https_proxy),
        ..v1::Server::default()
    };
    let has_secret = secret != v1::Server::default();
    (public, has_secret.then_some(secret))
}

/// The address of a proxy, if it may hold a password.
fn take_password(proxy: &mut String) -> String {
    if proxy.contains('@') {
        std::mem::take(proxy)
    } else {
        String::new()
    }
}

fn write_file(dir: &Path, path: &Path, parts: &[Bytes]) -> Result<(), SpillError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    write_and_rename(dir, Path::new(&temporary), path, parts).map_err(|source| SpillError::Write {
        path: path.to_owned(),
        source,
    })
}

fn write_and_rename(dir: &Path, temporary: &Path, path: &Path, parts: &[Bytes]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_data()?;
    drop(file);
    fs::rename(temporary, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, os::unix::fs::MetadataExt as _};

    use super::*;

    fn hello() -> v1::Hello {
        v1::Hello {
            session: "0190-session".to_owned(),
            role: Some(hello::Role::Open(v1::OpenRun {
                run_id: "abc".to_owned(),
                server: Some(v1::Server {
                    base_url: "https://example.com".to_owned(),
                    api_key: "KEYKEYKEY".to_owned(),
                    header: HashMap::from([("x-token".to_owned(), "HEADERHEADER".to_owned())]),
                    http_proxy: "http://me:PASSWORD@proxy:3128".to_owned(),
                    https_proxy: "http://plain:3128".to_owned(),
                    ..v1::Server::default()
                }),
                ..v1::OpenRun::default()
            })),
            ..v1::Hello::default()
        }
    }

    #[test]
    fn the_spill_is_readable_message_by_message_and_holds_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let spill = dir.path().join("spill");
        let chunk = v1::ClientMessage {
            kind: Some(client_message::Kind::Chunk(v1::Chunk {
                first_seq: 3,
                record: vec![v1::Record::default()],
            })),
        };
        let path = write(&spill, &hello(), &[chunk.encode_to_vec().into()]).unwrap();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("KEYKEYKEY") && !text.contains("HEADERHEADER"));
        assert!(!text.contains("PASSWORD") && text.contains("http://plain:3128"));
        let mut rest = bytes.as_slice();
        let mut messages = Vec::new();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let (message, after) = after.split_at(u32::from_le_bytes(*len) as usize);
            messages.push(v1::ClientMessage::decode(message).unwrap());
            rest = after;
        }
        assert_eq!(messages.len(), 2);
        assert_eq!(messages.last(), Some(&chunk));
        let secret = fs::read(spill.join("0190-session.secret")).unwrap();
        let secret = v1::Server::decode(secret.as_slice()).unwrap();
        assert_eq!(secret.api_key, "KEYKEYKEY");
        assert_eq!(secret.http_proxy, "http://me:PASSWORD@proxy:3128");
        assert_eq!(
            (secret.https_proxy.as_str(), secret.base_url.as_str()),
            ("", "")
        );
        for entry in fs::read_dir(&spill).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{entry:?}");
        }
        assert_eq!(fs::metadata(&spill).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn without_secrets_there_is_no_secret_file() {
        let dir = tempfile::tempdir().unwrap();
        let spill = dir.path().join("spill");
        let attached = v1::Hello {
            session: "s".to_owned(),
            role: Some(hello::Role::Attach("owner".to_owned())),
            ..v1::Hello::default()
        };
        write(&spill, &attached, &[]).unwrap();
        let names: Vec<_> = fs::read_dir(&spill)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["s"]);
    }
}
