//! Acknowledges hints at the broker, in batches of those that are pending.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{ANSWER_MAX, Shared, in_time};
use crate::broker::{Link, Settled};

/// Maximum number of acknowledgements in a batch.
const BATCH_MAX: usize = 256;

/// Runs until the queue is closed and all pending acknowledgements are sent.
pub(super) async fn settle(shared: Arc<Shared>, mut settling: mpsc::Receiver<(Arc<dyn Link>, Settled)>) {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            _ = settling.recv_many(&mut batch, BATCH_MAX) => {}
            () = shared.end.cancelled() => return,
        }
        // Connections rarely change, so this is nearly always one chunk.
        for part in batch.chunk_by(|(a, _), (b, _)| Arc::ptr_eq(a, b)) {
            let link = &part[0].0;
            let settled: Vec<Settled> = part.iter().map(|(_, settled)| *settled).collect();
            if let Err(error) = in_time("settle hints", ANSWER_MAX, link.settle(&settled)).await {
                shared.keeper.broke(link, error);
            }
        }
        batch.clear();
    }
}
