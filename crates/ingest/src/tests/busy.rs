//! A client over the socket hears that its records are being worked on.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Uri};
use wandbd_proto::v1::{client_message, server_message, wandbd_client::WandbdClient};

use super::*;
use crate::Control;

/// A program that nobody asks anything.
struct Silent;

#[tonic::async_trait]
impl Control for Silent {
    fn status(&self) -> v1::StatusResponse {
        v1::StatusResponse::default()
    }
    fn sync(&self, _: v1::SyncRequest, _: mpsc::Sender<v1::SyncProgress>) -> Result<(), String> {
        Ok(())
    }
    async fn retry(&self, _: v1::RetryRequest) -> Result<v1::RetryResponse, String> {
        Ok(v1::RetryResponse::default())
    }
    async fn login(&self, _: v1::LoginRequest) -> v1::LoginResponse {
        v1::LoginResponse::default()
    }
    async fn restore(&self, _: v1::RestoreRequest) -> v1::RestoreResponse {
        v1::RestoreResponse::default()
    }
    async fn stage(&self, _: v1::StageRequest) -> v1::StageResponse {
        v1::StageResponse::default()
    }
    async fn get_artifact(&self, _: v1::GetArtifactRequest) -> v1::GetArtifactResponse {
        v1::GetArtifactResponse::default()
    }
    fn download_artifact(
        &self,
        _: v1::DownloadArtifactRequest,
        _: mpsc::Sender<v1::DownloadProgress>,
    ) {
    }
    async fn change_artifact(&self, _: v1::ChangeArtifactRequest) -> v1::GetArtifactResponse {
        v1::GetArtifactResponse::default()
    }
    fn shutdown(&self) {}
}

fn said(kind: client_message::Kind) -> v1::ClientMessage {
    v1::ClientMessage { kind: Some(kind) }
}

/// A client of a daemon that serves `hub`.
async fn client_of(bench: &Bench, hub: &Arc<Hub>) -> WandbdClient<Channel> {
    let socket = bench.dir.path().join("socket");
    let listener = crate::bind(&socket).unwrap();
    tokio::spawn(crate::serve(listener, Arc::clone(hub), Arc::new(Silent)));
    let channel = Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(move |_: Uri| {
            let socket = socket.clone();
            async move {
                let stream = tokio::net::UnixStream::connect(socket).await?;
                Ok::<_, io::Error>(hyper_util::rt::TokioIo::new(stream))
            }
        }))
        .await
        .unwrap();
    WandbdClient::new(channel)
}

#[tokio::test]
async fn while_records_are_worked_on_the_client_hears_it_and_then_gets_its_ack() {
    // Given a client with an open run, whose tables cannot be kept just now
    let bench = Bench::new();
    let hub = bench.hub();
    let mut client = client_of(&bench, &hub).await;
    let (to_daemon, messages) = mpsc::channel(4);
    let hello = v1::Hello {
        session: "s".into(),
        role: Some(v1::hello::Role::Open(open("a"))),
        ..v1::Hello::default()
    };
    to_daemon
        .send(said(client_message::Kind::Hello(hello)))
        .await
        .unwrap();
    let mut answers = client
        .publish(ReceiverStream::new(messages))
        .await
        .unwrap()
        .into_inner();
    let mut next = async || loop {
        let answer = tokio::time::timeout(LIMIT, answers.message())
            .await
            .unwrap();
        if let Some(server_message::Kind::Ack(ack)) = answer.unwrap().unwrap().kind {
            break ack;
        }
    };
    let run = loop {
        match hub.get("s") {
            Some(run) => break run,
            None => tokio::task::yield_now().await,
        }
    };
    let held = Arc::clone(&run.tables).lock_owned().await;

    // When it sends rows of a table
    let rows = v1::Chunk {
        first_seq: 1,
        record: vec![v1::Record {
            kind: Some(Kind::TableRows(v1::TableRows {
                table: "t".into(),
                ..v1::TableRows::default()
            })),
        }],
    };
    to_daemon
        .send(said(client_message::Kind::Chunk(rows)))
        .await
        .unwrap();

    // Then it hears what takes so long, and gets the ack when it is done
    let busy = next().await;
    assert_eq!((busy.seq, busy.busy.as_str()), (0, "rows of tables"));
    drop(held);
    let done = loop {
        let ack = next().await;
        if ack.busy.is_empty() {
            break ack;
        }
    };
    assert_eq!(done.seq, 1);
    assert!(done.refused.is_empty(), "{:?}", done.refused);
}
