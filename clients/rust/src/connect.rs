//! A gRPC channel over a private Unix socket.

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};
use tonic::{
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};

use crate::{
    Settings,
    error::{ConnectError, SettingsError},
    fork::{self, Held},
    paths,
};

/// A socket, and whether the directory it lies in has to be private.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    socket: &'a Path,
    guarded: bool,
}

impl<'a> Place<'a> {
    pub(crate) fn of(settings: &'a Settings) -> Self {
        Self {
            socket: &settings.socket,
            guarded: !settings.socket_named,
        }
    }
}

/// Connects to a daemon. The other end must run as this user; `:authority` is `localhost`.
///
/// The channel is good for one connection: when that is lost, calls fail and a new channel has to be made.
///
/// # Errors
/// [`ConnectError`] says whether nobody listens, or somebody who should not.
pub async fn connect(socket: &Path) -> Result<Channel, ConnectError> {
    open(Place {
        socket,
        guarded: false,
    })
    .await
}

pub(crate) async fn open(place: Place<'_>) -> Result<Channel, ConnectError> {
    let stream = connect_stream(place).await?;
    let once = Arc::new(Mutex::new(Some(TokioIo::new(stream))));
    let connector = tower::service_fn(move |_: Uri| {
        let stream = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::future::ready(stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)))
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
        .map_err(|source| ConnectError::Transport {
            socket: place.socket.to_owned(),
            source,
        })
}

async fn connect_stream(place: Place<'_>) -> Result<Watched, ConnectError> {
    let no_daemon = |source| ConnectError::NoDaemon {
        socket: place.socket.to_owned(),
        source,
    };
    if place.guarded {
        match paths::check_socket_dir(place.socket) {
            Err(SettingsError::Directory { source, .. }) => return Err(no_daemon(source)),
            other => other?,
        }
    }
    fork::install();
    let stream = UnixStream::connect(place.socket).await.map_err(no_daemon)?;
    let stream = Watched {
        held: Held::new(&stream),
        stream,
    };
    let uid = stream.stream.peer_cred().map_err(no_daemon)?.uid();
    if uid != rustix::process::geteuid().as_raw() {
        return Err(ConnectError::ForeignDaemon {
            socket: place.socket.to_owned(),
            uid,
        });
    }
    Ok(stream)
}

/// A connection that a forked child closes. `held` goes first, so that a number that is in use again is never closed.
struct Watched {
    #[allow(dead_code, reason = "does its work when it is dropped")]
    held: Held,
    stream: UnixStream,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
