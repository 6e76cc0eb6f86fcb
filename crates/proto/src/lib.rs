//! Generated types, and nothing else.
//!
//! [`v1`] is our contract between a training process and its daemon (`proto/wandbd/v1`); [`wandb`] are the records of a W&B
//! transaction log (`proto/wandb`). The comments in the `.proto` files are the documentation.

/// The contract `wandbd.v1`: messages, client and server.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated; documented in proto/wandbd/v1"
)]
pub mod v1 {
    tonic::include_proto!("wandbd.v1");
}

/// The records of W&B's transaction log.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated; documented in proto/wandb"
)]
pub mod wandb {
    tonic::include_proto!("wandb_internal");
}

/// All of the above as a serialized `FileDescriptorSet`, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
