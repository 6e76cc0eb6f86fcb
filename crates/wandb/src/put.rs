//! Uploads to signed addresses: the bytes, the headers the server asks for, and no credentials.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use reqwest::{Body, Response};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use wandbd_upload::SendError;

use crate::answer::{nonsense, refusal};
use crate::api::{Api, read, unreachable};

/// Read from a file at once, in bytes.
const CHUNK: usize = 256 << 10;

/// Chunks that are read ahead.
const AHEAD: usize = 3;

/// A file up to this size is read whole, in bytes.
const SMALL: u64 = 256 << 10;

/// Why a file is not the one that was meant.
const CHANGED: &str = "changed since it was logged";

/// Answers to uploads are short.
const ANSWER_MAX: usize = 64 << 10;

/// What is uploaded.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Bytes(Bytes),
    /// A file as long as it is now.
    File(PathBuf),
    /// A file that has this size and MD5 (base64), or is not the one that was meant. The MD5 of a small one is looked at.
    Sized {
        path: PathBuf,
        size: u64,
        md5: String,
    },
    /// A piece of a file that is `whole` bytes long.
    Part {
        path: PathBuf,
        from: u64,
        size: u64,
        whole: u64,
    },
}

/// Uploads `source`; `headers` are `Key:Value` as the server gave them. Returns the `ETag` of the answer.
pub(crate) async fn put(
    api: &Api,
    address: &str,
    headers: &[String],
    source: &Source,
) -> Result<Option<String>, SendError> {
    let address = api.base.resolve(address);
    let address = address.map_err(|error| nonsense("an upload request", error))?;
    let moved = Arc::new(AtomicU64::new(0));
    let (body, length) = open(source, &moved).await?;
    let mut all = api.headers.clone();
    all.extend(headers.iter().filter_map(|header| split(header)));
    all.remove(AUTHORIZATION);
    all.insert(CONTENT_LENGTH, HeaderValue::from(length));
    let limit = api.limits.stall;
    let upload = async {
        let request = api.http.put(address).headers(all).body(body);
        let response = request.send().await.map_err(|e| unreachable(e, limit))?;
        judge(response, limit).await
    };
    let upload = unless_stalled(upload, &moved, limit);
    let done = match api.limits.transfer {
        Some(whole) => tokio::time::timeout(whole, upload)
            .await
            .unwrap_or(Err(SendError::Timeout(whole))),
        None => upload.await,
    };
    done.map_err(|error| api.discreet(error))
}

fn split(header: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = header.split_once(':')?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    Some((name, HeaderValue::from_str(value.trim()).ok()?))
}

/// The body and its length.
async fn open(source: &Source, moved: &Arc<AtomicU64>) -> Result<(Body, u64), SendError> {
    let (path, from, size, whole) = match source {
        Source::Bytes(bytes) => return Ok((bytes.clone().into(), bytes.len() as u64)),
        Source::File(path) => (path, 0, None, None),
        Source::Sized { path, size, md5 } if *size <= SMALL => {
            let bytes = small(path, *size, md5).await;
            let bytes = bytes.map_err(|error| missing(path, error))?;
            moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            return Ok((bytes.into(), *size));
        }
        Source::Sized { path, size, .. } => (path, 0, Some(*size), Some(*size)),
        Source::Part {
            path,
            from,
            size,
            whole,
        } => (path, *from, Some(*size), Some(*whole)),
    };
    let opened = spawn_blocking({
        let path = path.clone();
        move || open_at(&path, from, whole)
    });
    let opened = opened.await;
    let opened = opened.unwrap_or_else(|error| Err(io::Error::other(error)));
    let (file, now) = opened.map_err(|error| missing(path, error))?;
    let length = size.unwrap_or(now);
    if length == 0 {
        return Ok((Bytes::new().into(), 0));
    }
    let (sender, chunks) = mpsc::channel(AHEAD);
    // Ends by itself when nobody takes the chunks any more.
    spawn_blocking(move || read_ahead(file.take(length), &sender));
    let moved = Arc::clone(moved);
    let stream = stream::unfold(chunks, |mut chunks| async move {
        let chunk = chunks.recv().await?;
        Some((chunk, chunks))
    });
    let stream = stream.inspect(move |chunk| {
        let bytes = chunk.as_ref().map_or(0, Bytes::len);
        moved.fetch_add(bytes as u64, Ordering::Relaxed);
    });
    Ok((Body::wrap_stream(stream), length))
}

/// The file at this place, and how long it is. Blocks.
fn open_at(path: &Path, from: u64, whole: Option<u64>) -> io::Result<(File, u64)> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("not a file"));
    }
    if whole.is_some_and(|whole| whole != about.len()) {
        return Err(io::Error::other(CHANGED));
    }
    if from > 0 {
        file.seek(SeekFrom::Start(from))?;
    }
    Ok((file, about.len()))
}

/// Reads while earlier chunks are on their way. Blocks.
fn read_ahead(mut file: Take<File>, out: &mpsc::Sender<io::Result<Bytes>>) {
    while file.limit() > 0 {
        let most = usize::try_from(file.limit()).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; most];
        let read = file.read(&mut chunk).and_then(|bytes| match bytes {
            0 => Err(io::Error::other(CHANGED)),
            bytes => {
                chunk.truncate(bytes);
                Ok(Bytes::from(chunk))
            }
        });
        let failed = read.is_err();
        if out.blocking_send(read).is_err() || failed {
            return;
        }
    }
}

/// A small file, read at once. It must have this size and MD5.
async fn small(path: &Path, size: u64, md5: &str) -> io::Result<Vec<u8>> {
    let (path, expected) = (path.to_owned(), md5.to_owned());
    let read = spawn_blocking(move || {
        let bytes = std::fs::read(path)?;
        if bytes.len() as u64 != size || STANDARD.encode(Md5::digest(&bytes)) != expected {
            return Err(io::Error::other(CHANGED));
        }
        Ok(bytes)
    });
    let read = read.await;
    read.unwrap_or_else(|error| Err(io::Error::other(error)))
}

pub(crate) fn missing(path: &Path, source: io::Error) -> SendError {
    SendError::Missing {
        path: path.to_owned(),
        source,
    }
}

/// What the storage says. It knows no credentials: whatever it does not allow, a fresh address may.
async fn judge(response: Response, limit: Duration) -> Result<Option<String>, SendError> {
    let status = response.status();
    let headers = response.headers().clone();
    // Read to the end, so that the connection can be used again; what a success says does not matter.
    let body = read(response, ANSWER_MAX, limit).await;
    if status.is_success() {
        return Ok(etag(&headers));
    }
    let body = body.unwrap_or_default();
    let status = status.as_u16();
    Err(match status {
        401 | 403 | 404 | 410 => SendError::Expired { status },
        // Some storages say it like this.
        400 if says(&body, b"Expired") || says(&body, b"RequestTimeout") => {
            SendError::Expired { status }
        }
        409 | 412 => SendError::Server {
            status,
            reason: "the storage did not take the file".to_owned(),
        },
        _ => refusal(status, &headers, &body),
    })
}

fn says(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

/// As it is, quotes included.
fn etag(headers: &HeaderMap) -> Option<String> {
    headers.get(ETAG)?.to_str().ok().map(str::to_owned)
}

/// Waits for an upload as long as bytes move.
async fn unless_stalled<T>(
    upload: impl Future<Output = Result<T, SendError>>,
    moved: &AtomicU64,
    limit: Duration,
) -> Result<T, SendError> {
    let mut upload = std::pin::pin!(upload);
    let mut seen = 0;
    loop {
        tokio::select! {
            biased;
            done = &mut upload => return done,
            () = sleep(limit) => {
                let now = moved.load(Ordering::Relaxed);
                if now == seen {
                    return Err(SendError::Timeout(limit));
                }
                seen = now;
            }
        }
    }
}
