//! Why a device gave no readings.

/// Why a device as a whole gave no readings. A single missing value is not an error: it is left out.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The source of the readings cannot be used now; it may come back.
    #[error("cannot read {what}")]
    Unavailable {
        /// The file, library or service.
        what: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A driver refused a call.
    #[error("{call} was refused: {reason}")]
    Driver {
        /// The driver's function.
        call: &'static str,
        /// Its own word for it.
        reason: String,
    },
}
