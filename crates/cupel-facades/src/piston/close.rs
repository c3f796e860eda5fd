//! Why the server closes the WebSocket of a run, with the codes and texts of the original.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Why the server closes a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    AlreadyInitialized,
    InitializationTimeout,
    /// Closed after a message `error` with this text.
    NotifiedError(String),
    NotYetInitialized,
    CanOnlyWriteToStdin,
    InvalidSignal,
    JobCompleted,
    /// The server is shutting down. This code does not exist in the original.
    ShuttingDown,
}

impl Close {
    pub(super) fn frame(&self) -> CloseFrame {
        let (code, reason) = match self {
            Close::AlreadyInitialized => (4000, "Already Initialized"),
            Close::InitializationTimeout => (4001, "Initialization Timeout"),
            Close::NotifiedError(_) => (4002, "Notified Error"),
            Close::NotYetInitialized => (4003, "Not yet initialized"),
            Close::CanOnlyWriteToStdin => (4004, "Can only write to stdin"),
            Close::InvalidSignal => (4005, "Invalid signal"),
            Close::JobCompleted => (4999, "Job Completed"),
            Close::ShuttingDown => (1001, "The server is shutting down"),
        };
        CloseFrame { code: CloseCode::from(code), reason: reason.into() }
    }
}
