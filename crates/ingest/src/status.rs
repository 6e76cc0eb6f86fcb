//! Our errors as gRPC statuses. A status ends a stream and means no more than "connect again".

use tonic::{Code, Status};

use crate::error::IngestError;

/// Full is `RESOURCE_EXHAUSTED`, not there yet is `UNAVAILABLE`, broken input is `INVALID_ARGUMENT`.
pub(crate) fn status(error: &IngestError) -> Status {
    let code = match error {
        IngestError::Journal { source, .. } if source.is_disk_full() => Code::ResourceExhausted,
        IngestError::Io { source, .. } if is_full(source) => Code::ResourceExhausted,
        IngestError::Journal { .. }
        | IngestError::Io { .. }
        | IngestError::Vault { .. }
        | IngestError::Stopped
        | IngestError::UnknownRun(_) => Code::Unavailable,
        IngestError::Missing { .. } => Code::OutOfRange,
        IngestError::Invalid(_) => Code::InvalidArgument,
        IngestError::NotOurs { .. } | IngestError::Record { .. } => Code::DataLoss,
    };
    Status::new(code, chain(error))
}

/// The disk or the quota.
fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}

/// The error and its sources, most general first.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
