//! The socket: private to its user, health and reflection beside our service.

use std::{io, path::Path, sync::Arc};

use tokio::net::{UnixListener, UnixStream};
use tokio_stream::{Stream, StreamExt as _, wrappers::UnixListenerStream};
use tonic::transport::Server;
use wandbd_proto::v1::wandbd_server::WandbdServer;

use crate::{
    error::IngestError,
    hub::Hub,
    service::{Control, Service},
};

/// What the server decodes at most, on purpose above the 12 MiB that a client may send as one record.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Binds the socket. The caller holds the daemon's lock, so a file that is there already is a leftover and is removed.
///
/// # Errors
/// When the socket cannot be made.
pub fn bind(path: &Path) -> Result<UnixListener, IngestError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(IngestError::io("remove the old socket", path)(error));
        }
        _ => {}
    }
    UnixListener::bind(path).map_err(IngestError::io("listen on", path))
}

/// Serves until the hub's stop: sessions end their streams themselves, then the server is done.
///
/// # Errors
/// When the listener fails.
pub async fn serve<C: Control>(
    listener: UnixListener,
    hub: Arc<Hub>,
    control: Arc<C>,
) -> Result<(), tonic::transport::Error> {
    let stop = hub.stop.clone();
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<WandbdServer<Service<C>>>().await;
    // Both versions of the reflection protocol: many tools still speak the older one.
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wandbd_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection = or_none(described().build_v1());
    let older_reflection = or_none(described().build_v1alpha());
    let service = WandbdServer::new(Service { hub, control })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Server::builder()
        .add_service(health_service)
        .add_optional_service(reflection)
        .add_optional_service(older_reflection)
        .add_service(service)
        .serve_with_incoming_shutdown(only_this_user(listener), stop.cancelled_owned())
        .await
}

fn or_none<T>(service: Result<T, tonic_reflection::server::Error>) -> Option<T> {
    service
        .inspect_err(|error| tracing::error!(%error, "bug: reflection is off"))
        .ok()
}

/// Connections of other users are closed unread: the directory keeps them out, this is the second lock.
fn only_this_user(
    listener: UnixListener,
) -> impl Stream<Item = io::Result<UnixStream>> + Send + 'static {
    let me = rustix::process::geteuid().as_raw();
    UnixListenerStream::new(listener).filter(move |stream| {
        let Ok(stream) = stream else { return true };
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == me => true,
            Ok(peer) => {
                tracing::warn!(uid = peer.uid(), "connection of another user refused");
                false
            }
            Err(error) => {
                tracing::warn!(%error, "connection without credentials refused");
                false
            }
        }
    })
}
