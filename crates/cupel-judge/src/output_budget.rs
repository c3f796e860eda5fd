//! Space for the output that a run stores.

use std::sync::Arc;

use cupel_types::{Bytes, Output};

/// Number of bytes that are reserved for each later stream, if the run's bound is large enough. Therefore, the report
/// shows the beginning of the last test's output even if earlier tests print much.
pub(crate) const STREAM_BYTES_SPARSE: usize = 4 << 10;

/// Remaining space for the output that a run stores.
///
/// *Invariant:* All streams together never get more than the initial space, and each later stream can still get
/// `sparse` bytes.
pub(crate) struct OutputBudget {
    left: usize,
    sparse: usize,
    streams: usize,
}

impl OutputBudget {
    pub(crate) fn new(max: Bytes, streams: usize) -> OutputBudget {
        let left = usize::try_from(max.get()).unwrap_or(usize::MAX);
        OutputBudget { left, sparse: STREAM_BYTES_SPARSE.min(left / streams), streams }
    }

    /// Counts the next stream, which is not stored.
    pub(crate) fn skip_stream(&mut self) {
        self.streams = self.streams.saturating_sub(1);
    }

    /// Takes the space for the next stream; truncates the stream if there is too little.
    pub(crate) fn keep(&mut self, output: &mut Output) {
        self.streams = self.streams.saturating_sub(1);
        let keep = output.data.len().min(self.left.saturating_sub(self.sparse * self.streams));
        self.left -= keep;
        if keep < output.data.len() {
            *output = Output { data: Arc::from(&output.data[..keep]), truncated: true };
        }
    }

    /// Takes the space for `length` bytes, if there is enough. Returns whether there was enough.
    pub(crate) fn keep_whole(&mut self, length: usize) -> bool {
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }
}
